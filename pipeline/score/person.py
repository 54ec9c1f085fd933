"""Who decides about a run, for the history that is kept of it."""

from __future__ import annotations

import getpass
from pathlib import Path

from pipeline.errors import AssayError, UsageError


def person(root: Path, because: str) -> str:
    """The name that git signs with, else the one that is logged in.

    A run can be decided about where there is no git repository at hand, but not without a
    reason.

    Raises
    ------
    UsageError
        ``because`` says nothing.
    """
    from pipeline.registry.git import identity

    if not because.strip():
        raise UsageError("a reason is needed", mend="Add --because WHY, for the history.")
    try:
        name, address = identity(root)
    except AssayError:
        return _login()
    return f"{name} <{address}>" if address else name


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"  # a container may run under a number that has no name
