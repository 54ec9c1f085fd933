"""Finds duplicate keys of large nights on the executors, which share the hash ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.score.duplicate_keys import RANGES, KeyFile, duplicates_in_ranges, split_ranges

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ON_DRIVER = 50_000_000
"""Up to this many rows, the driver counts hashes itself: a Spark job's half second would take
longer."""


def duplicate_hashes(spark: SparkSession, files: Sequence[KeyFile]) -> dict[int, int]:
    """Hashes that occur more than once, with counts; see `assay.score.duplicate_keys`."""
    if not files:
        return {}
    if sum(file.bounds[-1] for file in files) <= ON_DRIVER:
        return duplicates_in_ranges(files, range(RANGES))
    ranges = split_ranges(4 * spark.sparkContext.defaultParallelism)
    shared = tuple(files)
    found: dict[int, int] = {}
    for part in (
        spark.sparkContext.parallelize(ranges, len(ranges))
        .map(lambda numbers: duplicates_in_ranges(shared, numbers))
        .collect()
    ):
        found.update(part)
    return found
