"""Whether a value of a column repeats, over more rows than can be counted value by value."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.columns.categories import hash_texts

MOST_ROWS = 50_000_000
"""Rows up to which it is told; each takes 8 bytes, and 8 more while they are compared."""


class RepeatFinder:
    """Compares 64 bits of each value: a whole number itself, a hash of a text.

    Two texts of one hash count as a repeat; among 50 million different ones there are such with a
    chance of one in 15,000. Values are compared each time that they have doubled, so a column that
    repeats costs little.
    """

    def __init__(self) -> None:
        self._known: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._fresh: list[NDArray[np.uint64]] = []
        self._waiting = 0
        self.repeats = False
        """Whether one was found, or nobody can tell any more."""

    def add(self, values: pa.Array) -> None:
        """Take values without nulls, whole numbers or texts."""
        if self.repeats:
            return
        self._fresh.append(_bits(values))
        self._waiting += len(values)
        if self._waiting > len(self._known):
            self._compare()

    def all_differ(self) -> bool:
        """Whether all values so far are different."""
        if not self.repeats:
            self._compare()
        return not self.repeats

    def _compare(self) -> None:
        found = np.concatenate([self._known, *self._fresh])
        self._known, self._fresh, self._waiting = found, [], 0
        found.sort()
        if len(found) > MOST_ROWS or (found[1:] == found[:-1]).any():
            self.repeats, self._known = True, np.empty(0, np.uint64)


def _bits(values: pa.Array) -> NDArray[np.uint64]:
    if pa.types.is_integer(values.type):
        return np.asarray(values.cast(pa.int64())).view(np.uint64)
    return hash_texts(values.cast(pa.large_string()))
