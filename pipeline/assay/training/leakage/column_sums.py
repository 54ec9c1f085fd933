"""Sums and differences of two or three columns that give the label, where none does so alone.

A total gives away its parts: the label is the total less the other parts, up to a small charge. A
class may be which of two columns is larger. Such a leak has coefficients of exactly 1 and -1, so
these are searched in full and nothing is fitted: a numeric label by the covariances of all columns,
a class by the ranks of each sum. What was found on one half of the rows is measured on the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from scipy import stats

from assay.training.leakage.table_pair import Floats

MOST_COLUMNS = 60
"""Of more, those with the largest standardised coefficients in a regression of the label."""
MOST_RANKED = 6000
"""Sums whose ranks are taken: of more, only those of two columns."""
RANKED_ROWS = 1000
AT_A_TIME = 500
LEAST_ROWS = 30
"""Rows with a value in each of the columns, to measure a sum on."""
BETTER = 2.0
"""Of a number's squared spread, a sum leaves so many times less than any of its parts can."""
MOST_OF_PARTS = 0.9
"""AUC of the parts of a sum that ranks a class: better ones may rank it together by right."""
MEASURED = 20
"""So many of the best sums are measured on other rows."""


@dataclass(frozen=True)
class ColumnSum:
    """A sum of columns with signs.

    ``power`` is the area under the ROC curve of the class ``about``, or the share of the spread of
    a number that the sum explains.
    """

    columns: tuple[str, ...]
    signs: tuple[int, ...]
    power: float
    about: str

    @property
    def text(self) -> str:
        """Such as ``'total' - 'tip'``, what is added first."""
        parts = sorted(zip(self.signs, self.columns, strict=True), key=lambda part: -part[0])
        first, *others = [("+" if sign > 0 else "-", f"'{name}'") for sign, name in parts]
        text = first[1] if first[0] == "+" else f"-{first[1]}"
        return " ".join([text, *(f"{sign} {name}" for sign, name in others)])


def number_sum(
    columns: Mapping[str, tuple[Floats, Floats]], label: tuple[Floats, Floats], name: str
) -> ColumnSum | None:
    """The sum that explains most of a numeric label, and much more than its parts do.

    Parameters
    ----------
    columns
        Name -> values of the rows to search on, shape (n,), and of those to measure on, (m,). NaN
        where there is none.
    label
        Of the same rows, finite.
    name
        Of the label.

    Returns
    -------
    ColumnSum or None
        Its power is the share of the squared spread between the 5 % and the 95 % quantile that is
        gone when the sum is subtracted; of the variance, if that spread is 0.
    """
    names, table, held = _matrices(columns, label[0])
    if len(names) < 2:
        return None
    covariance = _covariances(np.column_stack([label[0], table]))
    best_sums: list[tuple[float, tuple[int, ...], tuple[int, ...]]] = []
    for places, signs in _sums(len(names), (2, 3), (1, -1)):
        inside = np.array(places) + 1
        left = np.full(len(inside), covariance[0, 0])
        for one, sign in enumerate(signs):
            left += covariance[inside[:, one], inside[:, one]]
            left -= 2 * sign * covariance[inside[:, one], 0]
            for other in range(one):
                both = covariance[inside[:, one], inside[:, other]]
                left += 2 * sign * signs[other] * both
        best_sums += [(left[best], places[best], signs) for best in np.argsort(left)[:MEASURED]]
    measured = []
    for _, at, signs in sorted(best_sums)[:MEASURED]:
        rows = np.isfinite(held[:, at]).all(axis=1)
        y, x = label[1][rows], held[rows][:, at]
        if len(y) < LEAST_ROWS or np.ptp(y) == 0:
            continue
        unexplained = _spread(y - x @ np.array(signs))
        parts = [_spread(_residual(y, np.delete(x, one, axis=1))) for one in range(len(at))]
        if BETTER * unexplained <= min(parts):
            power = 1 - unexplained / _spread(y)
            measured.append(ColumnSum(tuple(names[one] for one in at), signs, power, name))
    return max(measured, key=lambda each: each.power, default=None)


def class_sum(
    columns: Mapping[str, tuple[Floats, Floats]], classes: Sequence[tuple[str, Floats, Floats]]
) -> ColumnSum | None:
    """The sum that ranks the rows of a class best, of those whose parts do not.

    Parameters
    ----------
    columns
        As of `number_sum`.
    classes
        Name of each class, and 1 for its rows, else 0, among those to search and to measure on.
    """
    names, table, held = _matrices(columns, classes[0][1])
    if len(names) < 2:
        return None
    step = max(1, len(table) // RANKED_ROWS)
    table = np.where(np.isfinite(table), table, 0.0)[::step]
    wanted = [(about, y[::step], truth) for about, y, truth in classes if 0 < y[::step].mean() < 1]
    sums = list(_sums(len(names), (2, 3), (1,)))
    if sum(len(places) for places, _ in sums) > MOST_RANKED:
        sums = [each for each in sums if len(each[1]) == 2]
    best_sums: list[tuple[float, str, tuple[int, ...], tuple[int, ...]]] = []
    for places, signs in sums:
        for start in range(0, len(places), AT_A_TIME):
            block = places[start : start + AT_A_TIME]
            areas = _areas(table[:, np.array(block)] @ np.array(signs), [y for _, y, _ in wanted])
            for (about, _, _), area in zip(wanted, areas, strict=True):
                best = np.argsort(-area)[:MEASURED]
                best_sums += [(-area[one], about, block[one], signs) for one in best]
    truths, measured = {about: truth for about, _, truth in wanted}, []
    for _, about, at, signs in sorted(best_sums)[:MEASURED]:
        rows = np.isfinite(held[:, at]).all(axis=1)
        y, x = truths[about][rows], held[rows][:, at]
        if len(y) < LEAST_ROWS or np.ptp(y) == 0:
            continue
        inner = [each for size in range(1, len(at)) for each in combinations(range(len(at)), size)]
        parts = np.column_stack([x[:, each] @ np.array(signs)[list(each)] for each in inner])
        whole, less = _areas((x @ np.array(signs))[:, None], [y])[0][0], _areas(parts, [y])[0].max()
        if less <= MOST_OF_PARTS:
            measured.append(ColumnSum(tuple(names[one] for one in at), signs, float(whole), about))
    return max(measured, key=lambda each: each.power, default=None)


def _matrices(
    columns: Mapping[str, tuple[Floats, Floats]], label: Floats
) -> tuple[list[str], Floats, Floats]:
    """Names, rows to search on and rows to measure on of at most `MOST_COLUMNS` columns."""
    used = {}
    for name, pair in columns.items():
        finite = pair[0][np.isfinite(pair[0])]
        if len(finite) >= LEAST_ROWS and np.ptp(finite) > 0:
            used[name] = pair
    names = [*used]
    table = np.column_stack([used[name][0] for name in names]) if names else np.empty((0, 0))
    if len(names) > MOST_COLUMNS:
        known = np.isfinite(table)
        centred = np.where(known, table - np.nanmean(np.where(known, table, np.nan), axis=0), 0.0)
        unit = centred / centred.std(axis=0)
        weights = np.linalg.lstsq(unit, label - label.mean(), rcond=None)[0]
        kept = np.sort(np.argsort(-np.abs(weights))[:MOST_COLUMNS])
        names, table = [names[place] for place in kept], table[:, kept]
    held = np.column_stack([used[name][1] for name in names]) if names else np.empty((0, 0))
    return names, table, held


def _covariances(table: Floats) -> Floats:
    """Covariances of columns, of each two over the rows where both are known."""
    known = np.isfinite(table)
    rows = np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, table, 0.0)
    centred = np.where(known, centred - centred.sum(axis=0) / rows, 0.0)
    both = known.astype(np.float64)
    covariances: Floats = (centred.T @ centred) / np.maximum(both.T @ both, 1.0)
    return covariances


def _sums(
    columns: int, sizes: Sequence[int], first: Sequence[int]
) -> Iterator[tuple[list[tuple[int, ...]], tuple[int, ...]]]:
    """The columns of all sums of a size, with each choice of signs."""
    for size in sizes:
        places = list(combinations(range(columns), size))
        for signs in product(first, *[(1, -1)] * (size - 1)):
            if places:
                yield places, signs


def _residual(y: Floats, x: Floats) -> Floats:
    """What a least-squares fit on columns leaves."""
    design = np.column_stack([np.ones(len(y)), x])
    left: Floats = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return left


def _spread(values: Floats) -> float:
    low, high = np.quantile(values, [0.05, 0.95])
    return float((high - low) ** 2) or float(values.var())


def _areas(values: Floats, classes: Sequence[Floats]) -> list[Floats]:
    """AUC of each column, or of its distance from 0, for each class; at least 0.5."""
    areas = []
    ranks = [stats.rankdata(each, axis=0) for each in (values, np.abs(values))]
    for truth in classes:
        yes = truth.sum()
        no = len(truth) - yes
        area = [(truth @ each - yes * (yes + 1) / 2) / (yes * no) for each in ranks]
        areas.append(np.max([*area, *(1 - each for each in area)], axis=0))
    return areas
