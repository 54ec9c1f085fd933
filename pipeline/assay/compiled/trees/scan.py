"""Scores ensembles of trees with few leaves: every node is evaluated for every row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from assay.columns.features import Floats
from assay.compiled.array_types import Bools, Bytes, Ints, Places, Shorts, Words
from assay.compiled.inputs import Block, FeatureInputs, FeatureRows, check_starts
from assay.compiled.ranks import NumberRanks, check_range

TOP = 0xFF
"""The rank of a null that lies above all thresholds."""

_ROOM, _ROWS = 1 << 22, 32_768
"""Most bytes and rows of a block's ranks and states. A shorter block costs more of Python's own
work, for which threads wait for each other."""


@dataclass(frozen=True, eq=False)
class StateTests:
    """Boolean tests of states, 64 in a word.

    A word becomes eight byte columns, with a bit for each test.

    Attributes
    ----------
    place, of_nulls
        For each word, the index of the categorical feature that it tests; or if ``of_nulls``,
        of the numeric feature, whose states are 1 for a null and 0 for a value.
    starts, words
        ``words[starts[w] + state]`` holds the 64 results of word w.
    """

    place: Ints
    of_nulls: Bools
    starts: Ints
    words: Words

    @property
    def count(self) -> int:
        return len(self.place)

    def check(self, inputs: FeatureInputs) -> None:
        """Raise ValueError if anything would be read out of range."""
        check_starts("tests.starts", self.starts, self.count, len(self.words))
        if len(self.of_nulls) != self.count:
            raise ValueError("of_nulls does not fit the words")
        check_range("tests.place", self.place[self.of_nulls], 0, len(inputs.numeric))
        check_range("tests.place", self.place[~self.of_nulls], 0, len(inputs.categorical))
        for word, (place, null) in enumerate(zip(self.place, self.of_nulls, strict=True)):
            states = 2 if null else inputs.state_count(int(place))
            if self.starts[word + 1] - self.starts[word] != states:
                raise ValueError("a word of tests does not fit its states")

    def states(self, block: Block) -> Shorts:
        """The states that words test, of shape (features that they test, rows, rounded up to 8)."""
        found = np.zeros((len(self._sources), -(-block.rows // 8) * 8), np.uint16)
        for (place, null), states in zip(self._sources, found, strict=True):
            if null:
                np.isnan(block.numbers[place], out=states[: block.rows])
            else:
                states[:] = block.states[place]
        return found

    @cached_property
    def _sources(self) -> list[tuple[int, bool]]:
        """Each feature that words test, and whether for nulls."""
        return list(dict.fromkeys(zip(self.place.tolist(), self.of_nulls.tolist(), strict=True)))

    @cached_property
    def tested(self) -> Ints:
        """For each word, the row of `states` that it tests."""
        each = zip(self.place.tolist(), self.of_nulls.tolist(), strict=True)
        return np.array([self._sources.index(source) for source in each], np.int64)


@dataclass(frozen=True, eq=False)
class ScanNodes:
    """The nodes and leaves of all trees; fields as in `kernels_scan.scan`."""

    column: Ints
    mask: Bytes
    limit: Bytes
    first: Places
    middle: Places
    nodes: Ints
    leaves: Ints
    output: Ints
    values: Floats
    base: Floats
    """The initial value of each output."""
    width: int
    single: int
    """Whether outputs are rounded to float32 after each tree."""

    def check(self, columns: int) -> None:
        """Raise ValueError if anything would be read or written out of range."""
        trees, count = len(self.output), len(self.column)
        for name in ("mask", "limit", "first", "middle"):
            if len(getattr(self, name)) != count:
                raise ValueError(f"{name} does not fit the nodes")
        if self.first.dtype != self.middle.dtype or self.width < 1:
            raise ValueError("first, middle and width do not fit each other")
        check_starts("nodes", self.nodes, trees, count)
        check_starts("leaves", self.leaves, trees, len(self.values) // self.width)
        each = np.diff(self.leaves)
        if len(self.values) % self.width or (np.diff(self.nodes) % 2).any() or (each < 1).any():
            raise ValueError("nodes or leaves do not fit the trees")
        check_range("column", self.column, 0, columns)
        check_range("output", self.output, 0, len(self.base) - self.width + 1)
        if (self.middle >= np.repeat(each, np.diff(self.nodes))).any():
            raise ValueError("middle points beyond the leaves of its tree")


@dataclass(frozen=True, eq=False)
class Scan:
    """An ensemble of trees with few leaves, in the layout of `kernels_scan.scan`."""

    kind = "trees"

    ranks: NumberRanks
    tests: StateTests
    nodes: ScanNodes

    @property
    def outputs(self) -> int:
        return len(self.nodes.base)

    @property
    def rank_columns(self) -> int:
        return int(max(self.ranks.low.max(initial=-1), self.ranks.high.max(initial=-1))) + 1

    @property
    def columns(self) -> int:
        return self.rank_columns + 8 * self.tests.count

    def check(self, inputs: FeatureInputs) -> None:
        """Raise ValueError if anything would be read or written out of range."""
        # A damaged column number must not make us allocate huge arrays.
        check_range("columns", np.array([self.rank_columns]), 0, 2 * self.ranks.count + 1)
        self.ranks.check(len(inputs.numeric), self.columns, TOP)
        self.tests.check(inputs)
        self.nodes.check(self.columns)

    def raw(self, rows: FeatureRows) -> Iterator[tuple[Block, Floats]]:
        """Blocks of rows with their outputs, of shape (outputs, rows)."""
        from assay.compiled.trees.kernels_scan import scan

        nodes, tests = self.nodes, self.tests
        each = self.rank_columns + 2 * tests.count
        for block in rows.blocks(min(_ROWS, max(2048, _ROOM // max(each, 1) // 8 * 8)), multiple=8):
            padded = -(-block.rows // 8) * 8
            ranks = np.zeros((self.rank_columns, padded), np.uint8)
            self.ranks.write(block, ranks, TOP)
            out = np.repeat(nodes.base[:, None], padded, axis=1)
            scan(
                ranks,
                tests.states(block),
                tests.tested,
                tests.starts,
                tests.words,
                nodes.column,
                nodes.mask,
                nodes.limit,
                nodes.first,
                nodes.middle,
                nodes.nodes,
                nodes.leaves,
                nodes.output,
                nodes.values,
                nodes.width,
                bool(nodes.single),
                out,
            )
            yield block, out[:, : block.rows]

    def edges(self, place: int) -> Floats:
        return self.ranks.edges(place)
