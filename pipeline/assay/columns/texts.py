"""What is counted of free text: four values of each row, as columns that have grids of their own.

A text as a whole says nothing about another. So its rows are counted by how long it is, which share
of its words the reference does not know, in which letters it is written, and which word of those
that many rows have is the rarest that it has. The last one changes when people write about
other things in known words. A null is a length that is null, and no word. All four are ordinary
columns from there on: counts that add up, with limits learnt from the reference's nights.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.columns.categories import Categories
from assay.columns.features import CategoryColumn, Codes, Features, Floats

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

LENGTH, UNKNOWN, LETTERS, WORD = "length", "unknown words", "letters", "rarest word"
NUMBERS = (LENGTH, UNKNOWN)

MOST_WORDS = 20_000
"""The most words that a reference knows of a text."""
LEAST_ROWS = 2
"""Rows that have a word which is known."""
FREQUENT = 199
"""The most frequent words, of which a row's rarest one is counted."""
NONE = "(none)"
"""In place of a word or of letters, where there are none."""
MIXED = 10
"""One in so many characters are enough for their kind to be named."""

_WORDS = re.compile(r"\w\w+")

Known = Mapping[str, Sequence[str]]
"""For each text the words that its reference knows, the most frequent first."""
NO_TEXTS: Known = MappingProxyType({})


def measures(column: str, sensitive: bool = False) -> dict[str, str]:
    """The names of a text's columns, with what each is; none names a word of a sensitive text."""
    every = (LENGTH, UNKNOWN, LETTERS) if sensitive else (LENGTH, UNKNOWN, LETTERS, WORD)
    return {f"{column}: {what}": what for what in every}


def texts_behind(known: Known) -> dict[str, str]:
    """The name of each measured column, with that of its text."""
    return {column: name for name in known for column in measures(name)}


def words_of(text: str) -> set[str]:
    """The distinct words of a text: two letters, digits or underscores and more, in small letters.

    >>> sorted(words_of("The fox, the FOX's den: 42."))
    ['42', 'den', 'fox', 'the']
    """
    return set(_WORDS.findall(text.lower()))


def letters_of(text: str) -> str:
    """The kinds of characters that make up a tenth of a text or more, the commonest first.

    >>> letters_of("call 030 1234567"), letters_of("да, ok"), letters_of(" ")
    ('digits and latin', 'cyrillic and latin and symbols', '(none)')
    """
    kinds: Counter[str] = Counter()
    for each, times in Counter(text).items():
        kinds[_kind(each)] += times
    del kinds[""]
    enough = kinds.total() / MIXED
    ordered = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    return " and ".join(kind for kind, times in ordered if times >= enough) or NONE


@cache
def _kind(character: str) -> str:
    """A script such as latin or cjk, digits or symbols; empty for a gap."""
    if character.isspace():
        return ""
    if character.isalpha():
        return unicodedata.name(character, "other").partition(" ")[0].lower()
    return "digits" if character.isdigit() else "symbols"


class MeasuredTexts:
    """The columns of other features, and those of `measures` of their texts."""

    def __init__(self, features: Features, known: Known) -> None:
        self._features, self._known = features, known
        self._of = {name: (text, what) for text in known for name, what in measures(text).items()}
        self._values: dict[str, dict[str, Any]] = {}

    @property
    def rows(self) -> int:
        return self._features.rows

    def numbers(self, name: str) -> Floats:
        if name not in self._of:
            return self._features.numbers(name)
        text, what = self._of[name]
        null = np.nan if what == LENGTH else 0.0
        of_text = np.append(np.array(self._measured(text)[what], np.float64), null)
        found: Floats = of_text[self._features.coded(text).codes]
        return found

    def coded(self, name: str) -> CategoryColumn:
        if name not in self._of:
            return self._features.coded(name)
        text, what = self._of[name]
        places: dict[str, int] = {}
        every = [*self._measured(text)[what], NONE]  # the last one is that of a null
        of_text = [places.setdefault(each, len(places)) for each in every]
        codes: Codes = np.array(of_text, np.int32)[self._features.coded(text).codes]
        return CategoryColumn(codes, Categories(list(places)))

    def _measured(self, name: str) -> dict[str, list[Any]]:
        """Each measure of each distinct text."""
        if name not in self._values:
            words = _KnownWords(self._known[name])
            found: dict[str, list[Any]] = {what: [] for what in measures(name).values()}
            for each in self._features.coded(name).categories.arrow:
                text = each.as_py()
                mine = words_of(text)
                found[LENGTH].append(len(text))
                found[UNKNOWN].append(_share(len(mine - words.known), len(mine)))
                found[LETTERS].append(letters_of(text))
                found[WORD].append(words.rarest(mine))
            self._values[name] = found
        return self._values[name]


class _KnownWords:
    def __init__(self, words: Sequence[str]) -> None:
        self._words = words

    @cached_property
    def known(self) -> frozenset[str]:
        return frozenset(self._words)

    @cached_property
    def _frequent(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self._words[:FREQUENT])}

    def rarest(self, mine: set[str]) -> str:
        places = self._frequent
        return max(mine & places.keys(), key=places.__getitem__, default=NONE)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def learn_texts(
    frame: pd.DataFrame, texts: Sequence[str], nights: NDArray[np.int64]
) -> tuple[Known, dict[str, Any]]:
    """The words that a reference knows of each text, and the values of its measures.

    Each row's share of unknown words is that of a night to come: a word counts as known if
    `LEAST_ROWS` rows of other nights have it.

    Parameters
    ----------
    frame
        The reference's rows.
    nights
        The night of each row, from 0.

    Returns
    -------
    known
        As for `MeasuredTexts`.
    columns
        By their names of `measures`, the values of the rows.
    """
    from assay.columns.features import FrameFeatures

    known: dict[str, Sequence[str]] = {}
    columns: dict[str, Any] = {}
    for name in texts:
        own = [words_of(each) if isinstance(each, str) else set() for each in frame[name].tolist()]
        by_night = [Counter[str]() for _ in range(int(nights.max(initial=-1)) + 1)]
        for words, night in zip(own, nights.tolist(), strict=True):
            by_night[night].update(words)
        rows = Counter[str]()
        for each in by_night:
            rows.update(each)
        often = sorted((-count, word) for word, count in rows.items() if count >= LEAST_ROWS)
        known[name] = [word for _, word in often[:MOST_WORDS]]
        least = {word: rows[word] - LEAST_ROWS for word in known[name]}
        measured = MeasuredTexts(FrameFeatures(frame[[name]]), {name: known[name]})
        for column, what in measures(name).items():
            if what == UNKNOWN:
                columns[column] = np.array(
                    [
                        _share(
                            sum(by_night[night][word] > least.get(word, -1) for word in words),
                            len(words),
                        )
                        for words, night in zip(own, nights.tolist(), strict=True)
                    ]
                )
            elif what == LENGTH:
                columns[column] = measured.numbers(column)
            else:
                codes, categories = measured.coded(column)
                columns[column] = categories.objects[codes]
    return known, columns
