"""Putting values into a column of a frame without changing what kind of column it is.

A night's frame holds what `assay.contract.columns.Columns.frame` documents; a user's own
frame may hold categories, nullable integers and whatever else pandas knows. What does not
fit is refused: a text among numbers would be an error of the test, not of the model.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.errors import BehaviourError
from assay.project.visible import quoted

Kind = Literal["number", "text", "truth", "time", "unknown"]

_WORDS = {"number": "numbers", "text": "text", "truth": "true and false", "time": "times"}
_INFERRED: dict[str, Kind] = {
    "string": "text",
    "boolean": "truth",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "datetime": "time",
    "datetime64": "time",
    "date": "time",
}


def column_of(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    """The column ``name``.

    Raises
    ------
    BehaviourError
        There is none, or more than one.
    """
    if list(frame.columns).count(name) != 1:
        near = difflib.get_close_matches(name, map(str, frame.columns), n=1)
        raise BehaviourError(
            f"the rows have no column '{name}'"
            if name not in frame.columns
            else f"the rows have several columns '{name}'",
            mend=f"Did you mean '{near[0]}'?" if near and near[0] != name else None,
        )
    found: pd.Series[Any] = frame[name]
    return found


def kind_of(column: pd.Series[Any]) -> Kind:
    """What kind of values it holds; unknown where all are null and the type does not say."""
    kinds = pd.api.types
    if isinstance(column.dtype, pd.CategoricalDtype):
        return kind_of(column.cat.categories.to_series())
    if kinds.is_bool_dtype(column.dtype):
        return "truth"
    if kinds.is_numeric_dtype(column.dtype):
        return "number"
    if kinds.is_datetime64_any_dtype(column.dtype):
        return "time"
    if isinstance(column.dtype, pd.StringDtype):
        return "text"
    return _INFERRED.get(kinds.infer_dtype(column, skipna=True), "unknown")


def fitted(column: pd.Series[Any], value: Any) -> Any:
    """``value`` as the column holds its values; a null fits everywhere.

    Raises
    ------
    BehaviourError
        It is of another kind.
    """
    kind = kind_of(column)
    if value is None or kind == "unknown":
        return value
    if kind == "time" and isinstance(value, str):
        try:
            return pd.Timestamp(value)
        except ValueError:
            raise _misfit(column, kind, value) from None
    truth = isinstance(value, bool | np.bool_)
    number = isinstance(value, int | float | np.number) and not truth
    fits = {
        "number": number,
        "text": isinstance(value, str),
        "truth": truth,
        "time": isinstance(value, pd.Timestamp),
    }
    if not fits[kind]:
        raise _misfit(column, kind, value)
    if number and pd.api.types.is_integer_dtype(column.dtype):
        if value != int(value):
            raise BehaviourError(
                f"column '{column.name}' holds whole numbers", found=f"{value}, which is none"
            )
        return int(value)
    return value


def recast(values: Sequence[Any], like: pd.Series[Any]) -> pd.Series[Any]:
    """``values`` as a column of the type of ``like``; nulls make room for themselves.

    Raises
    ------
    BehaviourError
        A number is too large for the type.
    """
    dtype: Any = like.dtype
    gaps = any(_null(value) for value in values)
    if isinstance(dtype, pd.CategoricalDtype):
        known = set(dtype.categories)
        new = dict.fromkeys(v for v in values if not _null(v) and v not in known)
        dtype = pd.CategoricalDtype([*dtype.categories, *new], ordered=dtype.ordered)
    elif gaps and isinstance(dtype, np.dtype) and dtype.kind in "iu":
        dtype = np.dtype(np.float64)  # as a contract's nullable integers are held
    elif gaps and isinstance(dtype, np.dtype) and dtype.kind == "b":
        dtype = np.dtype(object)
    try:
        return pd.Series(list(values), index=like.index, name=like.name, dtype=dtype)
    except (OverflowError, ValueError, TypeError) as error:
        raise BehaviourError(
            f"column '{like.name}' cannot hold it", expected=str(like.dtype), found=str(error)
        ) from None


def cells(column: pd.Series[Any]) -> list[Any]:
    """The values one by one, None where null."""
    return [None if _null(value) else value for value in column.astype(object)]


def filled(column: pd.Series[Any], value: Any) -> pd.Series[Any]:
    """The column with ``value`` in every row."""
    return recast([fitted(column, value)] * len(column), column)


def differs(before: pd.Series[Any], after: pd.Series[Any]) -> NDArray[np.bool_]:
    """Which rows hold another value now; null and null are the same, 1 and 1.0 too."""
    if before.equals(after):
        return np.zeros(len(before), dtype=np.bool_)
    pairs = zip(cells(before), cells(after), strict=True)
    return np.array(
        [(old is None) != (new is None) or bool(old != new) for old, new in pairs], dtype=np.bool_
    )


def shown(value: Any) -> str:
    """A cell for people."""
    if _null(value):
        return "(missing)"
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _null(value: Any) -> bool:
    return bool(value is None or value is pd.NA or value is pd.NaT or value != value)


def _misfit(column: pd.Series[Any], kind: Kind, value: Any) -> BehaviourError:
    shape = f"the text {quoted(value)}" if isinstance(value, str) else str(value)
    return BehaviourError(f"column '{column.name}' holds {_WORDS[kind]}", found=shape)
