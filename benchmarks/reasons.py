"""How fast contributions are computed, compared with LightGBM's own, on the same trees and rows.

    python -m benchmarks.reasons --rows 60000

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
from assay.compiled.contributions import explain_model
from assay.compiled.fitted_model import Model
from assay.training.candidates.pipeline import encoded_pipeline
from benchmarks.contender import ROOT
from benchmarks.measure import say

PAGE = ROOT / "reports/benchmarks/reasons.md"
COLUMNS = tuple(f"x{number}" for number in range(18))
PEER_ROWS = 3_000
"""LightGBM gets so many of the rows: its time per row does not depend on their number."""


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    frame, label = drawn(given.rows)
    lines = []
    model = fitted(lightgbm.LGBMClassifier(n_estimators=100, verbose=-1, n_jobs=1), frame, label)
    made = explain_model(model, "binary", (), FrameFeatures(frame[:2000]))
    encoder, booster = model.estimator[0], model.estimator[-1].booster_
    encoded = encoder.transform(frame[:PEER_ROWS])
    made.contributions(FrameFeatures(frame[:2000]))  # compiles
    ours, theirs = [], []
    for _ in range(given.turns):
        spent = seconds(lambda: made.contributions(FrameFeatures(frame)))
        ours.append(given.rows / spent)
        spent = seconds(lambda: booster.predict(encoded, pred_contrib=True, num_threads=1))
        theirs.append(PEER_ROWS / spent)
    own = np.asarray(booster.predict(encoded, pred_contrib=True, num_threads=1))[:, :-1]
    found = made.contributions(FrameFeatures(frame[:PEER_ROWS])).values[:, 0]
    apart = float(np.abs(own - found).max())
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    lines.append(
        f"| LightGBM, 100 trees of 31 leaves | {statistics.median(ours):,.0f} | "
        f"{statistics.median(theirs):,.0f} | {ratio:.1f} | {apart:.0e} |"
    )
    others = {
        "histogram boosting, 100 trees of 31 leaves": (
            HistGradientBoostingClassifier(max_iter=100),
            given.rows,
        ),
        "random forest, 100 full trees": (RandomForestClassifier(100, n_jobs=1), 1_000),
    }
    for name, (estimator, rows) in others.items():
        model = fitted(estimator, frame[:5_000], label[:5_000])
        made = explain_model(model, "binary", (), FrameFeatures(frame[:2000]))
        spent = [
            rows / seconds(lambda: made.contributions(FrameFeatures(frame[:rows])))  # noqa: B023
            for _ in range(given.turns)
        ]
        lines.append(f"| {name} | {statistics.median(spent):,.0f} | | | |")
    text = PAGE_TEXT.format(rows=given.rows, turns=given.turns, lines="\n".join(lines))
    PAGE.write_text(text, encoding="utf-8")
    say(text)
    return 0


PAGE_TEXT = """\
# Contributions of features: rows a second on one core

`python -m benchmarks.reasons`: {rows:,} rows of 18 numbers, {turns} turns, seconds of a core.
LightGBM's own `pred_contrib` explains the same trees; its ratio is the middle one of the turns.
Forest and boosting of scikit-learn are fitted on 5,000 rows, and have no function of their own.

| model | rows a second | LightGBM's own | ratio | furthest apart |
|---|--:|--:|--:|--:|
{lines}

**What to do with it:** explain every row of a boosted model if you like; of deep forests those that
somebody asks for.
"""

if __name__ == "__main__":
    sys.exit(main())
