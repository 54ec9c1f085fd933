"""Assay: from a table to scores you can trust, kept in git.

`version` and `open_store` are its face for Python (`assay.api`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.api import NightStore as NightStore
    from assay.api import ScoredTable as ScoredTable
    from assay.api import ScoringVersion as ScoringVersion
    from assay.api import open_store as open_store
    from assay.api import version as version

__all__ = ["NightStore", "ScoredTable", "ScoringVersion", "open_store", "version"]


def __getattr__(name: str) -> Any:
    # Imported when it is first named: every command imports this package, and most need none of it.
    # By its name, as no stage's digest should follow from here to all that the face uses.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("assay.api"), name)
