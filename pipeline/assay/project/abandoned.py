"""What killed commands left: temporary files and folders that nobody will delete otherwise."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

KEPT_SECONDS = 86_400
"""What is younger may belong to a command that runs."""


def delete_abandoned(folder: Path, pattern: str = "*") -> None:
    """Delete files and folders in a folder, which need not exist, that are older than a day."""
    for left in folder.glob(pattern):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime < KEPT_SECONDS:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()
