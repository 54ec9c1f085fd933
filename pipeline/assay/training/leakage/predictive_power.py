"""Predictive power of each feature alone, and of sums of a few, on rows not seen before.

The model of a feature is a table: the mean label in each of its bins on training rows. A number has
a bin for each value, or bins of equal count if there are many values. A string has one for each
value, and nulls have their own. So it detects any relation, not only a monotone one. Of few rows a
number's model is also a line from value to value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from assay.contract.definition import NUMERIC
from assay.project.params.behaviour import LeakageCheck
from assay.project.tasks import Task, infer_task
from assay.project.text import counted, mark_blanks
from assay.training.leakage.column_sums import class_sum, number_sum
from assay.training.leakage.report import Check, Row, unknown_check
from assay.training.leakage.table_pair import (
    Codes,
    ColumnPair,
    Floats,
    TablePair,
    encode_column,
    evenly_spaced,
    to_floats,
)

BINS = 256
FEW_ROWS = 1000
"""From so many rows on, bins tell as much and are disturbed less by noise."""
MIN_ROWS = 30
MIN_CLASS_ROWS = 10
"""With fewer rows of the holdout, or of a class in it, chance can separate them."""

Targets: TypeAlias = list[tuple[str, Floats, Floats]]
"""Targets to predict: name, training values and holdout values of each."""
Places: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True)
class BinnedFeature:
    """The bin of each row for one feature."""

    train: Codes
    holdout: Codes
    size: int


def label_power(sides: TablePair, limit: float, sample_rows: int) -> Check:
    """Whether a feature alone nearly determines the label.

    Power is the AUC for a binary label; for several classes the largest AUC of one class against
    the rest; for a number the share of variance explained, of the number or of its rank, whichever
    is larger.
    """
    contract, places = sides.contract, _places(sides, sample_rows)
    number, targets = label_task(sides) == "regression", _targets(sides, places)
    if isinstance(targets, str):
        return unknown_check("label_power", targets, limit)
    powers = []
    for name in contract.features:
        pair, numeric = _sampled(sides.column(name), places), contract.field(name).kind in NUMERIC
        power, about = max(feature_powers(pair, targets, numeric=numeric, of_number=number))
        powers.append((power, name, about))
    return _told(sorted(powers, key=lambda each: (-each[0], each[1])), limit, number)


def feature_powers(
    feature: ColumnPair, targets: Targets, *, numeric: bool, of_number: bool, lines: bool = False
) -> list[tuple[float, str]]:
    """How well a feature alone predicts each target of the holdout, and the target's name.

    Parameters
    ----------
    numeric
        Whether the feature is a number or a boolean.
    of_number
        Whether the label is a number: shares of variance then, else areas under the ROC curve.
    lines
        Whether a number is also asked by lines between its values if there are more than few rows.
    """
    measure = r_squared if of_number else auc
    binned = _binned(feature, numeric)
    powers = [(measure(said_by_bins(binned, y), held), what) for what, y, held in targets]
    if numeric and (lines or len(feature.train) < FEW_ROWS):
        known, asked = to_floats(feature.train), to_floats(feature.holdout)
        by_lines = [measure(interpolate(known, y, asked), held) for _, y, held in targets]
        powers = [
            (max(each, line), what) for (each, what), line in zip(powers, by_lines, strict=True)
        ]
    return powers


def label_sum(sides: TablePair, limit: float, sample_rows: int) -> Check:
    """Whether a sum or difference of two or three features gives the label, where none does alone.

    See `assay.training.leakage.column_sums`; searched on training, measured on the holdout.
    """
    name: LeakageCheck = "label_sum"
    contract, places = sides.contract, _places(sides, sample_rows)
    targets = _targets(sides, places)
    if isinstance(targets, str):
        return unknown_check(name, targets, limit)
    columns = {}
    for each in contract.features:
        if contract.field(each).kind in ("integer", "float"):
            pair = _sampled(sides.column(each), places)
            columns[each] = to_floats(pair.train), to_floats(pair.holdout)
    number = label_task(sides) == "regression"
    best_sum = number_sum(columns, targets[0][1:], contract.label) if number else (
        class_sum(columns, targets)
    )  # fmt: skip
    power = 0.0 if best_sum is None else best_sum.power
    over = f", over the limit of {limit:.12g}" if power > limit else ""
    if best_sum is None:
        detail = "no sum or difference of two or three features tells more than its parts"
    elif number:
        detail = (
            f"'{best_sum.about}' is nearly {best_sum.text}, which explains {power:.1%} of it{over}"
        )
    else:
        detail = f"{best_sum.text} ranks {best_sum.about} with an AUC of {power:.4f}{over}"
    return Check(
        check=name,
        outcome="suspect" if power > limit else "ok",
        columns=best_sum.columns if best_sum and power > limit else tuple(columns),
        observed=power,
        limit=limit,
        detail=detail,
        numbers=(_row(best_sum.text, best_sum.about, power),) if best_sum else (),
    )


def label_task(sides: TablePair) -> Task:
    """The task that the contract's label makes."""
    return infer_task(sides.contract.field(sides.contract.label).kind, sides.contract.label)


def _places(sides: TablePair, sample_rows: int) -> Places:
    """The rows of each side that are looked at."""
    return (
        evenly_spaced(sides.train.rows, sample_rows),
        evenly_spaced(sides.holdout.rows, sample_rows),
    )


def _targets(sides: TablePair, places: Places) -> Targets | str:
    """What features are to predict, or the reason why nothing can be tested."""
    name = sides.contract.label
    return label_targets(_sampled(sides.column(name), places), name, label_task(sides))


def label_targets(label: ColumnPair, name: str, task: Task) -> Targets | str:
    """What features are to predict of a label, or the reason why nothing can be tested."""
    few = min(len(label.train), len(label.holdout))
    if few < MIN_ROWS:
        return f"one side has {counted(few, 'row')} only, {MIN_ROWS} are needed"
    return (_numbers if task == "regression" else _classes)(label, name)


def _told(powers: list[tuple[float, str, str]], limit: float, number: bool) -> Check:
    suspects = [name for power, name, _ in powers if power > limit]
    power, name, about = powers[0]
    detail = (
        f"'{name}' alone explains {power:.4f} of the variance of {about}"
        if number
        else f"'{name}' alone ranks {about} with an AUC of {power:.4f}"
    )
    detail += f", over the limit of {limit:.12g}" if suspects else ", the most of all features"
    if len(suspects) > 1:
        are = "is" if len(suspects) == 2 else "are"
        detail += f"; so {are} {', '.join(repr(each) for each in suspects[1:])}"
    return Check(
        check="label_power",
        outcome="suspect" if suspects else "ok",
        columns=tuple(suspects or (each for _, each, _ in powers)),
        observed=power,
        limit=limit,
        detail=detail,
        numbers=tuple(_row(each, what, value) for value, each, what in powers),
    )


def _row(name: str, about: str, power: float) -> Row:
    return {"column": name, "about": about, "power": power}


def auc(said: Floats, holdout: Floats) -> float:
    """AUC of the holdout's labels, ranked by what a feature's model says of each row."""
    order, place = np.unique(said, return_inverse=True)  # rows of which it says the same are ties
    rows = np.bincount(place, minlength=len(order)).astype(np.float64)
    yes = np.bincount(place, weights=holdout, minlength=len(order))
    no = rows - yes
    below = np.cumsum(no) - no
    return float(np.sum(yes * (below + no / 2)) / (yes.sum() * no.sum()))


def r_squared(said: Floats, holdout: Floats) -> float:
    """Share of the holdout's variance that a feature's model explains; 0 if it only adds to it."""
    spread = holdout - holdout.mean()
    return max(0.0, float(1 - np.mean((holdout - said) ** 2) / np.mean(spread**2)))


def said_by_bins(binned: BinnedFeature, train: Floats) -> Floats:
    """Training's mean in the bin of each holdout row, smoothed by one row of the overall mean."""
    rows = np.bincount(binned.train, minlength=binned.size)
    sums = np.bincount(binned.train, weights=train, minlength=binned.size)
    means: Floats = (sums + train.mean()) / (rows + 1)
    return means[binned.holdout]


def _sampled(pair: ColumnPair, places: Places) -> ColumnPair:
    return ColumnPair(pair.train.take(places[0]), pair.holdout.take(places[1]))


def _binned(pair: ColumnPair, number: bool) -> BinnedFeature:
    if not number:
        codes = encode_column(pair)
        return BinnedFeature(codes.train, codes.holdout, codes.size)
    train, holdout = to_floats(pair.train), to_floats(pair.holdout)
    edges = np.unique(train[~np.isnan(train)])
    if len(edges) > BINS:
        known = train[~np.isnan(train)]
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1), method="lower"))
    size = len(edges) + 2

    def place(values: Floats) -> Codes:
        bins = np.searchsorted(edges, values, side="right").astype(np.int64)
        return np.where(np.isnan(values), size - 1, bins)

    return BinnedFeature(place(train), place(holdout), size)


def _classes(label: ColumnPair, name: str) -> Targets | str:
    """Each class against the rest, or the reason why none can be tested."""
    codes = encode_column(label)
    if (codes.train == 0).any() or (codes.holdout == 0).any():
        return "there are rows without a label"
    rows, held = codes.counts()
    usable = [
        code
        for code in range(1, codes.size)
        if 0 < rows[code] < len(codes.train)
        and MIN_CLASS_ROWS <= held[code] <= len(codes.holdout) - MIN_CLASS_ROWS
    ]
    if not usable:
        return f"no class of the label is there and absent in {MIN_CLASS_ROWS} holdout rows each"
    return [
        (
            f"{name}={mark_blanks(codes.values[code - 1].as_py())}",
            (codes.train == code).astype(np.float64),
            (codes.holdout == code).astype(np.float64),
        )
        for code in usable
    ]


def _numbers(label: ColumnPair, name: str) -> Targets | str:
    """The label and its rank among training's labels, or the reason why neither can be tested."""
    train, holdout = to_floats(label.train), to_floats(label.holdout)
    if not (np.isfinite(train).all() and np.isfinite(holdout).all()):
        return "there are labels that are no finite number"
    if np.ptp(train) == 0 or np.ptp(holdout) == 0:
        return "every label of one side is the same number"
    targets = [(name, train, holdout)]
    ordered = np.sort(train)
    ranks = _ranks(ordered, train), _ranks(ordered, holdout)
    if np.ptp(ranks[1]) > 0:
        targets.append((f"the rank of {name}", *ranks))
    return targets


def _ranks(ordered: Floats, values: Floats) -> Floats:
    low = np.searchsorted(ordered, values, side="left")
    high = np.searchsorted(ordered, values, side="right")
    ranks: Floats = (low + high) / (2 * len(ordered))
    return ranks


def interpolate(values: Floats, target: Floats, asked: Floats) -> Floats:
    """The target at other values, by a line between the two known ones that are next.

    Parameters
    ----------
    values, target
        Of n known rows; of rows with equal values the mean target is taken.
    asked
        Values of m other rows; one that is not finite gets the mean target.

    >>> interpolate(np.array([0.0, 2.0]), np.array([1.0, 5.0]), np.array([1.0, np.nan]))
    array([3., 3.])
    """
    result = np.full(len(asked), target.mean())
    known, there = np.isfinite(values), np.isfinite(asked)
    if known.any():
        places, inverse = np.unique(values[known], return_inverse=True)
        means = np.bincount(inverse, weights=target[known]) / np.bincount(inverse)
        result[there] = np.interp(asked[there], places, means)
    return result
