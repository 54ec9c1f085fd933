"""A table that cannot be written says so in one line, and nothing else prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

APPEND = """
import os, resource, sys
import pyarrow as pa
from assay.errors import StoreError
from assay.store.delta import rows
from assay.store.delta.location import StoreLocation
place = StoreLocation(sys.argv[1], "day", 7)
table = pa.table({"a": [1]})
if sys.argv[2] == "known":
    rows.append(place, "runs", table)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    rows.append(place, "runs", table)
except StoreError as error:
    print(error.line())
"""


@pytest.mark.parametrize("table", ["known", "new"])
def test_a_store_without_room(tmp_path: Path, table: str) -> None:
    """No file may grow, as on a full disk. delta-rs would panic, which Rust prints by itself."""
    done = subprocess.run(
        [sys.executable, "-c", APPEND, str(tmp_path / "store"), table],
        capture_output=True, text=True, env={**os.environ, "RUST_BACKTRACE": "0"},
    )  # fmt: skip
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"{tmp_path}/store/runs/part-")
    assert ".parquet: cannot be written (found " in line
