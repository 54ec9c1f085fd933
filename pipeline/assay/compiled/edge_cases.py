"""Edge cases on which a compiled model is most likely to be wrong, made from ordinary rows.

Each case replaces one feature: nulls, infinities, the largest and smallest numbers, values at
each threshold and next to it on either side, unknown categories.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assay.columns.categories import Categories
from assay.columns.features import CategoryColumn, Features, Floats
from assay.compiled.array_types import Ints

_BASES, _WIDE = 24, 500
"""The number of ordinary rows in which one feature is replaced; of more than 500 features fewer,
as each is replaced in rows of all."""

_SPECIAL_CELLS = 100_000
"""So many features, times all features, get the values of `_SPECIAL`, spread over all: scikit-learn
refuses a whole batch for one of them, so each such case is a batch of its own."""

MOST_EDGES = 96
"""The most thresholds of a feature that are tried, each with its neighbours."""

MOST_CATEGORIES = 512

_MOST_ROWS = 2048
"""The most rows of one case, unless more values than that are tried."""

_LARGEST = np.finfo(np.float64).max
_SINGLE = float(np.finfo(np.float32).max)

_SPECIAL: Mapping[str, tuple[float, ...]] = {
    "null": (np.nan,),
    "infinity": (np.inf,),
    "minus infinity": (-np.inf,),
    "the largest number": (_LARGEST,),
    "the least number": (-_LARGEST,),
    "a large number": (1e300, -1e300),
    # The last numbers that round to a finite float32, then the first that do not.
    "the largest number of 32 bits": (np.nextafter(_SINGLE * (1 + 2.0**-25), 0.0), -_SINGLE),
    "more than 32 bits hold": (_SINGLE * (1 + 2.0**-24), -_SINGLE * (1 + 2.0**-24)),
    "zero": (0.0, -0.0, 5e-324, -5e-324, 1e-40, -1e-40),
}


_TEXTS = (
    " \t\r\n",
    "a",
    "I",
    "0",
    "\0",
    "\u0130stanbul DI\u0307\u015f \u00dfe\u1e9e Stra\u00dfe \ufb01ne \u212bngstr\u00f6m",
    "cafe\u0301 \u65e5\u672c\u8a9e \u0437\u0434\u0440\u0430\u0432\u043e \u0645\u0631\u062d\u0628",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \U0001f642\U0001f3fd",
    "e-mail: o'neil@example.org, 3.14 % <b>&amp;</b> snake_case \u00a0\u2003 x\u00b2 \u2160",
    "word " * 3000,
)
"""Texts on which ways to read them differ: cases, accents, scripts, marks, gaps, many words."""


def hard_texts(vocabulary: Sequence[str]) -> list[str]:
    """Distinct texts that are hard to read, and some that are made of known n-grams."""
    some = [*vocabulary[:: max(1, len(vocabulary) // 64)]]
    return [*dict.fromkeys([*_TEXTS, *some, " ".join(some), " ".join(some[::-1] * 3)])]


@dataclass(frozen=True, eq=False)
class FeaturesInMemory:
    """Features in memory; implements `assay.columns.features.Features`."""

    rows: int
    of_numbers: Mapping[str, Floats]
    of_categories: Mapping[str, CategoryColumn]

    def numbers(self, name: str) -> Floats:
        return self.of_numbers[name]

    def coded(self, name: str) -> CategoryColumn:
        return self.of_categories[name]

    def take(self, rows: Ints) -> FeaturesInMemory:
        return FeaturesInMemory(
            len(rows),
            {name: values[rows] for name, values in self.of_numbers.items()},
            {
                name: CategoryColumn(codes[rows], categories)
                for name, (codes, categories) in self.of_categories.items()
            },
        )


@dataclass(frozen=True, eq=False)
class EdgeCase:
    """Rows of one edge case; scikit-learn either scores or refuses all of them."""

    about: str
    rows: FeaturesInMemory


def load_features(
    features: Features, numeric: Sequence[str], categorical: Sequence[str]
) -> FeaturesInMemory:
    return FeaturesInMemory(
        features.rows,
        {name: np.asarray(features.numbers(name), np.float64) for name in numeric},
        {name: features.coded(name) for name in categorical},
    )


def edge_cases(
    ordinary: FeaturesInMemory, edges: Mapping[str, Floats], known: Mapping[str, Sequence[str]]
) -> Iterator[EdgeCase]:
    """All edge cases of some rows.

    Parameters
    ----------
    ordinary
        At least one row.
    edges
        For each numeric feature, the values at which a score may change.
    known
        For each categorical feature, the categories that the model knows.
    """
    width = len(edges) + len(known)
    bases = max(1, min(_BASES, _BASES * _WIDE**2 // max(1, width**2)))
    chosen = np.unique(np.linspace(0, ordinary.rows - 1, bases).astype(np.int64))
    base = ordinary.take(chosen)
    step = max(1, len(edges) * width // _SPECIAL_CELLS)
    special_ones = {*list(edges)[::step]}
    for name, values in edges.items():
        for about, special in _SPECIAL.items() if name in special_ones else ():
            yield EdgeCase(f"{name}: {about}", _with_numbers(base, name, np.array(special)))
        near = _near(values)
        if len(near):
            yield EdgeCase(f"{name}: at thresholds", _with_numbers(base, name, near))
    for name, names in known.items():
        yield EdgeCase(f"{name}: null", _with_categories(base, name, [None]))
        unseen = ["?" * (1 + max((len(item) for item in names), default=0)), ""]
        yield EdgeCase(f"{name}: a category nobody has seen", _with_categories(base, name, unseen))
        if names:
            tried = [*names][:MOST_CATEGORIES]
            yield EdgeCase(f"{name}: every category", _with_categories(base, name, tried))


def _near(edges: Floats) -> Floats:
    """Some of the edges, and the numbers next to them in float64 and in float32."""
    finite = edges[np.abs(edges) < _SINGLE]
    if len(finite) > MOST_EDGES:
        finite = finite[np.linspace(0, len(finite) - 1, MOST_EDGES).astype(np.int64)]
    single = finite.astype(np.float32)
    down, up = np.float32(-np.inf), np.float32(np.inf)
    return np.concatenate(
        [
            finite,
            np.nextafter(finite, -np.inf),
            np.nextafter(finite, np.inf),
            single,
            np.nextafter(single, down),
            np.nextafter(single, up),
        ]
    ).astype(np.float64)


def _repeated(base: FeaturesInMemory, count: int) -> tuple[FeaturesInMemory, Ints]:
    """Repeat the base rows so that each of ``count`` values can be put into several of them."""
    each = max(1, min(base.rows, _MOST_ROWS // count))
    rows = np.arange(count * each) % base.rows
    return base.take(rows), np.repeat(np.arange(count), each)


def _with_numbers(base: FeaturesInMemory, name: str, values: Floats) -> FeaturesInMemory:
    rows, which = _repeated(base, len(values))
    return FeaturesInMemory(rows.rows, {**rows.of_numbers, name: values[which]}, rows.of_categories)


def _with_categories(
    base: FeaturesInMemory, name: str, values: Sequence[str | None]
) -> FeaturesInMemory:
    rows, which = _repeated(base, len(values))
    texts = [value for value in values if value is not None]
    codes = [-1 if value is None else texts.index(value) for value in values]
    coded = CategoryColumn(np.array(codes, np.int32)[which], Categories(texts))
    return FeaturesInMemory(rows.rows, rows.of_numbers, {**rows.of_categories, name: coded})


def concatenate(parts: Sequence[FeaturesInMemory]) -> FeaturesInMemory:
    """Concatenate rows whose categories may be coded differently."""
    first = parts[0]
    numbers = {
        name: np.concatenate([part.of_numbers[name] for part in parts]) for name in first.of_numbers
    }
    categories = {}
    for name in first.of_categories:
        offset, codes, texts = 0, [], list[str]()
        for part in parts:
            of_part, found = part.of_categories[name]
            codes.append(np.where(of_part < 0, -1, of_part + offset).astype(np.int32))
            texts += found
            offset += len(found)
        categories[name] = CategoryColumn(np.concatenate(codes), Categories(texts))
    return FeaturesInMemory(sum(part.rows for part in parts), numbers, categories)
