"""How a full run grows with rows, files, tasks and cores: measured, fitted, checked, foretold.

``python -m benchmarks.scale`` scores nights of several sizes on a cluster of one and of two
workers with one core each, fits the model of `scale_model` to them, checks it against a
larger night that it was not fitted to, and writes what it found into reports/benchmarks/scale.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.project import layout
from benchmarks import nights, results, scale_model
from benchmarks.bench import TOUCH_ROWS, Bench, Night
from benchmarks.contender import ROOT, SPARK_CONF, Contender
from benchmarks.measure import in_turns, say
from benchmarks.results import Result
from benchmarks.scale_model import Load, Model
from tests.cluster import cluster

CANDIDATE = "boosting"
WORKERS = (1, 2)
SIZES = (0.05, 0.1, 0.2, 0.4)
HELD_OUT = 0.8
"""Of the rows that the other benchmarks take: half a million to 4, and 8 million of 10."""
MANY_FILES = 400
MANY_TASKS = 100
"""Of the two nights that have more of them than rows call for."""
OUTLOOK_ROWS = (1_000_000_000, 10_000_000_000)
OUTLOOK_CORES = (2, 16, 64, 256, 1024)
PAGE = ROOT / "reports" / "benchmarks" / "scale.md"
BEGIN, END = "<!-- measured -->", "<!-- end of what was measured -->"

Seconds = dict[Load, list[float]]


@dataclass(frozen=True)
class Plan:
    """A night to score and the load that it is; ``task_rows`` where tasks are to be smaller."""

    night: Night
    load: Load
    task_rows: int | None = None

    @property
    def name(self) -> str:
        load = self.load
        return f"{load.rows:,} rows, {load.files} files, {load.tasks} tasks, {load.cores} cores"


@dataclass(frozen=True)
class Found:
    """What was measured: medians in seconds, and the driver's peaks in MB."""

    seconds: Seconds
    held_out: Load
    memory: Mapping[Load, float]

    def medians(self, *, held_out: bool) -> list[tuple[Load, float]]:
        return [
            (load, median(each))
            for load, each in self.seconds.items()
            if (load == self.held_out) == held_out
        ]


def measure(bench: Bench) -> Found:
    """Score every night ``bench.repeats`` times in warm sessions on both clusters."""
    plans = list(_plans(bench))
    memory: dict[Load, float] = {}
    with ExitStack() as at_the_end:
        sessions = {each: at_the_end.enter_context(_session(bench, each)) for each in WORKERS}

        def timed(plan: Plan) -> float:
            session = sessions[plan.load.cores]
            session.ask("cut", task_rows=plan.task_rows)
            seconds = float(bench.full(session, CANDIDATE, plan.night, "files")["seconds"])
            if plan.load.cores == WORKERS[0]:
                # A peak never falls: what counts is the first one, before larger nights.
                memory.setdefault(plan.load, float(session.ask("memory")["driver"]))
            return seconds

        for session in sessions.values():
            bench.full(session, CANDIDATE, bench.night(TOUCH_ROWS), "files")
        runs = {plan.name: lambda plan=plan: timed(plan) for plan in plans}
        found = in_turns(runs, bench.repeats, "scale")
    seconds = {plan.load: found[plan.name] for plan in plans}
    return Found(seconds, _held_out(plans), memory)


def _plans(bench: Bench) -> Iterator[Plan]:
    """Nights that differ in one thing at a time, the smaller ones first."""
    sizes = [int(bench.rows * share) for share in SIZES]
    usual = [bench.night(rows) for rows in sizes]
    many_files = _night(bench, sizes[1], MANY_FILES, 1)
    many_tasks = _night(bench, sizes[1], 2, MANY_TASKS // 2)
    for cores in WORKERS:
        for night in [*usual, many_files]:
            yield Plan(night, _load(night, cores))
        load = Load(sizes[1], 2, MANY_TASKS, cores)
        yield Plan(many_tasks, load, -(-sizes[1] // MANY_TASKS))
    last = bench.night(int(bench.rows * HELD_OUT))
    yield Plan(last, _load(last, WORKERS[-1]))


def _held_out(plans: Sequence[Plan]) -> Load:
    return max((plan.load for plan in plans), key=lambda load: load.rows)


def _load(night: Night, cores: int) -> Load:
    tasks = scale_model.planned(night.rows, cores).tasks
    return Load(night.rows, len(list(night.path.glob("*.parquet"))), tasks, cores)


@contextmanager
def _session(bench: Bench, workers: int) -> Iterator[Contender]:
    """A warm session on a cluster of its own."""
    with cluster(bench.output(f"scale-{workers}"), workers=workers, cores=1) as running:
        conf = {**SPARK_CONF, **running.conf}
        told = json.dumps({"master": running.url, "conf": conf})
        root = str(bench.project.root)
        with bench.contender(
            "scale_session", root, told, "auto", log=f"scale-{workers}"
        ) as session:
            yield session


def _night(bench: Bench, rows: int, files: int, groups: int) -> Night:
    """A night in so many files of so many row groups each, made once and kept."""
    folder, column = bench.build / "nights" / f"{rows}-{files}-{groups}", bench.project.column
    if not folder.exists():
        say(f"writing a night of {rows:,} rows in {files} files (once)")
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "night").mkdir(parents=True)
        copies = nights.rows_of(nights.year(bench.project.root / layout.RAW, column), rows)
        size = -(-rows // files)
        newest = datetime.min
        for number, piece in enumerate(nights.files_of(copies, size)):
            path = partial / "night" / f"part-{number:05d}.parquet"
            pq.write_table(piece, path, row_group_size=-(-size // groups))
            newest = max(newest, pc.max(piece.column(nights.TIME)).as_py())
        (partial / "night").rename(partial / f"{column}={newest.date()}")
        partial.rename(folder)
    (path,) = folder.glob(f"{column}=*")
    return Night(folder, path.name.partition("=")[2], path, rows)


def result(bench: Bench, found: Found, model: Model) -> Result:
    """The prediction beside the measurement that it was not fitted to."""
    held_out = found.held_out
    measured = found.seconds[held_out]
    details = {
        "start of a run, driver": model.start,
        "an input file, driver": model.file,
        "a task, driver": model.task,
        "a task, one core": model.own,
        "a million rows, one core": model.row * 1e6,
    }
    details |= {f"driver's peak MB, {load.rows:,} rows": mb for load, mb in found.memory.items()}
    return bench.result(
        "Scale: seconds that the model says, against a night that it was not fitted to",
        [model.seconds(held_out)] * len(measured),
        measured,
        target=None,
        rows=held_out.rows,
        unit="s",
        details=details,
    )


def page(found: Found, model: Model) -> str:
    """What was found, as Markdown."""
    fitted, held_out = found.medians(held_out=False), found.medians(held_out=True)
    memory = ["| rows | files | driver's peak |", "|--:|--:|--:|"]
    memory += [
        f"| {load.rows:,} | {load.files:,} | {mb:.0f} MB |" for load, mb in found.memory.items()
    ]
    parts = (
        "## What each thing costs",
        scale_model.costs(model),
        "## The nights that this was fitted to",
        scale_model.points(model, fitted),
        "## The night that was held out",
        scale_model.points(model, held_out),
        "## The driver's memory, one process over nights of growing size",
        "\n".join(memory) + "\n",
        "## What larger nights would take",
        scale_model.outlook(model, OUTLOOK_ROWS, OUTLOOK_CORES),
    )
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def filled(text: str, measured: str) -> str:
    """A page with what was measured between its two marks.

    Raises
    ------
    ValueError
        The marks are not there, each once and in order.
    """
    before, first, rest = text.partition(BEGIN)
    _, second, after = rest.partition(END)
    if not (first and second) or BEGIN in after:
        raise ValueError(f"expected {BEGIN} and then {END}, each once")
    return f"{before}{BEGIN}\n\n{measured}\n{END}{after}"


def main() -> int:
    """Measure, fit, check, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="sizes are shares of it")
    parser.add_argument("--repeat", type=int, default=3, help="turns; %(default)s")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "benchmarks")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page to fill in")
    wanted = parser.parse_args()
    began = time.monotonic()
    build = ROOT / "build" / "bench"
    build.mkdir(parents=True, exist_ok=True)
    bench = Bench(build, wanted.rows, wanted.repeat)
    found = measure(bench)
    model = scale_model.fit(found.medians(held_out=False))
    results.record(wanted.out, [result(bench, found, model)])
    measured = page(found, model)
    text = filled(wanted.page.read_text(encoding="utf-8"), measured)
    wanted.page.write_text(text, encoding="utf-8")
    print(measured)
    say(f"it is in {wanted.page} and {wanted.out}", time.monotonic() - began)
    return 0


if __name__ == "__main__":
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    sys.exit(main())
