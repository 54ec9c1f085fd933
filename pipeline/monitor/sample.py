"""Some of a night's rows with their scores, to look at. Nothing is decided on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipeline import partitions
from pipeline.params import Params
from pipeline.profile import SCORE

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.bundle import Manifest


def night_sample(
    root: Path, params: Params, partition: str, manifest: Manifest, predictions: pa.Table
) -> pd.DataFrame:
    """Features and ``probability`` of at most ``monitor.sample_rows`` scored rows.

    Predictions are drawn, and the input is read batch by batch for the rows that match
    them by key, so memory does not grow with the input.

    Parameters
    ----------
    predictions
        The night's published predictions: the key columns and ``probability``.

    Returns
    -------
    pandas.DataFrame
        Drawn with the seed of params.yaml; without rows if the input is gone.
    """
    keys = list(manifest.keys)
    drawn = _draw(predictions.select([*keys, SCORE]), params.monitor.sample_rows, params.seed)
    drawn = drawn.drop_duplicates(keys)
    folder = partitions.folder(root / params.score.input, params.ingest.partition_by, partition)
    found = [
        drawn.merge(batch, on=keys, how="inner")
        for batch in _batches(folder, [*keys, *manifest.features], drawn, keys)
    ]
    wanted = [*manifest.features, SCORE]
    if not found:
        return drawn.iloc[:0].reindex(columns=wanted)
    import pandas as pd

    # A duplicate in the input has one score, but may have been read twice.
    rows = pd.concat(found, ignore_index=True).drop_duplicates(keys)
    return rows[[name for name in wanted if name in rows]].reset_index(drop=True)


def _draw(table: pa.Table, rows: int, seed: int) -> pd.DataFrame:
    if table.num_rows > rows:
        chosen = np.random.default_rng(seed).choice(table.num_rows, rows, replace=False)
        table = table.take(pa.array(np.sort(chosen)))
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _batches(
    folder: Path, columns: list[str], drawn: pd.DataFrame, keys: list[str]
) -> list[pd.DataFrame]:
    """The folder's rows whose keys may be among ``drawn``, keys in the types of ``drawn``."""
    import pyarrow.dataset as ds

    if not folder.is_dir() or not len(drawn):
        return []
    data = ds.dataset(folder, format="parquet")
    present = list(dict.fromkeys(name for name in columns if name in data.schema.names))
    if not set(keys) <= set(present):
        return []
    kept = []
    for batch in data.to_batches(columns=present):
        # A row without a key was quarantined, and would not fit the types of the others.
        frame: pd.DataFrame = batch.to_pandas().dropna(subset=keys)
        for name in keys:
            if frame[name].dtype != drawn[name].dtype:
                frame[name] = frame[name].astype(drawn[name].dtype)
        mask = np.ones(len(frame), dtype=bool)
        for name in keys:
            mask &= frame[name].isin(drawn[name]).to_numpy()
        kept.append(frame[mask])
    return kept
