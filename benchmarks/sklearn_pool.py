"""A peer: scikit-learn in two processes, with no Spark and nothing done but scoring.

Each process takes the next file, reads key and feature columns with Arrow, asks the fitted
pipeline for `predict_proba` batch by batch, and writes keys and probability with Arrow.
No contract, no quarantine, no counts, no commit.
"""

from __future__ import annotations

import multiprocessing
import pickle
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.contender import Answer, serve

BATCH_ROWS = 50_000
"""The fastest of 25,000 to 500,000 for boosted trees and for the linear model."""

_models: dict[str, tuple[Any, list[str]]] = {}


def _model(path: str) -> tuple[Any, list[str]]:
    if path not in _models:
        _models.clear()
        with Path(path).open("rb") as source:
            fitted = pickle.load(source)
        _models[path] = fitted, list(fitted.feature_names_in_)
    return _models[path]


def score(task: tuple[str, tuple[str, ...], str, str]) -> int:
    """Score one file into one file; how many rows it held."""
    path, keys, source, target = task
    fitted, features = _model(path)
    rows = 0
    with pq.ParquetFile(source) as file:
        kept = pa.schema([file.schema_arrow.field(name) for name in keys])
        schema = kept.append(pa.field("probability", pa.float64()))
        with pq.ParquetWriter(target, schema) as writer:
            columns = list(dict.fromkeys([*keys, *features]))
            for batch in file.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
                frame = batch.select(features).to_pandas()
                probability = pa.array(fitted.predict_proba(frame)[:, 1])
                scored = [batch.column(name) for name in keys]
                writer.write_batch(pa.record_batch([*scored, probability], schema=schema))
                rows += batch.num_rows
    return rows


def main() -> None:
    processes = int(sys.argv[1])
    with multiprocessing.get_context("spawn").Pool(processes) as pool:

        def run(model: str, keys: list[str], night: str, output: str) -> Answer:
            target = Path(output)
            target.mkdir(parents=True)
            started = time.perf_counter()
            tasks = [
                (model, tuple(keys), str(file), str(target / file.name))
                for file in sorted(Path(night).glob("*.parquet"))
            ]
            rows = sum(pool.imap_unordered(score, tasks, chunksize=1))
            return {"seconds": time.perf_counter() - started, "rows": rows}

        serve({"run": run})


if __name__ == "__main__":
    main()
