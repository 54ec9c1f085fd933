"""The front page over a year of nights and fifty columns: seconds against the five it may take.

``python -m benchmarks.front_page`` makes a store with a run a night and the decisions that
``assay monitor`` would have left, and times what `assay front` does: read all of it, render,
write. There is no peer; the ratio is to the limit that was set.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

import pyarrow as pa

from assay.monitor.drift.baselines import WeekdayDistances
from assay.monitor.drift.budget import RaisedAlarms
from assay.monitor.drift.drift import DriftDecision, DriftFinding
from assay.monitor.drift.night_decision import NightDecision
from assay.monitor.front import command
from assay.project.params import Params, load
from assay.store import (
    Run,
    StagedRun,
    Store,
    open_store,
    predictions_schema,
    quarantine_schema,
    write_part,
)
from benchmarks import results
from benchmarks.bench import Bench
from benchmarks.contender import ROOT
from benchmarks.measure import say
from benchmarks.results import Result

LIMIT = 5.0
NIGHTS, COLUMNS = 365, 50
START = date(2013, 1, 1)
KEYS = pa.schema([("id", pa.int64())])
FACTS = {"version": "v0.1.0", "bundle": "sha256:" + "0" * 64, "contract": "sha256:" + "1" * 64}


def fill(root: Path, params: Params, nights: int, columns: int) -> None:
    """A run and a decision for each night."""
    store = open_store(root, params)
    rng, decisions = random.Random(1), []
    for number in range(nights):
        night = str(START + timedelta(days=number))
        _publish(store, params.name, night, f"run-{number}", number)
        decisions.append(_decision(night, f"run-{number}", columns, rng).row(store.column))
        if number % 50 == 49:
            say(f"front page: {number + 1} nights")
    store.append_decisions(decisions)


def _publish(store: Store, name: str, night: str, run_id: str, minute: int) -> None:
    facts = {"run_id": run_id, "name": name, **FACTS}
    at = datetime(2014, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    schema = predictions_schema(store.column, KEYS, "binary")
    row = {"id": 1, "prediction": True, "probability": 0.5, "run_id": run_id, "scored_at": at}
    row |= {"model_version": FACTS["version"], "bundle": FACTS["bundle"]}
    table = pa.Table.from_pylist([row], schema).drop_columns([store.column])
    file = store.part_path_for("predictions", night, run_id, "0")
    store.publish_run(
        StagedRun(
            run=Run(event="started", partition=night, base=store.turn(night), **facts),
            predictions=(write_part(store.table_uri("predictions"), file, table),),
            quarantine=(),
            profile=None,
            predictions_schema=schema,
            quarantine_schema=quarantine_schema(store.column, KEYS),
        )
    )
    rows = {"rows_read": 900, "rows_scored": 890, "rows_quarantined": 10}
    for event in ("started", "published"):
        store.append_run_events(
            Run(event=event, at=at, partition=night, **facts, **rows)  # type: ignore[arg-type]
        )


def _decision(night: str, run_id: str, columns: int, rng: random.Random) -> NightDecision:
    distances = [rng.random() * 0.12 for _ in range(columns)]
    findings = [
        DriftFinding(
            column=f"column_{number:02}",
            distance=distance,
            limit=0.1,
            psi=distance,
            null_share=0.0,
            null_share_change=0.0,
            null_share_limit=0.1,
            new_category_share=None,
            drifted=distance > 0.1,
            crossed=distance > 0.1,
            decisive=False,
            reasons=(f"distance {distance:.3f} over its limit 0.100",) * (distance > 0.1),
        )
        for number, distance in enumerate(distances)
    ]
    drifted = tuple(each.column for each in findings if each.drifted)
    crossed = len(drifted) > columns / 4
    reasons = (f"{len(drifted)} of {columns} features drifted",) * crossed
    return NightDecision(
        partition=night,
        run_id=run_id,
        bundle=FACTS["bundle"],
        rules="",
        drift=DriftDecision(crossed, reasons, 890, drifted, columns, 0.99, 200, tuple(findings)),
        weekday=WeekdayDistances((), {}, "not compared"),
        alarms=RaisedAlarms(night, (), ()),
        snoozed=(),
        quiet=3,
    )


def measure(nights: int, columns: int, repeats: int) -> Result:
    """Time the page on a store made for it."""
    with tempfile.TemporaryDirectory(prefix="assay-front-") as folder:
        root = Path(folder)
        params = load(ROOT).model_copy(update={"store": "store"})
        fill(root, params, nights, columns)
        seconds = []
        for turn in range(repeats):
            started = time.perf_counter()
            front = command.run(root, params, nights)
            seconds.append(time.perf_counter() - started)
            say(f"front page: turn {turn + 1} of {repeats}", seconds[-1])
        if len(front.nights) != nights or any(each.drift is None for each in front.nights):
            raise AssertionError("the page does not show every night")
    return Result(
        name=f"assay front: {nights} nights of {columns} columns, against {LIMIT:g} s",
        ratio=median(seconds) / LIMIT,
        target=1.0,
        better="lower",
        rows=nights,
        unit="s",
        ours_median=median(seconds),
        peer_median=LIMIT,
        spread=(min(seconds) / LIMIT, max(seconds) / LIMIT),
        repeats=repeats,
        versions=results.versions(),
        machine=results.machine(1),
    )


def run(bench: Bench) -> list[Result]:
    """A year of fifty columns, as the limit was set for."""
    return [measure(NIGHTS, COLUMNS, bench.repeats)]


def main() -> int:
    """Measure, and keep what came out; 0 if the page is quick enough."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.front_page")
    parser.add_argument("--nights", type=int, default=NIGHTS, help="%(default)s")
    parser.add_argument("--columns", type=int, default=COLUMNS, help="%(default)s")
    parser.add_argument("--repeats", type=int, default=5, help="%(default)s")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "reports" / "benchmarks", help="folder of the results"
    )
    wanted = parser.parse_args()
    found = measure(wanted.nights, wanted.columns, wanted.repeats)
    results.record(wanted.out, [found])
    print(results.table([found]))
    return 0 if found.met else 1


if __name__ == "__main__":
    sys.exit(main())
