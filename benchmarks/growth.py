"""What one more night costs after ten nights, and after a thousand.

``python -m benchmarks.growth`` makes two stores of the parcels project, one of few nights and one
of many, and times the commands of a night on both. The nights are copies of one that was scored,
labelled and monitored in earnest; they are published through the store like any others, those of a
backfill several in a commit. There is no peer: what counts is the ratio of the two stores, and how
the time of a backfill grows.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from benchmarks import results
from benchmarks.contender import ROOT
from benchmarks.growth_nights import GrowingProject, make
from benchmarks.measure import say

FEW, MANY = 10, 1_000
START = date(2021, 1, 1)
STATUS_SECONDS, RATIO, EXPONENT = 1.5, 1.2, 1.05
TOGETHER = 25
"""Nights of a backfill in a commit, about as many as `assay score` takes of so small ones."""
OUT = Path("reports/benchmarks/growth.md")
TOOLS = Path(sys.executable).parent

COMMANDS: Mapping[str, Sequence[str]] = {
    "score": ("score", "--date", "NIGHT"),
    "labels": ("labels", "--date", "NIGHT", "--rows", "truths.csv"),
    "monitor": ("monitor", "--date", "NIGHT"),
    "monitor --from": ("monitor", "--from", "NIGHT", "--to", "NIGHT"),
    "front": ("front",),
    "status": ("status",),
}
"""In the order of a night; ``NIGHT`` stands for its value."""

HELD = ("score", "labels", "monitor")
"""What may cost at most `RATIO` times as much after many nights."""


@dataclass
class Growth:
    """Measurements of one store.

    Attributes
    ----------
    seconds
        Command -> seconds of each turn.
    backfills
        Of each backfill, the seconds from the first night until each night is published.
    files
        Table -> files in its folder, and in its log.
    """

    nights: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    backfills: list[list[float]] = field(default_factory=list)
    files: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def backfill(self) -> float:
        """Seconds of a backfill: the median."""
        return median(times[-1] for times in self.backfills)

    def exponent(self) -> float:
        """How the time of a backfill grows with its nights: 1 is linear, 2 is quadratic.

        From the last nine tenths of the nights: the first ones pay for what is done once.
        """
        tenth = self.nights // 10
        found = []
        for times in self.backfills:
            rest = times[-1] - times[tenth - 1]
            share = rest / (times[-1] - rest)
            found.append(math.log(1 + share) / math.log(self.nights / tenth))
        return median(found)


def measure(made: Path, folder: Path, nights: int, turns: int) -> Growth:
    """Publish nights into a copy of the project at ``made``, then time single nights more."""
    found = Growth(nights)
    for _ in range(turns):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, folder, symlinks=True)
        project, times = GrowingProject(folder), list[float]()
        started = time.perf_counter()
        for first in range(0, nights, TOGETHER):
            group = range(first, min(first + TOGETHER, nights))
            project.publish([_night(number) for number in group])
            times += [time.perf_counter() - started] * len(group)
        found.backfills.append(times)
        say(f"growth: {nights} nights published", times[-1])
    project.look_after([_night(number) for number in range(nights)])
    say(f"growth: {nights} nights labelled and monitored", time.perf_counter() - started)
    for number in range(nights, nights + turns):
        night = _night(number)
        project.add_input(night)
        for name, command in COMMANDS.items():
            words = [night if word == "NIGHT" else word for word in command]
            found.seconds.setdefault(name, []).append(_called(folder, words))
        publication = _timed(project, _night(number + turns))
        found.seconds.setdefault("publication", []).append(publication)
        say(f"growth: turn {number - nights + 1} of {turns} after {nights} nights")
    found.files = {path.name: _files(path) for path in sorted((folder / "store").iterdir())}
    return found


def _night(number: int) -> str:
    return str(START + timedelta(days=number))


def _timed(project: GrowingProject, night: str) -> float:
    started = time.perf_counter()
    project.publish([night])
    return time.perf_counter() - started


def _called(root: Path, words: Sequence[str]) -> float:
    """Seconds of a command in a process of its own; 4 is an answer, not a failure."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = time.perf_counter()
    done = subprocess.run(
        [str(TOOLS / "assay"), *words], cwd=root, env=environment, capture_output=True, text=True
    )
    seconds = time.perf_counter() - started
    if done.returncode not in (0, 4):
        raise AssertionError(f"assay {' '.join(words)} ended {done.returncode}: {done.stderr}")
    return seconds


def _files(table: Path) -> tuple[int, int]:
    every = [path for path in table.rglob("*") if path.is_file()]
    return len(every), sum("_delta_log" in path.parts for path in every)


def page(few: Growth, many: Growth) -> str:
    """Both stores as Markdown, with what is asked of them."""
    lines = [
        "# What one more night costs",
        "",
        "Written by `python -m benchmarks.growth`: medians in seconds, each command in a process "
        f"of its own, after {few.nights} and after {many.nights:,} published, labelled and "
        "monitored nights of 50 rows. Publication is what the store does of a night's score: its "
        "events, its files, its profile, the commit and the look at earlier nights; it is timed "
        "in a process that has begun.",
        "",
        f"| | {few.nights} nights | {many.nights:,} nights | ratio | asked |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, short in few.seconds.items():
        one, other = median(short), median(many.seconds[name])
        asked = f"at most {RATIO}" if name in HELD else ""
        asked = f"at most {STATUS_SECONDS} s" if name == "status" else asked
        lines.append(f"| {name} | {one:.2f} | {other:.2f} | {other / one:.2f} | {asked} |")
    lines += [
        "",
        f"A backfill of {many.nights:,} nights, {TOGETHER} in a commit, took "
        f"{many.backfill:.0f} s; its time grows with "
        f"the nights to the power of {many.exponent():.2f} (asked: at most {EXPONENT}).",
        "",
        f"| table | files after {many.nights:,} nights | of them in its log |",
        "|---|--:|--:|",
        *(f"| {name} | {every:,} | {log:,} |" for name, (every, log) in many.files.items()),
        "",
        "Machine and versions: "
        + json.dumps({**results.machine(os.cpu_count() or 1), **results.versions()}),
        "",
    ]
    return "\n".join(lines)


def missed(few: Growth, many: Growth) -> list[str]:
    """What is asked and was not reached."""
    found = [
        name for name in HELD if median(many.seconds[name]) > RATIO * median(few.seconds[name])
    ]
    if median(many.seconds["status"]) > STATUS_SECONDS:
        found.append("status")
    return found + ["backfill"] * (many.exponent() > EXPONENT)


def main() -> int:
    """Measure and write the page; 0 if all that is asked was reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth")
    parser.add_argument("--few", type=int, default=FEW, help="%(default)s")
    parser.add_argument("--many", type=int, default=MANY, help="%(default)s")
    parser.add_argument("--turns", type=int, default=5, help="%(default)s")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "growth")
    parser.add_argument("--out", type=Path, default=ROOT / OUT, help="%(default)s")
    wanted = parser.parse_args()
    made = make(wanted.build)
    few, many = (
        measure(made, wanted.build / str(nights), nights, wanted.turns)
        for nights in (wanted.few, wanted.many)
    )
    text = page(few, many)
    wanted.out.parent.mkdir(parents=True, exist_ok=True)
    wanted.out.write_text(text, encoding="utf-8")
    print(text)
    lacking = missed(few, many)
    if lacking:
        print(f"missed: {', '.join(lacking)}", file=sys.stderr)
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
