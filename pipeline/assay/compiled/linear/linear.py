"""Scores linear models, and models that predict the same for every row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from assay.columns.features import Codes, Floats
from assay.compiled.array_types import Bools, Ints
from assay.compiled.inputs import Block, FeatureInputs, FeatureRows, check_starts
from assay.compiled.ranks import check_range
from assay.compiled.texts import TextEncoder

_ROWS = 16_384
"""Rows in a block: an encoded feature and the sums fit in the L2 cache. A shorter block costs more
of Python's own work, for which threads wait for each other."""


@dataclass(frozen=True, eq=False)
class Weights:
    """The weight of each feature for each output.

    Attributes
    ----------
    place, scaled, fill, mean, scale
        For each numeric term, the index of its feature and how it is encoded; see
        `kernels_columns.encode`.
    weights, known, null
        For each numeric term and output, term by term; see `kernels_linear.add_numbers`.
    state_place
        For each categorical term, the index of its feature.
    starts, tables
        Start of the table of each categorical term, and the tables, each with ``outputs *
        states`` numbers; see `kernels_linear.add_states`.
    intercept
        For each output.
    texts
        Text by text, for each output, of each of its columns.
    """

    place: Ints
    scaled: Bools
    fill: Floats
    mean: Floats
    scale: Floats
    weights: Floats
    known: Floats
    null: Floats
    state_place: Ints
    starts: Ints
    tables: Floats
    intercept: Floats
    texts: Floats


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear model."""

    kind = "linear"

    weights: Weights

    @property
    def outputs(self) -> int:
        return len(self.weights.intercept)

    def check(self, inputs: FeatureInputs) -> None:
        """Raise ValueError if anything would be read out of range."""
        parts = self.weights
        count = len(parts.place)
        for name in ("scaled", "fill", "mean", "scale"):
            if len(getattr(parts, name)) != count:
                raise ValueError(f"{name} does not fit the numeric parts")
        for name in ("weights", "known", "null"):
            if len(getattr(parts, name)) != count * self.outputs:
                raise ValueError(f"{name} does not fit the numeric parts")
        check_range("place", parts.place, 0, len(inputs.numeric))
        check_range("state_place", parts.state_place, 0, len(inputs.categorical))
        check_starts("starts", parts.starts, len(parts.state_place), len(parts.tables))
        for at, place in enumerate(parts.state_place.tolist()):
            size = self.outputs * inputs.state_count(place)
            if parts.starts[at + 1] - parts.starts[at] != size:
                raise ValueError("a table does not fit its states")
        if len(parts.texts) != self.outputs * sum(text.width for text in inputs.texts):
            raise ValueError("weights do not fit the columns of the texts")

    def raw(self, rows: FeatureRows) -> Iterator[tuple[Block, Floats]]:
        """Blocks of rows with their outputs, of shape (outputs, rows)."""
        texts = self._totals(rows)
        for block in rows.blocks(_ROWS):
            out = np.zeros((self.outputs, block.rows))
            self._add(block, [out] * len(block.numbers), [out] * len(block.states))
            for _, codes, totals in texts:
                out += totals[:, codes[block.start : block.stop]]
            out += self.weights.intercept[:, None]
            yield block, out

    def terms(self, rows: FeatureRows, features: int) -> Iterator[tuple[Block, Floats]]:
        """Blocks of rows with the term of each feature, of shape (outputs, features, rows)."""
        texts = self._totals(rows)
        for block in rows.blocks(_ROWS):
            out = np.zeros((features, self.outputs, block.rows))
            numbers = len(block.numbers)
            self._add(block, list(out[:numbers]), list(out[numbers:]))
            for place, codes, totals in texts:
                out[numbers + place] += totals[:, codes[block.start : block.stop]]
            yield block, np.swapaxes(out, 0, 1)

    def of_texts(self, texts: Sequence[TextEncoder]) -> list[Floats]:
        """The weights of each text, of shape (outputs, width)."""
        ends = np.cumsum([0, *(text.width for text in texts)]) * self.outputs
        parts = [self.weights.texts[a:b] for a, b in pairwise(ends)]
        return [part.reshape(self.outputs, -1) for part in parts]

    def _totals(self, rows: FeatureRows) -> list[tuple[int, Codes, Floats]]:
        """Of each text its feature, each row's place among the distinct ones, and their terms."""
        texts = rows.inputs.texts
        return [
            (text.place, codes, text.totals(categories, weights))
            for text, weights, (codes, categories) in zip(
                texts, self.of_texts(texts), rows.texts, strict=True
            )
        ]

    def _add(self, block: Block, numbers: Sequence[Floats], states: Sequence[Floats]) -> None:
        """Add the term of each feature to an array of its own, of shape (outputs, rows)."""
        from assay.compiled.linear.kernels_linear import add_numbers, add_states

        parts = self.weights
        weights, known, null = (
            each.reshape(-1, self.outputs) for each in (parts.weights, parts.known, parts.null)
        )
        encoded = np.empty(block.rows)
        for at, place in enumerate(parts.place):
            add_numbers(
                block.numbers[place],
                bool(parts.scaled[at]),
                parts.fill[at],
                parts.mean[at],
                parts.scale[at],
                weights[at],
                known[at],
                null[at],
                encoded,
                numbers[place],
            )
        for at, place in enumerate(parts.state_place):
            table = parts.tables[parts.starts[at] : parts.starts[at + 1]]
            add_states(block.states[place], table, states[place])

    def edges(self, place: int) -> Floats:
        """The imputed value and the mean: a weighted sum changes nowhere in particular."""
        chosen = self.weights.place == place
        return np.unique(np.concatenate([self.weights.fill[chosen], self.weights.mean[chosen]]))


@dataclass(frozen=True, eq=False)
class ConstantOutputs:
    """One number for each output."""

    base: Floats


@dataclass(frozen=True, eq=False)
class Constant:
    """The same outputs for every row."""

    kind = "constant"

    sums: ConstantOutputs

    @property
    def outputs(self) -> int:
        return len(self.sums.base)

    def check(self, inputs: FeatureInputs) -> None:
        """Nothing to check: there are no indices."""

    def raw(self, rows: FeatureRows) -> Iterator[tuple[Block, Floats]]:
        """Blocks of rows with their outputs, of shape (outputs, rows)."""
        for block in rows.blocks(_ROWS):
            yield block, np.repeat(self.sums.base[:, None], block.rows, axis=1)

    def edges(self, place: int) -> Floats:
        return np.empty(0)
