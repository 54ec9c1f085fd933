"""The project that each life starts from: a promoted model, and no night to score yet."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests import projects
from tests.life import branches
from tests.life.world import FIRST, INCOMING

IGNORED = projects.ROOT / ".gitignore"
"""The example project's: what the schedule leaves is no part of a commit."""


def make(promoted: Path, root: Path) -> Path:
    """Copy the promoted project of `tests.projects` to ``root``; returns that."""
    shutil.copytree(promoted, root, symlinks=True)
    ignored = IGNORED.read_text(encoding="utf-8")
    (root / ".gitignore").write_text(f"{ignored}/{INCOMING}/\n", encoding="utf-8")
    for place in sorted((root / "data" / "raw").iterdir()):
        if place.name >= f"day={FIRST}":
            shutil.rmtree(place)
    branches.commit(root, "Ignore what nights leave")
    return root
