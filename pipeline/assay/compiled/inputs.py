"""The input of a compiled model, block by block: numbers, and states of categories.

A state is a group of categories that the encoder encodes alike. Rare and unknown categories
often share a state. A missing value has its own state, or that of unknown categories.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from assay.columns.categories import Categories, KnownNames
from assay.columns.features import Codes, Features, Floats
from assay.compiled.array_types import Bools, Ints, Shorts
from assay.compiled.texts import TextEncoder


@dataclass(frozen=True, eq=False)
class NumberLimits:
    """The range of numbers that scikit-learn accepts, for each numeric feature.

    scikit-learn refuses a whole batch for one number out of range; here only that row gets NaN.
    ``null`` says whether nulls are refused.
    """

    low: Floats
    high: Floats
    null: Bools

    @cached_property
    def any(self) -> bool:
        endless = np.isneginf(self.low) & np.isposinf(self.high) & ~self.null
        return not endless.all()


@dataclass(frozen=True, eq=False)
class States:
    """States of all categorical features, one feature after the other.

    Attributes
    ----------
    starts
        Start of each feature in ``state``, shape (features + 1,).
    state
        For each feature: the state of each category known in training, then the state of any
        other category, then that of a null.
    refused_starts, refused
        For each state, whether the estimator refuses it.
    """

    starts: Ints
    state: Shorts
    refused_starts: Ints
    refused: Bools


@dataclass(frozen=True, eq=False)
class FeatureInputs:
    """Feature names, accepted numbers, the mapping of categories to states, and texts.

    A text is one of the categorical features, with one state for whatever it is.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    limits: NumberLimits
    states: States
    texts: tuple[TextEncoder, ...] = ()

    def state_count(self, place: int) -> int:
        """The number of states of the categorical feature at index ``place``."""
        starts = self.states.refused_starts
        return int(starts[place + 1] - starts[place])

    def states_of(self, place: int) -> Shorts:
        starts = self.states.starts
        return self.states.state[starts[place] : starts[place + 1]]

    @cached_property
    def _known(self) -> list[KnownNames]:
        return [KnownNames(names) for names in self.categories]

    def translation(self, place: int, categories: Categories) -> Shorts:
        """The state of each category of a batch, followed by the state of a null."""
        # The states are those of the known categories, of all others, and of a null.
        states = self.states_of(place)
        return np.append(states[self._known[place].find(categories)], states[-1])

    def refused_states(self, place: int) -> Bools:
        starts = self.states.refused_starts
        return self.states.refused[starts[place] : starts[place + 1]]

    def check(self) -> None:
        """Raise ValueError if the parts are inconsistent."""
        limits, states = self.limits, self.states
        for name in ("low", "high", "null"):
            if len(getattr(limits, name)) != len(self.numeric):
                raise ValueError(f"limits.{name} does not fit the numeric features")
        check_starts("states.starts", states.starts, len(self.categorical), len(states.state))
        check_starts(
            "states.refused_starts",
            states.refused_starts,
            len(self.categorical),
            len(states.refused),
        )
        if len(self.categories) != len(self.categorical):
            raise ValueError("categories do not fit the categorical features")
        for text in self.texts:
            text.check(len(self.categorical))
        for place, names in enumerate(self.categories):
            found = self.states_of(place)
            if len(found) != len(names) + 2 or found.max() >= self.state_count(place):
                raise ValueError(f"states of {self.categorical[place]} do not fit its categories")

    def rows(self, features: Features) -> FeatureRows:
        return FeatureRows(self, features)


def check_starts(name: str, starts: Ints, count: int, end: int) -> None:
    """Raise ValueError if ``starts`` does not split ``end`` items into ``count`` parts."""
    good = len(starts) == count + 1 and starts[0] == 0 and starts[-1] == end
    if not good or (np.diff(starts) < 0).any():
        raise ValueError(f"{name} does not cut up what it belongs to")


class Block:
    """Consecutive rows: a number or a state for each row and feature.

    Arrays in ``states`` may be longer than ``rows``; they are padded with state 0.
    """

    def __init__(
        self,
        inputs: FeatureInputs,
        start: int,
        stop: int,
        numbers: list[Floats],
        states: list[Shorts],
    ) -> None:
        self.inputs, self.start, self.stop = inputs, start, stop
        self.rows = stop - start
        self.numbers, self.states = numbers, states

    def refused(self) -> Bools | None:
        """Mask of rows that scikit-learn would refuse; None if it scores every row."""
        from assay.compiled.kernels_columns import refuse

        refused: Bools | None = None
        limits = self.inputs.limits
        if limits.any:
            refused = np.zeros(self.rows, np.bool_)
            for place, values in enumerate(self.numbers):
                refuse(values, limits.low[place], limits.high[place], limits.null[place], refused)
        for place, states in enumerate(self.states):
            table = self.inputs.refused_states(place)
            if table.any():
                found = table[states[: self.rows]]
                refused = found if refused is None else refused | found
        return refused


class FeatureRows:
    """The features of a batch that a model needs, in blocks."""

    def __init__(self, inputs: FeatureInputs, features: Features) -> None:
        self.count, self.numeric = features.rows, len(inputs.numeric)
        self.inputs = inputs
        self._numbers = [
            np.ascontiguousarray(features.numbers(name), np.float64) for name in inputs.numeric
        ]
        self.texts = [features.coded(inputs.categorical[text.place]) for text in inputs.texts]
        self._coded: list[tuple[Codes, Shorts]] = []
        for place, name in enumerate(inputs.categorical):
            codes, categories = features.coded(name)
            table = inputs.translation(place, categories)
            self._coded.append((np.ascontiguousarray(codes, np.int32), table))

    def blocks(self, most: int, multiple: int = 1) -> Iterator[Block]:
        """All rows, in blocks of about equal size.

        Parameters
        ----------
        most
            The most rows in a block; a multiple of ``multiple``.
        multiple
            States are padded to a multiple of this.
        """
        from assay.compiled.kernels_columns import translate

        parts = -(-self.count // most)
        size = -(-self.count // (parts * multiple)) * multiple
        for start in range(0, self.count, size):
            stop = min(start + size, self.count)
            states = []
            for codes, table in self._coded:
                found = np.zeros(-(-(stop - start) // multiple) * multiple, np.uint16)
                translate(codes[start:stop], table, found[: stop - start])
                states.append(found)
            numbers = [column[start:stop] for column in self._numbers]
            yield Block(self.inputs, start, stop, numbers, states)
