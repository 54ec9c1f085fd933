"""What killed commands left is deleted a day later, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

from assay.project.processes import delete_abandoned


def test_what_is_older_than_a_day_goes(tmp_path: Path) -> None:
    delete_abandoned(tmp_path / "there is none")
    for name in (".a-old", ".a-new", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    (tmp_path / ".a-file").touch()
    for name in (".a-old", ".a-file", "other"):
        os.utime(tmp_path / name, (then := time.time() - 90_000, then))
    delete_abandoned(tmp_path, ".a-*")
    assert sorted(each.name for each in tmp_path.iterdir()) == [".a-new", "other"]
