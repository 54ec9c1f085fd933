"""Scores ensembles of trees with many leaves by walking several rows down a tree at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from assay.columns.features import Floats
from assay.compiled.array_types import Bools, Ints, Longs, Shorts, Words
from assay.compiled.inputs import Block, FeatureInputs, FeatureRows, check_starts
from assay.compiled.ranks import NumberRanks, check_range

TOP = 0xFFFF
"""The rank of a null that lies above all thresholds, and the limit of a leaf."""

_ROWS = 32_768
"""Rows in a block: enough that loading each tree from memory once a block costs little."""


@dataclass(frozen=True, eq=False)
class StateRanks:
    """Rank columns of states, each with a look-up table.

    Attributes
    ----------
    place, of_nulls
        For each column, the index of the categorical feature; or if ``of_nulls``, of the
        numeric feature, whose states are 1 for a null and 0 for a value.
    starts, ranks
        ``ranks[starts[c] + state]`` is the rank of a state in column c.
    column
        The index of the column that is written.
    """

    place: Ints
    of_nulls: Bools
    starts: Ints
    ranks: Shorts
    column: Ints

    @property
    def count(self) -> int:
        return len(self.place)

    def check(self, inputs: FeatureInputs, columns: int) -> None:
        """Raise ValueError if anything would be read or written out of range."""
        check_starts("states.starts", self.starts, self.count, len(self.ranks))
        if len(self.of_nulls) != self.count or len(self.column) != self.count:
            raise ValueError("columns of states do not fit each other")
        check_range("states.place", self.place[self.of_nulls], 0, len(inputs.numeric))
        check_range("states.place", self.place[~self.of_nulls], 0, len(inputs.categorical))
        check_range("states.column", self.column, 0, columns)
        for at, (place, null) in enumerate(zip(self.place, self.of_nulls, strict=True)):
            states = 2 if null else inputs.state_count(int(place))
            if self.starts[at + 1] - self.starts[at] != states:
                raise ValueError("a table of ranks does not fit its states")

    def write(self, block: Block, columns: Shorts) -> None:
        for at in range(self.count):
            if self.of_nulls[at]:
                states = np.isnan(block.numbers[self.place[at]]).astype(np.uint16)
            else:
                states = block.states[self.place[at]]
            table = self.ranks[self.starts[at] : self.starts[at + 1]]
            columns[self.column[at]] = table[states]


@dataclass(frozen=True, eq=False)
class WalkNodes:
    """The nodes of all trees; fields as in `kernels_walk.walk`."""

    nodes: Words
    leaves: Longs
    roots: Ints
    steps: Ints
    output: Ints
    values: Floats
    base: Floats
    """The initial value of each output."""
    width: int
    columns: int
    single: int
    """Whether outputs are rounded to float32 after each tree."""

    def check(self) -> None:
        """Raise ValueError if anything would be read or written out of range, or loop forever."""
        from assay.compiled.trees.kernels_walk import is_valid_layout

        trees, count = len(self.output), len(self.nodes)
        if self.width < 1 or len(self.values) % self.width or len(self.leaves) != count:
            raise ValueError("leaves do not fit the nodes")
        check_starts("roots", self.roots, trees, count)
        if len(self.steps) != trees or (np.diff(self.roots) < 1).any():
            raise ValueError("roots do not fit the trees")
        check_range("steps", self.steps, 1, 1 << 16)
        check_range("output", self.output, 0, len(self.base) - self.width + 1)
        rows = len(self.values) // self.width
        if not is_valid_layout(self.nodes, self.leaves, self.roots, self.columns, rows):
            raise ValueError("a node leads backwards or out of what it belongs to")


@dataclass(frozen=True, eq=False)
class Walk:
    """An ensemble of deep trees in the layout of `kernels_walk.walk`."""

    kind = "trees"

    ranks: NumberRanks
    states: StateRanks
    nodes: WalkNodes

    @property
    def outputs(self) -> int:
        return len(self.nodes.base)

    def check(self, inputs: FeatureInputs) -> None:
        """Raise ValueError if anything would be read or written out of range."""
        columns = self.nodes.columns
        check_range("columns", np.array([columns]), 1, TOP)
        check_range("columns", np.array([columns]), 0, 2 * self.ranks.count + self.states.count + 2)
        self.ranks.check(len(inputs.numeric), columns, TOP)
        self.states.check(inputs, columns)
        self.nodes.check()

    def raw(self, rows: FeatureRows) -> Iterator[tuple[Block, Floats]]:
        """Blocks of rows with their outputs, of shape (outputs, rows)."""
        from assay.compiled.trees.kernels_walk import walk

        nodes = self.nodes
        ranks: Shorts | None = None
        for block in rows.blocks(_ROWS):
            if ranks is None or len(ranks) != block.rows:
                ranks = np.zeros((block.rows, nodes.columns), np.uint16)
            self.ranks.write(block, ranks.T, TOP)
            self.states.write(block, ranks.T)
            out = np.repeat(nodes.base[:, None], block.rows, axis=1)
            walk(
                nodes.nodes,
                nodes.leaves,
                nodes.roots,
                nodes.steps,
                nodes.output,
                nodes.values,
                nodes.width,
                bool(nodes.single),
                ranks.reshape(-1),
                nodes.columns,
                out,
            )
            yield block, out

    def edges(self, place: int) -> Floats:
        return self.ranks.edges(place)
