"""Shap and woodelf, in an environment of their own: explain rows by a fitted model."""

from __future__ import annotations

import pickle
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.contender import Answer, serve


def explain(by: str, model: str, rows: str, count: int, values: str) -> Answer:
    """Explain the first rows, and keep the values; the answer has the seconds of a core."""
    estimator = pickle.loads(Path(model).read_bytes())
    table = pd.DataFrame(np.load(rows, mmap_mode="r")[:count])
    if by == "shap":
        from shap import TreeExplainer

        shap = TreeExplainer(estimator)
        before = time.process_time()
        found = shap.shap_values(table, check_additivity=False)
    else:
        from woodelf import WoodelfExplainer

        woodelf = WoodelfExplainer(estimator)
        woodelf.shap_values(table[:1_000], verbose=False)  # compiles
        before = time.process_time()
        found = woodelf.shap_values(table, verbose=False)
    seconds = time.process_time() - before
    found = np.asarray(found)
    np.save(values, found[:, :, 1] if found.ndim == 3 else found)
    return {"seconds": seconds}


if __name__ == "__main__":
    serve({"explain": explain})
