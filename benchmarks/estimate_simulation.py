"""`python -m benchmarks.estimate_simulation`: how often intervals of estimates hold what comes out.

Five parts, on the product's own functions, written to ``reports/benchmarks/estimates.md``:

- labels: scores of three shapes (normal log odds, beta, and steps as an isotonic calibration leaves
  them) at base rates down to 0.0005; labels are drawn again and again from the scores, so only they
  are uncertain;
- nights: populations whose nights differ in the level and the slope of their log odds, by a normal
  draw, with few or many reference nights; a calibration fitted on them; then a new night, of the
  same scores or of shifted ones;
- losses: the same for the expected losses of a regression;
- trust: models on tables of features that are learnt, calibrated and estimated as in training, and
  nights of them: ordinary ones, and ones that prefer some rows. Either the model sees all that
  matters, or it is linear where the truth is not;
- flights: the real nights of June to December in their order (`benchmarks.estimate_flights`).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from assay.columns.features import Floats, FrameFeatures
from assay.columns.grid_builder import build_grid
from assay.columns.night_effects import NightEffects, learn_loss, learn_probability
from assay.columns.profile_counter import compute_profile
from assay.columns.score_grid import probability_grid
from assay.compiled.fitted_model import calibrate_class
from assay.metrics.labelled_scores import LabelledScores
from assay.model.prediction import LOSSES
from assay.performance.estimate import binary, regression
from assay.performance.estimate.decisions import cells_from_profile
from assay.training.train.calibrate import cross_calibrate, fit_calibrator
from benchmarks import estimate_flights, estimated_bundle
from benchmarks.contender import ROOT

REFERENCE = 100_000
CONFIDENCE = 0.95
SHAPES = ("normal", "beta", "steps")
SHAPED = (
    *((0.0005, 30_000), (0.0005, 100_000), (0.005, 3_000), (0.005, 100_000)),
    *((0.3, 1_000), (0.3, 20_000)),
)
"""Base rates and rows."""

ALIKE = NightEffects(0.0, 0.0, 0.0, 0.0, 1000)
"""Nights that do not differ."""

DIFFER = ((0.0, 0.0), (0.3, 0.1), (0.7, 0.3))
"""Standard deviations of the nights' level and slope of the log odds."""

SIZES = ((10, 500), (30, 300), (60, 1000))
"""Reference nights, and rows of each."""

FOLDS = 5
HARMLESS = ("ordinary", "prefers high a", "prefers low b", "prefers both")


def drawn(shape: str, base: float, rows: int, random: np.random.Generator) -> Floats:
    """Probabilities with a mean near ``base``."""
    if shape == "beta":
        return np.clip(random.beta(0.7, 0.7 / base - 0.7, rows), 1e-9, 1.0)
    odds = np.log(base) - 1.8**2 / 2 + 1.8 * random.normal(size=rows)
    p = expit(odds)
    return np.exp(np.round(2 * np.log(p)) / 2) if shape == "steps" else p


def expit(odds: Floats) -> Floats:
    """The probabilities of log odds."""
    return np.asarray(1 / (1 + np.exp(-odds)))


def area(p: Floats) -> float:
    """The expected share of pairs in the right order, from every row alone."""
    ordered = np.sort(p)
    below = np.concatenate([[0], np.cumsum(1 - ordered)[:-1]])
    pairs = ordered.sum() * (1 - ordered).sum() - ordered @ (1 - ordered)
    return float(ordered @ below / pairs)


def estimated(p: Floats, before: Floats, threshold: float, effects: NightEffects | None) -> Any:
    """The estimates of a night, on the cells that the reference's scores draw."""
    grid = probability_grid(before, threshold)
    profile = compute_profile(FrameFeatures(pd.DataFrame({"p": p})), {"p": grid})
    cells = cells_from_profile(profile["p"], grid)
    return binary.estimate(cells, threshold, CONFIDENCE, effects)


def of_labels(
    shape: str, base: float, rows: int, trials: int, seed: int
) -> tuple[float, dict[str, float | None]]:
    """How far the AUC is off, and the coverage of each metric; None where it has no interval."""
    random = np.random.default_rng(seed)
    before, p = drawn(shape, base, REFERENCE, random), drawn(shape, base, rows, random)
    threshold = float(np.quantile(before, 0.999 if base < 0.01 else 0.9))
    found = estimated(p, before, threshold, ALIKE)
    ends = {name: (one.low, one.high) for name, one in found.items() if one.low is not None}
    inside = dict.fromkeys(ends, 0)
    for _ in range(trials):
        realized = LabelledScores("binary", random.random(rows) < p, p, (), threshold).values()
        for name, (low, high) in ends.items():
            inside[name] += low <= realized[name] <= high
    off = abs(float(found["auc"].value or np.nan) - area(p))
    return off, {name: inside[name] / trials if name in ends else None for name in found}


class Tally:
    """Of each metric, whether an interval held the truth, and how wide it was."""

    def __init__(self) -> None:
        self.held: dict[str, list[tuple[bool, bool, float]]] = {}

    def add(self, alone: Any, found: Any, realized: Any) -> None:
        """Count the intervals of labels alone, and those of the product, against the truth."""
        for name, one in found.items():
            if one.low is not None and alone[name].low is not None:
                before, now = (
                    each[name].low <= realized[name] <= each[name].high for each in (alone, found)
                )
                width = (one.high - one.low) / max(alone[name].high - alone[name].low, 1e-12)
                self.held.setdefault(name, []).append((before, now, width))

    def shown(self, metrics: tuple[str, ...]) -> str:
        """Coverage of the labels alone -> of the product, in percent, and the width."""
        parts = []
        for name in metrics:
            rows = np.array(self.held.get(name, []), dtype=float)
            if not len(rows):
                parts.append("none")
                continue
            before, now, width = rows.mean(axis=0)
            parts.append(f"{100 * before:.0f} -> {100 * now:.0f} (x{width:.1f})")
        return " | ".join(parts)


def of_nights(
    size: tuple[int, int], differ: tuple[float, float], method: str, shift: float, trials: int
) -> Tally:
    """A calibration of some nights, and a new one."""
    random, tally = np.random.default_rng(1), Tally()

    def night(count: int, moved: float) -> tuple[Floats, Floats]:
        odds = random.normal(-1.4 + moved, 1.2, (count, size[1]))
        level, slope = random.normal(size=(2, count, 1)) * np.array(differ)[:, None, None]
        label = random.random(odds.shape) < expit(odds + level + slope * (odds + 1.4))
        return expit(1.3 * odds + 0.3).ravel(), label.ravel()

    of_row = np.repeat(np.arange(size[0]), size[1])
    block = of_row * FOLDS // size[0]
    for _ in range(trials):
        raw, label = night(size[0], 0.0)
        fitted = fit_calibrator("binary", method, raw, label)
        unseen = cross_calibrate("binary", method, raw, label, block)
        before = calibrate_class(fitted, raw)
        threshold = float(np.quantile(before, 0.9))
        effects = learn_probability(unseen, label.astype(float), of_row)
        scores, truth = night(1, shift)
        p = calibrate_class(fitted, scores)
        realized = LabelledScores("binary", truth, p, (), threshold).values()
        found, alone = (estimated(p, before, threshold, each) for each in (effects, ALIKE))
        tally.add(alone, found, realized)
    return tally


def of_losses(size: tuple[int, int], differ: tuple[float, float], shift: float, trials: int) -> Any:
    """Expected losses that are right on average, and a new night of errors."""
    random, tally = np.random.default_rng(2), Tally()
    of_row = np.repeat(np.arange(size[0]), size[1])

    def night(count: int, moved: float) -> tuple[Floats, Floats]:
        spread = np.exp(random.normal(moved, 0.6, (count, size[1])))
        level, slope = random.normal(size=(2, count, 1)) * np.array(differ)[:, None, None]
        error = random.normal(size=spread.shape) * spread
        return spread.ravel(), (error * np.exp(level + slope * np.log(spread))).ravel()

    for _ in range(trials):
        spread, error = night(size[0], 0.0)
        # Both losses as expected on average over nights.
        absolute = np.abs(error).mean() / spread.mean()
        squared = np.square(error).mean() / np.square(spread).mean()
        expected = {LOSSES[0]: absolute * spread, LOSSES[1]: squared * np.square(spread)}
        losses = {LOSSES[0]: np.abs(error), LOSSES[1]: np.square(error)}
        effects = {name: learn_loss(expected[name], losses[name], of_row) for name in LOSSES}
        noise = {
            name: float(np.square(losses[name] - expected[name]).sum())
            / float(np.square(expected[name]).sum())
            for name in LOSSES
        }
        grid = {
            name: build_grid(pd.DataFrame({"l": expected[name]}), ["l"], [])["l"] for name in LOSSES
        }
        own, off = night(1, shift)
        counted = {LOSSES[0]: absolute * own, LOSSES[1]: squared * np.square(own)}
        profile = compute_profile(FrameFeatures(pd.DataFrame(index=range(size[1]))), grid, counted)
        columns = [profile[name] for name in LOSSES]
        alike = dict.fromkeys(LOSSES, ALIKE)
        found, alone = (
            regression.estimate_from_features(*columns, noise, len(error), CONFIDENCE, each)
            for each in (effects, alike)
        )
        realized = {"mae": np.abs(off).mean(), "rmse": np.sqrt(np.square(off).mean())}
        tally.add(alone, found, realized)
    return tally


def table(random: np.random.Generator, nights: int, rows: int) -> tuple[pd.DataFrame, Floats]:
    """Features of nights that differ a little, and the true log odds."""
    count = nights * rows
    frame = pd.DataFrame(random.gamma(3, 1, (count, 6)), columns=[*"abcdef"])
    frame += np.repeat(random.normal(0, 0.1, (nights, 6)), rows, axis=0)
    level = np.repeat(random.normal(0, 0.15, nights), rows)
    odds = 2.5 - 0.9 * frame["a"] + 0.4 * frame["b"] + 0.35 * (frame["c"] - 3) * (frame["d"] - 3)
    return frame, odds.to_numpy() + level


def preferred(name: str, frame: pd.DataFrame, random: np.random.Generator) -> Floats:
    """Weights with which a night draws its rows."""
    a, b = frame["a"].to_numpy(), frame["b"].to_numpy()
    tilt = {"prefers high a": 0.2 * a, "prefers low b": -0.2 * b, "prefers both": 0.15 * (a - b)}
    weight = np.exp(tilt.get(name, 0 * a))
    return weight / weight.sum()


def of_trust(kind: str, trials: int, each: int) -> dict[str, tuple[float, float, float]]:
    """Per choice of rows: shares of nights trusted, held if trusted, and held if all were."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    counts = {name: np.zeros(4) for name in HARMLESS}
    nights, rows, threshold = 30, 500, 0.5
    of_row = np.repeat(np.arange(nights), rows)
    block = of_row * FOLDS // nights
    for trial in range(trials):
        random = np.random.default_rng([7, trial])
        frame, odds = table(random, nights, rows)
        label = random.random(len(odds)) < expit(odds)
        estimator: Any = (
            HistGradientBoostingClassifier(
                max_iter=150, learning_rate=0.06, max_leaf_nodes=8, random_state=1
            )
            if kind == "sees all that matters"
            else make_pipeline(StandardScaler(), LogisticRegression())
        )
        split = [(np.flatnonzero(block != k), np.flatnonzero(block == k)) for k in range(FOLDS)]
        raw = cross_val_predict(estimator, frame, label, cv=split, method="predict_proba")[:, 1]
        fitted = fit_calibrator("binary", "sigmoid", raw, label)
        made = SimpleNamespace(
            scored=LabelledScores("binary", label, calibrate_class(fitted, raw), (), threshold),
            unseen=cross_calibrate("binary", "sigmoid", raw, label, block),
        )
        bundle = estimated_bundle.learn(made, frame, of_row, threshold, FOLDS)
        estimator.fit(frame, label)
        for name in HARMLESS:
            for _ in range(each):
                pool, true = table(random, 1, 20 * rows)
                drawn_rows = random.choice(len(pool), rows, False, preferred(name, pool, random))
                night = pool.iloc[drawn_rows].reset_index(drop=True)
                came = random.random(rows) < expit(true[drawn_rows])
                score = calibrate_class(fitted, estimator.predict_proba(night)[:, 1])
                found = estimated_bundle.estimate(bundle, night, score, CONFIDENCE)
                realized = LabelledScores("binary", came, score, (), threshold).values()
                metrics = found.parts[0].metrics
                known = [m for m, one in metrics.items() if one.low is not None]
                held = sum(metrics[m].low <= realized[m] <= metrics[m].high for m in known)
                counts[name] += [found.trusted, 1, held, len(known)]
    return {
        name: (one[0] / one[1], one[2] / max(one[3], 1), one[3]) for name, one in counts.items()
    }


FLIGHTS = (
    *(("isotonic", 0.35, 1), ("isotonic", 0.4, 1), ("isotonic", 0.5, 1)),
    *(("sigmoid", 0.4, 1), ("isotonic", 0.4, 7)),
)
"""Calibration, threshold, and days after which labels come."""


def of_flights(method: str, threshold: float, days: int) -> tuple[dict[str, Tally], str]:
    """By month and over all, and how many nights were trusted."""
    found, trusted = {"": Tally()}, []
    for date, trust, alone, wide, realized in estimate_flights.in_order(
        method, threshold, days, CONFIDENCE
    ):
        trusted.append(trust)
        for name in ("", date[:7]):
            found.setdefault(name, Tally()).add(alone, wide, realized)
    return found, f"{sum(trusted)} of {len(trusted)}"


def lines(trials: int, seed: int) -> Iterator[str]:
    """The page, a line at a time."""
    yield "## Labels alone\n"
    yield f"Coverage in percent of {trials} sets of labels.\n"
    yield f"| shape | base rate | rows | AUC off by | {' | '.join(binary.METRICS)} |"
    yield "|---|--:|--:|--:|" + "--:|" * len(binary.METRICS)
    for base, rows in SHAPED:
        for shape in SHAPES:
            off, held = of_labels(shape, base, rows, trials, seed)
            shown = ("none" if one is None else f"{100 * one:.0f}" for one in held.values())
            yield f"| {shape} | {base:g} | {rows:,} | {off:.5f} | {' | '.join(shown)} |"
    yield "\n## Nights that differ\n"
    yield (
        f"{trials} populations a line. Coverage in percent of the labels' interval alone -> of the "
        "estimate's, and how many times as wide that is.\n"
    )
    yield f"| nights | differ by | calibration | shift | {' | '.join(binary.METRICS)} |"
    yield "|---|--:|---|--:|" + "--:|" * len(binary.METRICS)
    for size in SIZES:
        for differ in DIFFER:
            for method in ("isotonic", "sigmoid"):
                for shift in (0.0, 0.8):
                    tally = of_nights(size, differ, method, shift, trials)
                    about = f"{size[0]} of {size[1]:,} | {differ[0]:g}, {differ[1]:g} | {method}"
                    yield f"| {about} | {shift:g} | {tally.shown(binary.METRICS)} |"
    yield "\n## Losses\n"
    yield "| nights | differ by | shift | mae | rmse |"
    yield "|---|--:|--:|--:|--:|"
    for size in SIZES:
        for differ in ((0.0, 0.0), (0.15, 0.05)):
            for shift in (0.0, 0.5):
                tally = of_losses(size, differ, shift, trials)
                about = f"{size[0]} of {size[1]:,} | {differ[0]:g}, {differ[1]:g} | {shift:g}"
                yield f"| {about} | {tally.shown(('mae', 'rmse'))} |"
    yield "\n## Trust\n"
    populations = max(trials // 10, 2)
    yield f"{populations} populations of 30 nights of 500 rows, 5 nights of each kind.\n"
    yield "| model | night | trusted, % | truth in the intervals of trusted ones, % |"
    yield "|---|---|--:|--:|"
    for kind in ("sees all that matters", "is linear, the truth is not"):
        for name, (trusted, held, known) in of_trust(kind, populations, 5).items():
            shown = f"{100 * held:.0f}" if known else "none"
            yield f"| {kind} | {name} | {100 * trusted:.0f} | {shown} |"
    yield "\n## Flights in their order\n"
    yield (
        "A model of January to May, on the nights of June to December one after the other. "
        "Coverage in percent over the trusted nights, by the reference alone -> with the labels of "
        "the nights before, and how many times as wide that is on average.\n"
    )
    yield f"| calibration | threshold | labels after | trusted | {' | '.join(binary.METRICS)} |"
    yield "|---|--:|---|--:|" + "--:|" * len(binary.METRICS)
    months: dict[str, Tally] = {}
    for method, threshold, days in FLIGHTS:
        by_month, trusted = of_flights(method, threshold, days)
        months = months or {name: one for name, one in by_month.items() if name}
        about = f"{method} | {threshold:g} | {days} d | {trusted}"
        yield f"| {about} | {by_month[''].shown(binary.METRICS)} |"
    method, threshold, days = FLIGHTS[0]
    yield "\nThe first of these lines by month.\n"
    yield f"| month | {' | '.join(binary.METRICS)} |"
    yield "|---|" + "--:|" * len(binary.METRICS)
    for month, tally in months.items():
        yield f"| {month} | {tally.shown(binary.METRICS)} |"


def main() -> int:
    """Write the page and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimate_simulation")
    parser.add_argument("--trials", type=int, default=200, help="sets of labels a line")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "benchmarks")
    wanted = parser.parse_args()
    started, made = time.monotonic(), []
    for line in lines(wanted.trials, wanted.seed):
        print(line, flush=True)
        made.append(line)
    took = f"It took {time.monotonic() - started:.0f} seconds of one core."
    head = (
        "# Intervals of estimates, simulated\n\n"
        f"Written by `python -m benchmarks.estimate_simulation --trials {wanted.trials}`. {took}"
        "\n\nWith 30 nights of labels or more, read an estimate's interval as it is; with ten it "
        "is wider than needed. A night without an interval needs labels before anybody trusts its "
        "value. Keep labels coming: they widen the intervals of what the reference cannot show, "
        "and while outcomes change, as in September below, those of precision and F1 are too "
        "narrow for some weeks.\n"
    )
    (wanted.out / "estimates.md").write_text(head + "\n" + "\n".join(made) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
