"""Rules over whole rows as operations on arrays, for checks that are one expression of columns.

pandas copies the columns, looks at every cell for nulls and holds Python's lock, which costs a
night more than to read its rows. The check's own function is called, with columns that know a few
operations on numbers, times and texts. They give bit for bit what pandas gives, or nothing: then
the check runs in pandas.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from assay.columns.features import CategoryColumn
from assay.contract.checks.builtin_checks import INT64
from assay.contract.columns import Array, Bools, Columns
from assay.contract.definition import Rule

MOST_MICROSECONDS = 1 << 52
"""About 142 years. Within them, no difference of two times overflows, even in nanoseconds."""

FEW = 4096
"""Texts are compared by their categories if there are at most so many."""

EQUALITY = frozenset({operator.eq, operator.ne})


class _OnlyInPandas(Exception):
    """The operation is none of those that are the same here as in pandas."""


def evaluate_on_arrays(rule: Rule, columns: Columns) -> Bools | None:
    """Mask of the rows that satisfy a rule over whole rows; None if only pandas can tell.

    Parameters
    ----------
    rule
        One with ``on_arrays``.
    columns
        The rows, n >= 1.
    """
    check = rule.check
    if check is None or check.element_wise or check.groupby is not None:
        return None
    try:
        with np.errstate(all="ignore"):  # as in pandas
            answer = partial(check._check_fn, **check._check_kwargs)(_Rows(columns))
    except Exception:
        # Also an error of the check's own, which pandas will come to as well.
        return None
    if not isinstance(answer, _Numbers) or answer.kind != "b":
        return None
    return answer.values


class _Rows:
    """Stands for the frame: the check asks it for columns."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def __getitem__(self, name: str) -> _Numbers | _Texts:
        columns = self._columns
        nulls, low, high = columns.extent(name)
        kind = columns.contract.field(name).kind
        if kind == "string":
            if nulls:
                raise _OnlyInPandas
            return _Texts(columns.coded(name))
        values = columns.values(name)
        if kind == "timestamp":
            if nulls or low is None or high is None:
                raise _OnlyInPandas
            if not -MOST_MICROSECONDS < low <= high < MOST_MICROSECONDS:
                raise _OnlyInPandas
        return _Numbers(values)

    def __getattr__(self, name: str) -> _Numbers | _Texts:
        return self[name]


class _Column:
    """What all columns refuse: NumPy is not to take one for an object."""

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise _OnlyInPandas


class _Texts(_Column):
    """A column of texts without nulls."""

    def __init__(self, coded: CategoryColumn) -> None:
        self.coded = coded

    def _equal(self, other: object) -> Bools:
        codes, categories = self.coded
        if len(categories) > FEW:
            raise _OnlyInPandas
        place = {text: number for number, text in enumerate(categories)}
        if type(other) is str:
            return np.asarray(codes == place.get(other, -1))
        if not isinstance(other, _Texts) or len(other.coded.categories) > FEW:
            raise _OnlyInPandas
        theirs = [place.get(text, -1) for text in other.coded.categories]
        return np.asarray(codes == np.array(theirs, np.int32)[other.coded.codes])

    def __eq__(self, other: object) -> _Numbers:  # type: ignore[override]
        return _Numbers(self._equal(other))

    def __ne__(self, other: object) -> _Numbers:  # type: ignore[override]
        return _Numbers(~self._equal(other))

    def isna(self) -> _Numbers:
        return _Numbers(np.zeros(len(self.coded.codes), dtype=bool))

    def notna(self) -> _Numbers:
        return ~self.isna()

    isnull, notnull = isna, notna


class _Numbers(_Column):
    """A column of integers, floats, bools, times or time spans, the latter two without nulls.

    ``kind`` is NumPy's letter: i, f, b, M for times and m for spans.
    """

    def __init__(self, values: Array) -> None:
        self.values, self.kind = values, values.dtype.kind
        if self.kind not in "ifbMm":
            raise _OnlyInPandas

    def _compare(self, compare: Callable[[Any, Any], Any], other: object) -> _Numbers:
        value, kind = _operand(other)
        both = {self.kind, kind}
        if both <= {"i", "f"} or both in ({"M"}, {"m"}) or (both == {"b"} and compare in EQUALITY):
            return _Numbers(compare(self.values, value))
        raise _OnlyInPandas

    def __eq__(self, other: object) -> _Numbers:  # type: ignore[override]
        return self._compare(operator.eq, other)

    def __ne__(self, other: object) -> _Numbers:  # type: ignore[override]
        return self._compare(operator.ne, other)

    def __lt__(self, other: object) -> _Numbers:
        return self._compare(operator.lt, other)

    def __le__(self, other: object) -> _Numbers:
        return self._compare(operator.le, other)

    def __gt__(self, other: object) -> _Numbers:
        return self._compare(operator.gt, other)

    def __ge__(self, other: object) -> _Numbers:
        return self._compare(operator.ge, other)

    def _compute(self, compute: Callable[[Any, Any], Any], other: object) -> _Numbers:
        value, kind = _operand(other)
        if {self.kind, kind} <= {"i", "f"}:
            return _Numbers(compute(self.values, value))
        raise _OnlyInPandas

    def __add__(self, other: object) -> _Numbers:
        return self._compute(operator.add, other)

    def __radd__(self, other: object) -> _Numbers:
        return self._compute(lambda a, b: b + a, other)

    def __sub__(self, other: object) -> _Numbers:
        value, kind = _operand(other)
        if self.kind == kind == "M":
            return _Numbers(self.values - value)
        return self._compute(operator.sub, other)

    def __rsub__(self, other: object) -> _Numbers:
        return self._compute(lambda a, b: b - a, other)

    def __mul__(self, other: object) -> _Numbers:
        return self._compute(operator.mul, other)

    def __rmul__(self, other: object) -> _Numbers:
        return self._compute(lambda a, b: b * a, other)

    def __truediv__(self, other: object) -> _Numbers:
        return self._compute(operator.truediv, other)

    def __floordiv__(self, other: object) -> _Numbers:
        value = _divisor(other, self.kind)
        if self.kind == "m":
            return _Numbers(self.values.view(np.int64) // value.astype(np.int64))
        return _Numbers(self.values // value)

    def __mod__(self, other: object) -> _Numbers:
        value = _divisor(other, self.kind)
        if self.kind == "f":
            return _Numbers(self.values % value)
        values = self.values.view(np.int64)
        divisor = value.astype(np.int64) if self.kind == "m" else value
        # The remainder itself, but several times as fast: NumPy divides by a constant in vectors.
        rest = values - values // divisor * divisor
        return _Numbers(rest.view(self.values.dtype))

    def _logical(self, combine: Callable[[Any, Any], Any], other: object) -> _Numbers:
        if self.kind == "b" and isinstance(other, _Numbers) and other.kind == "b":
            return _Numbers(combine(self.values, other.values))
        raise _OnlyInPandas

    def __and__(self, other: object) -> _Numbers:
        return self._logical(operator.and_, other)

    def __or__(self, other: object) -> _Numbers:
        return self._logical(operator.or_, other)

    def __xor__(self, other: object) -> _Numbers:
        return self._logical(operator.xor, other)

    def __invert__(self) -> _Numbers:
        if self.kind != "b":
            raise _OnlyInPandas
        return _Numbers(~self.values)

    def __neg__(self) -> _Numbers:
        if self.kind not in "if":
            raise _OnlyInPandas
        return _Numbers(-self.values)

    def abs(self) -> _Numbers:
        if self.kind not in "if":
            raise _OnlyInPandas
        return _Numbers(np.abs(self.values))

    def isna(self) -> _Numbers:
        if self.kind == "f":
            return _Numbers(np.isnan(self.values))
        return _Numbers(np.zeros(len(self.values), dtype=bool))

    def notna(self) -> _Numbers:
        return ~self.isna()

    isnull, notnull = isna, notna

    def between(self, left: object, right: object) -> _Numbers:
        return (self >= left) & (self <= right)


def _operand(other: object) -> tuple[Any, str]:
    """The other side of an operation, and its kind."""
    if isinstance(other, _Numbers):
        return other.values, other.kind
    if type(other) is bool:
        return other, "b"
    if type(other) is int and other in INT64:
        return other, "i"
    if type(other) is float:
        return other, "f"
    if isinstance(other, (datetime, timedelta)) and not pd.isna(other):
        return _micros(other)
    raise _OnlyInPandas


def _micros(other: datetime | timedelta) -> tuple[Any, str]:
    """A time or a span of whole microseconds."""
    span = isinstance(other, timedelta)
    exact = (pd.Timedelta(other) if span else pd.Timestamp(other)).as_unit("ns")  # type: ignore[arg-type]
    micros, beyond = divmod(exact.value, 1000)
    if beyond or getattr(exact, "tz", None) is not None or abs(micros) >= MOST_MICROSECONDS:
        raise _OnlyInPandas
    return (np.timedelta64(micros, "us"), "m") if span else (np.datetime64(micros, "us"), "M")


def _divisor(other: object, kind: str) -> Any:
    """A constant that a column of this kind can be divided by, with a whole or no remainder."""
    value, found = _operand(other)
    if isinstance(other, _Numbers) or not value:
        raise _OnlyInPandas
    if found == kind and kind in "ifm":
        return value
    if found == "i" and kind == "f" and abs(value) < 1 << 53:
        return float(value)
    raise _OnlyInPandas
