"""Where a candidate is trained: a folder that looks like the project and holds no other rows.

A project's own class could read the holdout in ``fit`` and know the answers. So the working folder
of a training, and the folder that its modules seem to lie in, is one of links to the project's
files, without data, models, reports and caches. Nothing of the project is moved, so a training that
is killed leaves only links.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.project import layout

HIDDEN = (
    *(layout.RAW, layout.CHECKED, layout.PREPARED),
    *("models", "reports", ".dvc", ".git", layout.WORK),
)
"""What is not there, relative to the project's root; also the store."""


@contextmanager
def apart_from_rows(root: Path, store: str) -> Iterator[Path]:
    """Work in a folder of links to the project at ``root`` while the block runs; that folder.

    Parameters
    ----------
    store
        The store's folder or address, as params.yaml names it.
    """
    root = root.resolve()
    (root / layout.WORK).mkdir(exist_ok=True)
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="train-", dir=root / layout.WORK) as scratch:
        there = Path(scratch)
        _link(root, there, {root / each for each in (*HIDDEN, store)})
        os.chdir(there)
        try:
            yield there
        finally:
            os.chdir(before)


def _link(folder: Path, there: Path, hidden: set[Path]) -> None:
    for path in folder.iterdir():
        if path in hidden:
            continue
        if path.is_dir() and any(each.is_relative_to(path) for each in hidden):
            (there / path.name).mkdir()
            _link(path, there / path.name, hidden)
        else:
            (there / path.name).symlink_to(path)
