"""Changes: functions from a frame to the same rows with some columns altered.

Only a shuffle is random; its order comes from the seed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

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
from assay.gate.behaviour.subject import ModelUnderTest
from assay.project.params.behaviour import ColumnChange
from assay.project.text import counted

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


Perturbation = Literal["missing", "unseen", "typo", "extreme", "shuffled_columns"]
PerturbedFrame = tuple[str, pd.DataFrame]

FAR = 10
"""Distance of an extreme value from the column's range, in multiples of the range."""


def perturbed_frames(
    perturb: Perturbation,
    frame: pd.DataFrame,
    subject: ModelUnderTest,
    columns: Sequence[str],
    seed: Sequence[int],
) -> Iterator[PerturbedFrame]:
    """The corrupted frames, one column at a time and then all together, each with a note.

    ================= ==================================== =================================
    perturb           effect on a cell                     default columns
    ================= ==================================== =================================
    missing           becomes null                         nullable features
    unseen            becomes a text that no row has       text features
    typo              gets one typing error                text features
    extreme           becomes the minimum less 10 ranges,  numeric features
                      then the maximum plus 10 ranges
    shuffled_columns  none: the column order changes       all; none can be named
    ================= ==================================== =================================

    Raises
    ------
    BehaviourError
        A column is not a feature of the model, or has the wrong type for this perturbation; or
        there is no column to perturb.
    """
    if perturb == "shuffled_columns":
        if columns:
            raise BehaviourError("shuffled_columns takes all columns; none can be named")
        yield from _reordered(frame, np.random.default_rng(list(seed)))
        return
    named = list(columns) or [
        name for name in _default(perturb, subject) if _can(perturb, select_column(frame, name))
    ]
    if not named:
        raise BehaviourError(f"the model reads no column that can be {_DONE[perturb]}")
    for name in named:
        if name not in subject.features:
            select_column(frame, name)
            raise BehaviourError(f"the model does not read column '{name}'")
        if not _can(perturb, select_column(frame, name)):
            raise BehaviourError(f"column '{name}' cannot be {_DONE[perturb]}")
    for what, damage in _WAYS[perturb]:
        damaged = {name: damage(frame[name], seed) for name in named}
        for name, column in damaged.items():
            yield "", frame.assign(**{name: column})  # the changed cell is shown, no note needed
        if len(named) > 1:
            yield f"{what}, {counted(len(named), 'column')}", frame.assign(**damaged)


def _default(perturb: Perturbation, subject: ModelUnderTest) -> tuple[str, ...]:
    if perturb == "missing":
        return subject.nullable
    return subject.numeric if perturb == "extreme" else subject.categorical


def _can(perturb: Perturbation, column: pd.Series[Any]) -> bool:
    if perturb == "extreme":
        return value_kind(column) == "number"
    return perturb == "missing" or value_kind(column) == "text"


def _reordered(frame: pd.DataFrame, random: np.random.Generator) -> Iterator[PerturbedFrame]:
    columns = list(frame.columns)
    yield "columns reversed", frame[columns[::-1]]
    yield "columns shuffled", frame[[columns[i] for i in random.permutation(len(columns))]]


def _missing(column: pd.Series[Any], _seed: Sequence[int]) -> pd.Series[Any]:
    return constant_column(column, None)


def _unseen(column: pd.Series[Any], _seed: Sequence[int]) -> pd.Series[Any]:
    known, name = set(to_python_list(column)), "never seen before"
    while name in known:
        name += "!"
    return constant_column(column, name)


def _typos(column: pd.Series[Any], seed: Sequence[int]) -> pd.Series[Any]:
    values = to_python_list(column)
    slips = {v: typo(v, [*seed, zlib.crc32(v.encode())]) for v in set(values) - {None}}
    return cast_like([None if value is None else slips[value] for value in values], column)


def typo(text: str, seed: Sequence[int]) -> str:
    """``text`` with one typing error: a letter doubled, omitted, swapped or in the wrong case.

    The result always differs from ``text``. It is deterministic for a seed.
    """
    random = np.random.default_rng(list(seed))
    place = int(random.integers(len(text))) if text else 0
    head, letter, tail = text[:place], text[place : place + 1], text[place + 1 :]
    slips = [
        f"{head}{letter}{letter}{tail}",
        f"{head}{tail}",
        f"{head}{tail[:1]}{letter}{tail[1:]}",
        f"{head}{letter.swapcase()}{tail}",
    ]
    slips = [slip for slip in slips if slip and slip != text] or [f"{text} "]
    return slips[int(random.integers(len(slips)))]


def _lowest(column: pd.Series[Any], _seed: Sequence[int]) -> pd.Series[Any]:
    return _beyond(column, -1)


def _highest(column: pd.Series[Any], _seed: Sequence[int]) -> pd.Series[Any]:
    return _beyond(column, 1)


def _beyond(column: pd.Series[Any], side: int) -> pd.Series[Any]:
    known = [float(value) for value in to_python_list(column) if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    span = high - low or abs(high) or 1.0
    value = high + FAR * span if side > 0 else low - FAR * span
    if pd.api.types.is_integer_dtype(column.dtype):
        # A pandas nullable integer type has the limits of its numpy type.
        ends = np.iinfo(getattr(column.dtype, "numpy_dtype", column.dtype))
        return constant_column(column, min(max(round(value), int(ends.min)), int(ends.max)))
    return constant_column(column, value)


_DONE = {"missing": "missing", "unseen": "unseen", "typo": "mistyped", "extreme": "extreme"}
_WAYS: dict[str, tuple[tuple[str, Callable[..., pd.Series[Any]]], ...]] = {
    "missing": (("missing", _missing),),
    "unseen": (("unseen", _unseen),),
    "typo": (("typo", _typos),),
    "extreme": (("very low", _lowest), ("very high", _highest)),
}
