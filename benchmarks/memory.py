"""The driver's peak memory over a full run of many rows, against one of few."""

from __future__ import annotations

from statistics import median

from benchmarks.bench import Bench, Night
from benchmarks.measure import in_turns
from benchmarks.results import Result

CANDIDATE = "logistic"
"""The model that scores fastest: what is measured does not depend on it."""
MOST, LEAST = 3, 0.1
"""Of the rows that the other benchmarks take: 30 million and 1 million of 10 million."""


def run(bench: Bench) -> list[Result]:
    """Peaks of fresh processes, each of which scores one night."""
    many, few = bench.night(int(bench.rows * MOST)), bench.night(int(bench.rows * LEAST))
    java: dict[int, list[float]] = {many.rows: [], few.rows: []}

    def peak(night: Night) -> float:
        with bench.session("memory") as session:
            bench.full(session, CANDIDATE, night, "files")
            found = session.ask("memory")
        java[night.rows].append(found["jvm"])
        return float(found["driver"])

    names = [f"peak MB at {night.rows:,} rows" for night in (many, few)]
    runs = {names[0]: lambda: peak(many), names[1]: lambda: peak(few)}
    found = in_turns(runs, bench.repeats, "memory")
    return [
        bench.result(
            f"Driver's peak memory: {MOST / LEAST:.0f} times the rows",
            found[names[0]],
            found[names[1]],
            target=1.05,
            better="lower",
            rows=many.rows,
            unit="MB",
            details={
                f"{what}, {night.rows:,} rows": median(peaks[key])
                for what, peaks, keys in (
                    ("driver (Python)", found, names),
                    ("JVM, driver and executor in one", java, (many.rows, few.rows)),
                )
                for night, key in zip((many, few), keys, strict=True)
            },
        )
    ]
