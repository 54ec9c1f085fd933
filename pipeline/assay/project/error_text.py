"""Errors that a report states as a reason, instead of ending a stage."""

from __future__ import annotations

from pathlib import Path

from assay.errors import AssayError


def describe_error(error: Exception, root: Path) -> str:
    """The error on one line, without the location of the project.

    The same on each machine, so that reports do not differ.
    """
    told = error.line() if isinstance(error, AssayError) else f"{type(error).__name__}: {error}"
    line = " ".join(told.split())
    for place in dict.fromkeys((str(root.resolve()), str(root))):
        # "." is a location too, and no text to look for.
        line = line.replace(f"{place}/", "") if Path(place).is_absolute() else line
    return line
