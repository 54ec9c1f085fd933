"""`python -m benchmarks.calibration_choice`: which calibration `auto` takes, and what it costs.

Scores are calibrated by the product's own functions: `choose_calibration` in five blocks of the
training rows, then `fit_calibrator` on all of them. The cost is the log loss on rows that took no
part, above that of the best of the methods, times 10,000. Before means
scikit-learn's step function, which may say 0 or 1; now it has one imagined row at each end. Of
generated scores the true probabilities are known; of tables the last third is kept back.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from threadpoolctl import threadpool_limits

from assay.compiled import fitted_model
from assay.metrics.evaluator import CLIP
from assay.training.train import fit as calibration_choice
from assay.training.train.calibrate import fit_calibrator
from assay.training.train.fit import AUTO, METHODS, choose_calibration
from benchmarks.contender import ROOT
from data.source import flights

PAGE = "calibration.md"
FRESH, BLOCKS = 100_000, 5
ROWS = (600, 3_000, 40_000)
FLIGHTS = 90_000
Floats = np.ndarray
Fit = Callable[[Any, str, Floats, Floats], Any]


def _share(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-log_odds)))


WORLDS: Mapping[str, Callable[[Floats], tuple[Floats, Floats]]] = {
    "calibrated already": lambda z: (_share(z), _share(z)),
    "too sure, as a logistic curve says": lambda z: (_share(1.7 * z + 0.4), _share(z)),
    "a kink at 50 %": lambda z: (_share(z), _share(z + 0.5 * np.minimum(z, 0))),
    "bent upwards": lambda z: (_share(z), _share(z + 0.15 * np.maximum(z, 0) ** 2)),
    "never below 10 or above 80 %": lambda z: (_share(1.5 * z), _share(1.5 * z).clip(0.1, 0.8)),
    "rare, at most 12 %": lambda z: (_share(z - 4), (0.9 * _share(1.2 * z - 4)).clip(0, 0.12)),
    "rare, calibrated already": lambda z: (_share(z - 4), _share(z - 4)),
    "four steps": lambda z: (_share(z), 0.045 + 0.81 * (np.floor(4 * _share(z)) / 4 + 0.1)),
}
"""Scores, and the true probabilities, of latent log odds."""


def unsmoothed(task: Any, method: str, raw: Floats, truth: Floats) -> Any:
    """`fit_calibrator` with scikit-learn's own step function."""
    from sklearn.isotonic import IsotonicRegression

    if method != "isotonic":
        return fit_calibrator(task, method, raw, truth)
    return IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(raw, truth)


FITS: Mapping[str, Fit] = {"before": unsmoothed, "now": fit_calibrator}


def costs(raw: Floats, truth: Floats, fresh: Floats, known: Floats) -> dict[str, tuple[str, float]]:
    """Before and now: the method that `auto` takes, and its excess log loss on fresh rows.

    Parameters
    ----------
    known
        The true probabilities of the fresh rows, or their labels.
    """
    block = np.arange(len(raw)) * BLOCKS // len(raw)
    found, losses = {}, []
    for when, fit in FITS.items():
        with mock.patch.object(calibration_choice, "fit_calibrator", fit):
            chosen = choose_calibration("binary", AUTO, raw, truth, block).method
        each = {
            method: _loss(
                fitted_model.calibrate("binary", fit("binary", method, raw, truth), fresh), known
            )
            for method in METHODS
        }
        losses += each.values()
        found[when] = (chosen, each[chosen])
    return {when: (chosen, loss - min(losses)) for when, (chosen, loss) in found.items()}


def _loss(scores: Floats, known: Floats) -> float:
    logs = [np.log(np.clip(each, CLIP, 1)) for each in (scores, 1 - scores)]
    return float(-(known * logs[0] + (1 - known) * logs[1]).mean())


def generated(world: str, rows: int, trial: int, seed: int) -> dict[str, tuple[str, float]]:
    """One trial of a world."""
    random, bent = np.random.default_rng([seed, rows, trial]), WORLDS[world]
    raw, true = bent(1.2 * random.normal(size=rows))
    return costs(raw, random.random(rows) < true, *bent(1.2 * random.normal(size=FRESH)))


def tables() -> Iterator[tuple[str, Floats, Floats]]:
    """Name, features and labels of what scikit-learn ships and makes, and of the flights."""
    from sklearn import datasets

    cancer = datasets.load_breast_cancer()
    yield "breast cancer", cancer.data, cancer.target == 1
    features, label = datasets.make_hastie_10_2(20_000, random_state=1)
    yield "Hastie's", features, label > 0
    for share in (0.5, 0.03):
        features, label = datasets.make_classification(
            60_000, 20, n_informative=8, weights=[1 - share], flip_y=0.02, random_state=2
        )
        yield f"make_classification, {share:.0%}", features, label > 0
    # In the order of days, from January on.
    year = flights().dropna(subset=["late"])[:FLIGHTS]
    known = year.drop(columns=["late", "flight"]).select_dtypes("number").fillna(-1.0)
    yield "flights", known.to_numpy(float), year["late"].to_numpy(bool)


def models() -> Mapping[str, Any]:
    """Estimators whose scores are off in different ways."""
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.naive_bayes import GaussianNB

    return {
        "boosted trees": HistGradientBoostingClassifier(max_iter=60, random_state=0),
        "random forest": RandomForestClassifier(50, min_samples_leaf=3, random_state=0),
        "naive Bayes": GaussianNB(),
    }


def on_table(model: Any, features: Floats, label: Floats) -> dict[str, tuple[str, float]]:
    """Out-of-fold scores of the first two thirds calibrate a model for the rest."""
    from sklearn.base import clone
    from sklearn.model_selection import KFold, cross_val_predict

    (x, fresh), (y, known) = (np.split(each, [2 * len(label) // 3]) for each in (features, label))
    folds = KFold(BLOCKS)
    raw = cross_val_predict(clone(model), x, y, cv=folds, method="predict_proba")[:, 1]
    scores = clone(model).fit(x, y).predict_proba(fresh)[:, 1]
    return costs(raw, y, scores, known.astype(np.float64))


def page(lines: Mapping[tuple[str, int], list[dict[str, tuple[str, float]]]]) -> str:
    """As Markdown."""
    made = [
        "# Which calibration `auto` takes\n",
        "Written by `python -m benchmarks.calibration_choice`. Cost: the log loss on rows that "
        "took no part, above that of the best method, times 10,000, on average over the trials. "
        "Before: scikit-learn's step function may say 0 or 1. Now: one imagined row of the other "
        "class at each of its ends. Leave `auto` where there are some thousand rows; of some "
        "hundred it cannot tell, so name `sigmoid`, or `none` if the model fits probabilities. "
        "Where days drift, as in the flights, what was best on the days before may not be on those "
        "after.\n",
        "| scores | rows | trials | before: taken | cost | now: taken | cost |",
        "|---|--:|--:|---|--:|---|--:|",
    ]
    for (name, rows), found in lines.items():
        cells = []
        for when in FITS:
            taken = [each[when][0] for each in found]
            share = ", ".join(f"{m} {taken.count(m)}" for m in METHODS if m in taken)
            cells += [share, f"{1e4 * np.mean([each[when][1] for each in found]):.1f}"]
        made.append(f"| {name} | {rows:,} | {len(found)} | {' | '.join(cells)} |")
    return "\n".join(made) + "\n"


def main() -> int:
    """Simulate and write the page; 0 if `auto` costs no more than before, on average."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration_choice")
    parser.add_argument("--trials", type=int, default=20, help="a line; %(default)s")
    parser.add_argument("--seed", type=int, default=20130901, help="%(default)s")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "benchmarks")
    wanted = parser.parse_args()
    lines: dict[tuple[str, int], list[dict[str, tuple[str, float]]]] = {}
    with threadpool_limits(1):
        for world in WORLDS:
            for rows in ROWS:
                one = partial(generated, world, rows, seed=wanted.seed)
                lines[world, rows] = [one(trial=trial) for trial in range(wanted.trials)]
        for table, features, label in tables():
            for name, model in models().items():
                lines[f"{table}, {name}", len(label)] = [on_table(model, features, label)]
    text = page(lines)
    (wanted.out / PAGE).write_text(text, encoding="utf-8")
    print(text)
    every = [each for found in lines.values() for each in found]
    before, now = (np.mean([each[when][1] for each in every]) for when in FITS)
    return 0 if now <= before else 1


if __name__ == "__main__":
    sys.exit(main())
