"""A holdout that is asked again and again: how often a challenger that may not pass does.

Teams with a champion draw up to 50 challengers that are alike, none of them better, and ask each on
the same holdout, as the gate does: the product's own difference, rule and place on the holdout.
Counted are the teams of which at least one challenger passed, where each counts as the first one
(as if nobody had asked before) and where each has its place. Then what that costs: how often a
challenger that is better passes, by its place. Last the looks of every night at the metric of the
last nights, by which `assay monitor --retrain-if` advises.

    python -m benchmarks.asked_again --teams 400
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special
from threadpoolctl import threadpool_limits

from assay.gate.inputs import GateInputs
from assay.gate.rules.kinds import Policy, evaluate_rule, make_rule
from assay.metrics.intervals.difference import differences
from assay.metrics.intervals.estimates import estimates
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import NIGHT, ROW, SamplingUnits
from assay.performance import pooled
from assay.reports.comparison import Challenger, ComparedChampion, Comparison, Stability
from assay.reports.evaluation import Evaluation
from assay.reports.verdict import Outcome
from benchmarks.contender import ROOT
from benchmarks.measure import say

CONFIDENCE = 0.95
CHALLENGERS = 50
PAGE = "asked-again.md"
ALIKE = 0.5
"""Correlation of the scores of two challengers of one team, beyond the label."""
WHO: dict[str, Any] = {"owner": "benchmark", "because": "it is asked"}


@dataclass(frozen=True)
class Holdout:
    """``nights`` of so many rows each; of one row each there are no nights."""

    nights: int
    rows: int
    icc: float = 0.0

    @property
    def title(self) -> str:
        if self.rows == 1:
            return f"{self.nights} rows"
        return f"{self.nights} nights of {self.rows} rows, ICC {self.icc:g}"


@dataclass(frozen=True)
class Question:
    """A rule, and how far apart champion and challengers truly are, as AUCs."""

    title: str
    keys: dict[str, Any]
    champion: float
    challenger: float


AT_GAIN = Question("better by .02, and it is", {"kind": "change", "gain": 0.02}, 0.75, 0.77)
NO_BETTER = Question(
    "better by .02, and it is no better", {"kind": "change", "gain": 0.02}, 0.75, 0.75
)
AT_MARGIN = Question(
    "worse by at most .02, and it is worse by that", {"kind": "change", "margin": 0.02}, 0.77, 0.75
)
AT_LIMIT = Question("at least .75, and it is that", {"kind": "limit", "min": 0.75}, 0.75, 0.75)
QUESTIONS = (NO_BETTER, AT_GAIN, AT_MARGIN, AT_LIMIT)


def separation(auc: float) -> float:
    """How far apart the scores of both labels are, in their standard deviation."""
    return float(np.sqrt(2) * special.ndtri(auc))


def draw(
    random: np.random.Generator, holdout: Holdout, question: Question, challengers: int
) -> tuple[LabelledScores, Iterator[LabelledScores], SamplingUnits]:
    """Champion and challengers of one team on one holdout: binormal scores."""
    count = holdout.nights * holdout.rows
    codes = np.repeat(np.arange(holdout.nights), holdout.rows)
    while len(np.unique(truth := random.random(count) < 0.5)) < 2:
        pass
    night = np.sqrt(holdout.icc) * random.standard_normal(holdout.nights)[codes]
    kept = np.sqrt(1 - holdout.icc)

    def scored(noise: np.ndarray, auc: float) -> LabelledScores:
        scores = special.expit((truth - 0.5) * separation(auc) + night + kept * noise)
        return LabelledScores("binary", truth, scores, (), 0.5)

    shared = random.standard_normal(count)

    def one(auc: float) -> LabelledScores:
        own = random.standard_normal(count)
        return scored(np.sqrt(ALIKE) * shared + np.sqrt(1 - ALIKE) * own, auc)

    units = (
        SamplingUnits(ROW, count)
        if holdout.rows == 1
        else SamplingUnits(NIGHT, holdout.nights, codes)
    )
    return one(question.champion), (one(question.challenger) for _ in range(challengers)), units


def passes(
    champion: LabelledScores,
    challenger: LabelledScores,
    units: SamplingUnits,
    question: Question,
    places: tuple[int, ...],
) -> list[bool]:
    """Whether this challenger passes the rule, as the one at each of these places."""
    told = {"unit": units.name, "units": units.count, "rows": len(challenger), "name": "benchmark"}
    about = {"data": "sha256:d", "contract": "sha256:c", "confidence": CONFIDENCE, **told}
    if question.keys["kind"] == "change":
        found = differences(champion, challenger, units=units, confidence=CONFIDENCE)
        report: Any = Comparison(
            task="binary",
            state="compared",
            why=None,
            challenger=Challenger(candidate="one", bundle="sha256:b"),
            champion=ComparedChampion(version="v0.1.0", bundle="sha256:a"),
            differences={"auc": found["auc"]},
            slices=(),
            stability=Stability(distance=0.0, flipped=None, rows=None),
            **about,
        )
    else:
        report = Evaluation(
            task="binary",
            candidate="one",
            bundle="sha256:b",
            metrics={"auc": estimates(challenger, units, CONFIDENCE)["auc"]},
            slices=(),
            **about,
        )
    rule = make_rule(name="asked", metric="auc", **question.keys, **WHO)
    policy = Policy(tests="tests", rules=(rule,))
    answers = []
    for place in places:
        inputs = GateInputs(lambda path, stage: "", challenger=place)
        inputs.__dict__[rule.reads[0]] = report  # as if it had been read
        (finding,) = evaluate_rule(rule, inputs, policy)
        answers.append(finding.outcome is Outcome.PASS)
    return answers


def teams(
    holdout: Holdout, question: Question, seed: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each team's (row) challengers (column) pass as first ones, and at their places."""
    first, placed = (np.zeros((count, CHALLENGERS), dtype=bool) for _ in range(2))
    with threadpool_limits(1):
        for team in range(count):
            random = np.random.default_rng([seed, holdout.nights, holdout.rows, team])
            champion, challengers, units = draw(random, holdout, question, CHALLENGERS)
            for at, challenger in enumerate(challengers):
                both = passes(champion, challenger, units, question, (1, at + 1))
                first[team, at], placed[team, at] = both
    return first, placed


PLACES = (1, 2, 3, 5, 10, 20, 50)


def power(
    holdout: Holdout, gain: float, seed: int, count: int
) -> tuple[Holdout, float, np.ndarray]:
    """How often a challenger that is better by ``gain`` passes "no worse by .02", by its place."""
    question = Question("", AT_MARGIN.keys, 0.75, 0.75 + gain)
    found = np.zeros((count, len(PLACES)), dtype=bool)
    with threadpool_limits(1):
        for team in range(count):
            random = np.random.default_rng([seed, holdout.nights, team, round(1000 * gain)])
            champion, challengers, units = draw(random, holdout, question, 1)
            found[team] = passes(champion, next(challengers), units, question, PLACES)
    return holdout, gain, found.mean(axis=0)


LOOKS, WINDOW = 49, 28


def nightly(follow: float, seed: int, count: int) -> tuple[float, float]:
    """Advices of `LOOKS` nights at a metric that lies at the limit: expected, and of any at all."""
    advised = np.zeros((count, LOOKS), dtype=bool)
    for team in range(count):
        random = np.random.default_rng([seed, team, round(10 * follow)])
        steps = random.standard_normal(WINDOW + LOOKS + 50)
        for at in range(1, len(steps)):
            steps[at] = follow * steps[at - 1] + np.sqrt(1 - follow**2) * steps[at]
        row: Any = {}
        nights = [
            pooled.CountedNight(day, 300 * (0.2 + 0.02 * value), 300.0, row)
            for day, value in enumerate(steps[50:])
        ]
        for look in range(LOOKS):
            found = pooled.over(nights[look : look + WINDOW])
            advised[team, look] = found.low is not None and found.low > 0.2
    return float(advised.mean() * LOOKS), float(advised.any(axis=1).mean())


def share(part: np.ndarray) -> str:
    return f"{part.mean():.1%}"


def main() -> int:
    """Ask, and keep what came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.asked_again")
    parser.add_argument("--teams", type=int, default=400, help="of each cell; %(default)s")
    parser.add_argument("--seed", type=int, default=20130701, help="%(default)s")
    parser.add_argument("--workers", type=int, default=2, help="%(default)s")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "benchmarks")
    wanted = parser.parse_args()
    text = [
        "# A holdout that is asked again\n",
        f"Written by `python -m benchmarks.asked_again`: {wanted.teams} teams a cell, each with "
        f"{CHALLENGERS} challengers on one holdout, by the AUC. Shown is the share of teams of "
        "which at least one of the first challengers passed that may not; first as if each were "
        "the first (a level of 2.5 % for each), then as the gate counts them. What to do: compare "
        "settings on the training rows (`dvc repro select`), ask the gate with one of them, and "
        "move the holdout to fresh nights (`assay window`) before a fourth.\n",
        "| holdout | rule, and truth | 1 | 10 | 50, each as the first "
        "| 10 | 50, each at its place |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    cells = [
        (holdout, question)
        for holdout in (Holdout(120, 1), Holdout(30, 40, 0.2))
        for question in QUESTIONS
    ]
    with ProcessPoolExecutor(wanted.workers) as pool:
        asked = [pool.submit(teams, *cell, wanted.seed, wanted.teams) for cell in cells]
        better = [
            pool.submit(power, Holdout(nights, 40, 0.2), gain, wanted.seed, 2 * wanted.teams)
            for nights in (30, 90)
            for gain in (0.0, 0.02, 0.04)
        ]
        looks = [
            pool.submit(partial(nightly, follow, wanted.seed, wanted.teams))
            for follow in (0.0, 0.5, 0.8)
        ]
        for (holdout, question), each in zip(cells, asked, strict=True):
            first, placed = each.result()
            shown = [share(first[:, 0])]
            for table in (first, placed):
                shown += [share(table[:, :many].any(axis=1)) for many in (10, CHALLENGERS)]
            text.append(f"| {holdout.title} | {question.title} | {' | '.join(shown)} |")
            say(text[-1])
        text += [
            "",
            'What that costs: how often a challenger passes "worse by at most .02", by place.\n',
            f"| holdout | truly better by | {' | '.join(map(str, PLACES))} |",
            f"|---|--:|{'--:|' * len(PLACES)}",
        ]
        for each in better:
            holdout, gain, found = each.result()
            cells_of = " | ".join(f"{value:.0%}" for value in found)
            text.append(f"| {holdout.title} | {gain:g} | {cells_of} |")
        text += [
            "",
            f"Advice to train again, asked every night: advices of {LOOKS} nights at the last "
            f"{WINDOW} together, "
            "where the metric lies exactly at the limit. Claimed is one in two years to expect, "
            f"{LOOKS / 730:.3f} of {LOOKS} nights.\n",
            "| a night follows the night before by | to expect | at least one |",
            "|--:|--:|--:|",
        ]
        for follow, each in zip((0.0, 0.5, 0.8), looks, strict=True):
            expected, some = each.result()
            text.append(f"| {follow:g} | {expected:.3f} | {some:.1%} |")
    page = "\n".join(text) + "\n"
    (wanted.out / PAGE).write_text(page, encoding="utf-8")
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
