"""What `assay init` and the stages take on a large CSV file: ``python -m benchmarks.large_files``.

- ``million``: a file of a million rows, from the first command to a verdict, held to two minutes.
- ``gigabyte``: a CSV file of 1 GB; the peak memory of init and of each stage up to the split, held
  to 2 GB.

Both are written to reports/benchmarks/large-files.md. The rows are those of
`benchmarks.hostile_tables.orders`. What trains reads its rows into memory, so
of the large file training is left out: what it takes is estimated and refused early where it would
not suffice (`docs/scale.md`).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import hostile_tables
from benchmarks.contender import ROOT
from benchmarks.measure import say
from benchmarks.wide_tables import measured

RESULTS = ROOT / "reports" / "benchmarks" / "large-files.md"
MINUTES, GB = 2.0, 2.0
HEAD = ("| command | seconds | peak, GB |", "|---|--:|--:|")
PIECE = 1_000_000
STAGES = ("ingest", "contract", "prepare", "leakage")


def made(path: Path, rows: int, size: float) -> int:
    """A CSV file of so many rows, or of as many million as give it this size in bytes."""
    whole = hostile_tables.orders(rows or PIECE)
    lines = whole.to_csv(index=False).split("\n", 1)
    written = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(lines[0] + "\n")
        while not written or path.stat().st_size < size:
            # Each piece has keys of its own.
            file.write(lines[1] if not written else _moved(lines[1], written))
            file.flush()
            written += len(whole)
    return written


def _moved(rows: str, by: int) -> str:
    moved = (row.partition(",") for row in rows.splitlines())
    return "".join(f"{int(key) + by},{rest}\n" for key, _, rest in moved)


def timed(project: Path, lines: list[str], name: str, *command: str) -> tuple[float, float]:
    """Seconds and peak in GB of a command; a line of the table for it."""
    tools = Path(sys.executable).parent
    os.environ["PATH"] = f"{tools}{os.pathsep}{os.environ['PATH']}"
    seconds, peak, _ = measured(command, project)
    say(f"{name}: {seconds:.1f} s, {peak:.2f} GB")
    lines.append(f"| {name} | {seconds:.1f} | {peak:.2f} |")
    return seconds, peak


def init(place: Path, file: Path, lines: list[str]) -> tuple[Path, float]:
    """The project that init makes of a file, and the peak of that in GB."""
    project, target = place / "project", hostile_tables.TARGET
    command = ("assay", "init", str(project), "--data", str(file), "--target", target)
    return project, timed(place, lines, "assay init", *command)[1]


def million(place: Path, lines: list[str]) -> bool:
    """From the file to a verdict."""
    place.mkdir(parents=True)
    rows = made(place / "orders.csv", PIECE, 0)
    began = time.monotonic()
    lines += HEAD
    project, _ = init(place, place / "orders.csv", lines)
    for command in (["git", "add", "--all"], ["git", "commit", "--quiet", "-m", "Start"]):
        measured(command, project)
    timed(project, lines, "dvc repro", "dvc", "repro")
    minutes = (time.monotonic() - began) / 60
    lines += ["", f"{rows:,} rows: {minutes:.2f} minutes to a verdict (asked: {MINUTES:g}).", ""]
    return minutes <= MINUTES


def gigabyte(place: Path, lines: list[str]) -> bool:
    """The peak of each step before training."""
    place.mkdir(parents=True)
    rows = made(place / "orders.csv", 0, 1e9)
    lines += HEAD
    project, most = init(place, place / "orders.csv", lines)
    for name in STAGES:
        most = max(most, timed(project, lines, f"assay stage {name}", "assay", "stage", name)[1])
    lines += ["", f"1 GB, {rows:,} rows: at most {most:.2f} GB of memory (asked: {GB:g}).", ""]
    return most <= GB


def main() -> int:
    """0 if all is within what it is held to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["million", "gigabyte"])
    only = parser.parse_args().only
    place = Path(tempfile.mkdtemp(prefix="assay-large-"))
    lines = ["# Large files", "", "Written by `python -m benchmarks.large_files`.", ""]
    try:
        good = only == "gigabyte" or million(place / "million", lines)
        good &= only == "million" or gigabyte(place / "gigabyte", lines)
    finally:
        shutil.rmtree(place)
    text = "\n".join(lines)
    print(text)
    if only is None:
        RESULTS.write_text(text, encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
