"""A seeded random sample of a partition's rows, at bounded cost for large partitions.

Up to `POOL` rows, every row has the same probability. A larger partition is not read completely:
its row groups are shuffled by the seed, and rows are drawn from the first groups that together hold
up to `POOL` rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pyarrow as pa

from assay.store.delta import log, rows
from assay.store.delta.files import StagedFile
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import PREDICTIONS

POOL = 1_000_000
"""Above this number of rows, only some of the row groups are read."""
FILES = 64
"""Limit of files whose footers are read, for partitions of thousands of files."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class RowSample:
    """A sample of one run's rows.

    Attributes
    ----------
    run_id
        The run.
    table
        The rows, in the order of the partition.
    spans
        The row groups that were sampled, each as (first row, row after the last), counted over all
        rows of the partition in the order of its files.
    """

    run_id: str
    table: pa.Table
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    file: StagedFile
    number: int
    start: int
    rows: int


def draw_sample(
    place: StoreLocation,
    run_id: str,
    files: Sequence[StagedFile],
    columns: Sequence[str],
    most: int,
    seed: int,
) -> RowSample:
    """At most ``most`` rows of the predictions in ``files``."""
    random = np.random.default_rng(seed)
    pool = _pool(_groups(place, files, random), random)
    among = sum(group.rows for group in pool)
    chosen = np.arange(among)
    if among > most:
        chosen = np.sort(random.choice(among, most, replace=False))
    wanted: dict[str, list[int]] = {}
    for group in pool:
        wanted.setdefault(group.file.path, []).append(group.number)
    held = [file for file in sorted(files, key=lambda file: file.path) if file.path in wanted]
    parts, seen = [], 0
    for batch in rows.batches(place, PREDICTIONS, held, columns, wanted):
        first, end = np.searchsorted(chosen, [seen, seen + batch.num_rows])
        parts.append(batch.take(pa.array(chosen[first:end] - seen)))
        seen += batch.num_rows
    whole = log.schema_of(place.table_uri(PREDICTIONS))
    schema = pa.schema([whole.field(name) for name in columns])
    spans = tuple((group.start, group.start + group.rows) for group in pool)
    return RowSample(run_id, pa.Table.from_batches(parts, schema), spans)


def _groups(
    place: StoreLocation, files: Sequence[StagedFile], random: np.random.Generator
) -> list[_Group]:
    """The row groups of all files, or of at most `FILES` of them, in the partition's order."""
    ordered = sorted(files, key=lambda file: file.path)
    starts = [0, *accumulate(file.rows for file in ordered)]
    looked = range(len(ordered))
    if len(ordered) > FILES:
        looked = np.sort(random.permutation(len(ordered))[:FILES]).tolist()
    found = []
    for at in looked:
        start = starts[at]
        for number, count in enumerate(rows.row_group_sizes(place, PREDICTIONS, ordered[at])):
            found.append(_Group(ordered[at], number, start, count))
            start += count
    return found


def _pool(groups: list[_Group], random: np.random.Generator) -> list[_Group]:
    """All row groups, or the first ones in the shuffled order, in the partition's order."""
    if sum(group.rows for group in groups) <= POOL:
        return groups
    taken: list[int] = []
    held = 0
    for at in random.permutation(len(groups)):
        if taken and held + groups[at].rows > POOL:
            break
        taken.append(int(at))
        held += groups[at].rows
    return [groups[at] for at in sorted(taken)]
