"""What a plan of millions of rows costs, and what it costs to apply it.

``python -m benchmarks.planned_nights --rows 10000000`` trains the small parcels project, makes one
night of so many rows, and runs `assay score`, `plan`, `apply` and `why` of one row on it, each in a
process of its own: wall seconds, processor seconds and peak memory. There is no peer: what counts
is that `apply` scores nothing, so that its time does not grow with the rows.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests import projects

NIGHT = "2024-03-01"
TOOLS = Path(sys.executable).parent
COMMANDS = (
    ("score", "--date", NIGHT),
    ("plan", "--from", NIGHT, "--to", NIGHT),
    ("apply", "--exact"),
    ("why", "--date", NIGHT, "--key", "KEY"),
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.planned_nights", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="assay-planned-") as folder:
        root = Path(folder) / "parcels"
        _make(root, asked.rows)
        print(f"{asked.rows:,} rows")
        for command in COMMANDS:
            command = [str(asked.rows // 2) if each == "KEY" else each for each in command]
            wall, spent, memory = _run(root, command)
            print(f"assay {command[0]:<6} {wall:7.2f} s wall {spent:7.2f} s cpu {memory:6.0f} MB")
    return 0


def _make(root: Path, rows: int) -> None:
    """The promoted project with a night of so many rows."""
    shutil.copytree(projects.PARCELS, root)
    params = root / "params.yaml"
    text = params.read_text(encoding="utf-8")
    for limit in ("min: 5, max: 200", "max_row_change: 20"):
        assert limit in text, f"params.yaml has no '{limit}'"
        text = text.replace(limit, f"{limit.rpartition(' ')[0]} {10 * rows}")
    params.write_text(text, encoding="utf-8")
    for command in (
        ("git", "init", "--quiet"),
        ("dvc", "init", "--quiet"),
        ("git", "add", "--all"),
        ("git", "commit", "--quiet", "--message", "Start"),
        ("dvc", "repro"),
    ):
        projects.call(root, *command)
    projects.promote(root)
    (file,) = root.glob(f"data/raw/day={NIGHT}/*.parquet")
    night = pq.read_table(file, partitioning=None)
    place = night.schema.get_field_index("parcel")
    with pq.ParquetWriter(file, night.schema) as writer:
        for start in range(0, rows, 1_000_000):
            count = min(1_000_000, rows - start)
            block = night.take(np.arange(count) % night.num_rows)
            keys = pa.array(np.arange(start, start + count), night.schema.field(place).type)
            writer.write_table(block.set_column(place, night.schema.field(place), keys))


def _run(root: Path, command: Sequence[str]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak memory in million bytes of one command."""
    began = time.monotonic()
    child = os.posix_spawn(
        TOOLS / "assay",
        ["assay", *command, "--root", str(root)],
        {**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"},
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(
            f"assay {' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}"
        )
    wall = time.monotonic() - began
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
