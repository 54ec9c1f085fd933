"""Text files that are written whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path


def write(target: Path, text: str) -> None:
    """Write or replace a file: a reader never sees half of it.

    Raises
    ------
    OSError
        It cannot be written; what was there before still is.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        made = Path(scratch) / target.name
        made.write_text(text, encoding="utf-8")
        made.replace(target)
