"""Running it each night: files of schedulers, the nightly command, checks of the machine."""
