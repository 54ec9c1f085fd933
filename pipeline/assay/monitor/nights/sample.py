"""A random sample of a night's rows with their scores, for display only.

How much is read does not grow with the night: neither in the store (`assay.store.run_files`),
nor in the input, where the search starts at each row's position in the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from assay.project.params import Params
from assay.score.inputs.format import InputUnreadable, NearbyRows
from assay.score.inputs.formats import open_input

if TYPE_CHECKING:
    import pandas as pd

    from assay.model.manifest import Manifest
    from assay.store import Run, Store

LOOKED_AT = 3_000_000
"""The most input rows that are read, whether or not all sampled rows were found."""


def published_sample(
    root: Path,
    params: Params,
    store: Store,
    record: Run,
    manifest: Manifest,
    scores: Sequence[str],
) -> tuple[pd.DataFrame, str]:
    """Features and scores of at most ``monitor.sample_rows`` scored rows, sampled by seed.

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
    drawn = store.sample(record.partition, columns, params.monitor.sample_rows, params.seed)
    if drawn.run_id != record.run_id:
        # These are not the scores that were judged.
        none = drawn.table.slice(0, 0).to_pandas().reindex(columns=[*manifest.features, *scores])
        return none, "another run was published meanwhile"
    # The input also holds quarantined rows, so a scored row may lie that much further on there.
    refused = record.rows_quarantined or 0
    spans = tuple((first, end + refused) for first, end in drawn.spans)
    near = NearbyRows(spans, LOOKED_AT)
    return night_sample(root, params, record.partition, manifest, drawn.table, scores, near)


def night_sample(
    root: Path,
    params: Params,
    partition: str,
    manifest: Manifest,
    drawn: pa.Table,
    scores: Sequence[str],
    near: NearbyRows | None = None,
) -> tuple[pd.DataFrame, str]:
    """Join sampled predictions with their features from the input.

    The input is read batch by batch until every key has been found, so memory does not grow with
    it.

    Parameters
    ----------
    drawn
        Sampled published predictions: the key columns and ``scores``.
    near
        Which parts of the input to read first, and how many rows at most; all of it if None.

    Returns
    -------
    pandas.DataFrame, str
        The rows; if there are none, an empty frame and the reason.
    """
    import pandas as pd

    keys, wanted = list(manifest.keys), [*manifest.features, *scores]
    known = {params.ingest.partition_by: partition}
    rows: pd.DataFrame = drawn.select(list(dict.fromkeys([*keys, *scores]))).to_pandas()
    rows = rows.drop_duplicates(keys)
    matched = [rows.iloc[:0].reindex(columns=wanted)]
    names = list(dict.fromkeys([*keys, *manifest.features]))
    try:
        for batch in open_input(root, params).rows(partition, names, near):
            alike = _alike(batch, drawn, keys, known)
            if alike.num_rows:
                # The input may hold a key twice, but it was scored once.
                both = rows.merge(alike.to_pandas(), on=keys, how="inner").drop_duplicates(keys)
                rows = _without(rows, both, keys)
                matched.append(both)
            if rows.empty:
                break
    except InputUnreadable as reason:
        return matched[0], str(reason)
    if len(matched) == 1:
        return matched[0], "none of its rows is in the input any more"
    whole = pd.concat(matched[1:], ignore_index=True)
    return whole[[name for name in wanted if name in whole]], ""


def _without(rows: pd.DataFrame, matched: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The rows whose keys were not found yet."""
    left = rows.merge(matched[keys], on=keys, how="left", indicator="__found")
    return left[left["__found"] == "left_only"].drop(columns="__found")


def _alike(
    batch: pa.RecordBatch, drawn: pa.Table, keys: list[str], known: Mapping[str, str]
) -> pa.Table:
    """The rows whose keys may be among ``drawn``, keys cast to the types of ``drawn``.

    ``known`` are partition columns that files may lack because their folder names hold the value. A
    row without a key was quarantined and never matches.
    """
    table = pa.Table.from_batches([batch])
    for name, value in known.items():
        if name not in table.column_names:
            table = table.append_column(name, pa.repeat(pa.scalar(value), table.num_rows))
    lacking = [name for name in keys if name not in table.column_names]
    if lacking:
        raise InputUnreadable(f"its input lacks the key {', '.join(lacking)}")
    for name in keys:
        wanted = drawn.column(name)
        try:
            cells = table.column(name).cast(wanted.type)
        except pa.ArrowException:
            raise InputUnreadable(f"its input has {name} in another type") from None
        table = table.set_column(table.column_names.index(name), name, cells)
        table = table.filter(pc.is_in(cells, value_set=wanted.combine_chunks()))
    return table
