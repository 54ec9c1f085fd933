"""How fast contributions are computed, beside LightGBM's own and shap, on the same trees and rows.

    python -m benchmarks.reasons --rows 32768

Writes reports/benchmarks/reasons.md. Times are of one core, in turns; the ratio is the middle one.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import lightgbm
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from assay.columns.features import FrameFeatures
from assay.compiled.compile import compile_model
from assay.compiled.contributions import explain_model
from assay.compiled.fitted_model import Model
from assay.training.candidates.pipeline import encoded_pipeline
from benchmarks.contender import ROOT
from benchmarks.measure import say

PAGE = ROOT / "reports/benchmarks/reasons.md"
COLUMNS = tuple(f"x{number}" for number in range(18))
PEER_ROWS = 3_000
"""Others get so many of the rows: their time per row does not depend on their number."""
REFERENCE = 100
"""Rows that others are compared with."""


def drawn(rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers, of which some act together, and a label."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(rows, len(COLUMNS))), columns=list(COLUMNS))
    value = frame["x0"] * frame["x1"] + frame["x2"] - frame["x3"] ** 2 + frame["x4"] * frame["x5"]
    return frame, (value + rng.normal(size=rows) > 0).to_numpy()


def fitted(estimator: object, frame: pd.DataFrame, label: np.ndarray) -> Model:
    """The estimator as `assay train` would fit it."""
    made = encoded_pipeline(estimator, "auto", COLUMNS, (), seed=1, ordered={})
    return Model(made.pipeline.fit(frame, label), None, COLUMNS, ())


def seconds(work: Callable[[], object]) -> float:
    """Seconds of a core."""
    before = time.process_time()
    work()
    return time.process_time() - before


def theirs_by_shap(model: Model, frame: pd.DataFrame) -> tuple[float, np.ndarray] | None:
    """Shap's rows a second and its values of the second class; None if it is not installed.

    It is no dependency: ``pip install shap`` in an environment of its own.
    """
    try:
        import shap
    except ImportError:
        return None
    explainer = shap.TreeExplainer(model.estimator[-1])
    values: list[np.ndarray] = []
    rows = np.ascontiguousarray(model.estimator[0].transform(frame))
    spent = seconds(lambda: values.append(explainer.shap_values(rows, check_additivity=False)))
    (found,) = values
    return len(frame) / spent, found[:, :, 1] if found.ndim == 3 else found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=32_768)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    frame, label = drawn(given.rows)
    lines = []
    models = {
        "LightGBM, 100 trees of 31 leaves": (
            lightgbm.LGBMClassifier(n_estimators=100, verbose=-1, n_jobs=1),
            given.rows,
        ),
        "histogram boosting, 100 trees of 31 leaves": (
            HistGradientBoostingClassifier(max_iter=100),
            given.rows,
        ),
        "random forest, 100 full trees": (RandomForestClassifier(100, n_jobs=1), 5_000),
    }
    for name, (estimator, trained) in models.items():
        model = fitted(estimator, frame[:trained], label[:trained])
        compiled = compile_model(model, "binary", ())
        for against in ("population", "reference"):
            made = explain_model(model, compiled, FrameFeatures(frame[:REFERENCE]), against)
            made.contributions(FrameFeatures(frame[:2]))  # compiles
            ours, peers, apart = [], dict[str, list[float]](), dict[str, float]()
            for _ in range(given.turns):
                spent = seconds(lambda: made.contributions(FrameFeatures(frame)))  # noqa: B023
                ours.append(given.rows / spent)
                if against == "population":
                    for peer, (speed, values) in peers_of(model, frame).items():
                        peers.setdefault(peer, []).append(speed)
                        rows = FrameFeatures(frame[: len(values)])
                        own = made.contributions(rows).values[:, 0]
                        apart[peer] = float(np.abs(own - values).max())
            middle = f"| {name}, against {against} | {statistics.median(ours):,.0f} |"
            for peer, speeds in peers.items():
                ratio = statistics.median(a / b for a, b in zip(ours, speeds, strict=True))
                lines.append(
                    f"{middle} {peer} | {statistics.median(speeds):,.0f} | {ratio:.1f} | "
                    f"{apart[peer]:.0e} |"
                )
            if not peers:
                lines.append(f"{middle} | | | |")
    text = PAGE_TEXT.format(
        peer_rows=PEER_ROWS, rows=given.rows, turns=given.turns, lines="\n".join(lines)
    )
    PAGE.write_text(text, encoding="utf-8")
    say(text)
    return 0


def peers_of(model: Model, frame: pd.DataFrame) -> dict[str, tuple[float, np.ndarray]]:
    """Rows a second and values of another function that explains the same trees, if any does."""
    estimator = model.estimator[-1]
    if not isinstance(estimator, lightgbm.LGBMClassifier):
        rows = 100 if hasattr(estimator, "estimators_") else PEER_ROWS
        by_shap = theirs_by_shap(model, frame[:rows])
        return {} if by_shap is None else {"shap": by_shap}
    # Of LightGBM's trees shap asks LightGBM itself.
    encoded, booster = model.estimator[0].transform(frame[:PEER_ROWS]), estimator.booster_
    values: list[np.ndarray] = []
    spent = seconds(
        lambda: values.append(booster.predict(encoded, pred_contrib=True, num_threads=1))
    )
    return {"LightGBM's own": (len(encoded) / spent, np.asarray(values[0])[:, :-1])}


PAGE_TEXT = """\
# Contributions of features: rows a second on one core

`python -m benchmarks.reasons`: {rows:,} rows of 18 numbers, {turns} turns, seconds of a core. The
forest is fitted on 5,000 rows. Others explain {peer_rows:,} rows by the same trees, shap 100
by the forest; the ratio is the middle one of the turns. Against 100 rows of reference nothing is
compared.

| model | rows a second | compared with | its rows a second | ratio | furthest apart |
|---|--:|---|--:|--:|--:|
{lines}

**What to do with it:** explain every row of a boosted model if you like; of deep forests those that
somebody asks for, or wait half a minute for 60,000.
"""

if __name__ == "__main__":
    sys.exit(main())
