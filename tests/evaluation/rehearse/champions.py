"""A champion in models/champion, as the stage `champion` leaves it, without git."""

from __future__ import annotations

import shutil
from pathlib import Path

from assay.contract.loader import contract_files
from assay.model import bundle
from assay.project import layout, source_code
from assay.reports.champion import StageHolder

VERSION = "v0.1.0"


def write_champion(root: Path, candidate: str | None) -> None:
    """Make a candidate the champion, under the contract that is there now; None for no champion."""
    shutil.rmtree(root / layout.CHAMPION, ignore_errors=True)
    if candidate is None:
        StageHolder(state="none", stage="prod", why="nobody was promoted").write(root)
        return
    source = root / layout.CANDIDATES / candidate
    shutil.copytree(source, root / layout.CHAMPION_BUNDLE)
    for path, text in contract_files(source_code.file_reader(root), VERSION).items():
        place = root / layout.CHAMPION_CONTRACT / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    StageHolder(
        state="found",
        stage="prod",
        version=VERSION,
        commit="1" * 40,
        bundle=bundle.verified_digest(source),
    ).write(root)


def edit(root: Path, name: str, old: str, new: str) -> None:
    """Replace a text in a file of a project, where it must stand."""
    text = (root / name).read_text(encoding="utf-8")
    assert old in text
    (root / name).write_text(text.replace(old, new), encoding="utf-8")
