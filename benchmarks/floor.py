"""The floor: what reading a night and writing its predictions costs if nothing is scored.

A pool of warm processes; each takes the next file, reads the columns that the contract names with
Arrow, and writes the columns that a run publishes: keys, an answer, and where it comes from. What
repeats is a dictionary and there are no statistics, as in a run; the rest is as Arrow does unasked.
The answer is drawn at random, because real ones do not compress either.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.contender import Answer, serve

BATCH_ROWS = 50_000
GROUP = 8
"""Batches in a row group that is written: about as many rows as in a run's."""
STAMPS = {"model_version": "v1.0.0", "bundle": f"sha256:{'0' * 64}", "run_id": "a-run"}

Task = tuple[tuple[str, ...], tuple[str, ...], str, str]


def copy(task: Task) -> int:
    """Read one file, and write one of as many answers; how many rows it held."""
    columns, keys, source, target = task
    metadata = pq.read_metadata(source)
    schema = metadata.schema.to_arrow_schema()
    texts = [name for name in columns if pa.types.is_string(schema.field(name).type)]
    drawn = np.random.default_rng(0)
    writer, held = None, []
    with pq.ParquetFile(source, metadata=metadata, read_dictionary=texts) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=list(columns), use_threads=False):
            held.append(_answered(batch, keys, drawn))
            if writer is None:
                writer = _writer(target, held[0].schema)
            if len(held) == GROUP:
                writer.write_table(pa.concat_tables(held))
                held = []
    if writer is not None:
        if held:
            writer.write_table(pa.concat_tables(held))
        writer.close()
    return int(metadata.num_rows)


def _answered(batch: pa.RecordBatch, keys: tuple[str, ...], drawn: np.random.Generator) -> pa.Table:
    rows = batch.num_rows
    probability = drawn.random(rows)
    columns = {name: batch.column(name) for name in keys}
    columns |= {"prediction": pa.array(probability > 0.5), "probability": pa.array(probability)}
    places = np.zeros(rows, np.int32)
    for name, value in STAMPS.items():
        columns[name] = pa.DictionaryArray.from_arrays(places, [value])
    now = pa.scalar(datetime(2024, 1, 1, tzinfo=UTC), pa.timestamp("us", "UTC"))
    return pa.table({**columns, "scored_at": pa.repeat(now, rows)})


def _writer(target: str, schema: pa.Schema) -> pq.ParquetWriter:
    repeats = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    return pq.ParquetWriter(target, schema, use_dictionary=repeats, write_statistics=False)


def main() -> None:
    processes = int(sys.argv[1])
    with multiprocessing.get_context("spawn").Pool(processes) as pool:

        def run(columns: list[str], keys: list[str], night: str, output: str) -> Answer:
            target = Path(output)
            target.mkdir(parents=True)
            started = time.perf_counter()
            tasks = [
                (tuple(columns), tuple(keys), str(file), str(target / file.name))
                for file in sorted(Path(night).glob("*.parquet"))
            ]
            rows = sum(pool.imap_unordered(copy, tasks, chunksize=1))
            return {"seconds": time.perf_counter() - started, "rows": rows}

        serve({"run": run})


if __name__ == "__main__":
    main()
