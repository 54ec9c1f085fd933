"""Split the change of outcomes between two nights into parts that add up to it.

An outcome is a mean over rows: of the score, or of "the model says yes". Between two nights it
changes because another version scored them, because the mix of rows changed, or because the
columns of comparable rows changed. The size of each part depends on the order in which the changes
are applied, so parts are averaged over all orders: the Shapley value (L. S. Shapley, "A value for
n-person games", 1953).

model
    Both versions on the rows of both nights: the newer version's outcome minus the older one's,
    averaged over the nights.
mix
    The shares of the slices changed, at the mean of both nights' outcomes in each slice (E. M.
    Kitagawa, "Components of a difference between two rates", JASA 50, 1955). A slice is a
    combination of values of all slice fields.
columns
    Within slices. Each row of one night is paired at random with rows of the other, and groups of
    columns are swapped in every combination. The columns with the most drift are groups of their
    own; all others form one group. Swapping one of several dependent columns can create rows that
    do not occur, so their parts should be read together.
unseen
    The rest of the change in the published means of all rows; zero if all rows were sampled.

With two versions, mix and columns are averaged over both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from assay.columns.distance import js_distance
from assay.columns.features import Floats, FrameFeatures
from assay.columns.grid import Grid
from assay.columns.profile_counter import compute_profile
from assay.project.text import counted

if TYPE_CHECKING:
    import pandas as pd

OutcomesOf: TypeAlias = "Callable[[pd.DataFrame], Floats]"
"""From rows to their outcomes, shape (rows, outcomes)."""

Slices: TypeAlias = NDArray[np.object_]

GROUPS = 7
"""The most groups of columns; 2 to this power combinations are scored."""


@dataclass(frozen=True)
class Slice:
    """A combination of slice values: its share on each night, and its part of the mix."""

    title: str
    before: float
    after: float
    mix: Floats


@dataclass(frozen=True)
class Decomposition:
    """The parts of the change between two nights' rows; arrays of shape (outcomes,).

    ``after - before`` equals ``model + mix + sum(columns)``.
    """

    before: Floats
    after: Floats
    model: Floats
    mix: Floats
    columns: Mapping[str, Floats]
    slices: tuple[Slice, ...]


def decompose(
    before: pd.DataFrame,
    after: pd.DataFrame,
    slices: tuple[Slices, Slices],
    versions: Sequence[OutcomesOf],
    groups: Mapping[str, Sequence[str]],
    seed: int,
) -> Decomposition:
    """Split the change into its parts.

    Parameters
    ----------
    before, after
        Rows of the earlier and of the later night, the columns of all versions; not empty.
    slices
        The slice of each of their rows.
    versions
        What scored the earlier and the later night; one, if they are the same.
    groups
        Columns to be swapped together, by title.
    seed
        Of the pairing.
    """
    means = np.array([[one(rows).mean(axis=0) for rows in (before, after)] for one in versions])
    model = (means[-1] - means[0]).mean(axis=0)
    random = np.random.default_rng(seed)
    nights = [_shares(each) for each in slices]
    left, right, weight = _pairs(slices, nights, random)
    mixes, columns = [], []
    for one in versions:
        each = [_means(one(rows), of) for rows, of in zip((before, after), slices, strict=True)]
        mixes.append(_mix(nights, each))
        columns.append(_shapley(one, before.iloc[left], after.iloc[right], weight, groups))
    by_slice = {title: np.mean([mix[title] for mix in mixes], axis=0) for title in mixes[0]}
    none = np.zeros(means.shape[-1])
    return Decomposition(
        before=means[0, 0],
        after=means[-1, 1],
        model=model,
        mix=sum(by_slice.values(), none),
        columns={title: np.mean([each[title] for each in columns], axis=0) for title in groups},
        slices=tuple(
            Slice(title, nights[0].get(title, 0.0), nights[1].get(title, 0.0), part)
            for title, part in sorted(by_slice.items(), key=lambda item: -abs(item[1][0]))
        ),
    )


def _shares(slices: Slices) -> dict[str, float]:
    known, counts = np.unique(slices.astype(str), return_counts=True)
    return {str(name): int(count) / len(slices) for name, count in zip(known, counts, strict=True)}


def _means(outcomes: Floats, slices: Slices) -> dict[str, Floats]:
    known, place = np.unique(slices.astype(str), return_inverse=True)
    sums = np.zeros((len(known), outcomes.shape[1]))
    np.add.at(sums, place, outcomes)
    means = sums / np.bincount(place)[:, None]
    return {str(name): mean for name, mean in zip(known, means, strict=True)}


def _mix(
    shares: Sequence[Mapping[str, float]], means: Sequence[Mapping[str, Floats]]
) -> dict[str, Floats]:
    """The part of each slice. A slice on one night only has that night's outcomes.

    Shares add up to 1 on both nights, so a constant can be subtracted from the outcomes. With the
    mean of both nights, a slice that grows but has average outcomes contributes nothing.
    """
    overall = sum(
        share * mean[title]
        for night, mean in zip(shares, means, strict=True)
        for title, share in night.items()
    )
    by_slice = {}
    for title in sorted({*shares[0], *shares[1]}):
        known = [mean[title] for mean in means if title in mean]
        grown = shares[1].get(title, 0.0) - shares[0].get(title, 0.0)
        by_slice[title] = grown * (np.mean(known, axis=0) - overall / 2)
    return by_slice


def _pairs(
    slices: tuple[Slices, Slices], shares: Sequence[Mapping[str, float]], random: Any
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Pair the rows of both nights within slices, each row with the same total weight.

    Both nights' rows of a slice are shuffled and laid side by side as intervals of [0, 1]. A pair
    is an overlap of two intervals.
    """
    left, right, weight = [], [], []
    for title in sorted(set(shares[0]) & set(shares[1])):
        rows = [random.permutation(np.flatnonzero(each == title)) for each in slices]
        # Ends as integers in units of 1 / (n0 n1), so that equal ends compare equal.
        ends = [np.arange(1, len(rows[at]) + 1) * len(rows[1 - at]) for at in (0, 1)]
        edges = np.union1d(*ends)
        left.append(rows[0][np.searchsorted(ends[0], edges)])
        right.append(rows[1][np.searchsorted(ends[1], edges)])
        lengths = np.diff(edges, prepend=0) / (len(rows[0]) * len(rows[1]))
        weight.append(lengths * (shares[0][title] + shares[1][title]) / 2)
    if not weight:
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0)
    return np.concatenate(left), np.concatenate(right), np.concatenate(weight)


def _shapley(
    answer: OutcomesOf,
    before: pd.DataFrame,
    after: pd.DataFrame,
    weight: Floats,
    groups: Mapping[str, Sequence[str]],
) -> dict[str, Floats]:
    """Each group's mean effect over all orders in which groups can be swapped."""
    titles, size = list(groups), len(groups)
    if not len(weight):
        outcomes = answer(before).shape[1]
        return {title: np.zeros(outcomes) for title in titles}
    before, after = before.reset_index(drop=True), after.reset_index(drop=True)
    values = []
    for swapped in range(2**size):
        names = [n for at, title in enumerate(titles) if swapped >> at & 1 for n in groups[title]]
        values.append(weight @ answer(before.assign(**{name: after[name] for name in names})))
    shapley = {}
    for at, title in enumerate(titles):
        effect = np.zeros_like(values[0])
        for swapped in range(2**size):
            if not swapped >> at & 1:
                others = swapped.bit_count()
                orders = math.factorial(others) * math.factorial(size - others - 1)
                share = orders / math.factorial(size)
                effect += share * (values[swapped | 1 << at] - values[swapped])
        shapley[title] = effect
    return shapley


def groups_of(
    before: pd.DataFrame, after: pd.DataFrame, features: Sequence[str], grid: Grid
) -> dict[str, tuple[str, ...]]:
    """The columns with the most drift between the nights, one group each; all others as one group.

    Parameters
    ----------
    features
        The columns to swap. Columns missing in ``grid`` count as without drift.
    grid
        Of a reference.
    """
    known = {name: grid[name] for name in features if name in grid}
    one, two = (compute_profile(FrameFeatures(rows), known) for rows in (before, after))
    far = dict.fromkeys(features, 0.0)
    for name in known:
        distance = float(js_distance(one[name].counts, two[name].counts))
        nulls = abs(one[name].nulls / one[name].rows - two[name].nulls / two[name].rows)
        far[name] = max(nulls, 0.0 if math.isnan(distance) else distance)
    order = sorted(features, key=lambda name: (-far[name], name))
    if len(order) <= GROUPS:
        return {name: (name,) for name in order}
    alone, rest = order[: GROUPS - 1], order[GROUPS - 1 :]
    return {
        **{name: (name,) for name in alone},
        counted(len(rest), "other column"): tuple(rest),
    }
