"""The quarantine: rows that broke the contract, with the rules that they broke.

A row has the contract's columns. Others, such as a note or an address, are not even read: a key
names the row where it came from. Cells of the contract's private columns, and a whole line that
could not be cut into cells, where nobody knows what is private, are in a column of their own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from assay.contract.checks.row_checks import RowCheck
from assay.contract.columns import Columns
from assay.contract.definition import MASK, Contract
from assay.contract.text_parser import LINE, rows_as_text


def quarantine_rows(
    contract: Contract,
    columns: Columns,
    check: RowCheck,
    text: pa.RecordBatch | None,
) -> pa.Table:
    """Key columns, ``broken_rules`` (list of text) and ``row`` (JSON) of each bad row.

    Under a contract with private columns these are masked there, and in ``private`` (JSON).

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
            *([("private", pa.string())] if contract.private else []),
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
    shown, apart = rows.to_pylist(), []
    if contract.private:
        apart = [_mask_private(row, {*contract.private, LINE}) for row in shown]
    return pa.table(
        [
            *(refused.column(name) for name in contract.keys),
            pa.array(check.reasons(), pa.list_(pa.string())),
            *(
                pa.array([row_json(row) for row in each], pa.string())
                for each in filter(None, (shown, apart))
            ),
        ],
        schema=schema,
    )


def _mask_private(row: dict[str, Any], private: Collection[str]) -> dict[str, Any]:
    """Mask a row's private cells; what they were."""
    taken = {name: row[name] for name in row if name in private and row[name] is not None}
    row |= dict.fromkeys(taken, MASK)
    return taken


def row_json(row: Mapping[str, Any]) -> str:
    """A row as one line of JSON: times in ISO 8601, bytes in hex, infinities as ``Infinity``."""
    return _JSON.encode(row)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


_JSON = json.JSONEncoder(default=_plain, ensure_ascii=False)
