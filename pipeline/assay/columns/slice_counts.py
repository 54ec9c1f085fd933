"""The slices in which a night's scores are counted: those that the reference has.

A slice is the rows where a field has a value; its counts are stored under names such as
``probability@origin=JFK``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from assay.columns.features import Codes, Features, Floats
from assay.columns.texts.categories import KnownNames

_TRUTHS = {"True": 1.0, "False": 0.0}


@dataclass(frozen=True)
class SliceField:
    """A field and the values whose rows are counted separately.

    Attributes
    ----------
    values
        As text, in the form of `assay.metrics.slices.slice_names`.
    numeric
        Whether the field holds numbers or booleans; otherwise strings.
    null
        The slice name of rows without a value; None if they are not counted.
    """

    name: str
    values: tuple[str, ...]
    numeric: bool
    null: str | None = None

    @property
    def titles(self) -> tuple[str, ...]:
        """The slices, in the order of `codes`."""
        named = (*self.values, *(() if self.null is None else (self.null,)))
        return tuple(f"{self.name}={value}" for value in named)

    def columns(self, score: str) -> tuple[str, ...]:
        """Column names of the counts of a score, one for each slice."""
        return tuple(f"{score}@{title}" for title in self.titles)

    def codes(self, features: Features) -> tuple[Codes, Codes]:
        """A code for each row, and the index in ``titles`` of code -1, 0, 1 and so on.

        An index of -1 means that the row is in none of the slices.
        """
        null = -1 if self.null is None else len(self.values)
        if not self.numeric:
            coded = features.coded(self.name)
            found = self._known.find(coded.categories)
            places = np.where(found < len(self._known), found, -1)
            return coded.codes, np.concatenate([[null], places]).astype(np.int32)
        values, (known, places_of) = features.numbers(self.name), self._sorted
        at = np.searchsorted(known, values)
        unknown = len(known)
        hit = np.append(known, np.nan)[at] == values
        codes = np.where(np.isnan(values), -1, np.where(hit, at, unknown)).astype(np.int32)
        return codes, np.concatenate([[null], places_of, [-1]]).astype(np.int32)

    @cached_property
    def _known(self) -> KnownNames:
        return KnownNames(self.values)

    @cached_property
    def _sorted(self) -> tuple[Floats, Codes]:
        """The values as increasing numbers, and the index of each."""
        numbers = np.array([_TRUTHS[v] if v in _TRUTHS else float(v) for v in self.values])
        order = np.argsort(numbers).astype(np.int32)
        return numbers[order], order
