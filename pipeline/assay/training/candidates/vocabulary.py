"""The categories that a model is told apart, where a feature has more than a model can use.

A model holds few categories: histogram boosting has 255 bins, and a one-hot column for each of a
million categories fits no memory. So each encoding has a most, and the rest of a feature's
categories, with those never seen, become one. The kept ones are the most frequent. The fitted
encoder lists them alone, so neither the bundle nor a night's work grows with the rest.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from assay.training.candidates.nested import wrapped_estimator

if TYPE_CHECKING:
    import pandas as pd

Encoding = Literal["onehot", "ordinal", "text"]

MOST_CODES = 254
"""The most codes of one feature: categories, one for nulls and one for the rest."""

MOST_COLUMNS = 1000
"""The most one-hot columns of one feature."""

MIN_ROWS = 20
"""A category with fewer rows has no one-hot column of its own."""

Counts: TypeAlias = "Mapping[str, pd.Series[int]]"
"""For each categorical feature, the rows of each category."""


@dataclass(frozen=True)
class Vocabulary:
    """The categories of a feature that are told apart, sorted, and how many it has."""

    kept: tuple[str, ...]
    found: int


NOTHING_COUNTED: Counts = MappingProxyType({})
NOTHING_CAPPED: Mapping[str, Vocabulary] = MappingProxyType({})


def count_categories(features: pd.DataFrame, categorical: Sequence[str]) -> Counts:
    """The rows of each category; nulls are not counted.

    Parameters
    ----------
    features
        In the form of `assay.model.model.feature_frame`.
    """
    return {name: features[name].value_counts(sort=False) for name in categorical}


def cap_categories(counts: Counts, encoding: Encoding, estimator: Any) -> dict[str, Vocabulary]:
    """The features with more categories than an encoding has room for, in the order of ``counts``.

    Of equally frequent categories, those that come first in the alphabet are kept. Texts have no
    such room: what takes them has its own way with many.
    """
    if encoding == "text":
        return {}
    most, least = (MOST_COLUMNS, MIN_ROWS) if encoding == "onehot" else (_codes(estimator) - 2, 1)
    # A feature that needs no code for the rest has room for one category more.
    room = most if encoding == "onehot" else most + 1
    return {
        name: _most_frequent(rows, most, least) for name, rows in counts.items() if len(rows) > room
    }


def _most_frequent(rows: pd.Series[int], most: int, least: int) -> Vocabulary:
    enough = rows[rows >= least]
    kept = heapq.nsmallest(most, zip(-enough.to_numpy(), enough.index, strict=True))
    return Vocabulary(tuple(sorted(name for _, name in kept)), len(rows))


def _codes(estimator: Any) -> int:
    """The most codes that an estimator takes: histogram boosting has a bin for each."""
    inner = estimator
    while (within := wrapped_estimator(inner)) is not None:
        inner = within
    settings = inner.get_params(deep=False)
    bins = settings.get("max_bins") if "categorical_features" in settings else None
    return min(MOST_CODES, bins) if isinstance(bins, int) else MOST_CODES
