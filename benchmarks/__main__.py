"""`make bench`: every speed claim against a named peer, on this machine.

Progress goes to standard error, the table to standard output; both files under
reports/benchmarks are brought up to date after each comparison, so that what was measured
stays if the rest is cut short.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import (
    carriers,
    front_page,
    memory,
    merge_profiles,
    monitor_night,
    one_night,
    profile_cost,
    raw_drift,
    reasons,
    refused,
    results,
    start,
    two_workers,
)
from benchmarks.bench import TOUCH_ROWS, Bench
from benchmarks.contender import ROOT
from benchmarks.measure import say
from benchmarks.results import Result

BENCHMARKS: dict[str, Callable[[Bench], list[Result]]] = {
    "hgb": partial(carriers.run, label="HGB"),
    "lr": partial(carriers.run, label="LR"),
    "rf": partial(carriers.run, label="RF"),
    "start": start.run,
    "memory": memory.run,
    "cluster": two_workers.run,
    "night": one_night.run,
    "profile": profile_cost.run,
    "refused": refused.run,
    "drift": raw_drift.run,
    "monitor": monitor_night.run,
    "merge": merge_profiles.run,
    "reasons": reasons.run,
    "front": front_page.run,
}
ABOUT = {
    "hgb": (40, 14.0),
    "lr": (40, 6.0),
    "rf": (60, 16.0),
    "start": (300, 0.0),
    "memory": (90, 2.5),
    "cluster": (150, 3.0),
    "night": (60, 0.0),
    "profile": (30, 0.5),
    "refused": (60, 1.0),
    "drift": (30, 11.0),
    "monitor": (100, 1.0),
    "merge": (30, 0.0),
    "reasons": (300, 0.0),
    "front": (120, 0.0),
}
"""Seconds that each takes: once, and a turn and million rows; for the estimate alone."""


def main() -> int:
    """Measure what was asked for; 0 if all of it could be measured, whatever was reached."""
    wanted = _arguments()
    began = time.monotonic()
    build = ROOT / "build" / "bench"
    build.mkdir(parents=True, exist_ok=True)
    names = wanted.only or list(BENCHMARKS)
    say(f"{', '.join(names)}: about {_minutes(names, wanted.rows, wanted.repeat)} minutes")
    bench = Bench(build, wanted.rows, wanted.repeat)
    found: list[Result] = []
    failed: list[str] = []
    for name in names:
        try:
            more = BENCHMARKS[name](bench)
        except Exception:
            # What takes half an hour goes on without the one that cannot be measured.
            traceback.print_exc()
            failed.append(name)
            continue
        found += more
        results.record(wanted.out, more)
        left = names[names.index(name) + 1 :]
        if left:
            say(f"about {_minutes(left, wanted.rows, wanted.repeat)} minutes left")
    print(results.table(found))
    say(f"all of it is in {wanted.out}", time.monotonic() - began)
    if failed:
        say(f"could not be measured: {', '.join(failed)}")
    return 1 if failed else 0


def _minutes(names: list[str], rows: int, repeats: int) -> int:
    seconds = sum(ABOUT[name][0] + ABOUT[name][1] * repeats * rows / 1e6 for name in names)
    return max(1, round(seconds / 60))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure every speed claim against its peer."
    )
    parser.add_argument(
        "--only", action="append", choices=list(BENCHMARKS), help="may be given more than once"
    )
    parser.add_argument("--rows", type=_count, default=10_000_000, help="of a night; %(default)s")
    parser.add_argument("--repeat", type=_turns, default=3, help="turns; %(default)s")
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "reports" / "benchmarks",
        help="folder of results.json; reports/benchmarks",
    )
    return parser.parse_args()


def _count(text: str) -> int:
    rows = int(text.replace("_", ""))
    if rows < TOUCH_ROWS:
        raise argparse.ArgumentTypeError(f"{rows:,} rows are too few; {TOUCH_ROWS:,} or more")
    return rows


def _turns(text: str) -> int:
    turns = int(text)
    if turns < 1:
        raise argparse.ArgumentTypeError("at least once")
    return turns


if __name__ == "__main__":
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    sys.exit(main())
