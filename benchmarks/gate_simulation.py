"""`make simulate`: how often the gate's three answers are right, on populations that are known.

Holdouts are drawn again and again from a population in which the challenger is a little worse,
by an amount that is known exactly, and are put through the functions that `assay compare` and
`assay gate` call. Asked are:

- with a margin that the true drop just uses up, how often the gate passes;
- with the margin that the gate says it can tell the challenger from with a power of 80 %, how
  often it does;
- how often the interval holds the true difference.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import stats
from threadpoolctl import threadpool_limits

from benchmarks import gate_populations, results
from benchmarks.contender import ROOT
from benchmarks.gate_populations import Population
from benchmarks.measure import say
from benchmarks.results import Result
from pipeline.paired.bounds import Bounds
from pipeline.paired.decide import decide_all
from pipeline.paired.difference import differences
from pipeline.paired.power import detectable
from pipeline.paired.turn import turned

CONFIDENCE = 0.95
POWER = 0.8
ROWS = (500, 5_000, 50_000)
METRICS = {"auc": "AUC", "log_loss": "log loss", "brier": "Brier", "f1": "F1", "rmse": "RMSE"}
PAGE = "gate.md"

MOST_PASSED = 0.05
POWER_WITHIN = 0.03
COVERAGE_WITHIN = 0.015


@dataclass(frozen=True)
class Share:
    """How many of the trials something held in."""

    count: int
    trials: int

    @property
    def value(self) -> float:
        return self.count / self.trials

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper and Pearson's, at 95 %."""
        found = stats.binomtest(self.count, self.trials).proportion_ci(0.95, method="exact")
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class Row:
    """What came out for one metric and one size of holdout.

    Attributes
    ----------
    drop
        The true one, so turned that a drop is above 0.
    least
        What the gate says it can tell from the limit, in the median trial.
    passed
        With the margin at ``drop``.
    told
        With the margin at ``drop`` and ``least`` together: the realized power.
    covered
        The true difference lay in the interval.
    """

    metric: str
    rows: int
    drop: float
    least: float
    passed: Share
    told: Share
    covered: Share


def trials(population: Population, rows: int, count: int, seed: int) -> dict[str, list[Bounds]]:
    """The turned difference in each of ``count`` holdouts, by metric."""
    found: dict[str, list[Bounds]] = {name: [] for name in population.truths}
    for trial in range(count):
        random = np.random.default_rng([seed, rows, trial])
        champion, challenger = population.draw(random, rows)
        measured = differences(
            champion, challenger, replicates=100, confidence=CONFIDENCE, seed=[seed, trial]
        )
        for name, bounds in found.items():
            one = turned(name, measured[name])
            if one is None:
                raise RuntimeError(f"{name} of {rows} rows: {measured[name].why}")
            bounds.append(one)
    return found


def row(metric: str, rows: int, truth: float, found: Sequence[Bounds]) -> Row:
    """What the trials of one metric come to, where the challenger is better by ``truth``."""
    least = float(
        np.median(
            [
                detectable(one.standard_error, CONFIDENCE, POWER, one.degrees, one.skew)
                for one in found
            ]
        )
    )
    ends = [one.interval(CONFIDENCE) for one in found]
    return Row(
        metric=metric,
        rows=rows,
        drop=-truth,
        least=least,
        passed=_passed(found, truth),
        told=_passed(found, truth - least),
        covered=Share(sum(low <= truth <= high for low, high in ends), len(found)),
    )


def _passed(found: Sequence[Bounds], worst: float) -> Share:
    """How many holdouts pass a rule that allows for ``worst``; each is a rule of its own."""
    calls = [
        decide_all([one], worst, confidence=CONFIDENCE, correction="holm")[0].call for one in found
    ]
    return Share(calls.count("pass"), len(found))


def simulate(count: int, sizes: Sequence[int], seed: int) -> list[Row]:
    """Every metric at every size, in the order of the table."""
    found: list[Row] = []
    for rows in sizes:
        for population in (gate_populations.binary(), gate_populations.regression()):
            started = time.monotonic()
            drawn = trials(population, rows, count, seed)
            names = ", ".join(METRICS[name] for name in drawn)
            say(f"{count:,} holdouts of {rows:,} rows: {names}", time.monotonic() - started)
            found += [
                row(name, rows, population.better_by(name), bounds)
                for name, bounds in drawn.items()
            ]
    return sorted(found, key=lambda one: (list(METRICS).index(one.metric), one.rows))


# --------------------------------------------------------------------------- what is kept

Judged = tuple[str, float, Callable[[Row], Share], Callable[[float], float]]
QUESTIONS: tuple[Judged, ...] = (
    (
        "gate: passes with the true drop exactly at the margin, against 5 %",
        MOST_PASSED,
        lambda one: one.passed,
        lambda share: share,
    ),
    (
        "gate: realized power off the stated 80 %, against 3 points",
        POWER_WITHIN,
        lambda one: one.told,
        lambda share: round(abs(share - POWER), 9),
    ),
    (
        "gate: coverage of 95 % intervals off nominal, against 1.5 points",
        COVERAGE_WITHIN,
        lambda one: one.covered,
        lambda share: round(abs(share - CONFIDENCE), 9),
    ),
)


def entries(rows: Sequence[Row]) -> list[Result]:
    """For each question and size the metric that does worst; the details have all of them."""
    found = []
    for name, limit, share, off in QUESTIONS:
        for size in sorted({one.rows for one in rows}):
            of_size = [one for one in rows if one.rows == size]
            worst = max(of_size, key=lambda one: off(share(one).value))
            found.append(_entry(name, limit, share(worst), off, size, of_size, share))
    return found


def _entry(
    name: str,
    limit: float,
    worst: Share,
    off: Callable[[float], float],
    size: int,
    rows: Sequence[Row],
    share: Callable[[Row], Share],
) -> Result:
    # The distance from a nominal value inside the interval is least somewhere between its ends.
    within = [off(float(value)) for value in np.linspace(*worst.interval, 1001)]
    return Result(
        name=name,
        ratio=round(off(worst.value) / limit, 4),
        target=1.0,
        better="lower",
        rows=size,
        unit="%",
        ours_median=round(100 * off(worst.value), 4),
        peer_median=100 * limit,
        spread=(round(min(within) / limit, 4), round(max(within) / limit, 4)),
        repeats=worst.trials,
        versions=results.versions(scipy=version("scipy")),
        machine=results.machine(1),
        details={f"% of trials: {METRICS[one.metric]}": 100 * share(one).value for one in rows},
    )


def page(rows: Sequence[Row]) -> str:
    """All of it as Markdown."""
    trials_each = rows[0].passed.trials
    lines = [
        "# How often the gate is right\n",
        f"Written by `make simulate`: {trials_each:,} holdouts a line, drawn from a population "
        "whose truth is known; docs/comparison.md says more. In brackets is the 95 % interval of "
        "the share (Clopper and Pearson). Required: at most 5 % pass with the drop at the margin "
        "(2.5 % is nominal for a two-sided 95 % interval), power within 3 points of 80 %, "
        "coverage within 1.5 points of 95 %.\n",
        "| metric | rows | true drop | passes at the margin | told with power of 80 % | "
        "realized power | coverage | |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for one in rows:
        cells = (
            METRICS[one.metric],
            f"{one.rows:,}",
            f"{one.drop:.4f}",
            _percent(one.passed),
            f"{one.least:.4f} off the limit",
            _percent(one.told),
            _percent(one.covered),
            "; ".join(_missed(one)) or "as required",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _percent(share: Share) -> str:
    low, high = share.interval
    return f"{share.value:.1%} ({low:.1%} to {high:.1%})"


def _missed(one: Row) -> list[str]:
    """The questions that this line has the wrong answer to."""
    words: Mapping[int, str] = {0: "passes too often", 1: "power is off", 2: "coverage is off"}
    return [
        words[number]
        for number, (_, limit, share, off) in enumerate(QUESTIONS)
        if off(share(one).value) > limit
    ]


def main() -> int:
    """Simulate, and keep what came out; 0 if everything is as required."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate_simulation")
    parser.add_argument("--trials", type=int, default=2000, help="a line; %(default)s")
    parser.add_argument("--rows", type=int, action="append", help="500, 5000 and 50000")
    parser.add_argument("--seed", type=int, default=20130701, help="%(default)s")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "reports" / "benchmarks", help="folder of the results"
    )
    wanted = parser.parse_args()
    # Vectors this short are only slowed down by more threads.
    with threadpool_limits(1):
        rows = simulate(wanted.trials, wanted.rows or ROWS, wanted.seed)
    results.record(wanted.out, entries(rows))
    text = page(rows)
    (wanted.out / PAGE).write_text(text, encoding="utf-8")
    print(text)
    return 1 if any(_missed(one) for one in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
