"""Set values of a pandas column without changing its type.

A night's frame has the types of `assay.contract.columns.Columns.frame`. A user's own frame may
have categories, nullable integers or any other pandas type. A value of the wrong type is refused:
text in a numeric column is a mistake in the test, not in the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.errors import BehaviourError
from assay.project.text import quote_value, suggest

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


def select_column(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    """The column ``name``.

    Raises
    ------
    BehaviourError
        There is no such column, or more than one.
    """
    if list(frame.columns).count(name) != 1:
        raise BehaviourError(
            f"the rows have no column '{name}'"
            if name not in frame.columns
            else f"the rows have several columns '{name}'",
            fix=suggest(name, {*map(str, frame.columns)} - {name}),
        )
    column: pd.Series[Any] = frame[name]
    return column


def value_kind(column: pd.Series[Any]) -> Kind:
    """The kind of its values; ``unknown`` if all are null and the dtype is no help."""
    kinds = pd.api.types
    if isinstance(column.dtype, pd.CategoricalDtype):
        return value_kind(column.cat.categories.to_series())
    if kinds.is_bool_dtype(column.dtype):
        return "truth"
    if kinds.is_numeric_dtype(column.dtype):
        return "number"
    if kinds.is_datetime64_any_dtype(column.dtype):
        return "time"
    if isinstance(column.dtype, pd.StringDtype):
        return "text"
    return _INFERRED.get(kinds.infer_dtype(column, skipna=True), "unknown")


def convert_value(column: pd.Series[Any], value: Any) -> Any:
    """``value`` converted to the type of the column; a null fits every column.

    Raises
    ------
    BehaviourError
        The value is of another kind.
    """
    kind = value_kind(column)
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


def cast_like(values: Sequence[Any], like: pd.Series[Any]) -> pd.Series[Any]:
    """``values`` as a column with the dtype of ``like``, widened if needed for nulls.

    Raises
    ------
    BehaviourError
        A value does not fit the dtype.
    """
    dtype: Any = like.dtype
    gaps = any(is_null(value) for value in values)
    if isinstance(dtype, pd.CategoricalDtype):
        known = set(dtype.categories)
        new = dict.fromkeys(v for v in values if not is_null(v) and v not in known)
        dtype = pd.CategoricalDtype([*dtype.categories, *new], ordered=dtype.ordered)
    elif gaps and isinstance(dtype, np.dtype) and dtype.kind in "iu":
        dtype = np.dtype(np.float64)  # as a contract's nullable integers are stored
    elif gaps and isinstance(dtype, np.dtype) and dtype.kind == "b":
        dtype = np.dtype(object)
    try:
        return pd.Series(list(values), index=like.index, name=like.name, dtype=dtype)
    except (OverflowError, ValueError, TypeError) as error:
        raise BehaviourError(
            f"column '{like.name}' cannot hold it", expected=str(like.dtype), found=str(error)
        ) from None


def to_python_list(column: pd.Series[Any]) -> list[Any]:
    """The values as a list, None for null."""
    return [None if is_null(value) else value for value in column.astype(object)]


def constant_column(column: pd.Series[Any], value: Any) -> pd.Series[Any]:
    """The column with ``value`` in every row."""
    return cast_like([convert_value(column, value)] * len(column), column)


def changed_mask(before: pd.Series[Any], after: pd.Series[Any]) -> NDArray[np.bool_]:
    """Mask of the rows whose value changed. Null equals null, and 1 equals 1.0."""
    if before.equals(after):
        return np.zeros(len(before), dtype=np.bool_)
    pairs = zip(to_python_list(before), to_python_list(after), strict=True)
    return np.array(
        [(old is None) != (new is None) or bool(old != new) for old, new in pairs], dtype=np.bool_
    )


def format_cell(value: Any) -> str:
    """A cell as short text for messages."""
    if is_null(value):
        return "(missing)"
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def is_null(value: Any) -> bool:
    return bool(value is None or value is pd.NA or value is pd.NaT or value != value)


def _misfit(column: pd.Series[Any], kind: Kind, value: Any) -> BehaviourError:
    shape = f"the text {quote_value(value)}" if isinstance(value, str) else str(value)
    return BehaviourError(f"column '{column.name}' holds {_WORDS[kind]}", found=shape)
