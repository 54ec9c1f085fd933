"""The rows behind a plan's counts, read once more from the night's input: by slice, and a sample.

Predictions have keys and scores, and no features. So the rows that changed are kept by the hash of
their keys, and are recognized by it in the input.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assay.columns.features import Floats
from assay.columns.reference import Reference
from assay.contract.checks.row_checks import check_rows
from assay.contract.columns import Columns
from assay.contract.definition import Contract
from assay.plan.document import SliceChange
from assay.plan.segments import Sample
from assay.score.duplicate_keys import Hashes, hash_keys
from assay.score.operations.changes import RowChanges

SAMPLED = 20_000
"""Rows of all nights together that segments are looked for in, about."""

WORDS = frozenset({"string", "boolean"})
"""Kinds of columns whose values are named one by one."""

SAME, UP, DOWN, OTHER = range(4)
"""What became of a row's decision; `OTHER` is of several classes, or from or to none."""


def only_keys(contract: Contract, column: str) -> Contract:
    """The key columns that predictions have: all of them but the partition column."""
    mine = (name for name in contract.keys if name != column)
    return replace(contract, fields=tuple(contract.field(name) for name in mine))


@dataclass(frozen=True)
class _ByHash:
    """Values of rows, sorted by the hash of their keys."""

    hashes: Hashes
    values: npt.NDArray[Any]

    @classmethod
    def of(cls, parts: Sequence[tuple[Hashes, npt.NDArray[Any]]]) -> _ByHash:
        hashes, values = (np.concatenate(each) for each in zip(*parts, strict=True))
        order = np.argsort(hashes, kind="stable")
        return cls(hashes[order], values[order])

    def find(self, hashes: Hashes) -> tuple[npt.NDArray[np.bool_], npt.NDArray[Any]]:
        """Which of some rows are known, and the values of these."""
        if not len(self.hashes):
            return np.zeros(len(hashes), bool), self.values
        at = np.searchsorted(self.hashes, hashes).clip(max=len(self.hashes) - 1)
        known = self.hashes[at] == hashes
        return known, self.values[at[known]]


@dataclass
class NotableRows:
    """The rows of one night that matter: with another decision, without a partner, sampled.

    Takes nine bytes for each row of the first two kinds.
    """

    keyed: Contract
    every: int
    _decided: list[tuple[Hashes, npt.NDArray[np.int8]]] = field(default_factory=list)
    _alone: list[Hashes] = field(default_factory=list)
    _sampled: list[tuple[Hashes, Floats]] = field(default_factory=list)

    def add(self, rows: RowChanges) -> None:
        """Rows that were paired by key."""
        hashes = hash_keys(Columns(self.keyed, rows.table))
        kinds = np.where(rows.decided, OTHER, SAME).astype(np.int8)
        kinds[rows.crossed(True)] = UP
        kinds[rows.crossed(False)] = DOWN
        change = rows.score_change
        chosen = np.isfinite(change) & (hashes % np.uint64(self.every) == 0)
        self._decided.append((hashes[rows.decided], kinds[rows.decided]))
        self._alone.append(hashes[~rows.side("both")])
        self._sampled.append((hashes[chosen], change[chosen]))

    @property
    def found(self) -> tuple[_ByHash, Hashes, _ByHash]:
        """Decisions, rows without a partner, sampled changes; for the rows that were added."""
        alone = np.concatenate(self._alone)
        return _ByHash.of(self._decided), alone, _ByHash.of(self._sampled)


@dataclass
class RowsBehind:
    """Counts by slice and a sample, of the rows of all nights of a plan.

    Attributes
    ----------
    keyed
        `only_keys` of the contract.
    sensitive
        Columns that no segment is told by.
    """

    contract: Contract
    keyed: Contract
    reference: Reference
    sensitive: frozenset[str]
    _counts: Counter[tuple[str, str | None, int]] = field(default_factory=Counter)
    _samples: list[Sample] = field(default_factory=list)

    def add(self, batches: Iterable[pa.RecordBatch], night: NotableRows) -> None:
        """Look at all rows of a night's input."""
        decided, alone, sampled = night.found
        for batch in batches:
            columns = Columns(self.contract, batch)
            hashes = hash_keys(Columns(self.keyed, batch))
            both = ~check_rows(self.contract, columns).bad & ~np.isin(hashes, alone)
            good, hashes = columns.filter(both), hashes[both]
            kinds = np.zeros(len(hashes), np.int8)
            known, values = decided.find(hashes)
            kinds[known] = values
            self._count(good, kinds)
            chosen, changes = sampled.find(hashes)
            if chosen.any():
                self._samples.append(self._sample(good.filter(chosen), changes, kinds[chosen]))

    def _count(self, good: Columns, kinds: npt.NDArray[np.int8]) -> None:
        for each in self.reference.slices:
            codes, places = each.codes(good)
            place = places[codes + 1]
            values = (*each.values, *(() if each.null is None else (each.null,)), None)
            for kind in (SAME, UP, DOWN, OTHER):
                at, counts = np.unique(place[kinds == kind], return_counts=True)
                for index, count in zip(at.tolist(), counts.tolist(), strict=True):
                    # Index -1 is the last value: all others.
                    self._counts[each.name, values[index], kind] += count

    def _sample(self, good: Columns, changes: Floats, kinds: npt.NDArray[np.int8]) -> Sample:
        shown = [name for name in self.contract.features if name not in self.sensitive]
        kind_of = {name: self.contract.field(name).kind for name in shown}
        return Sample(
            changes,
            kinds != SAME,
            {name: good.numbers(name) for name, kind in kind_of.items() if kind not in WORDS},
            {
                name: good.select([name]).column(0).cast(pa.string()).to_pylist()
                for name, kind in kind_of.items()
                if kind in WORDS
            },
        )

    @property
    def sample(self) -> Sample:
        """The sampled rows of all nights."""
        parts = self._samples
        if not parts:
            return Sample(np.empty(0), np.empty(0, bool))
        first = parts[0]
        return Sample(
            np.concatenate([each.change for each in parts]),
            np.concatenate([each.decided for each in parts]),
            {
                name: np.concatenate([each.numbers[name] for each in parts])
                for name in first.numbers
            },
            {name: [v for each in parts for v in each.texts[name]] for name in first.texts},
        )

    def slices(self) -> Iterator[SliceChange]:
        """By field, the slice with the most changes first; the values that are not listed last."""
        for each in self.reference.slices:
            mine = [self._slice(name, v) for name, v, _ in self._counts if name == each.name]
            mine.sort(key=lambda one: (one.value is None, -one.decided, one.value or ""))
            yield from dict.fromkeys(mine)

    def _slice(self, name: str, value: str | None) -> SliceChange:
        same, up, down, other = (self._counts[name, value, kind] for kind in range(4))
        decided = up + down + other
        return SliceChange(
            field=name, value=value, rows=same + decided, decided=decided, up=up, down=down
        )


def rows_with(
    batches: Iterable[pa.RecordBatch], keyed: Contract, hashes: Hashes
) -> Iterator[tuple[int, pa.Table]]:
    """The rows whose keys have some hashes: hash and row, in the order of the input."""
    for batch in batches:
        mine = hash_keys(Columns(keyed, batch))
        for place in np.flatnonzero(np.isin(mine, hashes)):
            yield int(mine[place]), pa.Table.from_batches([batch.slice(place, 1)])
