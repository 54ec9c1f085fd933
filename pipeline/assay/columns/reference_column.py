"""One column of the reference in its JSON form: grid, counts, and distances of its nights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from assay.columns.grid import CategoryGrid, ColumnGrid, NumberGrid
from assay.columns.profile import ColumnProfile, column_from_dict, column_to_dict, finite_number


@dataclass(frozen=True, slots=True)
class ReferenceColumn:
    """A column of the reference.

    Attributes
    ----------
    distances, null_changes
        Of each night from all the others, in the order of the nights, in [0, 1].
    ks, moved
        The same for numbers, by the measures of `assay.columns.distance`.
    serial
        Autocorrelations of the nights (`assay.columns.autocorrelation.autocorrelations`).
    unseen
        Of categories: each night's share of values that no other night has, or that are beyond the
        grid; in [0, 1].
    constant
        The number of nights on which all values were the same.

    The last five are empty, or None, in references of earlier versions.
    """

    grid: ColumnGrid
    profile: ColumnProfile
    distances: tuple[float, ...]
    null_changes: tuple[float, ...]
    ks: tuple[float, ...] = ()
    moved: tuple[float, ...] = ()
    serial: tuple[float, ...] = ()
    unseen: tuple[float, ...] = ()
    constant: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The column as numbers, text and lists, for `from_tree`."""
        return {
            "grid": asdict(self.grid),
            "profile": column_to_dict(self.profile),
            "distances": list(self.distances),
            "null_changes": list(self.null_changes),
            "ks": list(self.ks),
            "moved": list(self.moved),
            "serial": list(self.serial),
            "unseen": list(self.unseen),
            "constant": self.constant,
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
        serial = tuple(finite_number(value) for value in tree.get("serial", ()))
        if any(value < 0 for value in moved) or any(not -1 <= value <= 1 for value in serial):
            raise ValueError("nights move by at least 0, and correlations lie in [-1, 1]")
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
            serial,
            _shares(tree.get("unseen", ())),
            constant,
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
