"""Who decides about a run, for the history that is kept of it."""

from __future__ import annotations

import getpass
from pathlib import Path

from assay.errors import AssayError, UsageError


def person(root: Path, because: str) -> str:
    """The name that git signs with, else the one that is logged in.

    A run can be decided about where there is no git repository at hand, but not without a
    reason.

    Raises
    ------
    UsageError
        ``because`` says nothing.
    """
    if not because.strip():
        raise UsageError("a reason is needed", mend="Add --because WHY, for the history.")
    return who(root)


def who(root: Path) -> str:
    """The same where no reason is asked for."""
    from assay.registry.git import identity

    try:
        name, address = identity(root)
        return f"{name} <{address}>" if address else name
    except AssayError:
        pass
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"  # a container may run under a number that has no name
