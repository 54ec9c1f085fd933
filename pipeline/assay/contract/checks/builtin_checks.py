"""pandera's built-in checks without pandas: on a NumPy array, or on one string at a time.

A check is reimplemented here only if it certainly gives pandera's result: a built-in check with
default options, whose limits are of the column's own type. All other checks run in pandera.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from assay.contract.columns import Array, Bools, Extent
from assay.contract.definition import Kind

if TYPE_CHECKING:
    from pandera.api.checks import Check

Test: TypeAlias = Callable[[Array], Bools]

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "equal_to": operator.eq,
    "not_equal_to": operator.ne,
    "greater_than": operator.gt,
    "greater_than_or_equal_to": operator.ge,
    "less_than": operator.lt,
    "less_than_or_equal_to": operator.le,
}

BETWEEN = frozenset({*COMPARISONS, "in_range"} - {"not_equal_to"})
"""Checks that hold for every value between two values for which they hold."""

INT64 = range(-(2**63), 2**63)

FEW = 1024
"""Widest range of integers in a column whose values are all tested."""


class NumericCheck(NamedTuple):
    """A check on a column of numbers, as an operation on the array of its values."""

    test: Test
    between: bool

    def holds_within(self, extent: Extent) -> bool:
        """Whether the check provably holds for every value in a column's range."""
        low, high = extent.low, extent.high
        if low is None or high is None:
            return True
        if self.between:
            return bool(self.test(np.array([low, high])).all())
        if isinstance(low, int) and isinstance(high, int) and high - low < FEW:
            return bool(self.test(np.arange(low, high + 1)).all())
        return False


def is_of_pandera(check: Check) -> bool:
    """Whether a check is pandera's own, with any options."""
    from pandera.api.function_dispatch import Dispatcher

    return isinstance(getattr(check, "_check_fn", None), Dispatcher)


def builtin_check_name(check: Check) -> str | None:
    """The pandera name of a built-in check with default options; None for any other check.

    Users can give any name to a check, so the function that would run is compared instead.
    """
    # Half a second, which commands that check no row need not wait for.
    from pandera.api.function_dispatch import Dispatcher
    from pandera.backends.pandas import builtin_checks

    plain = check.ignore_na and not check.element_wise and check.groupby is None
    function = getattr(check, "_check_fn", None)
    if not plain or not isinstance(function, Dispatcher):
        return None
    runs = getattr(function, "_function_registry", {}).get(pd.Series)
    name = str(getattr(runs, "__name__", None))
    return name if runs is not None and runs is getattr(builtin_checks, name, None) else None


class _Same:
    """A check as a key of what was found about it: itself, whatever another one is equal to."""

    def __init__(self, check: Check) -> None:
        self.check = check

    def __hash__(self) -> int:
        return id(self.check)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.check is self.check


def numeric_check(check: Check, kind: Kind) -> NumericCheck | None:
    """The check on a column of integers or floats, or of times as microseconds since 1970.

    The column's array is int64 or float64, without nulls.
    """
    return _numeric_check(_Same(check), kind)


@lru_cache(maxsize=4096)
def _numeric_check(same: _Same, kind: Kind) -> NumericCheck | None:
    check = same.check
    name = builtin_check_name(check)
    if name is None or kind not in ("integer", "float", "timestamp"):
        return None
    given: dict[str, Any] = check._check_kwargs
    if name in COMPARISONS:
        (limit,) = given.values()
        test = _comparison(name, limit, kind)
        return None if test is None else NumericCheck(test, name in BETWEEN)
    if name == "in_range":
        above = "greater_than_or_equal_to" if given["include_min"] else "greater_than"
        below = "less_than_or_equal_to" if given["include_max"] else "less_than"
        low = _comparison(above, given["min_value"], kind)
        high = _comparison(below, given["max_value"], kind)
        if low is None or high is None:
            return None
        return NumericCheck(lambda values: low(values) & high(values), True)
    if name in ("isin", "notin") and kind == "integer":
        (listed,) = given.values()
        if not all(type(each) is int and each in INT64 for each in listed):
            return None
        among = np.array(sorted(listed), dtype=np.int64)
        return NumericCheck(lambda values: np.isin(values, among, invert=name == "notin"), False)
    return None


def _comparison(name: str, limit: object, kind: Kind) -> Test | None:
    known = _instant(name, limit) if kind == "timestamp" else _number(limit)
    compare = COMPARISONS[name]
    return None if known is None else (lambda values: compare(values, known))


def _number(limit: object) -> int | float | None:
    # With limits of these types pandas compares as NumPy does; NaN and others are left to pandas.
    if type(limit) is int and limit in INT64:
        return limit
    return limit if type(limit) is float and limit == limit else None


def _instant(name: str, limit: object) -> int | None:
    """The microsecond that compares as ``limit`` does; ``limit`` can be finer."""
    if type(limit) not in (pd.Timestamp, datetime):
        return None
    try:
        time = pd.Timestamp(limit).as_unit("ns")  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None
    micros, beyond = divmod(time.value, 1000)
    if time.tz is not None or (beyond and name in ("equal_to", "not_equal_to")):
        return None
    up = name in ("greater_than_or_equal_to", "less_than")
    return micros + 1 if beyond and up else micros


def string_check(check: Check) -> Callable[[str], bool] | None:
    """The check as a function of one string; None if it is left to pandera."""
    return _string_check(_Same(check))


@lru_cache(maxsize=4096)
def _string_check(same: _Same) -> Callable[[str], bool] | None:
    check = same.check
    name = builtin_check_name(check)
    given: dict[str, Any] = {} if name is None else check._check_kwargs
    if name in COMPARISONS:
        (limit,) = given.values()
        compare = COMPARISONS[name]
        return (lambda text: bool(compare(text, limit))) if type(limit) is str else None
    match name:
        case "isin":
            allowed = given["allowed_values"]
            return (lambda text: text in allowed) if _are_strings(allowed) else None
        case "notin":
            banned = given["forbidden_values"]
            return (lambda text: text not in banned) if _are_strings(banned) else None
        case "str_matches" | "str_contains":
            pattern = re.compile(given["pattern"])
            find = pattern.match if name == "str_matches" else pattern.search
            text_only = isinstance(pattern.pattern, str)
            return (lambda text: find(text) is not None) if text_only else None
        case "str_startswith":
            start = given["string"]
            return (lambda text: text.startswith(start)) if type(start) is str else None
        case "str_endswith":
            end = given["string"]
            return (lambda text: text.endswith(end)) if type(end) is str else None
        case "str_length":
            return _length(given)
    return None


def _length(given: dict[str, Any]) -> Callable[[str], bool] | None:
    if not all(type(limit) is int for limit in given.values() if limit is not None):
        return None
    exact, low, high = (given.get(f"{each}_value") for each in ("exact", "min", "max"))
    if exact is not None:
        return lambda text: len(text) == exact
    return lambda text: (low is None or low <= len(text)) and (high is None or len(text) <= high)


def _are_strings(values: Any) -> bool:
    return all(type(each) is str for each in values)
