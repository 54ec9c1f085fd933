"""The fast carrier stripped to its scoring: how much all the rest of a run costs beside it.

The same splits, the same reading, the same scoring functions and the same Parquet out, but
no contract, quarantine, profile, look at keys, stamp or publication.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from assay.contract.columns import Columns
from assay.contract.definition import Contract
from assay.model import bundle
from assay.model.bundle import Bundle
from assay.model.bundle_files import Files
from assay.score.inputs.split import RowGroups, input_batches, split_tasks
from assay.score.spark.tasks import freeze_imports

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from assay.score.inputs.formats import InputFile

Model = tuple[Files, str, tuple[str, ...]]


def run(
    spark: SparkSession,
    files: Sequence[InputFile],
    scorer: Bundle,
    contract: Contract,
    batch_rows: int,
    output: Path,
) -> int:
    """Score files into files; how many rows there were."""
    context = spark.sparkContext
    tasks = split_tasks(files, context.defaultParallelism)
    model: Model = (scorer.scoring_files, scorer.digest, scorer.allow_types)
    shared = context.broadcast(pickle.dumps((model, contract)))

    def work(task: tuple[int, tuple[RowGroups, ...]]) -> int:
        number, parts = task
        given, rules = pickle.loads(shared.value)
        try:
            return score(given, rules, parts, batch_rows, output / f"part-{number:05d}.parquet")
        finally:
            freeze_imports()

    try:
        handed_out = context.parallelize(list(enumerate(tasks)), max(len(tasks), 1))
        return sum(handed_out.map(work).collect())
    finally:
        shared.unpersist()


_loaded: dict[str, Bundle] = {}


def _bundle(model: Model) -> Bundle:
    """The model, kept by the process that works with it from one task to the next."""
    files, digest, allow_types = model
    if digest not in _loaded:
        _loaded.clear()
        _loaded[digest] = bundle.from_files(
            files, "bundle", expected=digest, allow_types=allow_types, whole=False
        )
    return _loaded[digest]


def score(
    model: Model, contract: Contract, parts: tuple[RowGroups, ...], batch_rows: int, target: Path
) -> int:
    """Score some row groups into one file; how many rows they held."""
    loaded, rows = _bundle(model), 0
    writer = None
    for piece in input_batches(parts, contract, batch_rows):
        columns = Columns(contract, piece.rows)
        scored = pa.Table.from_batches([piece.rows]).select(list(contract.keys))
        scored = scored.append_column("probability", pa.array(loaded.scorer.scores(columns)))
        if writer is None:
            writer = pq.ParquetWriter(target, scored.schema)
        writer.write_table(scored)
        rows += scored.num_rows
    if writer is not None:
        writer.close()
    return rows
