"""Find the projects of a pytest session. Imports nothing heavy, as every session loads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assay.project import layout

if TYPE_CHECKING:
    from assay.project.params import Params

# Other DVC projects have a params.yaml too; these sections identify an Assay project.
_SECTIONS = ("ingest", "contract", "prepare", "train", "gate")

ROOTS = pytest.StashKey[list[Path]]()
"""Stash key: roots of the projects with collected items, in order."""


@dataclass(frozen=True)
class Project:
    """The project under test."""

    root: Path
    params: Params


def find_project(folder: Path) -> tuple[Path, Path] | None:
    """Root and model-test folder of the closest project at or above ``folder``."""
    for root in (folder, *folder.parents):
        if (root / layout.PARAMS).is_file():
            return (root, root / load_params(root).gate.tests) if is_assay_project(root) else None
    return None


def is_assay_project(root: Path) -> bool:
    """Whether ``root`` is an Assay project, by its params.yaml."""
    try:
        text = (root / layout.PARAMS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return all(re.search(rf"^{name}\s*:", text, re.MULTILINE) for name in _SECTIONS)


def load_params(root: Path) -> Params:
    """Load the project's params.yaml, and read its rules.

    Raises
    ------
    pytest.UsageError
        The file is invalid; pytest ends the session.
    """
    from assay.errors import ParamsError
    from assay.gate.rules import kinds
    from assay.project import params

    try:
        loaded = params.load(root)
        kinds.read_policy(loaded, root)
        return loaded
    except ParamsError as error:
        raise pytest.UsageError(*error.lines()) from None
