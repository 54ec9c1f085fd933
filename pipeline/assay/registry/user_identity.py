"""The name of the person who decides about a run, for the run's history."""

from __future__ import annotations

import getpass
from pathlib import Path

from assay.errors import AssayError, UsageError


def user_with_reason(root: Path, because: str) -> str:
    """The name that git signs with, else the login name, for a decision with a reason.

    Works without a git repository, but not without a reason.

    Raises
    ------
    UsageError
        ``because`` is blank.
    """
    if not because.strip():
        raise UsageError("a reason is needed", fix="Add --because WHY, for the history.")
    return user_name(root)


def user_name(root: Path) -> str:
    """The name that git signs with, else the login name."""
    from assay.registry.git import identity

    try:
        name, address = identity(root)
        return f"{name} <{address}>" if address else name
    except AssayError:
        pass
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"  # in a container, the user id may have no name
