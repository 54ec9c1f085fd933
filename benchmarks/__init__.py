"""Every speed claim, measured beside a named peer. `make bench` runs them all."""
