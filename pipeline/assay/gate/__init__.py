"""May this bundle be promoted? One verdict, and what it is bound to."""
