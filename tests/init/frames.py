"""What the tables room counts, from a frame of pandas; for tests of what is decided from it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from assay.formats.definition import ColumnFacts, Kind, Value

KINDS: dict[str, Kind] = {
    "i": "integer",
    "f": "float",
    "O": "string",
    "b": "boolean",
    "M": "timestamp",
}


def facts_of(frame: pd.DataFrame) -> Sequence[ColumnFacts]:
    return [_facts(str(name), frame[name]) for name in frame]


def _facts(name: str, column: pd.Series) -> ColumnFacts:
    kind = KINDS[column.dtype.kind]
    known = column.dropna()
    counts = [(_plain(value), int(rows)) for value, rows in known.value_counts().items()]
    sizes = known.str.len() if kind == "string" and len(known) else known
    ends = (_plain(sizes.min()), _plain(sizes.max())) if len(known) else (None, None)
    number = kind in ("integer", "float")
    return ColumnFacts(
        name=name,
        kind=kind,
        rows=len(column),
        nulls=int(column.isna().sum()),
        distinct=len(counts),
        many=False,
        values=tuple(counts),
        low=ends[0],
        high=ends[1],
        whole=number and bool((known % 1 == 0).all()),
    )


def _plain(value: object) -> Value:
    return value.item() if hasattr(value, "item") else value  # type: ignore[no-any-return]
