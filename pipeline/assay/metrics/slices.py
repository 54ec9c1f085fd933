"""Splits the rows of a table by the values of its slice fields, alone and in pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import SchemaMismatch
from assay.metrics.evaluator import Ints

if TYPE_CHECKING:
    import pandas as pd

MISSING = "(missing)"
"""The slice of rows where the field is null."""

AND = " & "
"""Joins the two fields of a pair, and their values."""


@dataclass(frozen=True)
class SliceRows:
    """The rows where ``field`` has ``value``; a pair's fields and values are joined by ``AND``."""

    field: str
    value: str
    rows: Ints

    @property
    def title(self) -> str:
        return f"{self.field}={self.value}"


def iter_slices(
    frame: pd.DataFrame, fields: Sequence[str], pairs: Sequence[Sequence[str]] = ()
) -> Iterator[SliceRows]:
    """Yields a slice for each value of each field, then for each pair of values that occurs.

    They come in the order of fields, pairs and then values. Each row is in exactly one slice of
    every field.

    Raises
    ------
    SchemaMismatch
        ``frame`` lacks fields.
    """
    wanted = dict.fromkeys([*fields, *(field for pair in pairs for field in pair)])
    absent = [field for field in wanted if field not in frame.columns]
    if absent:
        raise SchemaMismatch([f"slice field {field!r} is not in the holdout" for field in absent])
    by_field = {field: slice_names(frame[field]) for field in wanted}
    for field in fields:
        yield from _parts(field, by_field[field])
    for first, second in pairs:
        joined = by_field[first] + AND + by_field[second]
        yield from _parts(f"{first}{AND}{second}", joined)


def slice_names(column: pd.Series[Any]) -> NDArray[np.object_]:
    """Each row's slice as text, ``(n,)``; null, NaN and None become ``MISSING``.

    Whole numbers are written without a decimal point, even if nulls made pandas store floats.
    """
    import pandas as pd

    null = column.isna().to_numpy()
    whole = pd.api.types.is_float_dtype(column) and bool((column[~null] % 1 == 0).all())
    # Not as a column of integers: 64 bits may be too few for a number that a float holds.
    written = (lambda value: str(int(value))) if whole else str
    text = column.astype(object).map(written, na_action="ignore").to_numpy(dtype=object)
    return np.where(null, MISSING, text).astype(object)


def _parts(field: str, values: NDArray[np.object_]) -> Iterator[SliceRows]:
    if not len(values):
        return
    known, codes = np.unique(values.astype(str), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(known)))
    for value, rows in zip(known, np.split(order, ends[:-1]), strict=True):
        yield SliceRows(field, str(value), rows)
