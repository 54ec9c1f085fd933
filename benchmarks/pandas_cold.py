"""A peer for the start: a script that scores one night with pandas and scikit-learn, and ends."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pandas as pd


def main() -> None:
    model, night, output, *keys = sys.argv[1:]
    with Path(model).open("rb") as source:
        fitted = pickle.load(source)
    rows = pd.read_parquet(night)
    probability = fitted.predict_proba(rows[list(fitted.feature_names_in_)])[:, 1]
    rows[keys].assign(probability=probability).to_parquet(output, index=False)


if __name__ == "__main__":
    main()
