"""Whether intervals hold on real rows that are clustered: the flights, their days redrawn.

Two models are trained on January to May. Of June's 30 days (and of July to December's 184) holdouts
are drawn by day, with replacement: those days are the population, so every metric's truth is known.
Each holdout goes through the functions of the stages evaluate and compare twice, by night and
by row. Shown are how often there is an answer, how often intervals hold the truth, and how often
the gate passes a challenger that is exactly at the margin.

    python -m benchmarks.redrawn_days --trials 300
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import threadpool_limits

from assay.metrics.intervals.decisions import orient_difference
from assay.metrics.intervals.difference import differences
from assay.metrics.intervals.estimates import estimates
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import NIGHT, SamplingUnits
from assay.project.tasks import METRICS
from benchmarks.contender import ROOT
from benchmarks.gate_populations import better_by
from benchmarks.measure import say
from data.source import flights

CONFIDENCE = 0.95
PAGE = "redrawn-days.md"
DRAWN_DAYS = (10, 30)
THRESHOLD = 0.35


@dataclass
class Count:
    """Over the trials of one metric: intervals, those that held the truth, and false passes."""

    trials: int = 0
    covered: int = 0
    passed: int = 0


@dataclass(frozen=True)
class Days:
    """Rows of a span of days with both models' scores; ``day`` counts the days from 0."""

    title: str
    champion: LabelledScores
    challenger: LabelledScores
    day: np.ndarray

    def drawn(self, random: np.random.Generator, days: int) -> tuple[np.ndarray, SamplingUnits]:
        """The rows of days drawn with replacement; a day drawn twice is two nights."""
        by_day = np.split(
            np.argsort(self.day, kind="stable"), np.cumsum(np.bincount(self.day))[:-1]
        )
        chosen = random.integers(0, len(by_day), days)
        rows = np.concatenate([by_day[each] for each in chosen])
        codes = np.repeat(np.arange(days), [len(by_day[each]) for each in chosen])
        return rows, SamplingUnits(NIGHT, days, codes)


def spans() -> list[Days]:
    """June, and the rest of the year."""
    table = flights()
    table = table[table["late"].notna()].sort_values("date", kind="stable")
    names = [name for name in table.columns if name not in ("late", "date", "tail_number")]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    text = [name for name in names if not pd.api.types.is_numeric_dtype(table[name])]
    x = table[names].copy()
    x[text] = encoder.fit_transform(table[text].astype(str))
    x = x.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    late, date = table["late"].astype(bool).to_numpy(), table["date"].astype(str).to_numpy()
    learnt = date < "2013-06-01"
    say(f"training two models on {int(learnt.sum()):,} flights of January to May")
    scores = []
    for seed, rate in ((1, 0.08), (2, 0.05)):
        model = HistGradientBoostingClassifier(
            max_iter=150,
            learning_rate=rate,
            early_stopping=False,
            random_state=seed,
            max_features=0.6,
        )
        scores.append(model.fit(x[learnt], late[learnt]).predict_proba(x)[:, 1])
    found = []
    for title, first, last in (
        ("June", "2013-06-01", "2013-06-30"),
        ("July to December", "2013-07-01", "2013-12-31"),
    ):
        rows = (date >= first) & (date <= last)
        champion, challenger = (
            LabelledScores("binary", late[rows], each[rows], threshold=THRESHOLD) for each in scores
        )
        found.append(Days(title, champion, challenger, pd.factorize(date[rows])[0]))
    return found


def trial(days: Days, drawn: int, random: np.random.Generator, by: str, found: dict) -> None:
    """One holdout of so many days."""
    rows, units = days.drawn(random, drawn)
    if by == "row":
        units = SamplingUnits.rows(len(rows))
    champion, challenger = days.champion.take(rows), days.challenger.take(rows)
    units = units.followed(challenger.losses(), challenger.outputs())  # as the stage evaluate does
    known = [each.evaluator().metrics() for each in (days.champion, days.challenger)]
    one = estimates(challenger, units, CONFIDENCE)
    both = differences(champion, challenger, units=units, confidence=CONFIDENCE)
    for name in METRICS["binary"]:
        count = found.setdefault((f"{days.title}, {drawn} days", by, name, "limit"), Count())
        if one[name].low is not None:
            count.trials += 1
            count.covered += one[name].low <= known[1][name] <= one[name].high
        count = found.setdefault((f"{days.title}, {drawn} days", by, name, "difference"), Count())
        bounds = orient_difference(name, both[name])
        if bounds is not None:
            truth = better_by(name, (known[0][name], known[1][name]))
            low, high = bounds.interval(CONFIDENCE)
            count.trials += 1
            count.covered += low <= truth <= high
            count.passed += low >= truth


def page(found: dict, trials: int) -> str:
    lines = [
        "# The flights, their days redrawn\n",
        f"Written by `python -m benchmarks.redrawn_days`: {trials} holdouts a "
        "row, drawn by day with replacement, so the span's own days are the population and its "
        "metrics the truth. Intervals are of 95 %; a pass is false where the challenger is exactly "
        "at the margin (2.5 % is nominal).\n",
        "| span | metric | | answered by night | covered by night | by row | false passes by night "
        "| by row |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for (span, by, name, kind), night in found.items():
        if by != "night":
            continue
        row = found[span, "row", name, kind]
        cells = [f"{night.trials / trials:.0%}"]
        cells += [f"{each.covered / each.trials:.0%}" for each in (night, row)]
        cells += [
            f"{each.passed / each.trials:.1%}" if kind == "difference" else "-"
            for each in (night, row)
        ]
        lines.append(f"| {span} | {name} | {kind} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Redraw, and keep what came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.redrawn_days")
    parser.add_argument("--trials", type=int, default=300, help="a span; %(default)s")
    parser.add_argument("--seed", type=int, default=20130601, help="%(default)s")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "benchmarks")
    wanted = parser.parse_args()
    found: dict = {}
    with threadpool_limits(1):
        for days in spans():
            for drawn in DRAWN_DAYS:
                for number in range(wanted.trials):
                    for by in ("night", "row"):
                        random = np.random.default_rng([wanted.seed, number])
                        trial(days, drawn, random, by, found)
                say(f"{wanted.trials} holdouts of {drawn} days of {days.title}")
    text = page(found, wanted.trials)
    (wanted.out / PAGE).write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
