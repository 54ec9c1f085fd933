"""Atomic writes of text files."""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path


def write(target: Path, text: str) -> None:
    """Write or replace a file atomically. Creates the folder if needed.

    If this fails, the previous file is unchanged.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    # A unique temporary name per writer, hidden from readers by its leading dot.
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
