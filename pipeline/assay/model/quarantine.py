"""The quarantine: rows that broke the contract, with the rules that they broke.

A row has the contract's columns. Others, such as a note or an address, are not even read: a key
names the row where it came from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from assay.contract.checks.row_checks import RowCheck
from assay.contract.columns import Columns
from assay.contract.definition import Contract
from assay.contract.text_parser import rows_as_text


def quarantine_rows(
    contract: Contract,
    columns: Columns,
    check: RowCheck,
    text: pa.RecordBatch | None,
) -> pa.Table:
    """Key columns, ``broken_rules`` (list of text) and ``row`` (JSON) of each bad row.

    Parameters
    ----------
    text
        What the rows were parsed from, if they arrived as text; it is kept as it is.
    """
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
    refused = columns.table.take(pa.array(places))
    if text is None:
        rows = refused.select([each for each in refused.column_names if each in contract.columns])
    else:
        rows = rows_as_text(pa.Table.from_batches([text]).take(pa.array(places)), contract.columns)
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
