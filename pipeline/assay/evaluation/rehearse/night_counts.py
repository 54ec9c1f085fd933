"""Counts of a night that one or two models scored; those of its pieces add up to the night's.

Nothing here grows with the rows: tasks hand counts to the driver, never a row. Whole numbers add up
exactly in any order, sums of floats within rounding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.columns.features import Floats, SliceField
from assay.columns.grid import NumberGrid
from assay.model import prediction
from assay.model.batch import ScoredBatch
from assay.project.tasks import Task
from assay.score.tally import Tally

Key = TypeVar("Key")
Bools: TypeAlias = npt.NDArray[np.bool_]
SliceKey: TypeAlias = tuple[str, str | None]
"""A slice field and its value; None stands for all values that are not counted one by one."""


@dataclass(frozen=True)
class ModelCounts:
    """What one model did with some rows; ``ModelCounts()`` is the zero.

    Attributes
    ----------
    tally
        As of a scoring run, with the profile that decides whether a night is held.
    scored, quarantined
        Rows of the two tables that a run would have written.
    seconds
        Time in the scoring function, of all workers together.
    """

    tally: Tally = field(default_factory=Tally)
    scored: int = 0
    quarantined: int = 0
    seconds: float = 0.0

    def __add__(self, other: ModelCounts) -> ModelCounts:
        return ModelCounts(
            self.tally + other.tally,
            self.scored + other.scored,
            self.quarantined + other.quarantined,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True)
class PairCounts:
    """What became of some rows that two models were given; ``PairCounts()`` is the zero.

    Attributes
    ----------
    rows
        Rows to which both gave a score. All of the following but the first three are about these.
    newly_quarantined, newly_refused_by
        Rows that only the challenger refuses, and how many of them break each of its rules.
    newly_null
        Rows to which only the challenger gives no score, though its contract lets them pass.
    flipped
        Rows with another prediction; stays 0 for a regression.
    challenger_sum, champion_sum, absolute_change
        Sums of both scores, and of their absolute differences.
    challenger_cells, champion_cells
        Histograms of both scores on the champion's grid: number of a cell -> rows.
    slice_rows, slice_flipped
        Rows and flips by slice. Each row is in one slice of every field.
    """

    rows: int = 0
    newly_quarantined: int = 0
    newly_refused_by: Mapping[str, int] = field(default_factory=dict)
    newly_null: int = 0
    flipped: int = 0
    challenger_sum: float = 0.0
    champion_sum: float = 0.0
    absolute_change: float = 0.0
    challenger_cells: Mapping[int, int] = field(default_factory=dict)
    champion_cells: Mapping[int, int] = field(default_factory=dict)
    slice_rows: Mapping[SliceKey, int] = field(default_factory=dict)
    slice_flipped: Mapping[SliceKey, int] = field(default_factory=dict)

    def __add__(self, other: PairCounts) -> PairCounts:
        return PairCounts(
            rows=self.rows + other.rows,
            newly_quarantined=self.newly_quarantined + other.newly_quarantined,
            newly_refused_by=_added(self.newly_refused_by, other.newly_refused_by),
            newly_null=self.newly_null + other.newly_null,
            flipped=self.flipped + other.flipped,
            challenger_sum=self.challenger_sum + other.challenger_sum,
            champion_sum=self.champion_sum + other.champion_sum,
            absolute_change=self.absolute_change + other.absolute_change,
            challenger_cells=_added(self.challenger_cells, other.challenger_cells),
            champion_cells=_added(self.champion_cells, other.champion_cells),
            slice_rows=_added(self.slice_rows, other.slice_rows),
            slice_flipped=_added(self.slice_flipped, other.slice_flipped),
        )


@dataclass(frozen=True)
class NightCounts:
    """The counts of both models, and of the pair; ``NightCounts()`` is the zero.

    Attributes
    ----------
    failure
        Why the champion could not score some rows; None if it could score all, or was not asked.
        Its counts are then about a part of the rows.
    """

    challenger: ModelCounts = field(default_factory=ModelCounts)
    champion: ModelCounts = field(default_factory=ModelCounts)
    pair: PairCounts = field(default_factory=PairCounts)
    failure: str | None = None

    def __add__(self, other: NightCounts) -> NightCounts:
        return NightCounts(
            self.challenger + other.challenger,
            self.champion + other.champion,
            self.pair + other.pair,
            other.failure if self.failure is None else self.failure,
        )


def total(parts: Iterable[NightCounts]) -> NightCounts:
    """The sum of all counts."""
    return reduce(lambda one, two: one + two, parts, NightCounts())


def count_model(scored: ScoredBatch, seconds: float) -> ModelCounts:
    """The counts of a piece, without its profile, which is made once for all pieces of a task."""
    return ModelCounts(
        Tally.of(scored), scored.predictions.num_rows, scored.quarantine.num_rows, seconds
    )


def count_pair(
    task: Task,
    grid: NumberGrid,
    slices: Iterable[SliceField],
    challenger: ScoredBatch,
    champion: ScoredBatch,
) -> PairCounts:
    """The counts of the same rows, in the same order, scored by both models.

    Parameters
    ----------
    grid
        On which both scores are counted.
    slices
        Of the challenger's reference.
    """
    mine, theirs = _scores(task, challenger), _scores(task, champion)
    both = ~np.isnan(mine) & ~np.isnan(theirs)
    newly = challenger.bad & ~champion.bad
    passed = ~challenger.bad & ~champion.bad
    after, before = mine[both], theirs[both]
    flipped = np.zeros(len(after), dtype=np.bool_)
    if task != "regression":
        flipped = _unequal(_predictions(challenger, both), _predictions(champion, both))
    slice_rows, slice_flipped = _by_slice(slices, challenger, both, flipped)
    return PairCounts(
        rows=len(after),
        newly_quarantined=int(np.count_nonzero(newly)),
        newly_refused_by=_rules(challenger, newly),
        newly_null=int(np.count_nonzero(passed & np.isnan(mine) & ~np.isnan(theirs))),
        flipped=int(np.count_nonzero(flipped)),
        challenger_sum=float(after.sum()),
        champion_sum=float(before.sum()),
        absolute_change=float(np.abs(after - before).sum()),
        challenger_cells=_cells(after, grid),
        champion_cells=_cells(before, grid),
        slice_rows=slice_rows,
        slice_flipped=slice_flipped,
    )


def _scores(task: Task, scored: ScoredBatch) -> Floats:
    """The score of each row of the piece; NaN where it was refused or got none."""
    found = np.full(scored.rows, np.nan)
    column = scored.predictions[prediction.score_column(task)]
    found[~scored.bad] = column.to_numpy()
    return found


def _predictions(scored: ScoredBatch, wanted: Bools) -> pa.ChunkedArray:
    return scored.predictions[prediction.PREDICTION].filter(pa.array(wanted[~scored.bad]))


def _unequal(left: pa.ChunkedArray, right: pa.ChunkedArray) -> Bools:
    found: Bools = pc.not_equal(left, right).to_numpy()
    return found.astype(np.bool_)


def _rules(scored: ScoredBatch, wanted: Bools) -> dict[str, int]:
    """How many of the wanted rows, all of them refused, break each rule."""
    if not wanted.any():
        return {}
    broken = scored.quarantine["broken_rules"].filter(pa.array(wanted[scored.bad]))
    return dict(Counter(name for names in broken.to_pylist() for name in names))


def _cells(scores: Floats, grid: NumberGrid) -> dict[int, int]:
    return _counted(np.searchsorted(np.asarray(grid.edges), scores, side="right"))


def _by_slice(
    slices: Iterable[SliceField], scored: ScoredBatch, wanted: Bools, flipped: Bools
) -> tuple[dict[SliceKey, int], dict[SliceKey, int]]:
    rows: dict[SliceKey, int] = {}
    flips: dict[SliceKey, int] = {}
    features = scored.good.filter(wanted[~scored.bad])
    for each in slices:
        codes, places = each.codes(features)
        place = places[codes + 1]
        values = (*each.values, *(() if each.null is None else (each.null,)), None)
        for found, picked in ((rows, place), (flips, place[flipped])):
            # Index -1 is the last value: all others.
            found |= {(each.name, values[at]): count for at, count in _counted(picked).items()}
    return rows, flips


def _counted(numbers: npt.NDArray[np.integer]) -> dict[int, int]:
    values, counts = np.unique(numbers, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _added(left: Mapping[Key, int], right: Mapping[Key, int]) -> Mapping[Key, int]:
    return dict(Counter(left) + Counter(right))
