"""A peer for the start: a Spark session as it is, and one scikit-learn job in it.

Prints the second (since the epoch) at which its first batch was scored.
"""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def main() -> None:
    from pyspark.sql import SparkSession

    master, model, night = sys.argv[1:]
    spark = SparkSession.builder.master(master).getOrCreate()

    def score(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        with Path(model).open("rb") as source:
            fitted = pickle.load(source)
        for batch in batches:
            probability = fitted.predict_proba(batch[list(fitted.feature_names_in_)])[:, 1]
            yield batch[[]].assign(probability=probability, at=time.time())

    scored = spark.read.parquet(night).mapInPandas(score, "probability double, at double")
    print(min(row.at for row in scored.collect()))
    spark.stop()


if __name__ == "__main__":
    main()
