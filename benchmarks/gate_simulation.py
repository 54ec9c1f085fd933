"""`make simulate`: how often the gate's three answers are right, on populations that are known.

Holdouts are drawn again and again from populations of which every metric is known, and are put
through the functions that the stages evaluate, compare and gate call. Asked are, of
each metric of one model and of each difference of two:

- how often there is an answer at all, and not that rows, labels or nights are too few;
- how often the interval, where there is one, holds the truth;
- with a limit (or a margin) that the truth just meets, how often the gate passes;
- of differences: with the margin that the gate says it can tell with a power of 80 %, how often
  it does.

And of a model that changed nothing but noise: how often a rule over twenty small slices fails.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from assay.gate.rules import change as rule_change
from assay.gate.rules import limit as rule_limit
from assay.gate.rules.change import Change
from assay.gate.rules.kinds import Policy
from assay.gate.rules.limit import Limit
from assay.metrics.intervals.decisions import orient_difference
from assay.metrics.intervals.difference import differences
from assay.metrics.intervals.estimates import estimates
from assay.metrics.intervals.power import minimum_detectable_effect
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from assay.project.tasks import LOWER_IS_BETTER
from assay.reports.comparison import (
    Challenger,
    ComparedChampion,
    Comparison,
    SliceComparison,
    Stability,
)
from assay.reports.evaluation import Evaluation
from assay.reports.verdict import Outcome
from benchmarks import gate_page
from benchmarks.contender import ROOT
from benchmarks.gate_populations import Binary, Regression, Structure, better_by, truths
from benchmarks.measure import say

CONFIDENCE, POWER = 0.95, 0.8
SIZES = (500, 1_000, 5_000, 50_000)
SHARES = (0.005, 0.03, 0.2)
STRUCTURES = (
    Structure(),
    Structure(30, 0.05),
    Structure(30, 0.2),
    Structure(100, 0.05),
    Structure(100, 0.2),
)
SAID = {"owner": "simulation", "because": "it is asked"}
GATE = Policy(
    tests="tests/model",
    rules=(Limit(name="-", kind="limit", metric="auc", min=0.5, **SAID),),
)


@dataclass(frozen=True)
class Cell:
    """What is asked: a population, and a size of holdout."""

    population: Binary | Regression
    rows: int


@dataclass
class Count:
    """Of one metric's number, or of its difference.

    Attributes
    ----------
    answered
        Trials in which there was an interval.
    covered
        Of those, in which it held the truth.
    passed
        Trials that passed a rule whose limit the truth just meets.
    told
        Of the answered ones, that passed with the margin that could be told.
    """

    trials: int = 0
    answered: int = 0
    covered: int = 0
    passed: int = 0
    told: int = 0
    least: list[float] = field(default_factory=list)


Counts = dict[tuple[str, bool], Count]
"""By metric, and whether it is of the difference."""


def cells() -> list[Cell]:
    """All that is asked, the largest holdouts first: they take the longest."""
    asked = [
        Cell(population, rows)
        for rows in SIZES
        for structure in STRUCTURES
        for population in (
            *(Binary(share, structure) for share in SHARES),
            *(Regression(kind, structure) for kind in ("normal", "t3", "lognormal")),
        )
    ]
    asked += [Cell(Binary(0.2, sure=0.003), rows) for rows in SIZES]
    return sorted(asked, key=lambda one: -one.rows)


def simulate(cell: Cell, trials: int, seed: int) -> Counts:
    """Every metric of the population, in ``trials`` holdouts."""
    known, found = truths(cell.population), {}
    for trial in range(trials):
        random = np.random.default_rng([seed, cell.rows, trial])
        champion, challenger, units = cell.population.draw(
            random, cell.rows, cell.population.structure
        )
        if not champion.is_valid_input() or len(np.unique(champion.truth)) < 2:
            continue
        # As the stages evaluate and compare do: nights follow each other as far as they show.
        units = units.followed(challenger.losses(), challenger.outputs())
        # Of one model the challenger is asked, which may be sure and wrong.
        _limits(found, challenger, units, known)
        _changes(found, champion, challenger, units, known)
    for count in found.values():
        count.trials = trials
    return found


def _limits(found: Counts, scored: LabelledScores, units: SamplingUnits, known: dict) -> None:
    measured = estimates(scored, units, CONFIDENCE)
    evaluation = Evaluation(
        task=scored.task,
        **dict.fromkeys(("name", "candidate", "bundle", "data", "contract"), "-"),
        rows=len(scored),
        unit=units.name,
        units=units.count,
        positives=scored.positives,
        selected=scored.selected,
        threshold=scored.threshold if scored.task == "binary" else None,
        confidence=CONFIDENCE,
        metrics=measured,
        slices=(),
    )
    for name, (_, truth) in known.items():
        count, one = found.setdefault((name, False), Count()), measured[name]
        if one.low is None or one.high is None:
            continue
        count.answered += 1
        count.covered += one.low <= truth <= one.high
        if name == "bias":
            continue  # nearer 0 is better: a limit on it asks another question
        side = {"max": truth} if name in LOWER_IS_BETTER else {"min": truth}
        rule = Limit(name="-", kind="limit", metric=name, **side, **SAID)
        (finding,) = rule_limit.evaluate(rule, evaluation, GATE)
        count.passed += finding.outcome is Outcome.PASS


def _changes(
    found: Counts,
    champion: LabelledScores,
    challenger: LabelledScores,
    units: SamplingUnits,
    known: dict,
) -> None:
    measured = differences(champion, challenger, units=units, confidence=CONFIDENCE)
    comparison = compared(champion, units, measured)
    for name, pair in known.items():
        count, one = found.setdefault((name, True), Count()), measured[name]
        bounds = orient_difference(name, one)
        if bounds is None or one.low is None or one.high is None:
            continue
        count.answered += 1
        count.covered += one.low <= pair[1] - pair[0] <= one.high
        worst = better_by(name, pair)
        least = minimum_detectable_effect(
            bounds.standard_error, CONFIDENCE, POWER, bounds.degrees, bounds.skew
        )
        count.least.append(least)
        count.told += bounds.interval(CONFIDENCE)[0] >= worst - least
        if worst >= 0:
            continue  # a margin is a drop
        rule = Change(name="-", kind="change", metric=name, margin=-worst, **SAID)
        (finding,) = rule_change.evaluate(rule, comparison, GATE)
        count.passed += finding.outcome is Outcome.PASS


def compared(
    scored: LabelledScores,
    units: SamplingUnits,
    measured: dict | None,
    slices: tuple[SliceComparison, ...] = (),
) -> Comparison:
    return Comparison(
        name="-",
        task=scored.task,
        state="compared",
        why=None,
        challenger=Challenger(candidate="-", bundle="-"),
        champion=ComparedChampion(version="v1.0.0", bundle="-"),
        data="-",
        contract="-",
        rows=len(scored),
        unit=units.name,
        units=units.count,
        confidence=CONFIDENCE,
        differences=measured,
        slices=slices,
        stability=Stability(distance=0.0, flipped=None, rows=None),
    )


def small_slices(trials: int, seed: int) -> dict[str, int]:
    """How often a rule over 20 small slices has each outcome, for a model that changed nothing.

    Slices have 250 rows, 5.5 % of them positive; the challenger is the champion and a little noise.
    """
    ends: dict[str, int] = {}
    rule = Change(name="-", kind="change", metric="auc", margin=0.02, slice="of", **SAID)
    population = Binary(0.055)
    for trial in range(trials):
        random = np.random.default_rng([seed, 250, trial])
        slices = []
        for place in range(20):
            champion, _, units = population.draw(random, 250, Structure())
            odds = np.log(champion.scores / (1 - champion.scores))
            noisy = 1 / (1 + np.exp(-odds - 0.05 * random.normal(size=250)))
            other = LabelledScores("binary", champion.truth, noisy, threshold=champion.threshold)
            measured = differences(champion, other, units=units, confidence=CONFIDENCE)
            slices.append(
                SliceComparison(
                    field="of",
                    value=str(place),
                    rows=250,
                    units=units.count,
                    differences=measured,
                )
            )
        comparison = compared(champion, units, measured, tuple(slices))
        found = {one.outcome.value for one in rule_change.evaluate(rule, comparison, GATE)}
        end = next(one for one in ("FAIL", "INCONCLUSIVE", "PASS") if one in found)
        ends[end] = ends.get(end, 0) + 1
    return ends


# ------------------------------------------------------------------------------ the lines


def lines(cell: Cell, counts: Counts) -> Iterator[gate_page.Line]:
    """One for each metric and each difference."""
    for (metric, paired), count in counts.items():
        yield gate_page.Line(
            population=cell.population.title,
            structure=cell.population.structure.title,
            rows=cell.rows,
            metric=metric,
            paired=paired,
            trials=count.trials,
            answered=count.answered,
            covered=count.covered,
            passed=count.passed,
            told=count.told if paired else None,
            least=float(np.median(count.least)) if count.least else None,
        )


def _worked(task: tuple[Cell, int, int]) -> tuple[Cell, Counts, float]:
    cell, trials, seed = task
    started = time.monotonic()
    # Vectors this short are only slowed down by more threads.
    with threadpool_limits(1):
        return cell, simulate(cell, trials, seed), time.monotonic() - started


def fewer(cell: Cell, trials: int) -> int:
    """A third of the trials for the largest holdouts, which take ten times as long."""
    return trials if cell.rows < max(SIZES) else max(1, trials // 3)


def run(asked: Sequence[Cell], trials: int, seed: int, workers: int) -> list[gate_page.Line]:
    """All lines, in the order in which they were asked."""
    tasks = [(cell, fewer(cell, trials), seed) for cell in asked]
    found: list[gate_page.Line] = []
    with ProcessPoolExecutor(workers) as pool:
        for number, (cell, counts, seconds) in enumerate(pool.map(_worked, tasks), 1):
            say(
                f"{number} of {len(tasks)}: {fewer(cell, trials):,} x {cell.rows:,} rows, "
                f"{cell.population.title}, {cell.population.structure.title}",
                seconds,
            )
            found += lines(cell, counts)
    return found


def main() -> int:
    """Simulate, and keep what came out; 0 if everything is as required or says it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate_simulation")
    parser.add_argument("--trials", type=int, default=1000, help="a line; %(default)s")
    parser.add_argument("--rows", type=int, action="append", help="500, 1000, 5000 and 50000")
    parser.add_argument("--seed", type=int, default=20130701, help="%(default)s")
    parser.add_argument("--workers", type=int, default=2, help="processes; %(default)s")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "reports" / "benchmarks", help="folder of the results"
    )
    wanted = parser.parse_args()
    asked = [cell for cell in cells() if cell.rows in (wanted.rows or SIZES)]
    found = run(asked, wanted.trials, wanted.seed, wanted.workers)
    ends = small_slices(min(wanted.trials, 300), wanted.seed)
    text = gate_page.page(found, ends)
    (wanted.out / gate_page.PAGE).write_text(text, encoding="utf-8")
    (wanted.out / gate_page.TABLE).write_text(gate_page.table(found), encoding="utf-8")
    print(gate_page.summary(found, ends))
    return 1 if any(one.missed for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
