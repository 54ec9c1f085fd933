"""Detects a feature that identifies its row instead of describing it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.contract.definition import Kind
from assay.project.text import counted
from assay.training.leakage.report import EXAMPLES, Check, Row, unknown_check
from assay.training.leakage.row_hashing import Floats, count_distinct, to_floats
from assay.training.leakage.table_pair import TablePair

MIN_ROWS = 50
"""With fewer values, most numbers are distinct anyway."""

ROWS_A_VALUE = 20
"""A key column is allowed as a feature if its values have at least this many rows each."""


def identifier(sides: TablePair, limit: float) -> Check:
    """Whether almost every training row has its own value in a feature.

    Checks strings, integers, and floats that are whole numbers. A column of the key is suspect if
    it is the whole key, or if its values have few rows each.
    """
    contract = sides.contract
    names = [name for name in contract.features if contract.field(name).kind != "boolean"]
    if names and sides.train.rows < MIN_ROWS:
        few = f"training has {counted(sides.train.rows, 'row')} only, {MIN_ROWS} are needed"
        return unknown_check("identifier", few, limit)
    found: list[tuple[float, str, str | None]] = []
    for name in names:
        values = sides.column(name).train
        if not _whole(values, contract.field(name).kind):
            continue
        known = len(values) - pc.sum(pc.is_null(values, nan_is_null=True)).as_py()
        # The few values of a mostly null column may all be distinct without harm.
        enough = known >= MIN_ROWS
        share = count_distinct(values) / known if enough else 0.0
        found.append((share, name, _why(name, share, limit, contract.keys)))
    found.sort(key=lambda each: (each[2] is None, -each[0], each[1]))
    numbers: tuple[Row, ...] = tuple(
        {"column": name, "distinct_share": share, "key": name in contract.keys}
        for share, name, _ in found
    )
    if not found:
        return Check(
            check="identifier",
            outcome="ok",
            columns=(),
            observed=0.0,
            limit=limit,
            detail="no feature holds texts or whole numbers",
        )
    share, name, why = found[0]
    if why is None:
        detail = f"'{name}' has the most distinct values, {share:.2%} of its rows"
        return Check(
            check="identifier",
            outcome="ok",
            columns=tuple(each[1] for each in found),
            observed=share,
            limit=limit,
            detail=detail,
            numbers=numbers,
        )
    columns = tuple(name for _, name, why in found if why is not None)
    detail = "; ".join(f"'{name}' {why}" for _, name, why in found if why is not None)
    return Check(
        check="identifier",
        outcome="suspect",
        columns=columns,
        observed=share,
        limit=limit,
        detail=detail,
        numbers=numbers,
        examples=_examples(sides, name),
    )


def _why(name: str, share: float, limit: float, keys: tuple[str, ...]) -> str | None:
    """The problem with a feature with this share of distinct values; None if there is none."""
    if keys == (name,):
        return "is the key, and yet a feature"
    if share > limit:
        return f"has a value of its own in {share:.2%} of its rows"
    if name in keys and share * ROWS_A_VALUE > 1:
        return f"is part of the key, and its values have {1 / share:.1f} rows each"
    return None


def _whole(values: pa.ChunkedArray, kind: Kind) -> bool:
    """Whether the values can be identifiers: strings and whole numbers."""
    if kind != "float":
        return True
    return all(_is_whole(to_floats(pa.chunked_array([chunk]))) for chunk in values.chunks)


def _is_whole(numbers: Floats) -> bool:
    return bool(np.all(np.isnan(numbers) | (np.isfinite(numbers) & (numbers == np.rint(numbers)))))


def _examples(sides: TablePair, name: str) -> tuple[Row, ...]:
    places = np.arange(min(EXAMPLES, sides.train.rows), dtype=np.intp)
    return tuple(sides.cells(sides.train, [name], places))
