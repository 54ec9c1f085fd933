"""What NannyML estimates on the data sets that it ships; runs in an environment of its own.

``python nannyml_run.py FOLDER`` leaves there, for each of four runs, ``<run>.json`` with a value
a chunk and ``<run>.npz`` with what ours needs: truths and scores of the same rows.
It imports nothing of Assay.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import nannyml
import numpy as np
import pandas
from sklearn.isotonic import IsotonicRegression

CHUNK = 5000
BINARY = ("roc_auc", "accuracy", "precision", "recall", "f1")
REGRESSION = ("mae", "rmse")
MULTICLASS = ("roc_auc", "accuracy", "precision", "recall", "f1")


def chunks(result, metrics):
    frame = result.filter(period="analysis").to_df()
    return {
        name: {
            "value": frame[(name, "value")].tolist(),
            "error": frame[(name, "sampling_error")].tolist(),
        }
        for name in metrics
    }


OUTSIDE = {"id", "timestamp", "y_pred", "y_true", "repaid"}


def columns(reference, analysis):
    """Features of both, and the day of the reference's rows as a whole number."""
    names = [name for name in reference if name not in OUTSIDE and "y_pred" not in name]
    days = pandas.to_datetime(reference["timestamp"]).dt.floor("D")
    found = {"reference_night": pandas.factorize(days, sort=True)[0]}
    for name in names:
        kind = float if reference[name].dtype.kind in "if" else str
        found[f"feature:{name}"] = analysis[name].to_numpy(dtype=kind)
        found[f"reference_feature:{name}"] = reference[name].to_numpy(dtype=kind)
    return names, found


def binary(calibrated=False):
    """As shipped; or with scores that an isotonic regression on the reference calibrated."""
    reference, analysis, target = nannyml.load_synthetic_car_loan_dataset()
    rows = {
        "truth": target["repaid"].to_numpy(dtype=float),
        "score": analysis["y_pred_proba"].to_numpy(dtype=float),
        "reference_truth": reference["repaid"].to_numpy(dtype=float),
        "reference_score": reference["y_pred_proba"].to_numpy(dtype=float),
    }
    rows |= columns(reference, analysis)[1]
    if calibrated:
        fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        fitted.fit(rows["reference_score"], rows["reference_truth"])
        for frame in (reference, analysis):
            frame["y_pred_proba"] = fitted.predict(frame["y_pred_proba"].to_numpy(dtype=float))
            frame["y_pred"] = (frame["y_pred_proba"] >= 0.5).astype(int)
        rows["score"] = analysis["y_pred_proba"].to_numpy(dtype=float)
        rows["reference_score"] = reference["y_pred_proba"].to_numpy(dtype=float)
    estimator = nannyml.CBPE(
        y_pred_proba="y_pred_proba", y_pred="y_pred", y_true="repaid", metrics=list(BINARY),
        problem_type="classification_binary", chunk_size=CHUNK,
    )  # fmt: skip
    estimator.fit(reference)
    started = time.monotonic()
    result = estimator.estimate(analysis)
    took = time.monotonic() - started
    return chunks(result, BINARY), rows, took, bool(estimator.needs_calibration)


def same():
    return binary(calibrated=True)


def multiclass():
    reference, analysis, target = nannyml.load_synthetic_multiclass_classification_dataset()
    classes = ("prepaid_card", "highstreet_card", "upmarket_card")
    scores = {name: f"y_pred_proba_{name}" for name in classes}
    estimator = nannyml.CBPE(
        y_pred_proba=scores, y_pred="y_pred", y_true="y_true", metrics=list(MULTICLASS),
        problem_type="classification_multiclass", chunk_size=CHUNK,
    )  # fmt: skip
    estimator.fit(reference)
    started = time.monotonic()
    result = estimator.estimate(analysis)
    took = time.monotonic() - started
    rows = {
        "truth": target["y_true"].map(classes.index).to_numpy(dtype=float),
        "score": analysis[list(scores.values())].to_numpy(dtype=float),
        "reference_score": reference[list(scores.values())].to_numpy(dtype=float),
        "reference_truth": reference["y_true"].map(classes.index).to_numpy(dtype=float),
        **columns(reference, analysis)[1],
    }
    return chunks(result, MULTICLASS), rows, took, bool(estimator.needs_calibration)


def regression():
    reference, analysis, target = nannyml.load_synthetic_car_price_dataset()
    features, made = columns(reference, analysis)
    estimator = nannyml.DLE(
        feature_column_names=features,
        y_pred="y_pred", y_true="y_true", metrics=list(REGRESSION), chunk_size=CHUNK,
    )  # fmt: skip
    estimator.fit(reference)
    started = time.monotonic()
    result = estimator.estimate(analysis)
    took = time.monotonic() - started
    rows = {
        "truth": target["y_true"].to_numpy(dtype=float),
        "score": analysis["y_pred"].to_numpy(dtype=float),
        "reference_truth": reference["y_true"].to_numpy(dtype=float),
        "reference_score": reference["y_pred"].to_numpy(dtype=float),
        **made,
    }
    return chunks(result, REGRESSION), rows, took, False


def main(folder):
    warnings.filterwarnings("ignore")
    for run in (binary, same, multiclass, regression):
        found, rows, seconds, calibrates = run()
        np.savez(folder / f"{run.__name__}.npz", **rows)
        told = {"chunks": found, "seconds": seconds, "calibrates": calibrates}
        (folder / f"{run.__name__}.json").write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
