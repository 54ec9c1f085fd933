"""Where lives take place: they are many small files that nobody keeps."""

from __future__ import annotations

import os
from pathlib import Path

MEMORY = Path("/dev/shm")


def folder() -> Path | None:
    """A folder in memory, where there is one that can be written to."""
    return MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None
