"""Column profiles: counts on a grid, their merging, and their JSON form.

A column is counted in the cells of a grid that the reference built once (`assay.columns.grid`).
Counts of two parts of a table add up to the counts of the whole, so executors count their own
batches (`assay.columns.profile_counter`) and no process holds all rows. A profile also keeps sums,
extremes, a sketch of the distinct values, and new categories. All of these merge exactly, except
that the last digits of sums depend on the order of merging.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np

from assay.columns import sketch
from assay.columns.grid import NO_CELLS, CategoryGrid, CellCounts, ColumnGrid, NumberGrid
from assay.errors import StoreError
from assay.project.text import counted

SCHEMA = 2


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """Counts of one column: ``rows == nulls + sum(counts)``.

    Attributes
    ----------
    total, total_squares, low, high
        Sum, sum of squares, minimum and maximum of the finite numbers; 0, 0, None and None for
        categories. An infinity only adds to the count of the first or the last cell. Sums too large
        for a float are capped at the largest float.
    fine
        The fine cells of numbers, whose counts add up to ``counts``; empty for categories.
    registers
        A sketch of the distinct values (`assay.columns.sketch`); empty if none is kept.
    new
        Categories that are not on the grid, the most frequent first, with their exact counts. If
        there are more than `sketch.NEW_KEPT`, those with the smallest hashes are kept. The rest of
        ``counts[-1]`` is the remainder.
    """

    rows: int
    nulls: int
    counts: tuple[int, ...]
    total: float
    total_squares: float
    low: float | None
    high: float | None
    fine: CellCounts = NO_CELLS
    registers: bytes = b""
    new: sketch.Named = ()


def clip_to_finite(value: float) -> float:
    """The nearest number that JSON can hold; 0 for NaN."""
    if math.isnan(value):
        return 0.0
    return max(-sys.float_info.max, min(sys.float_info.max, value))


def merge_columns(name: str, a: ColumnProfile, b: ColumnProfile) -> ColumnProfile:
    """The counts of the rows of both.

    Raises
    ------
    ValueError
        If the two were counted on different grids; ``name`` is the column's name in the error.
    """
    if (len(a.counts), len(a.fine)) != (len(b.counts), len(b.fine)):
        raise ValueError(
            f"{name}: profiles of {len(a.counts)} and {len(b.counts)} cells, "
            f"{len(a.fine)} and {len(b.fine)} fine ones"
        )
    lows = [low for low in (a.low, b.low) if low is not None]
    highs = [high for high in (a.high, b.high) if high is not None]
    return ColumnProfile(
        rows=a.rows + b.rows,
        nulls=a.nulls + b.nulls,
        counts=tuple(x + y for x, y in zip(a.counts, b.counts, strict=True)),
        total=clip_to_finite(a.total + b.total),
        total_squares=clip_to_finite(a.total_squares + b.total_squares),
        low=min(lows, default=None),
        high=max(highs, default=None),
        fine=a.fine + b.fine if len(a.fine) else a.fine,
        registers=sketch.merge_registers(a.registers, b.registers),
        new=sketch.merge_names(a.new, b.new),
    )


def column_to_dict(column: ColumnProfile) -> dict[str, Any]:
    """The profile as numbers, text and lists, for `column_from_dict`."""
    return {
        "rows": column.rows,
        "nulls": column.nulls,
        "counts": list(column.counts),
        "total": column.total,
        "total_squares": column.total_squares,
        "low": column.low,
        "high": column.high,
        "fine": column.fine.counts.tolist(),
        "sums": column.fine.sums.tolist(),
        "registers": sketch.to_text(column.registers),
        "new": [list(each) for each in column.new],
    }


def column_to_json(column: ColumnProfile) -> str:
    """The profile as one line of text, the same for equal profiles."""
    tree = {"schema": SCHEMA, **column_to_dict(column)}
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), allow_nan=False)


def column_from_json(text: str, where: str = "profile") -> ColumnProfile:
    """Read the text of `column_to_json`.

    Raises
    ------
    StoreError
        If ``text`` is not such a text; ``where`` is its location in the error.
    """
    try:
        tree = json.loads(text)
        schema = tree.pop("schema", 1)
        if schema != SCHEMA:
            raise StoreError(
                "the profile of another version of Assay",
                where=where,
                expected=f"profile schema {SCHEMA}",
                found=str(schema),
                fix="Train, promote and score the night again with this version.",
            )
        return column_from_dict(tree)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(f"not the profile of a column: {error}", where=where) from None


_KEYS = {
    *("rows", "nulls", "counts", "total", "total_squares", "low", "high"),
    *("fine", "sums", "registers", "new"),
}


def column_from_dict(tree: Any) -> ColumnProfile:
    """Read the tree of `column_to_dict`.

    Raises
    ------
    ValueError, TypeError
        If ``tree`` has another form, or its counts do not add up.
    """
    if not isinstance(tree, dict) or set(tree) != _KEYS:
        raise ValueError(f"expected exactly the keys {', '.join(sorted(_KEYS))}")
    rows, nulls, counts = tree["rows"], tree["nulls"], tree["counts"]
    if not all(type(count) is int and count >= 0 for count in (rows, nulls, *counts)):
        raise ValueError("counts must be whole numbers of at least 0")
    if rows != nulls + sum(counts):
        raise ValueError(
            f"{counted(rows, 'row')}, but nulls and counts add up to {nulls + sum(counts)}"
        )
    new = tuple((str(name), int(count)) for name, count in tree["new"])
    if sum(count for _, count in new) > counts[-1] or any(count < 1 for _, count in new):
        raise ValueError("more new categories than rows that are in no cell")
    return ColumnProfile(
        rows,
        nulls,
        tuple(counts),
        finite_number(tree["total"]),
        finite_number(tree["total_squares"]),
        None if tree["low"] is None else finite_number(tree["low"]),
        None if tree["high"] is None else finite_number(tree["high"]),
        _fine(tree["fine"], tree["sums"], rows - nulls),
        sketch.from_text(tree["registers"]),
        new,
    )


def _fine(counts: Any, sums: Any, known: int) -> CellCounts:
    if counts == sums == []:
        return NO_CELLS
    many, each = np.array(counts), np.array(sums)
    if many.dtype != np.int64 or many.ndim != 1 or many.min() < 0 or many.sum() != known:
        raise ValueError(f"the fine cells must hold {counted(known, 'value')}, whole numbers each")
    if each.dtype.kind not in "if" or each.shape != many.shape or not np.isfinite(each).all():
        raise ValueError(f"expected a finite sum for each of {len(many)} fine cells")
    return CellCounts.of(many, each.astype(np.float64))


def finite_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"expected a finite number, found {value!r}")
    return float(value)


Profile: TypeAlias = Mapping[str, ColumnProfile]


def merge_profiles(a: Profile, b: Profile) -> dict[str, ColumnProfile]:
    """The profile of the rows of both, in any order of merging.

    Counts, extremes and sketches are exact, sums are equal within rounding.

    Raises
    ------
    ValueError
        If the two have different columns.
    """
    if a.keys() != b.keys():
        raise ValueError(f"profiles of different columns: {sorted(a.keys() ^ b.keys())}")
    return {name: merge_columns(name, a[name], b[name]) for name in a}


@dataclass(frozen=True, slots=True)
class ReferenceColumn:
    """A column of the reference.

    Attributes
    ----------
    distances, null_changes
        Of each night from all the others, in the order of the nights, in [0, 1].
    ks, moved
        The same for numbers, by the measures of `assay.columns.distance`.
    unseen
        Of categories: each night's share of values that no other night has, or that are beyond the
        grid; in [0, 1].
    constant
        The number of nights on which all values were the same.
    autocorrelation
        Of the nights (`assay.columns.autocorrelation.upper_coefficients`).

    The last five are empty, or None, in references of earlier versions.
    """

    grid: ColumnGrid
    profile: ColumnProfile
    distances: tuple[float, ...]
    null_changes: tuple[float, ...]
    ks: tuple[float, ...] = ()
    moved: tuple[float, ...] = ()
    unseen: tuple[float, ...] = ()
    constant: int | None = None
    autocorrelation: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The column as numbers, text and lists, for `from_tree`."""
        return {
            "grid": asdict(self.grid),
            "profile": column_to_dict(self.profile),
            "distances": list(self.distances),
            "null_changes": list(self.null_changes),
            "ks": list(self.ks),
            "moved": list(self.moved),
            "unseen": list(self.unseen),
            "constant": self.constant,
            "autocorrelation": self.autocorrelation,
        }

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> ReferenceColumn:
        """Read the tree of `tree`.

        Raises
        ------
        ValueError, TypeError, KeyError, AttributeError
            If ``tree`` has another form.
        """
        grid = _grid(tree["grid"])
        profile = column_from_dict(tree["profile"])
        if len(profile.counts) != grid.cells:
            raise ValueError(f"{len(profile.counts)} counts on a grid of {grid.cells} cells")
        fine = len(grid.fine) + 1 if isinstance(grid, NumberGrid) else 0
        if len(profile.fine) != fine:
            raise ValueError(f"{len(profile.fine)} fine counts on a grid of {fine} fine cells")
        moved = tuple(finite_number(value) for value in tree.get("moved", ()))
        autocorrelation = tree.get("autocorrelation")
        if autocorrelation is not None and not 0 <= finite_number(autocorrelation) < 1:
            raise ValueError(f"autocorrelation must lie in [0, 1), found {autocorrelation!r}")
        if any(value < 0 for value in moved):
            raise ValueError("nights move by at least 0")
        constant = tree.get("constant")
        if constant is not None and (type(constant) is not int or constant < 0):
            raise ValueError(f"constant must be a number of nights, found {constant!r}")
        return cls(
            grid,
            profile,
            _shares(tree["distances"]),
            _shares(tree["null_changes"]),
            _shares(tree.get("ks", ())),
            moved,
            _shares(tree.get("unseen", ())),
            constant,
            autocorrelation,
        )


def _grid(tree: Mapping[str, Any]) -> ColumnGrid:
    if set(tree) == {"edges", "fine", "likely"}:
        return NumberGrid(
            *(tuple(map(finite_number, tree[of])) for of in ("edges", "fine", "likely"))
        )
    if set(tree) == {"categories"}:
        return CategoryGrid(tuple(str(name) for name in tree["categories"]))
    raise ValueError("a grid holds either edges or categories")


def _shares(values: Any) -> tuple[float, ...]:
    numbers = tuple(finite_number(value) for value in values)
    if any(not 0 <= number <= 1 for number in numbers):
        raise ValueError("the nights' distances must lie in [0, 1]")
    return numbers
