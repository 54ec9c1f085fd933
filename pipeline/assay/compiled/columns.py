"""The encoded columns that an estimator takes; each is made from one feature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.columns.features import Floats
from assay.compiled.array_types import Bools, NotCompiled, Shorts
from assay.compiled.inputs import FeatureInputs, NumberLimits, States
from assay.compiled.texts import TextEncoder


@dataclass(frozen=True)
class NumberColumn:
    """A numeric feature, unchanged or imputed and scaled."""

    place: int
    scaled: bool = False
    fill: float = 0.0
    mean: float = 0.0
    scale: float = 1.0

    def encoded(self, value: float) -> float:
        with np.errstate(all="ignore"):
            return float((np.float64(value) - self.mean) / self.scale) if self.scaled else value


@dataclass(frozen=True)
class MissingIndicator:
    """A missing indicator: one number if a numeric feature has a value, another if null."""

    place: int
    known: float
    null: float

    @property
    def values(self) -> Floats:
        return np.array([self.known, self.null])


@dataclass(frozen=True, eq=False)
class Category:
    """A number for each state of a categorical feature."""

    place: int
    values: Floats


Column = NumberColumn | MissingIndicator | Category


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The categories that the encoder knows, and their states as in `inputs.States`."""

    categories: tuple[str, ...]
    states: Shorts


@dataclass(frozen=True, eq=False)
class ColumnEncoder:
    """An encoder: its features, and its columns in the order of the estimator, texts last."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    vocabularies: tuple[Vocabulary, ...]
    columns: tuple[Column, ...]
    texts: tuple[TextEncoder, ...] = ()

    def states(self, place: int) -> int:
        return int(self.vocabularies[place].states.max()) + 1


@dataclass(frozen=True)
class AcceptedValues:
    """The values that an estimator accepts; it refuses a batch with any other."""

    null: bool
    infinite: bool
    single: bool = False
    """Whether it rounds its input to float32, where large numbers become infinite."""

    def finite(self, value: float) -> bool:
        with np.errstate(over="ignore"):
            return bool(np.isfinite(np.float32(value) if self.single else value))


def build_inputs(encoded: ColumnEncoder, accepts: AcceptedValues) -> FeatureInputs:
    """The inputs of a compiled model, with the values that it must refuse."""
    low = np.full(len(encoded.numeric), -np.inf)
    high, null = -low, np.zeros(len(encoded.numeric), np.bool_)
    refused = [
        np.zeros(encoded.states(place), np.bool_) for place in range(len(encoded.categorical))
    ]
    for column in encoded.columns:
        if isinstance(column, NumberColumn):
            place = column.place
            low[place] = max(low[place], _furthest(column, accepts, -np.inf))
            high[place] = min(high[place], _furthest(column, accepts, np.inf))
            null[place] |= not (column.scaled or accepts.null)
        elif isinstance(column, Category) and not accepts.null:
            refused[column.place] |= np.isnan(column.values)
    words = encoded.vocabularies
    return FeatureInputs(
        encoded.numeric,
        encoded.categorical,
        tuple(word.categories for word in words),
        NumberLimits(low, high, null),
        States(
            _starts([len(word.states) for word in words]),
            np.concatenate([np.empty(0, np.uint16), *(word.states for word in words)]),
            _starts([len(each) for each in refused]),
            np.concatenate([np.empty(0, np.bool_), *refused]),
        ),
        encoded.texts,
    )


def _starts(sizes: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.cumsum([0, *sizes]).astype(np.int64)


def _furthest(column: NumberColumn, accepts: AcceptedValues, towards: float) -> float:
    """The accepted number that is closest to an infinity, by bisection."""

    def accepted(value: float) -> bool:
        # scikit-learn's imputer refuses infinity, even if the estimator accepts it.
        if column.scaled and np.isinf(value):
            return False
        return accepts.infinite or accepts.finite(column.encoded(value))

    if accepted(towards):
        return towards
    good, bad = column.mean, towards
    if not accepted(good):
        raise NotCompiled("scikit-learn refuses even the mean of a number")
    near, far = _order(good), _order(bad)
    while abs(far - near) > 1:
        middle = (near + far) // 2
        near, far = (middle, far) if accepted(_number(middle)) else (near, middle)
    return _number(near)


def _order(value: float) -> int:
    """The rank of a number among all float64 numbers, counted from 0.0."""
    bits = int(np.float64(value).view(np.int64))
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def _number(order: int) -> float:
    bits = np.int64(order) if order >= 0 else np.int64(-order) | np.int64(-(2**63))
    return float(bits.view(np.float64))


def right_states(values: Floats, threshold: float, null_left: bool) -> Bools:
    """Whether each state, given by its value, goes right at a threshold."""
    left = (values <= threshold) | (np.isnan(values) & null_left)
    return ~left
