"""The one scoring function: a batch of rows in, scores, refused rows and counts out.

Nothing here knows of Spark, files or the store. Evaluation, the gate, tests and every
carrier call it, so they cannot disagree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pipeline.bundle import Bundle
from pipeline.contract.frame import to_frame
from pipeline.contract.model import Contract
from pipeline.contract.rows import check_rows
from pipeline.contract.table import newest_day, null_counts
from pipeline.errors import ScoresInvalid
from pipeline.model import Floats
from pipeline.profile import Grid, Profile, profile_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ScoredBatch:
    """What became of a batch: every row is in ``predictions`` or in ``quarantine``.

    Parameters
    ----------
    predictions
        Key columns, ``prediction`` (bool) and ``probability`` (double) of the good rows.
    quarantine
        Key columns, ``broken_rules`` (list of text) and ``row`` (JSON) of the others.
    broken
        Rows that broke each rule.
    nulls, newest
        What the table rules look at, of all rows: nulls per column, day of the newest row.
    profile
        Counts of the good rows, features and ``probability``.
    """

    rows: int
    predictions: pa.Table
    quarantine: pa.Table
    broken: Mapping[str, int]
    nulls: Mapping[str, int]
    newest: date | None
    profile: Profile


def score_frame(bundle: Bundle, frame: pd.DataFrame) -> Floats:
    """Calibrated probability of each row of ``frame``, shape (rows,).

    Raises
    ------
    ScoresInvalid
        The model gave something that is no probability.
    """
    probability = bundle.model.probability(frame)
    odd = ~((probability >= 0) & (probability <= 1))
    if odd.any():
        raise ScoresInvalid(
            f"the model gave {int(odd.sum())} of {len(odd)} rows no probability",
            where=f"bundle {bundle.digest[:19]}",
            expected="values from 0 to 1",
            found=str(probability[odd][0]),
        )
    return probability


def score_batch(
    bundle: Bundle, contract: Contract, grid: Grid, batch: pa.RecordBatch | pa.Table
) -> ScoredBatch:
    """Check, score and count one batch.

    Parameters
    ----------
    contract
        As it is at scoring time: ``Contract.without_label()``.
    grid
        The cells to count in: those of the bundle's reference.
    """
    table = pa.table(batch) if isinstance(batch, pa.RecordBatch) else batch
    check = check_rows(contract, table)
    keys = list(contract.keys)
    good = table.filter(pa.array(~check.bad))
    frame = to_frame(contract, good)
    probability = score_frame(bundle, frame)
    predictions = good.select(keys)
    decided = probability >= bundle.manifest.threshold
    predictions = predictions.append_column("prediction", pa.array(decided, pa.bool_()))
    predictions = predictions.append_column("probability", pa.array(probability, pa.float64()))
    refused = table.filter(pa.array(check.bad))
    quarantine = refused.select(keys)
    reasons = pa.array(check.reasons(), pa.list_(pa.string()))
    rows = pa.array([_row_json(row) for row in refused.to_pylist()], pa.string())
    quarantine = quarantine.append_column("broken_rules", reasons).append_column("row", rows)
    return ScoredBatch(
        rows=table.num_rows,
        predictions=predictions,
        quarantine=quarantine,
        broken={rule: int(np.count_nonzero(mask)) for rule, mask in check.broken.items()},
        nulls=null_counts(contract, table),
        newest=newest_day(contract, table),
        profile=profile_of(frame.assign(probability=probability), grid),
    )


def _row_json(row: Mapping[str, Any]) -> str:
    return json.dumps(row, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)
