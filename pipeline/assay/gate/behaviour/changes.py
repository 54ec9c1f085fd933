"""Changes: functions from a frame to the same rows with some columns altered.

Only a shuffle is random; its order comes from the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from assay.errors import BehaviourError
from assay.gate.behaviour.column_values import (
    cast_like,
    constant_column,
    convert_value,
    select_column,
    to_python_list,
    value_kind,
)
from assay.project.params.behaviour import ColumnChange

FrameChange = Callable[[pd.DataFrame], pd.DataFrame]


def compose_changes(changes: Sequence[ColumnChange], seed: Sequence[int]) -> FrameChange:
    """A function that applies ``changes`` in order.

    Parameters
    ----------
    seed
        Seed of shuffles.
    """

    def alter(frame: pd.DataFrame) -> pd.DataFrame:
        for place, change in enumerate(changes):
            frame = apply_change(frame, change, np.random.default_rng([*seed, place]))
        return frame

    return alter


def apply_change(
    frame: pd.DataFrame, change: ColumnChange, random: np.random.Generator
) -> pd.DataFrame:
    """A copy of ``frame`` with one column altered."""
    column = select_column(frame, change.column)
    return frame.assign(**{change.column: _altered(column, change, random)})


def _altered(
    column: pd.Series[Any], change: ColumnChange, random: np.random.Generator
) -> pd.Series[Any]:
    if change.way == "set":
        return constant_column(column, change.to)
    if change.way == "add":
        return _computed(column, _step(column, change.add), lambda value, step: value + step)
    if change.way == "multiply":
        return _multiplied(column, change.multiply)
    if change.way == "shuffle":
        values = to_python_list(column)
        return cast_like([values[place] for place in random.permutation(len(values))], column)
    first, second = (convert_value(column, value) for value in change.swap or ())
    return cast_like(_swapped(to_python_list(column), first, second), column)


def _step(column: pd.Series[Any], given: Any) -> Any:
    """The value to add: a number, or a time span such as ``1h`` for timestamps."""
    kind = value_kind(column)
    if kind == "time" and isinstance(given, str):
        try:
            return pd.Timedelta(given)
        except ValueError:
            raise BehaviourError(
                f"nothing that can be added to times: '{given}'", expected="a span such as 1h"
            ) from None
    if kind != "number" or isinstance(given, str):
        raise BehaviourError(f"'{given}' cannot be added to column '{column.name}'")
    return convert_value(column, given)


def _multiplied(column: pd.Series[Any], factor: Any) -> pd.Series[Any]:
    if value_kind(column) != "number":
        raise BehaviourError(f"column '{column.name}' holds no numbers to multiply")
    whole = pd.api.types.is_integer_dtype(column.dtype)
    return _computed(column, factor, lambda v, by: round(v * by) if whole else v * by)


def _computed(
    column: pd.Series[Any], operand: Any, operation: Callable[[Any, Any], Any]
) -> pd.Series[Any]:
    values = [
        None if value is None else operation(value, operand) for value in to_python_list(column)
    ]
    return cast_like(values, column)


def _swapped(values: list[Any], first: Any, second: Any) -> list[Any]:
    # No dict look-up: None may be swapped too, and 1 must not match True.
    return [second if v == first else first if v == second else v for v in values]


def parse_change(
    change: FrameChange | Mapping[str, Any] | Sequence[Mapping[str, Any]],
) -> FrameChange:
    """A change given by a Python test: a function, or a mapping as in params.yaml.

    A mapping that is not valid in params.yaml raises pydantic's ValidationError.
    """
    if callable(change):
        return change
    given = [change] if isinstance(change, Mapping) else change
    return compose_changes([ColumnChange.model_validate(_tuples(each)) for each in given], [0])


def _tuples(change: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in change.items()}
