"""The quarantine: rows that broke the contract, complete, with the rules that they broke."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assay.contract.checks.row_checks import RowCheck
from assay.contract.columns import Columns
from assay.contract.definition import Contract


def quarantine_rows(
    contract: Contract,
    columns: Columns,
    check: RowCheck,
    whole: Callable[[npt.NDArray[np.int64]], pa.Table] | None,
) -> pa.Table:
    """Key columns, ``broken_rules`` (list of text) and ``row`` (JSON) of each bad row."""
    keys = columns.table.schema
    schema = pa.schema(
        [
            *(keys.field(name) for name in contract.keys),
            ("broken_rules", pa.list_(pa.string())),
            ("row", pa.string()),
        ]
    )
    if not check.bad.any():
        return schema.empty_table()
    places = np.flatnonzero(check.bad)
    rows = columns.table.take(pa.array(places)) if whole is None else whole(places)
    refused = columns.select(contract.keys).take(pa.array(places))
    return pa.table(
        [
            *(refused.column(name) for name in contract.keys),
            pa.array(check.reasons(), pa.list_(pa.string())),
            pa.array([row_json(row) for row in rows.to_pylist()], pa.string()),
        ],
        schema=schema,
    )


def row_json(row: Mapping[str, Any]) -> str:
    """A row as one line of JSON: times in ISO 8601, bytes in hex, infinities as ``Infinity``."""
    return json.dumps(row, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)
