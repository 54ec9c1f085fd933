"""A peer for the start: a script that scores nights with pandas and scikit-learn, and ends."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pandas as pd


def main() -> None:
    """``MODEL OUTPUT KEYS NIGHT...``: the output is a folder, the keys have commas between them."""
    model, output, keys, *nights = sys.argv[1:]
    with Path(model).open("rb") as source:
        fitted = pickle.load(source)
    for night in nights:
        rows = pd.read_parquet(night)
        probability = fitted.predict_proba(rows[list(fitted.feature_names_in_)])[:, 1]
        scored = rows[keys.split(",")].assign(probability=probability)
        scored.to_parquet(Path(output, f"{Path(night).name}.parquet"), index=False)


if __name__ == "__main__":
    main()
