"""`make simulate-alerts`: how often alarms are false, and how soon shifts are found.

Nights are drawn from a population that is known: each column has cells with shares that differ a
little from night to night, as weather does, and a share of nulls. Distances from a reference of
such nights go through the functions that `assay monitor --from --to` calls. Asked are:

- a year in which nothing changes: how many incidents are there, against the budget;
- a year in which the nights are autocorrelated (an odd night is followed by odd nights);
- a year in which each column's nights differ in one direction only: distances then are spread most
  widely;
- the same where one weather moves all columns, so that fifteen say no more than one, and where only
  five of them are autocorrelated; also with nights of few rows;
- a column of which a stated share of rows moves for good: how often that column is in alarm within
  the stated number of nights;
- a column that breaks (`benchmarks.alert_breaks`).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Literal, cast

import numpy as np
from threadpoolctl import threadpool_limits

from assay.columns import autocorrelation, break_limits, distance
from assay.columns.break_limits import YEAR
from assay.columns.distance import js_distance, learnt_limit
from assay.columns.grid import CellCounts, NumberGrid
from assay.columns.profile import ColumnProfile
from assay.columns.reference import Reference
from assay.monitor.drift.budget import MOVED as WASSERSTEIN
from assay.monitor.drift.budget import (
    BudgetInput,
    DriftTest,
    Kind,
    RaisedAlarms,
    SeenValue,
    alarms,
)
from assay.monitor.drift.night_decision import NightDecision
from assay.monitor.incidents.collect import group_alarms
from assay.project.params import Monitor
from assay.project.params.monitoring import Budget
from benchmarks import alert_breaks, results
from benchmarks.contender import ROOT
from benchmarks.measure import say
from benchmarks.results import Result
from benchmarks.shares import Share

COLUMNS, CELLS, ROWS = 15, 10, 900
FEW_ROWS = 250
"""Of which the sampling is as large as what nights differ by."""
FEW_ROWS_REFERENCES = (18, 30, 60)
NIGHT_TO_NIGHT = 0.15
NULLS = 0.03
REFERENCES = (10, 18, 40, 60, 150, 365)
SHIFTED = (40, 60, 150, 365)
MOVED = (0.05, 0.1, 0.15, 0.2)
STATED = 0.15
FEWEST = 60
"""So many reference nights it takes to find the stated shift; fewer are shown."""
WITHIN = Budget().of
MOST_MISSED = 0.05
PAGE = "alerts.md"
TOGETHER = (0.0, 0.5, 0.8)
Form = Literal["cells", "direction", "weather", "some"]
FORMS: Mapping[Form, str] = {
    "cells": "in every cell",
    "direction": "in one direction",
    "weather": "all columns in one",
    "some": "in one direction, 5 columns are correlated",
}
SOME = 5
STEEP = 2.5
"""How far a column's cells move together, against one cell alone, where nights have a level."""
GRID = NumberGrid(tuple(map(float, range(1, CELLS))))
NAMES = [f"x{place}" for place in range(COLUMNS)]

Counts = np.ndarray


@dataclass(frozen=True)
class Row:
    """What came of one kind of year.

    Attributes
    ----------
    reference
        How many nights it has.
    together
        Correlation of a night's oddity with the night's before.
    form
        How nights differ, of `FORMS`.
    incidents
        One number a year.
    nights
        In alarm, one number a year.
    alone
        Nights of a year on which some column is over its own limit, which is what one alarm a
        night and column comes to.
    broken
        Nights of a year on which some column is beyond what can be explained.
    blind
        Nights of a year on which some column could not be in alarm but by breaking.
    """

    reference: int
    together: float
    form: Form
    rows: int
    incidents: np.ndarray
    nights: np.ndarray
    alone: np.ndarray
    broken: np.ndarray
    blind: np.ndarray

    def mean(self) -> tuple[float, float, float]:
        """Incidents a year, with a 95 % interval from 2,000 bootstrap replicates."""
        random = np.random.default_rng(1)
        years = len(self.incidents)
        again = random.choice(self.incidents, (2000, years)).mean(axis=1)
        low, high = np.quantile(again, [0.025, 0.975])
        return float(self.incidents.mean()), float(low), float(high)


def counts(
    random: np.random.Generator,
    nights: int,
    together: float = 0.0,
    moved: float = 0.0,
    form: Form = "cells",
    rows: int = ROWS,
) -> Counts:
    """Counts of shape (nights, columns, 1 + cells), nulls first.

    Parameters
    ----------
    moved
        Share of the first column's known values that lie in its first two cells instead.
    form
        One number a night and column moves all cells, instead of one each; or one number a night
        moves all columns.
    """
    shape = (1 if form == "weather" else COLUMNS, CELLS if form == "cells" else 1)
    odd = random.normal(size=(nights, *shape))
    follows = np.full((shape[0], 1), together)
    if form == "some":
        follows[SOME:] = 0.0
    for night in range(1, nights):
        odd[night] = follows * odd[night - 1] + (1 - follows**2) ** 0.5 * odd[night]
    odd = np.repeat(odd, COLUMNS // shape[0], axis=1)
    if form != "cells":
        odd = odd * np.linspace(-STEEP, STEEP, CELLS)
    shares = np.exp(NIGHT_TO_NIGHT * odd)
    shares /= shares.sum(axis=-1, keepdims=True)
    if moved:
        # So many rows change their cell that the total variation is ``moved``.
        rest = shares[:, 0, 2:].sum(axis=-1, keepdims=True)
        shares[:, 0, 2:] *= 1 - moved / rest
        shares[:, 0, :2] += moved / 2
    nulls = NULLS * np.exp(NIGHT_TO_NIGHT * odd[:, :, :1])
    return random.multinomial(rows, np.concatenate([nulls, (1 - nulls) * shares], axis=-1))


@dataclass(frozen=True)
class Apart:
    """What is measured of nights, each of shape (nights, columns).

    The cells of a column are taken to be of equal width, all their values in the middle.
    """

    distance: np.ndarray
    moved: np.ndarray
    ks: np.ndarray
    nulls: np.ndarray


def apart_of(nights: Counts, others: Counts) -> Apart:
    """How far nights lie from others."""
    shares = [
        each[..., 1:] / each[..., 1:].sum(axis=-1, keepdims=True) for each in (nights, others)
    ]
    apart = np.abs(np.cumsum(shares[0] - shares[1], axis=-1)).sum(axis=-1)
    nulls = nights[..., 0] / nights.sum(axis=-1) - others[..., 0] / others.sum(axis=-1)
    return Apart(
        js_distance(nights[..., 1:], others[..., 1:]),
        apart / np.arange(CELLS).std(),
        distance.ks_statistic(nights[..., 1:], others[..., 1:]),
        np.abs(nulls),
    )


def _profile(counted: Counts) -> ColumnProfile:
    nulls, *cells = (int(count) for count in counted)
    fine = CellCounts.of(np.array(cells), np.array(cells, dtype=np.float64))
    return ColumnProfile(nulls + sum(cells), nulls, tuple(cells), 0.0, 0.0, 0.0, 1.0, fine)


def reference_of(nights: Counts) -> Reference:
    """A reference of such nights."""
    whole = nights.sum(axis=0)
    usual = apart_of(nights, whole - nights)

    def by_name(values: np.ndarray) -> dict[str, tuple[float, ...]]:
        return {name: tuple(values[:, place].tolist()) for place, name in enumerate(NAMES)}

    return Reference(
        grid=dict.fromkeys(NAMES, GRID),
        profile={name: _profile(whole[place]) for place, name in enumerate(NAMES)},
        scores=("x0",),
        nights=len(nights),
        distances=by_name(usual.distance),
        null_changes=by_name(usual.nulls),
        ks=by_name(usual.ks),
        moved=by_name(usual.moved),
        autocorrelation=autocorrelation.upper_coefficients(
            {name: autocorrelation.night_level(nights[:, at]) for at, name in enumerate(NAMES)}
        ),
    )


def evidence(before: Counts, nights: Counts) -> tuple[list[BudgetInput], np.ndarray]:
    """Each night's, and on which nights some column is over its own limit.

    The numbers are those that `assay.monitor.drift.budget` takes from a night's findings, here of
    all nights at once.
    """
    reference, rule, usual_nulls = reference_of(before), Budget(), Monitor().max_null_share_change
    now = apart_of(nights, before.sum(axis=0))
    kinds: list[Kind] = ["features"] * COLUMNS
    kinds[0] = "answers"
    asked = []
    for place, (name, kind) in enumerate(zip(NAMES, kinds, strict=True)):
        # All nights have as many rows; what few nulls more or less make of it is left alone.
        night = _profile(nights[0, place])
        most = break_limits.limits(reference, rule, name, night, most_nulls=usual_nulls)
        for of, what, values, usual, limit in (
            (kind, break_limits.DISTANCE, now.distance, reference.distances, most.distance),
            (kind, WASSERSTEIN, now.moved, reference.moved, None),
            (kind, break_limits.KS, now.ks, None, most.ks),
            ("data", break_limits.NULLS, now.nulls, reference.null_changes, most.nulls),
        ):
            series = values[:, place]
            beyond = series > (np.inf if limit is None else limit)
            asked.append((DriftTest(name, of, what), series, usual and usual[name], beyond))
    together = break_limits.together_limit(reference, rule, NAMES[1:])
    roots = np.sqrt(now.distance[:, 1:]) / np.array([together.roots[name] for name in NAMES[1:]])
    quantile = Monitor().limit_quantile
    limits = np.array([learnt_limit(reference.distances[name], quantile) for name in NAMES])
    over = now.distance > limits
    far = (roots.mean(axis=1) ** 2 > together.limit) & (over[:, 1:].sum(axis=1) > 1)
    made = []
    for night in range(len(nights)):
        seen, beyond = {}, {}
        for name in np.array(NAMES[1:])[over[night, 1:] & far[night]]:
            beyond[DriftTest(str(name), "features", break_limits.TOGETHER)] = "broken"
        for question, series, usual, broken in asked:
            if usual is not None:
                value = float(series[night])
                small = question.what == break_limits.NULLS and value <= usual_nulls
                follows = break_limits.follows(reference, question.column)
                seen[question] = SeenValue(None if small else value, usual, follows)
            if broken[night]:
                beyond[question] = "broken"
        made.append(BudgetInput(f"{night:04}", "bundle", seen, beyond=beyond))
    return made, np.any(over, axis=1)


def _incidents(judged: Iterable[RaisedAlarms], rule: Budget) -> int:
    nights = (
        SimpleNamespace(
            partition=night.partition,
            drift=SimpleNamespace(findings=()),
            alarms=night,
            snoozed=(),
            quiet=rule.nights,
        )
        for night in judged
    )
    return len(group_alarms(cast("Iterable[NightDecision]", nights)))


def stationary(
    years: int, reference: int, together: float, form: Form, rows: int, seed: int
) -> Row:
    """Years in which nothing changes, each with a reference of its own."""
    rule = Budget()
    kept: list[tuple[int, ...]] = []
    for year in range(years):
        random = np.random.default_rng([seed, reference, year])
        before = counts(random, reference, together, form=form, rows=rows)
        nights, alone = evidence(before, counts(random, YEAR, together, form=form, rows=rows))
        judged = list(alarms(nights, rule))
        kept.append(
            (
                _incidents(judged, rule),
                sum(bool(night.alarms) for night in judged),
                int(alone.sum()),
                sum(bool(night.beyond) for night in nights),
                sum(bool(night.blind) for night in judged),
            )
        )
    return Row(reference, together, form, rows, *np.array(kept).T)


def shifted(trials: int, reference: int, moved: float, seed: int) -> Share:
    """In how many trials the column that moved is in alarm within the stated number of nights."""
    found = 0
    for trial in range(trials):
        random = np.random.default_rng([seed, reference, trial, round(1000 * moved)])
        before = counts(random, reference)
        quiet, loud = counts(random, WITHIN), counts(random, WITHIN, moved=moved)
        nights, _ = evidence(before, np.concatenate([quiet, loud]))
        judged = list(alarms(nights, Budget()))[WITHIN:]
        found += any(
            alarm.question == DriftTest("x0", "answers", "distance")
            for night in judged
            for alarm in night.alarms
        )
    return Share(found, trials)


# --------------------------------------------------------------------------- what is kept

Found = dict[tuple[int, float], Share]


def entries(rows: Sequence[Row], found: Found) -> list[Result]:
    """The reference that does worst decides; the details have all of them."""
    budget = Budget().false_alarms
    worst = max(rows, key=lambda row: row.mean()[0])
    mean, low, high = worst.mean()
    calm = Result(
        name="alerts: false incidents a year where nothing changes, nights with a correlation "
        f"of up to {max(TOGETHER):g}, against the budget",
        ratio=round(mean / budget, 4),
        target=1.0,
        rows=worst.rows,
        unit="incidents",
        ours_median=round(mean, 4),
        peer_median=budget,
        spread=(round(low / budget, 4), round(high / budget, 4)),
        repeats=len(worst.incidents),
        details={
            f"{what}, {row.reference} reference nights, correlation {row.together:g}"
            + f", {FORMS[row.form]}, {row.rows} rows": value
            for row in rows
            for what, value in (
                ("incidents a year", row.mean()[0]),
                ("nights in alarm a year", float(row.nights.mean())),
                ("nights a year with a column over its own limit", float(row.alone.mean())),
            )
        },
        better="lower",
        versions=results.versions(),
        machine=results.machine(1),
    )
    stated = {
        size: share for (size, moved), share in found.items() if moved == STATED and size >= FEWEST
    }
    least = min(stated.values(), key=lambda share: share.value)
    missed = [round((1 - value) / MOST_MISSED, 4) for value in reversed(least.interval)]
    sharp = Result(
        name=f"alerts: shifts of {STATED:.0%} of a column's rows missed in {WITHIN} nights, "
        f"against {MOST_MISSED:.0%}",
        ratio=round((1 - least.value) / MOST_MISSED, 4),
        target=1.0,
        rows=ROWS,
        unit="%",
        ours_median=round(100 * (1 - least.value), 4),
        peer_median=100 * MOST_MISSED,
        spread=(missed[0], missed[1]),
        repeats=least.trials,
        details={
            f"% found: {moved:.0%} of rows, {size} reference nights": 100 * share.value
            for (size, moved), share in found.items()
        },
        better="lower",
        versions=results.versions(),
        machine=results.machine(1),
    )
    return [calm, sharp]


def page(
    rows: Sequence[Row], found: Found, broken: Mapping[tuple[str, int], alert_breaks.Seen]
) -> str:
    """All of it as Markdown."""
    rule = Budget()
    lines = [
        "# How often alarms are false, and how soon shifts are found\n",
        f"Written by `make simulate-alerts`: nights of {ROWS} or {FEW_ROWS} rows and {COLUMNS} "
        f"columns from a population that is known; docs/drift.md says more. An alarm takes "
        f"{rule.nights} of {rule.of} nights, or one that nothing explains, and "
        f"{rule.false_alarms:g} false incidents a year are allowed for. In brackets are 95 % "
        "intervals.\n",
        f"## {len(rows[0].incidents):,} years in which nothing changes\n",
        "In one direction: one number a night and column moves all its cells; all columns in one: "
        "one number a night moves all columns. Blind: nights on "
        "which some column could be in alarm by a gross break only.\n",
        "| rows | reference nights | correlation of nights | nights differ | incidents a year | "
        "nights in alarm a year | of these by a break | blind nights a year | nights a year with "
        "a column over its own limit | |",
        "|--:|--:|--:|---|--:|--:|--:|--:|--:|---|",
    ]
    for row in rows:
        mean, low, high = row.mean()
        said = "within the budget" if mean <= rule.false_alarms else "over the budget"
        lines.append(
            f"| {row.rows} | {row.reference} | {row.together:g} | {FORMS[row.form]} | "
            f"{mean:.2f} ({low:.2f} to {high:.2f}) | {row.nights.mean():.2f} | "
            f"{row.broken.mean():.2f} | {row.blind.mean():.0f} | {row.alone.mean():.1f} | {said} |"
        )
    lines += [
        f"\n## Shifts of one of {COLUMNS} columns, found within {WITHIN} nights\n",
        f"Nights of {ROWS} rows, which are independent.\n",
        "| share of rows that moved | reference nights | found |",
        "|--:|--:|--:|",
    ]
    for (size, moved), share in found.items():
        low, high = share.interval
        lines.append(f"| {moved:.0%} | {size} | {share.value:.1%} ({low:.1%} to {high:.1%}) |")
    return "\n".join([*lines, *alert_breaks.lines(broken)]) + "\n"


def main() -> int:
    """Simulate, and keep what came out; 0 if everything is as required."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.alert_simulation",
        epilog="Example: python -m benchmarks.alert_simulation --years 50 --trials 100",
    )
    parser.add_argument("--years", type=int, default=40, help="a line; %(default)s")
    parser.add_argument("--trials", type=int, default=150, help="a shift; %(default)s")
    parser.add_argument("--breaks", type=int, default=20, help="a kind; %(default)s")
    parser.add_argument("--seed", type=int, default=20130901, help="%(default)s")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "reports" / "benchmarks", help="folder of the results"
    )
    wanted = parser.parse_args()
    rows, found = [], {}
    with threadpool_limits(1):
        for many, forms, sizes in (
            (ROWS, ("cells", "direction"), REFERENCES),
            (FEW_ROWS, tuple(FORMS), FEW_ROWS_REFERENCES),
        ):
            for form, together, size in product(forms, TOGETHER, sizes):
                started = time.monotonic()
                rows.append(stationary(wanted.years, size, together, form, many, wanted.seed))
                say(f"{wanted.years} years after {size} nights", time.monotonic() - started)
        for size in SHIFTED:
            started = time.monotonic()
            for moved in MOVED:
                found[size, moved] = shifted(wanted.trials, size, moved, wanted.seed)
            say(f"{wanted.trials} shifts after {size} nights", time.monotonic() - started)
        broken = alert_breaks.run(wanted.breaks, wanted.seed)
    made = entries(rows, found)
    results.record(wanted.out, made)
    text = page(rows, found, broken)
    (wanted.out / PAGE).write_text(text, encoding="utf-8")
    print(text)
    return 0 if all(entry.met for entry in made) else 1


if __name__ == "__main__":
    sys.exit(main())
