"""A peer for one night: read it whole with pandas, `predict_proba`, write it."""

from __future__ import annotations

import itertools
import pickle
import time
from pathlib import Path

import pandas as pd

from benchmarks.contender import Answer, serve


def main() -> None:
    def run(model: str, keys: list[str], night: str, output: str) -> Answer:
        with Path(model).open("rb") as source:
            fitted = pickle.load(source)
        target = Path(output)
        target.mkdir(parents=True)
        times = [time.perf_counter()]
        rows = pd.read_parquet(night)
        times.append(time.perf_counter())
        probability = fitted.predict_proba(rows[list(fitted.feature_names_in_)])[:, 1]
        times.append(time.perf_counter())
        rows[keys].assign(probability=probability).to_parquet(target / "part.parquet", index=False)
        times.append(time.perf_counter())
        steps = dict(zip(("read", "score", "write"), _steps(times), strict=True))
        return {"seconds": times[-1] - times[0], "rows": len(rows), "parts": steps}

    serve({"run": run})


def _steps(times: list[float]) -> list[float]:
    return [later - sooner for sooner, later in itertools.pairwise(times)]


if __name__ == "__main__":
    main()
