"""The reference that monitoring compares nights with: its counts and its night-to-night variation.

The reference is the training window, scored out of fold. Beside its counts it holds the distance of
each of its nights from all the others, from which limits are learnt. Distances exclude nulls: their
share is monitored separately, with a limit that people can read.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.columns import autocorrelation
from assay.columns.distance import js_distance, ks_statistic, reference_deviation, wasserstein
from assay.columns.features import CategoryColumn, Features, Floats, FrameFeatures, SliceField
from assay.columns.grid import CategoryGrid, CellCounts, ColumnGrid, Grid, NumberGrid
from assay.columns.grid_builder import Ints, assign_cells, build_grid
from assay.columns.moved_scores import ReferenceReasons
from assay.columns.night_effects import NightEffects
from assay.columns.profile import (
    ColumnProfile,
    Profile,
    ReferenceColumn,
    column_from_dict,
    column_to_dict,
    finite_number,
)
from assay.columns.profile_counter import compute_profile
from assay.columns.texts import NUMBERS, Known, MeasuredTexts, learn_texts, measures
from assay.errors import BundleChanged, BundleIncompatible

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 3
NOTHING_BESIDE: Mapping[str, tuple[ColumnGrid, Floats]] = MappingProxyType({})
NO_EFFECTS: Mapping[str, NightEffects] = MappingProxyType({})
NO_ROWS: Mapping[str, int] = MappingProxyType({})
NO_IMPORTANCE: Mapping[str, float] = MappingProxyType({})
ORDINARY = 0.98
"""Share of nights whose number of rows is no accident."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The reference that nights are compared with.

    Attributes
    ----------
    grid, profile
        The grids of the features and scores, and the counts of all reference rows; the profile also
        has the scores in each of the ``slices``.
    scores
        The columns that are model outputs.
    nights
        Number of partitions of the reference rows.
    distances
        For each column the distance of each night from all the others, in the order of the nights.
        A night whose column is all null has none.
    null_changes
        For each column the difference of each night's share of nulls from that of all the others,
        in the order of the nights; in [0, 1].
    slices
        The slices in which scores are counted separately.
    importance
        For each feature the mean change of the model's output when the feature is shuffled
        (`assay.training.train.reference`); features that were not measured are absent.
    label
        The labels of the reference rows, which are not a column of any night. None if they were not
        counted.
    beside
        Columns that nights count only for performance estimates, without monitoring; empty in
        references of earlier versions.
    ks, moved
        For each column of numbers the distance of each night from all the others by the measures of
        `assay.columns.distance`, in the order of the nights.
    autocorrelation
        For each column that of its nights, in [0, 1)
        (`assay.columns.autocorrelation.upper_coefficients`); empty if it could not be estimated.
    unseen
        For each column of categories each night's share of values that no other night has, or that
        are beyond the grid.
    constant
        For each column the number of nights on which all values were the same.
    rows
        Of each night, in their order, those without a label too.
    effects
        How far nights lie from what the model expects, by the name of a score or loss; of a slice
        as in ``profile``.
    depends
        How clearly the features show how far outcomes lie from what the model expects: Student's t
        over the nights (`assay.training.train.estimate_errors`); 0 if it is unknown.
    reasons
        What moves scores; None if that is not known exactly.
    texts
        The words that are known of each text (`assay.columns.texts`), whose measures are columns of
        ``grid`` in its place.

    ``ks`` to ``rows`` are empty in references of earlier versions.
    """

    grid: Grid
    profile: Profile
    scores: tuple[str, ...]
    nights: int
    distances: Mapping[str, tuple[float, ...]]
    null_changes: Mapping[str, tuple[float, ...]]
    slices: tuple[SliceField, ...] = ()
    importance: Mapping[str, float] = field(default_factory=dict)
    label: ReferenceColumn | None = None
    beside: Mapping[str, ReferenceColumn] = field(default_factory=dict)
    ks: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    moved: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    autocorrelation: Mapping[str, float] = field(default_factory=dict)
    unseen: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    constant: Mapping[str, int] = field(default_factory=dict)
    rows: tuple[int, ...] = ()
    effects: Mapping[str, NightEffects] = field(default_factory=dict)
    depends: float = 0.0
    reasons: ReferenceReasons | None = None
    texts: Known = field(default_factory=dict)

    def measured(self, rows: Features) -> Features:
        """Rows with the columns that are counted of their texts."""
        return MeasuredTexts(rows, self.texts) if self.texts else rows

    @property
    def counted(self) -> Grid:
        """The grid of all columns that are counted in a night's rows."""
        return {**self.grid, **{name: column.grid for name, column in self.beside.items()}}

    def to_json(self) -> str:
        """The reference as text, the same for equal references; ends with a newline."""
        columns = {
            name: ReferenceColumn(
                grid,
                self.profile[name],
                self.distances[name],
                self.null_changes[name],
                self.ks.get(name, ()),
                self.moved.get(name, ()),
                self.unseen.get(name, ()),
                self.constant.get(name),
                self.autocorrelation.get(name),
            ).to_dict()
            for name, grid in self.grid.items()
        }
        tree = {
            "schema": SCHEMA,
            "nights": self.nights,
            "rows": list(self.rows),
            "scores": list(self.scores),
            "importance": dict(self.importance),
            "effects": {name: asdict(each) for name, each in self.effects.items()},
            "depends": self.depends,
            "reasons": None if self.reasons is None else self.reasons.to_dict(),
            "texts": {name: list(words) for name, words in self.texts.items()},
            "columns": columns,
            "label": None if self.label is None else self.label.to_dict(),
            "beside": {name: column.to_dict() for name, column in self.beside.items()},
            "slices": [asdict(field) for field in self.slices],
            "sliced": {
                name: column_to_dict(column)
                for name, column in self.profile.items()
                if name not in self.grid
            },
        }
        return json.dumps(tree, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str) -> Reference:
        """Read the text of `to_json`.

        Raises
        ------
        BundleIncompatible
            If another version of Assay wrote it.
        BundleChanged
            If ``text`` is not a reference; ``where`` names the file.
        """
        try:
            tree = json.loads(text)
            if tree["schema"] != SCHEMA:
                raise BundleIncompatible(
                    "a reference from another version of Assay",
                    where=where,
                    expected=f"reference schema {SCHEMA}",
                    found=str(tree["schema"]),
                    fix="Train and promote again with this version.",
                )
            if type(tree["nights"]) is not int or tree["nights"] < 0:
                raise ValueError(f"nights must be a whole number, found {tree['nights']!r}")
            rows = tuple(int(count) for count in tree.get("rows", ()))
            columns = {
                str(name): ReferenceColumn.from_dict(c) for name, c in tree["columns"].items()
            }
            scores = tuple(str(name) for name in tree["scores"])
            if not scores or not set(scores) <= set(columns):
                raise ValueError(f"no column for each of the scores {list(scores)}")
            slices = tuple(_slice_field(field) for field in tree["slices"])
            sliced = {str(name): column_from_dict(c) for name, c in tree["sliced"].items()}
            if set(sliced) != {*_sliced(scores, slices, {n: c.grid for n, c in columns.items()})}:
                raise ValueError("its slices are not those that it counted")
            importance = {str(n): finite_number(v) for n, v in tree["importance"].items()}
            effects = {str(n): NightEffects.from_dict(each) for n, each in tree["effects"].items()}
            depends = finite_number(tree["depends"])
            moved = tree.get("reasons")
            reasons = None if moved is None else ReferenceReasons.from_dict(moved)
            texts = {str(n): tuple(map(str, each)) for n, each in tree.get("texts", {}).items()}
            label = None if tree["label"] is None else ReferenceColumn.from_dict(tree["label"])
            beside = {
                str(n): ReferenceColumn.from_dict(c) for n, c in tree.get("beside", {}).items()
            }
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise BundleChanged(
                f"not a reference profile: {reason}", where=where, fix="Run `dvc repro` again"
            ) from None
        return cls(
            {name: column.grid for name, column in columns.items()},
            {**{name: column.profile for name, column in columns.items()}, **sliced},
            scores,
            tree["nights"],
            {name: column.distances for name, column in columns.items()},
            {name: column.null_changes for name, column in columns.items()},
            slices,
            importance,
            label,
            beside,
            {name: column.ks for name, column in columns.items() if column.ks},
            {name: column.moved for name, column in columns.items() if column.moved},
            {
                name: column.autocorrelation
                for name, column in columns.items()
                if column.autocorrelation is not None
            },
            {name: column.unseen for name, column in columns.items() if column.unseen},
            {
                name: column.constant
                for name, column in columns.items()
                if column.constant is not None
            },
            rows,
            effects,
            depends,
            reasons,
            texts,
        )


def _slice_field(tree: Any) -> SliceField:
    null = tree["null"]
    return SliceField(
        str(tree["name"]),
        tuple(str(value) for value in tree["values"]),
        bool(tree["numeric"]),
        None if null is None else str(null),
    )


def _sliced(scores: Sequence[str], slices: Sequence[SliceField], grid: Grid) -> list[str]:
    """Names of the columns that count scores in slices."""
    numbers = [name for name in scores if isinstance(grid[name], NumberGrid)]
    return [name for field in slices for score in numbers for name in field.columns(score)]


def build_reference(
    frame: pd.DataFrame,
    night: pd.Series[Any],
    numeric: Sequence[str],
    categorical: Sequence[str],
    scores: Grid,
    *,
    slices: Sequence[SliceField] = (),
    importance: Mapping[str, float] = NO_IMPORTANCE,
    label: tuple[ColumnGrid, NDArray[Any]] | None = None,
    beside: Mapping[str, tuple[ColumnGrid, Floats]] = NOTHING_BESIDE,
    effects: Mapping[str, NightEffects] = NO_EFFECTS,
    depends: float = 0.0,
    reasons: ReferenceReasons | None = None,
    texts: Sequence[str] = (),
    sensitive: Collection[str] = (),
    rows: Mapping[str, int] = NO_ROWS,
) -> Reference:
    """Grid, counts and night-to-night distances of the reference rows.

    Parameters
    ----------
    frame
        The features, the fields of ``slices`` and the scores, one row a scored row.
    night
        The partition value of each row, in the order of ``frame``; nights are sorted by it.
    numeric, categorical
        The features.
    scores
        The grids of the scores (`assay.model.prediction.score_grids`).
    slices, importance, effects, depends, reasons
        As in `Reference`.
    label
        The grid of the labels, and the labels of the rows (`assay.model.prediction.truths`).
    beside
        Grid and values of each column that is counted only for performance estimates.
    texts
        Features that are free text, of which columns of their own are counted.
    sensitive
        Features of which no word is counted.
    rows
        Of nights that had more rows than ``frame`` has of them, by their value.

    Raises
    ------
    ValueError
        If a feature has the name of a score, or a row has no partition value.
    """
    taken = [name for name in (*numeric, *categorical) if name in scores]
    if taken:
        raise ValueError(f"a feature cannot be called {taken[0]}: that is the model's answer")
    import pandas as pd

    codes, nights = pd.factorize(night, sort=True)
    if len(codes) != len(frame) or (codes < 0).any():
        raise ValueError("every reference row needs a partition value")
    by_night = codes.astype(np.int64)
    known, measured = learn_texts(frame, texts, by_night)
    frame = frame.assign(**measured)
    for text in texts:
        importance = {
            **importance,
            **{name: importance[text] for name in measures(text) if text in importance},
        }
        for name, what in measures(text, text in sensitive).items():
            numeric = (*numeric, name) if what in NUMBERS else numeric
            categorical = categorical if what in NUMBERS else (*categorical, name)
    grid: Grid = {**build_grid(frame, numeric, categorical), **scores}
    features = FrameFeatures(frame)
    values: dict[str, Floats | CategoryColumn] = {
        name: features.numbers(name) if isinstance(cells, NumberGrid) else features.coded(name)
        for name, cells in scores.items()
    }
    profile = compute_profile(features, grid, values, slices)
    counts = {
        name: _counts_by_night(assign_cells(frame[name], cells), by_night, len(nights), cells.cells)
        for name, cells in grid.items()
    }
    strays = {
        name: _compared(frame[name], cells, profile[name], by_night, counts[name])
        for name, cells in grid.items()
    }
    return Reference(
        grid,
        profile,
        tuple(scores),
        len(nights),
        {name: found.distances for name, found in strays.items()},
        {name: found.null_changes for name, found in strays.items()},
        tuple(slices),
        dict(importance),
        None if label is None else _label(*label, by_night, len(nights)),
        {name: _beside(name, *column) for name, column in beside.items()},
        {name: found.ks for name, found in strays.items() if found.ks},
        {name: found.moved for name, found in strays.items() if found.moved},
        autocorrelation.upper_coefficients(
            {name: autocorrelation.night_level(cells) for name, cells in counts.items()}
        ),
        {name: found.unseen for name, found in strays.items() if found.unseen},
        {name: found.constant for name, found in strays.items() if found.constant is not None},
        tuple(
            rows.get(str(each), known_rows)
            for each, known_rows in zip(nights, np.bincount(by_night).tolist(), strict=True)
        ),
        dict(effects),
        depends,
        reasons,
        known,
    )


def _beside(name: str, grid: ColumnGrid, values: Floats) -> ReferenceColumn:
    import pandas as pd

    frame = pd.DataFrame(index=pd.RangeIndex(len(values)))
    profile = compute_profile(FrameFeatures(frame), {name: grid}, {name: values})[name]
    return ReferenceColumn(grid, profile, (), ())


def _label(grid: ColumnGrid, truths: NDArray[Any], codes: Ints, nights: int) -> ReferenceColumn:
    import pandas as pd

    frame = pd.DataFrame({"label": truths})
    profile = compute_profile(FrameFeatures(frame), {"label": grid})["label"]
    by_night = _counts_by_night(assign_cells(frame["label"], grid), codes, nights, grid.cells)
    return _compared(frame["label"], grid, profile, codes, by_night)


def _compared(
    column: pd.Series[Any], grid: ColumnGrid, profile: ColumnProfile, codes: Ints, by_night: Ints
) -> ReferenceColumn:
    """A column with the distances of its nights."""
    nights = len(by_night)
    distances, null_changes = _leave_one_out(by_night)
    ks, moved = _tails(column, grid, profile, codes, nights)
    unseen = _unseen(by_night) if isinstance(grid, CategoryGrid) else ()
    constant = _constant_nights(column, grid, by_night, codes, nights)
    return ReferenceColumn(grid, profile, distances, null_changes, ks, moved, unseen, constant)


def _counts_by_night(cells: Ints, nights: Ints, n_nights: int, n_cells: int) -> Ints:
    """Counts of shape (nights, 1 + cells); nulls come first."""
    flat = nights * (n_cells + 1) + cells + 1
    counts = np.bincount(flat, minlength=n_nights * (n_cells + 1))
    return counts.reshape(n_nights, n_cells + 1).astype(np.int64)


def _leave_one_out(by_night: Ints) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Distance of each night's shares, and of its share of nulls, from those of all other nights.

    The counts of the others are the total minus the night: exact, without a second pass.
    """
    others = by_night.sum(axis=0) - by_night
    distances = js_distance(by_night[:, 1:], others[:, 1:])
    with np.errstate(divide="ignore", invalid="ignore"):
        nulls = by_night[:, 0] / by_night.sum(axis=1)
        changes = np.abs(nulls - others[:, 0] / others.sum(axis=1))
    return _known(distances), _known(changes)


def _constant_nights(
    column: pd.Series[Any], grid: ColumnGrid, by_night: Ints, codes: Ints, nights: int
) -> int:
    """On how many nights all values are the same; of categories beyond the grid, all beyond it."""
    if not isinstance(grid, NumberGrid):
        return int(((by_night[:, 1:] > 0).sum(axis=1) == 1).sum())
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    low, high = np.full(nights, np.inf), np.full(nights, -np.inf)
    known = ~np.isnan(values)
    np.minimum.at(low, codes[known], values[known])
    np.maximum.at(high, codes[known], values[known])
    return int((low == high).sum())


def _unseen(by_night: Ints) -> tuple[float, ...]:
    """Each night's share of values that would be beyond a grid that was learnt from the others.

    These are the values in the grid's last cell, and those in categories that the other nights do
    not have. A grid that cannot hold all categories lacks some of the rarest that it has.
    """
    values, named, beyond = by_night[:, 1:].sum(axis=1), by_night[:, 1:-1], by_night[:, -1]
    often = named.sum(axis=0)
    others, rarest = often - named, often.min() if beyond.any() else 1
    lost = np.where(others < rarest, named, 0).sum(axis=1).astype(np.float64)
    if beyond.any():
        # Among categories that are as rare as the rarest on the grid, chance decides.
        beside = beyond.sum() / rarest
        share = beside / (beside + np.count_nonzero(often == rarest))
        lost += share * np.where(others == rarest, named, 0).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _known((lost + beyond) / values)


def _tails(
    column: pd.Series[Any], grid: ColumnGrid, profile: ColumnProfile, codes: Ints, nights: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Each night's `assay.columns.distance` from all the others; none for categories."""
    if not isinstance(grid, NumberGrid) or profile.low is None:
        return (), ()
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    fine = NumberGrid(grid.fine)
    places = assign_cells(column, fine)
    counts = _counts_by_night(places, codes, nights, fine.cells)[:, 1:]
    finite = np.isfinite(values)
    flat = codes[finite] * fine.cells + places[finite]
    sums = np.bincount(flat, values[finite], nights * fine.cells).reshape(nights, fine.cells)
    ks = ks_statistic(counts, profile.fine.counts - counts)
    scale = reference_deviation(profile)
    if scale is None:
        return _known(ks), ()
    moved = []
    for night in range(nights):
        mine = CellCounts.of(counts[night], sums[night])
        others = CellCounts.of(profile.fine.counts - mine.counts, profile.fine.sums - mine.sums)
        if mine.counts.any() and others.counts.any():
            pair = (replace(profile, fine=others), replace(profile, fine=mine))
            with np.errstate(over="ignore"):
                moved.append(wasserstein(grid, *pair) / scale)
    return _known(ks), _known(np.array(moved))


def _known(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values[np.isfinite(values)])


def ordinary_rows(rows: Sequence[int]) -> tuple[int, int]:
    """The fewest and the most rows of an ordinary night.

    One night in fifty may have fewer and one more, and one where there are fewer than fifty.

    Parameters
    ----------
    rows
        Of each night; at least one.

    Examples
    --------
    >>> ordinary_rows([1, 180, 200, 205, 210, 230, 900])
    (180, 230)
    """
    least, most = 1 - ORDINARY, ORDINARY
    return (
        int(np.quantile(rows, least, method="higher")),
        int(np.quantile(rows, most, method="lower")),
    )
