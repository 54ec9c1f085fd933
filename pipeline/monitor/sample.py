"""Some of a night's rows with their scores, to look at. Nothing is decided on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipeline.monitor.rows import NotRead, batches
from pipeline.params import Params

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.bundle import Manifest


def night_sample(
    root: Path,
    params: Params,
    partition: str,
    manifest: Manifest,
    predictions: pa.Table,
    scores: Sequence[str],
) -> tuple[pd.DataFrame, str]:
    """Features and scores of at most ``monitor.sample_rows`` scored rows.

    Predictions are drawn, and the input is read batch by batch for the rows that match
    them by key, so memory does not grow with the input.

    Parameters
    ----------
    predictions
        The night's published predictions: the key columns and ``scores``.
    scores
        Which of their columns are scores.

    Returns
    -------
    pandas.DataFrame, str
        Drawn with the seed of params.yaml. If there are no rows to be had, none, and why.
    """
    import pandas as pd

    keys, wanted = list(manifest.keys), [*manifest.features, *scores]
    drawn = _draw(predictions.select([*keys, *scores]), params.monitor.sample_rows, params.seed)
    drawn = drawn.drop_duplicates(keys)
    try:
        found = [
            drawn.merge(rows, on=keys, how="inner")
            for batch in batches(root, params, partition, [*keys, *manifest.features])
            if len(rows := _alike(batch, drawn, keys, {params.ingest.partition_by: partition}))
        ]
    except NotRead as reason:
        return drawn.iloc[:0].reindex(columns=wanted), str(reason)
    if not found:
        return drawn.iloc[:0].reindex(columns=wanted), "none of its rows is in the input any more"
    # A duplicate in the input has one score, but may have been read twice.
    rows = pd.concat(found, ignore_index=True).drop_duplicates(keys)
    return rows[[name for name in wanted if name in rows]].reset_index(drop=True), ""


def _draw(table: pa.Table, rows: int, seed: int) -> pd.DataFrame:
    if table.num_rows > rows:
        chosen = np.random.default_rng(seed).choice(table.num_rows, rows, replace=False)
        table = table.take(pa.array(np.sort(chosen)))
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _alike(
    batch: pa.RecordBatch, drawn: pd.DataFrame, keys: list[str], known: Mapping[str, str]
) -> pd.DataFrame:
    """The rows whose keys may be among ``drawn``, keys in the types of ``drawn``.

    ``known`` are columns that files may lack because folders are named after them.
    """
    frame: pd.DataFrame = batch.to_pandas()
    frame = frame.assign(**{name: value for name, value in known.items() if name not in frame})
    lacking = [name for name in keys if name not in frame]
    if lacking:
        raise NotRead(f"its input lacks the key {', '.join(lacking)}")
    # A row without a key was quarantined, and would not fit the types of the others.
    frame = frame.dropna(subset=keys)
    mask = np.ones(len(frame), dtype=bool)
    for name in keys:
        if frame[name].dtype != drawn[name].dtype:
            frame[name] = frame[name].astype(drawn[name].dtype)
        mask &= frame[name].isin(drawn[name]).to_numpy()
    return frame[mask]
