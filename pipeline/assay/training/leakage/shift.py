"""Compares the distributions of categories and of the label in training and holdout.

The distance is total variation: the share of rows that would have to change. Two samples of one
population differ too, the more so the more categories there are. The limit therefore applies only
to what exceeds the 99 % quantile of the distance by chance: its expected value, bounded by the
categories' standard deviations, plus the margin of McDiarmid's inequality (1989). Nor does it apply
to what training shows by itself, as seasons change (`assay.training.leakage.shift`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.project.params.behaviour import LeakageCheck
from assay.project.tasks import infer_task
from assay.training.leakage.report import EXAMPLES, Check, Row, unknown_check
from assay.training.leakage.table_pair import Codes, ColumnPair, TablePair, to_floats

CONFIDENCE = 0.99
PARTS = 10
"""Number of parts of equal count in which a numeric label is counted."""


@dataclass(frozen=True)
class Shift:
    """The distance of two distributions, and the distances that chance and seasons can explain.

    ``in_training`` is the largest distance of a window of training from its other rows; 0 if
    chance explains enough, so that nobody looked.
    """

    column: str
    distance: float
    by_chance: float
    in_training: float = 0.0

    @property
    def beyond(self) -> float:
        return max(self.distance - max(self.by_chance, self.in_training), 0.0)

    def row(self) -> Row:
        return {
            "column": self.column,
            "distance": self.distance,
            "by_chance": self.by_chance,
            "in_training": self.in_training,
            "beyond": self.beyond,
        }


@dataclass(frozen=True)
class CountedValues:
    """The different values of a column, null among them, and the rows of each on both sides."""

    values: pa.Array
    train: Codes
    holdout: Codes


def count_values(pair: ColumnPair) -> CountedValues:
    """Count the values of a column, in the order in which they come."""
    parts = []
    for train, column in ((True, pair.train), (False, pair.holdout)):
        for chunk in column.chunks:
            seen = chunk.value_counts()
            none = pa.array(np.zeros(len(seen), np.int64))
            rows = [seen.field(1), none] if train else [none, seen.field(1)]
            parts.append(
                pa.Table.from_arrays([seen.field(0), *rows], names=["value", "train", "holdout"])
            )
    every = pa.concat_tables(parts).group_by("value", use_threads=False)
    counts = every.aggregate([("train", "sum"), ("holdout", "sum")])
    return CountedValues(
        counts["value"].combine_chunks(),
        np.asarray(counts["train_sum"], np.int64),
        np.asarray(counts["holdout_sum"], np.int64),
    )


def measure_shift(column: str, train: Codes, holdout: Codes) -> Shift:
    """The shift between counts of the same categories, on sides that have rows."""
    rows, held = int(train.sum()), int(holdout.sum())
    distance = float(np.abs(train / rows - holdout / held).sum() / 2)
    pooled = (train + holdout) / (rows + held)
    both = 1 / rows + 1 / held
    mean = float(np.sqrt(pooled * (1 - pooled) * both).sum() / 2)
    return Shift(column, distance, mean + math.sqrt(-math.log(1 - CONFIDENCE) / 2 * both))


def category_shift(sides: TablePair, limit: float) -> Check:
    """Whether a feature's categories have other shares in the holdout."""
    contract = sides.contract
    names = [name for name in contract.features
             if contract.field(name).kind in _COUNTED and name not in contract.texts]  # fmt: skip
    if not names:
        return Check(
            check="category_shift",
            outcome="ok",
            columns=(),
            observed=0.0,
            limit=limit,
            detail="no feature has categories",
        )
    counts = {name: count_values(sides.column(name)) for name in names}
    shifts = [measure_shift(name, each.train, each.holdout) for name, each in counts.items()]
    shifts = [
        _less_seasons(sides, each, limit, partial(_codes, sides, each.column, counts[each.column]))
        for each in shifts
    ]
    shifts.sort(key=lambda each: (-each.beyond, -each.distance, each.column))
    return _told(sides, "category_shift", shifts, limit, counts[shifts[0].column])


def label_shift(sides: TablePair, limit: float) -> Check:
    """Whether the label has another distribution in the holdout."""
    label = sides.contract.label
    pair = sides.column(label)
    if infer_task(sides.contract.field(label).kind, label) != "regression":
        seen = count_values(pair)
        shift = measure_shift(label, seen.train, seen.holdout)
        shift = _less_seasons(sides, shift, limit, partial(_codes, sides, label, seen))
        return _told(sides, "label_shift", [shift], limit, seen)
    parts = _parts(pair)
    if isinstance(parts, str):
        return unknown_check("label_shift", parts, limit)
    cells = max(int(each.max(initial=0)) for each in parts) + 1
    train, holdout = (np.bincount(each, minlength=cells) for each in parts)
    shift = _less_seasons(sides, measure_shift(label, train, holdout), limit, lambda: parts[0])
    return _told(sides, "label_shift", [shift], limit, None)


_COUNTED = ("string", "boolean")


def _less_seasons(
    sides: TablePair, shift: Shift, limit: float, codes: Callable[[], Codes]
) -> Shift:
    """The shift, and what training shows by itself if it is suspect without that."""
    if shift.beyond <= limit:
        return shift
    time = sides.column(sides.contract.time)
    return replace(shift, in_training=largest_distance(time, codes()))


def _codes(sides: TablePair, name: str, counts: CountedValues) -> Codes:
    """The place of each training row's value in ``counts``."""
    codes = pc.index_in(sides.column(name).train, value_set=counts.values)
    return np.asarray(codes.to_numpy(), np.int64)


def _told(
    sides: TablePair,
    name: LeakageCheck,
    shifts: list[Shift],
    limit: float,
    worst: CountedValues | None,
) -> Check:
    suspects = [each.column for each in shifts if each.beyond > limit]
    first = shifts[0]
    detail = (
        f"'{first.column}' differs in {first.distance:.2%} of rows, "
        f"{first.by_chance:.2%} can be chance"
    )
    if first.in_training:
        most = f"{first.in_training:.2%}"
        detail += f"; windows of training differ from its other rows in up to {most}"
    if len(suspects) > 1:
        detail += f"; too much so do {', '.join(repr(each) for each in suspects[1:])}"
    return Check(
        check=name,
        outcome="suspect" if suspects else "ok",
        columns=tuple(suspects or (each.column for each in shifts)),
        observed=first.beyond,
        limit=limit,
        detail=detail,
        numbers=tuple(each.row() for each in shifts),
        examples=_examples(sides, first.column, worst) if worst is not None and suspects else (),
    )


def _examples(sides: TablePair, name: str, counts: CountedValues) -> tuple[Row, ...]:
    """The categories whose shares differ most."""
    shares = counts.train / counts.train.sum(), counts.holdout / counts.holdout.sum()
    order = np.argsort(-np.abs(shares[0] - shares[1]), kind="stable")[:EXAMPLES]
    return tuple(
        {
            "value": sides.shown(name, counts.values[place].as_py()),
            "training": float(shares[0][place]),
            "holdout": float(shares[1][place]),
        }
        for place in order.tolist()
    )


def _parts(pair: ColumnPair) -> tuple[Codes, Codes] | str:
    """The part of each row, where parts are equal in training; or why there are none."""
    train, holdout = to_floats(pair.train), to_floats(pair.holdout)
    if np.isnan(train).any() or np.isnan(holdout).any():
        return "there are rows without a label"
    inner = np.linspace(0, 1, PARTS + 1)[1:-1]
    edges = np.unique(np.quantile(train, inner, method="lower"))
    return np.searchsorted(edges, train, side="left"), np.searchsorted(edges, holdout, side="left")


# ------- how much training itself changes over time: each of its windows against all its other rows
# A holdout in another season than training has other shares, and nothing is wrong with it.
# Training that spans some seasons shows how far apart they lie.

LEAST = 2
"""Training is at least so many times as long as the holdout, or its windows say nothing."""
OVERLAP = 2
"""A window begins after the one before by its length divided by this."""


def largest_distance(time: ColumnPair, codes: Codes) -> float:
    """The largest distance of a window of training, as long as the holdout, from its other rows.

    Parameters
    ----------
    time
        When the rows of both sides are from.
    codes
        The category of each row of training, shape (rows,), counted from 0.

    Returns
    -------
    float
        Total variation, in [0, 1]; 0 if training is too short to tell.
    """
    cells = int(codes.max(initial=0)) + 1
    whole = np.bincount(codes, minlength=cells)
    largest = 0.0
    for inside in _windows(_days(time.train), _days(time.holdout)):
        counts = np.bincount(codes[inside], minlength=cells)
        rows, others = counts.sum(), whole.sum() - counts.sum()
        if rows and others:
            distance = np.abs(counts / rows - (whole - counts) / others).sum() / 2
            largest = max(largest, float(distance))
    return largest


def _days(times: pa.ChunkedArray) -> NDArray[np.int64]:
    """Days since 1970, without rows that have no time: they are in no window."""
    days = pc.cast(pc.floor_temporal(times, 1, "day"), pa.date32(), safe=False)
    numbers = pc.fill_null(pc.cast(days, pa.int32()), _NONE).to_numpy()
    return np.asarray(numbers, np.int64)


_NONE = -(2**31)


def _windows(train: NDArray[np.int64], holdout: NDArray[np.int64]) -> Iterator[NDArray[np.bool_]]:
    known, held = train[train != _NONE], holdout[holdout != _NONE]
    if not len(known) or not len(held):
        return
    length = int(held.max() - held.min()) + 1
    first, last = int(known.min()), int(known.max())
    if last - first + 1 < LEAST * length:
        return
    for start in range(first, last - length + 2, max(1, length // OVERLAP)):
        yield (train >= start) & (train < start + length)
