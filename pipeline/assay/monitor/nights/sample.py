"""Some of a night's rows with their scores, to look at. Nothing is decided on them.

What is read to find them stops growing with the night, in the store (`assay.store.sample`) as
in the input, where rows are looked for at the place that they have in the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from assay.project.params import Params
from assay.score.inputs.reread import Near, NotRead, batches

if TYPE_CHECKING:
    import pandas as pd

    from assay.model.bundle import Manifest
    from assay.store import RunRecord, Store

LOOKED_AT = 3_000_000
"""Rows of the input after which no more is read, whatever was found."""


def published_sample(
    root: Path,
    params: Params,
    store: Store,
    record: RunRecord,
    manifest: Manifest,
    scores: Sequence[str],
) -> tuple[pd.DataFrame, str]:
    """Features and scores of at most ``monitor.sample_rows`` scored rows, drawn by seed.

    Parameters
    ----------
    record
        The night's published run.
    scores
        Which columns of the predictions are scores.

    Returns
    -------
    pandas.DataFrame, str
        As `night_sample`.
    """
    columns = list(dict.fromkeys([*manifest.keys, *scores]))
    drawn = store.drawn(record.partition, columns, params.monitor.sample_rows, params.seed)
    if drawn.run_id != record.run_id:
        # Its scores are not those that were judged.
        none = drawn.table.slice(0, 0).to_pandas().reindex(columns=[*manifest.features, *scores])
        return none, "another run was published meanwhile"
    # A row that was refused is in the input all the same: those behind it lie further on there.
    refused = record.rows_quarantined or 0
    spans = tuple((first, end + refused) for first, end in drawn.spans)
    near = Near(spans, LOOKED_AT)
    return night_sample(root, params, record.partition, manifest, drawn.table, scores, near)


def night_sample(
    root: Path,
    params: Params,
    partition: str,
    manifest: Manifest,
    drawn: pa.Table,
    scores: Sequence[str],
    near: Near | None = None,
) -> tuple[pd.DataFrame, str]:
    """Features and scores of rows that were drawn.

    The input is read batch by batch, until all have been found by key, so memory does not grow
    with it.

    Parameters
    ----------
    drawn
        Some published predictions: the key columns and ``scores``.
    near
        Where to look first, and how far; everywhere if None.

    Returns
    -------
    pandas.DataFrame, str
        If there are no rows to be had, none, and why.
    """
    import pandas as pd

    keys, wanted = list(manifest.keys), [*manifest.features, *scores]
    known = {params.ingest.partition_by: partition}
    rows: pd.DataFrame = drawn.select(list(dict.fromkeys([*keys, *scores]))).to_pandas()
    rows = rows.drop_duplicates(keys)
    found = [rows.iloc[:0].reindex(columns=wanted)]
    names = list(dict.fromkeys([*keys, *manifest.features]))
    try:
        for batch in batches(root, params, partition, names, near=near):
            alike = _alike(batch, drawn, keys, known)
            if alike.num_rows:
                # A duplicate in the input has one score, but may have been read twice.
                both = rows.merge(alike.to_pandas(), on=keys, how="inner").drop_duplicates(keys)
                rows = _without(rows, both, keys)
                found.append(both)
            if rows.empty:
                break
    except NotRead as reason:
        return found[0], str(reason)
    if len(found) == 1:
        return found[0], "none of its rows is in the input any more"
    whole = pd.concat(found[1:], ignore_index=True)
    return whole[[name for name in wanted if name in whole]], ""


def _without(rows: pd.DataFrame, found: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Those that are still to be looked for."""
    left = rows.merge(found[keys], on=keys, how="left", indicator="__found")
    return left[left["__found"] == "left_only"].drop(columns="__found")


def _alike(
    batch: pa.RecordBatch, drawn: pa.Table, keys: list[str], known: Mapping[str, str]
) -> pa.Table:
    """The rows whose keys may be among ``drawn``, keys in the types of ``drawn``.

    ``known`` are columns that files may lack because folders are named after them. A row
    without a key was quarantined, and is none of them.
    """
    table = pa.Table.from_batches([batch])
    for name, value in known.items():
        if name not in table.column_names:
            table = table.append_column(name, pa.repeat(pa.scalar(value), table.num_rows))
    lacking = [name for name in keys if name not in table.column_names]
    if lacking:
        raise NotRead(f"its input lacks the key {', '.join(lacking)}")
    for name in keys:
        wanted = drawn.column(name)
        try:
            cells = table.column(name).cast(wanted.type)
        except pa.ArrowException:
            raise NotRead(f"its input has {name} in another type") from None
        table = table.set_column(table.column_names.index(name), name, cells)
        table = table.filter(pc.is_in(cells, value_set=wanted.combine_chunks()))
    return table
