"""Whether labels that `assay ask` names tell as much as it says, beside rows drawn by chance.

Populations are those of `benchmarks.gate_populations`, whose scores are not quite calibrated, and
the flights of July to December, whose days are redrawn. Of each pool the rows of a list get their
labels, and the metric and its interval are computed by the command's own functions. Beside it as
many rows as the command says that chance needs are drawn and measured as the gate measures a
holdout. Shown are both numbers of labels, how often both intervals hold the truth, and how their
widths compare: 1.00 where the command says the truth about what it saves. No design can do better
than labels in proportion to how much each row's label varies, were that known (Godambe and Joshi
1965, Annals of Mathematical Statistics 36, 1707-1722), and here it is: how much it would save, and
how much of that the list does. Of flights the scores are taken for the chances.

    python -m benchmarks.ask --trials 100
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from assay.ask import answer, sample
from assay.ask.pool import Pool
from assay.metrics.evaluator import Floats
from assay.metrics.intervals.difference import differences
from assay.metrics.intervals.estimates import estimates
from assay.metrics.label_effects import METRICS
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from benchmarks import redrawn_days
from benchmarks.contender import ROOT
from benchmarks.gate_populations import Binary, Structure, truths
from benchmarks.measure import say

CONFIDENCE = 0.95
PAGE = "ask.md"
ROWS = 20_000
BUDGETS = {0.5: 400, 0.2: 400, 0.03: 600, 0.01: 1_000}
"""Labels by the share of positives."""
DAYS = 30
"""Of flights, in a pool."""


@dataclass
class Count:
    """Of one rule in one cell; ``none`` counts lists that say themselves that they are too few."""

    asked: list[int] = field(default_factory=list)
    by_random: list[int] = field(default_factory=list)
    at_best: list[int] = field(default_factory=list)
    """Labels by chance that would say as much as the best design with as many as were asked for."""
    truly: list[int] = field(default_factory=list)
    """As ``by_random``, by the chances themselves in place of the scores."""
    widths: list[float] = field(default_factory=list)
    random_widths: list[float] = field(default_factory=list)
    covered: int = 0
    random_covered: int = 0
    none: int = 0


Key = tuple[str, str]
"""Metric, and ``limit`` or ``change``."""


def least_variance(spreads: Floats, budget: int) -> float:
    """What drawing rows in proportion to their spreads ``(n,)`` adds to a metric's variance."""
    varies = spreads[spreads > 0]
    if len(varies) <= budget:
        return 0.0
    whole = np.zeros(len(varies), dtype=bool)
    while True:
        drawn = varies * (budget - whole.sum()) / varies[~whole].sum()
        more = ~whole & (drawn > 1)
        if not more.any():
            break
        whole |= more
    left = np.square(varies[~whole]) * (1 / drawn[~whole] - 1)
    return float(left.sum()) / len(spreads) ** 2


def measure(
    found: dict[Key, Count],
    models: tuple[LabelledScores, LabelledScores],
    units: SamplingUnits,
    known: dict[str, tuple[float, float]],
    budget: int,
    random: np.random.Generator,
    chances: Floats | None = None,
) -> None:
    """Count what one pool's lists say; ``models`` are champion and challenger.

    ``chances (n,)`` are the rows' true probabilities to be positive; None takes the scores.
    """
    champion, challenger = models
    truth, rows = challenger.truth.astype(np.float64), len(challenger)
    night = np.zeros(rows, dtype=np.int64) if units.codes is None else units.codes
    for kind in ("limit", "change"):
        each = (challenger,) if kind == "limit" else (challenger, champion)
        pool = Pool(
            pa.table({"night": night, "row": np.arange(rows)}),
            tuple(one.scores for one in each),
            tuple(one.threshold for one in each),
            np.full(rows, np.nan),
            units,
        )
        expected, unknown, order = pool.expected, pool.unknown, pool.order
        likely = expected if chances is None else chances
        for metric in METRICS:
            count = found.setdefault((metric, kind), Count())
            effects = answer.effects(metric, pool, expected)[0]
            design = sample.design(sample.spread(effects, expected, unknown), budget)
            drawn = design.draw(order, int(random.integers(2**32)))
            said = answer.measure(metric, pool, design, drawn, truth[drawn], CONFIDENCE)
            adds = sample.design_variance(design, effects, expected)
            needs = sample.random_equivalent(adds, effects, expected, unknown)
            count.asked.append(len(drawn))
            count.by_random.append(needs)
            spreads = np.abs(effects.slope) * np.sqrt(likely * (1 - likely))
            for kept, variance in (
                (count.at_best, least_variance(spreads, len(drawn))),
                (count.truly, sample.design_variance(design, effects, likely)),
            ):
                kept.append(sample.random_equivalent(variance, effects, likely, unknown))
            if said.low is None or said.high is None:
                count.none += 1
                continue
            right = known[metric][1] - (known[metric][0] if kind == "change" else 0)
            count.covered += said.low <= right <= said.high
            count.widths.append(said.high - said.low)
            chance = np.sort(random.choice(rows, needs, replace=False))
            one, other = challenger.take(chance), champion.take(chance)
            if len(np.unique(one.truth)) < 2:
                continue
            of = units.take(chance)
            beside = (
                estimates(one, of, CONFIDENCE)[metric]
                if kind == "limit"
                else differences(other, one, units=of, confidence=CONFIDENCE)[metric]
            )
            if beside.low is not None and beside.high is not None:
                count.random_covered += beside.low <= right <= beside.high
                count.random_widths.append(beside.high - beside.low)


def population(
    task: tuple[Structure, float], trials: int, seed: int
) -> tuple[str, dict[Key, Count]]:
    """One cell of drawn pools."""
    structure, share = task
    drawn, found = Binary(share, structure), dict[Key, Count]()
    with threadpool_limits(1):
        known = truths(drawn)
        for trial in range(trials):
            random = np.random.default_rng([seed, structure.units, trial])
            champion, challenger, units, chances = drawn.known(random, ROWS, structure)
            models = champion, challenger
            measure(found, models, units, known, BUDGETS[share], random, chances)
    return f"{share:.0%} positives, {structure.title}", found


@cache
def flight_days() -> redrawn_days.Days:
    return redrawn_days.spans()[1]


def flights(trials: int, seed: int, budget: int = 500) -> tuple[str, dict[Key, Count]]:
    """Pools of thirty flight days drawn with replacement; the half year has the true metrics."""
    span, found = flight_days(), dict[Key, Count]()
    values = [each.evaluator().metrics() for each in (span.champion, span.challenger)]
    known = {name: (values[0][name], values[1][name]) for name in METRICS}
    with threadpool_limits(1):
        for trial in range(trials):
            random = np.random.default_rng([seed, trial])
            rows, units = span.drawn(random, DAYS)
            models = span.champion.take(rows), span.challenger.take(rows)
            measure(found, models, units, known, budget, random)
    return "flights of July to December, 30 days", found


def lines(title: str, found: dict[Key, Count]) -> Iterator[str]:
    """The table's rows of one cell."""
    for (metric, kind), count in found.items():
        asked, chance = np.mean(count.asked), np.mean(count.by_random)
        best = np.mean(count.at_best)
        cells = [f"{asked:,.0f}", f"{chance:,.0f}", f"{chance / asked:.1f}"]
        cells += [f"{best / asked:.1f}", f"{np.mean(count.truly) / best:.0%}"]
        for covered, widths in (
            (count.covered, count.widths),
            (count.random_covered, count.random_widths),
        ):
            cells.append(f"{covered / len(widths):.1%}" if widths else "-")
        both = count.widths and count.random_widths
        cells.append(
            f"{np.median(count.widths) / np.median(count.random_widths):.2f}" if both else "-"
        )
        cells.append(f"{count.none / len(count.asked):.0%}")
        yield f"| {title} | {metric} | {kind} | {' | '.join(cells)} |"


def main() -> int:
    """Draw, and keep what came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ask")
    parser.add_argument("--trials", type=int, default=100, help="a cell; %(default)s")
    parser.add_argument("--share", type=float, action="append", help="of positives; all of them")
    parser.add_argument("--seed", type=int, default=20130701, help="%(default)s")
    parser.add_argument("--workers", type=int, default=2, help="%(default)s")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "benchmarks")
    wanted = parser.parse_args()
    tasks = [
        (structure, share)
        for share in wanted.share or BUDGETS
        for structure in (Structure(), Structure(60, 0.05))
    ]
    text = [
        "# Labels that are asked for\n",
        f"Written by `python -m benchmarks.ask`: {wanted.trials} pools a cell, of {ROWS:,} rows or "
        "of thirty days of flights. Intervals are of 95 %. By chance: the number of labels of rows "
        "drawn by chance that the command says would tell as much. At best: how many times as many "
        "as the best design that knows each row's chance, and how much of that the list reaches. "
        "Width: the median interval of "
        "the list divided by that of so many rows drawn by chance. Too few: lists that say so, and "
        "give no interval.\n",
        "| pool | metric | rule | labels | by chance | times | at best | reached | covered "
        "| covered, by chance | width | too few |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    one = partial(population, trials=wanted.trials, seed=wanted.seed)
    with ProcessPoolExecutor(wanted.workers) as pool:
        for title, found in pool.map(one, tasks):
            say(title)
            text += lines(title, found)
    title, found = flights(wanted.trials, wanted.seed)
    text += lines(title, found)
    page = "\n".join(text) + "\n"
    (wanted.out / PAGE).write_text(page, encoding="utf-8")
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
