"""The projects that a pytest session is about. Imports nothing heavy: every session loads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assay.project import layout

if TYPE_CHECKING:
    from assay.project.params import Params

# DVC projects have a params.yaml too; these sections together make it one of Assay's.
_SECTIONS = ("ingest", "contract", "prepare", "train", "gate")

ROOTS = pytest.StashKey[list[Path]]()
"""Roots of the projects of which something was collected, in order."""


@dataclass(frozen=True)
class Project:
    """The project that the tests are about."""

    root: Path
    params: Params


def project_above(folder: Path) -> tuple[Path, Path] | None:
    """Root and model-test folder of the nearest project at or above ``folder``."""
    for root in (folder, *folder.parents):
        if (root / layout.PARAMS).is_file():
            return (root, root / load(root).gate.tests) if is_ours(root) else None
    return None


def is_ours(root: Path) -> bool:
    """Whether the params.yaml in ``root`` is one of Assay's."""
    try:
        text = (root / layout.PARAMS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return all(re.search(rf"^{name}\s*:", text, re.MULTILINE) for name in _SECTIONS)


def load(root: Path) -> Params:
    """The project's params.yaml; its mistakes end the session."""
    from assay.errors import ParamsError
    from assay.project import params

    try:
        return params.load(root)
    except ParamsError as error:
        raise pytest.UsageError(*error.lines()) from None
