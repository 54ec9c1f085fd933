"""What monitoring compares a night with: the reference's counts, and how its nights differ.

The reference is the training window, scored out of fold. Beside its counts it holds how far
each of its nights lies from all the others; limits are learnt from that. Nulls are left out
of the distances: their share is watched on its own, with a limit that a person can read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.distance import js_distance
from pipeline.errors import BundleChanged
from pipeline.features import Floats, FrameFeatures
from pipeline.grids import Ints, cells_of, grid_of
from pipeline.profile import (
    CategoryGrid,
    ColumnGrid,
    ColumnProfile,
    Grid,
    NumberGrid,
    Profile,
    column_from_tree,
    finite_number,
    profile_of,
)


@dataclass(frozen=True, slots=True)
class Reference:
    """What monitoring compares with.

    Attributes
    ----------
    grid, profile
        The features' and the scores' grids, and the counts of all reference rows.
    scores
        Which of the columns are the model's answers.
    nights
        How many partitions the reference rows came from.
    distances
        For each column, in increasing order, the distance of each night from all the
        others: how far an ordinary night strays. A night whose column is all null has none.
    null_changes
        For each column, in increasing order, how much each night's share of nulls differs
        from that of all the others; in [0, 1].
    """

    grid: Grid
    profile: Profile
    scores: tuple[str, ...]
    nights: int
    distances: Mapping[str, tuple[float, ...]]
    null_changes: Mapping[str, tuple[float, ...]]

    def to_json(self) -> str:
        """The same text for equal references; ends with a newline."""
        columns = {
            name: {
                "grid": asdict(grid),
                "profile": asdict(self.profile[name]),
                "distances": list(self.distances[name]),
                "null_changes": list(self.null_changes[name]),
            }
            for name, grid in self.grid.items()
        }
        tree = {
            "schema": 1,
            "nights": self.nights,
            "scores": list(self.scores),
            "columns": columns,
        }
        return json.dumps(tree, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str) -> Reference:
        """Read what `to_json` wrote.

        Raises
        ------
        BundleChanged
            If ``text`` is anything else; ``where`` names the file.
        """
        try:
            tree = json.loads(text)
            if tree["schema"] != 1:
                raise ValueError(f"schema {tree['schema']!r}, expected 1")
            if type(tree["nights"]) is not int or tree["nights"] < 0:
                raise ValueError(f"nights must be a whole number, found {tree['nights']!r}")
            columns = {str(name): _reference_column(c) for name, c in tree["columns"].items()}
            scores = tuple(str(name) for name in tree["scores"])
            if not scores or not set(scores) <= set(columns):
                raise ValueError(f"no column for each of the scores {list(scores)}")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise BundleChanged(
                f"not a reference profile: {reason}", where=where, mend="Run `dvc repro` again"
            ) from None
        return cls(
            {name: column[0] for name, column in columns.items()},
            {name: column[1] for name, column in columns.items()},
            scores,
            tree["nights"],
            {name: column[2] for name, column in columns.items()},
            {name: column[3] for name, column in columns.items()},
        )


def _reference_column(
    tree: Any,
) -> tuple[ColumnGrid, ColumnProfile, tuple[float, ...], tuple[float, ...]]:
    grid: ColumnGrid
    if set(tree["grid"]) == {"edges"}:
        grid = NumberGrid(tuple(finite_number(edge) for edge in tree["grid"]["edges"]))
    elif set(tree["grid"]) == {"categories"}:
        grid = CategoryGrid(tuple(str(name) for name in tree["grid"]["categories"]))
    else:
        raise ValueError("a grid holds either edges or categories")
    profile = column_from_tree(tree["profile"])
    if len(profile.counts) != grid.cells:
        raise ValueError(f"{len(profile.counts)} counts on a grid of {grid.cells} cells")
    return grid, profile, _increasing(tree["distances"]), _increasing(tree["null_changes"])


def _increasing(values: Any) -> tuple[float, ...]:
    numbers = tuple(finite_number(value) for value in values)
    if list(numbers) != sorted(numbers) or any(not 0 <= number <= 1 for number in numbers):
        raise ValueError("the nights' distances must increase within [0, 1]")
    return numbers


def reference_of(
    frame: pd.DataFrame,
    night: pd.Series[Any],
    numeric: Sequence[str],
    categorical: Sequence[str],
    scores: Grid,
) -> Reference:
    """Grid, counts and night-to-night distances of the reference rows.

    Parameters
    ----------
    frame
        The features and the scores, one row a scored row.
    night
        The partition value of each row, in the order of ``frame``.
    numeric, categorical
        The features.
    scores
        The grids of the scores (`pipeline.outcome.grids`).

    Raises
    ------
    ValueError
        If a feature is called as a score is, or a row has no partition value.
    KeyError
        If a column is not in ``frame``.
    """
    taken = [name for name in (*numeric, *categorical) if name in scores]
    if taken:
        raise ValueError(f"a feature cannot be called {taken[0]}: that is the model's answer")
    codes, nights = pd.factorize(night)
    if len(codes) != len(frame) or (codes < 0).any():
        raise ValueError("every reference row needs a partition value")
    grid: Grid = {**grid_of(frame, numeric, categorical), **scores}
    profile = profile_of(FrameFeatures(frame), grid)
    distances: dict[str, tuple[float, ...]] = {}
    null_changes: dict[str, tuple[float, ...]] = {}
    codes = codes.astype(np.int64)
    for name, column in grid.items():
        cells = cells_of(frame[name], column)
        by_night = _counts_by_night(cells, codes, len(nights), column.cells)
        distances[name], null_changes[name] = _leave_one_out(by_night)
    return Reference(grid, profile, tuple(scores), len(nights), distances, null_changes)


def _counts_by_night(cells: Ints, nights: Ints, n_nights: int, n_cells: int) -> Ints:
    """Counts of shape (nights, 1 + cells); nulls come first."""
    flat = nights * (n_cells + 1) + cells + 1
    counts = np.bincount(flat, minlength=n_nights * (n_cells + 1))
    return counts.reshape(n_nights, n_cells + 1).astype(np.int64)


def _leave_one_out(by_night: Ints) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """How far each night's shares, and its share of nulls, are from all other nights'.

    The counts of the others are the whole less the night: exact, and no second pass.
    """
    others = by_night.sum(axis=0) - by_night
    distances = js_distance(by_night[:, 1:], others[:, 1:])
    with np.errstate(divide="ignore", invalid="ignore"):
        nulls = by_night[:, 0] / by_night.sum(axis=1)
        changes = np.abs(nulls - others[:, 0] / others.sum(axis=1))
    return _sorted(distances), _sorted(changes)


def _sorted(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in np.sort(values[np.isfinite(values)]))
