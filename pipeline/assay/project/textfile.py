"""Text files that are written whole or not at all."""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path


def write(target: Path, text: str) -> None:
    """Write or replace a file: a reader never sees half of it. Its folder is made if need be.

    Raises
    ------
    OSError
        It cannot be written; what was there before still is.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    # No two writers share the name, and no reader takes it for a document.
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
