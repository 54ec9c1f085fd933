"""Replaces numbers by their ranks among the thresholds that a model compares them with.

``value <= threshold[k]`` holds exactly if at most k thresholds lie below the value. So trees can
compare small integers and decide exactly as they would on the values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from assay.columns.features import Floats
from assay.compiled.array_types import Array, Bools, Ints, Shorts
from assay.compiled.inputs import Block, check_starts


class RankGrid(NamedTuple):
    """A look-up grid for the ranks of values; see `kernels_columns.ranks`."""

    thresholds: Floats
    starts: Shorts
    origin: float
    step: float
    half: int


@dataclass(frozen=True, eq=False)
class NumberRanks:
    """Rank columns: each ranks one numeric feature among some thresholds.

    Attributes
    ----------
    place
        The index of the numeric feature.
    scaled, fill, mean, scale
        How it is encoded before it is compared; see `kernels_columns.encode`.
    starts, thresholds
        Thresholds of column c are ``starts[c]`` to ``starts[c + 1]``, increasing.
    low, high
        Target columns of the ranks in which nulls rank lowest and highest; -1 for none.
    single
        Whether the estimator rounds what it compares to float32.
    """

    place: Ints
    scaled: Bools
    fill: Floats
    mean: Floats
    scale: Floats
    starts: Ints
    thresholds: Floats
    low: Ints
    high: Ints
    single: int

    @property
    def count(self) -> int:
        return len(self.place)

    def thresholds_of(self, column: int) -> Floats:
        return self.thresholds[self.starts[column] : self.starts[column + 1]]

    def check(self, numeric: int, columns: int, top: int) -> None:
        """Raise ValueError if anything would be read or written out of range.

        Parameters
        ----------
        numeric
            The number of numeric features.
        columns
            The number of target columns.
        top
            The greatest possible rank, which only nulls get.
        """
        for name in ("scaled", "fill", "mean", "scale", "low", "high"):
            if len(getattr(self, name)) != self.count:
                raise ValueError(f"{name} does not fit the columns of ranks")
        check_starts("starts", self.starts, self.count, len(self.thresholds))
        check_range("place", self.place, 0, numeric)
        check_range("low", self.low, -1, columns)
        check_range("high", self.high, -1, columns)
        for column in range(self.count):
            found = self.thresholds_of(column)
            if len(found) >= top or not (np.diff(found) > 0).all() or np.isnan(found).any():
                raise ValueError("thresholds are too many or do not increase")

    @cached_property
    def grids(self) -> list[RankGrid]:
        return [build_grid(self.thresholds_of(column)) for column in range(self.count)]

    def write(self, block: Block, columns: Array, top: int) -> None:
        """Write the ranks of a block into ``columns``, of shape (columns, at least rows)."""
        from assay.compiled.kernels_columns import encode, ranks

        encoded = np.empty(block.rows)
        spare = np.empty(block.rows, columns.dtype)
        for column, (thresholds, starts, origin, step, half) in enumerate(self.grids):
            values = block.numbers[self.place[column]]
            if self.scaled[column] or self.single:
                encode(
                    values,
                    bool(self.scaled[column]),
                    self.fill[column],
                    self.mean[column],
                    self.scale[column],
                    bool(self.single),
                    encoded,
                )
                values = encoded
            low, high = (
                spare if target < 0 else columns[target, : block.rows]
                for target in (self.low[column], self.high[column])
            )
            ranks(values, thresholds, starts, origin, step, half, top, low, high)

    def edges(self, place: int) -> Floats:
        """Values of a numeric feature, before encoding, at or close to which ranks change."""
        found = [np.empty(0)]
        for column in np.flatnonzero(self.place == place).tolist():
            edge = self.thresholds_of(column)
            if self.scaled[column]:
                edge = edge * self.scale[column] + self.mean[column]
            found.append(edge)
        return np.unique(np.concatenate(found))


def check_range(name: str, values: Array, low: int, stop: int) -> None:
    """Raise ValueError unless all ``values`` are at least ``low`` and below ``stop``."""
    if len(values) and (values.min() < low or values.max() >= stop):
        raise ValueError(f"{name} points out of range")


def build_grid(thresholds: Floats) -> RankGrid:
    """The smallest grid among those with the fewest thresholds in a cell."""
    finite = thresholds[np.isfinite(thresholds)]
    origin = float(finite[0]) if len(finite) else 0.0
    best: tuple[int, int, float, Shorts] | None = None
    size = 1
    while size <= max(4096, 4 * len(thresholds)):
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            step = float(np.divide(size, finite[-1] - origin)) if size > 1 else 0.0
            cells = _cells(thresholds, origin, step, size)
        each = np.bincount(cells, minlength=size)
        half = 1 << (max(int(each.max()), 1).bit_length() - 1)
        if best is None or half < best[0]:
            starts = np.concatenate([[0], np.cumsum(each)[:-1]]).astype(np.uint16)
            best = (half, size, step, starts)
        size = size * 2 if len(finite) > 1 else 1 << 62
    assert best is not None
    half, _, step, starts = best
    padded = np.concatenate([thresholds, np.full(2 * half, np.inf)])
    return RankGrid(padded, starts, origin, step, half)


def _cells(values: Floats, origin: float, step: float, size: int) -> Ints:
    """The cell of each value, in exactly the arithmetic of `kernels_columns.ranks`."""
    cell = (values - origin) * step
    cell = np.where(cell > 0.0, cell, 0.0)
    return np.minimum(cell, float(size - 1)).astype(np.int64)
