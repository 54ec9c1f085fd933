"""Text as the sparse columns that scikit-learn's vectorizers make of it, without scikit-learn.

A text becomes its n-grams of words or characters (sklearn.feature_extraction.text), counted in
columns of a vocabulary or, hashed (Weinberger and others 2009), in a fixed number of them. The
distinct texts of a batch are read once, `CHARACTERS` at a time, and no matrix is kept: a linear
model needs one number of each text and output.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from assay.columns.categories import Categories
from assay.columns.features import Floats
from assay.compiled.array_types import Ints

CHARACTERS = 1 << 18
"""Of the texts that are cut into n-grams at once, unless one alone has more."""

_GAPS = re.compile(r"\s\s+")


class Counted(NamedTuple):
    """The columns of some texts other than 0, text by text, and in each by column.

    Attributes
    ----------
    text, column, value
        Of the same length: which text, which column, and the number in it.
    """

    text: Ints
    column: Ints
    value: Floats


@dataclass(frozen=True)
class Cutting:
    """How a text is cut into n-grams; names and meanings are those of scikit-learn's arguments.

    Attributes
    ----------
    analyzer
        ``word``, ``char`` or ``char_wb``.
    strip_accents
        ``unicode``, ``ascii``, or empty to leave accents.
    token_pattern
        Of words; unused for characters.
    shortest, longest
        Of the n-grams.
    stop_words
        Words that are left out, sorted.
    """

    analyzer: str
    lowercase: bool
    strip_accents: str
    token_pattern: str
    shortest: int
    longest: int
    stop_words: tuple[str, ...]

    def grams(self, text: str) -> Iterable[str]:
        """The n-grams of a text, as often as they occur in it."""
        text = text.lower() if self.lowercase else text
        if self.strip_accents:
            text = _without_accents(text, self.strip_accents)
        if self.analyzer == "word":
            stopped = self._stopped
            words = [word for word in self._words(text) if word not in stopped]
            return words if self.longest == 1 else self._word_grams(words)
        text = _GAPS.sub(" ", text)
        if self.analyzer == "char":
            return self._cut(text)
        return [gram for word in text.split() for gram in self._padded(f" {word} ")]

    def _word_grams(self, words: Sequence[str]) -> list[str]:
        return [
            " ".join(words[start : start + size])
            for size in range(self.shortest, min(self.longest, len(words)) + 1)
            for start in range(len(words) - size + 1)
        ]

    def _cut(self, text: str) -> list[str]:
        return [
            text[start : start + size]
            for size in range(self.shortest, min(self.longest, len(text)) + 1)
            for start in range(len(text) - size + 1)
        ]

    def _padded(self, word: str) -> Iterator[str]:
        for size in range(self.shortest, self.longest + 1):
            yield from (word[at : at + size] for at in range(max(1, len(word) - size + 1)))
            if len(word) <= size:
                return  # a short word counts once

    @cached_property
    def _stopped(self) -> frozenset[str]:
        return frozenset(self.stop_words)

    @cached_property
    def _words(self) -> Any:
        return re.compile(self.token_pattern).findall


def _without_accents(text: str, how: str) -> str:
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    if how == "ascii":
        return apart.encode("ascii", "ignore").decode("ascii")
    return "".join(each for each in apart if not unicodedata.combining(each))


@dataclass(frozen=True, eq=False)
class TextEncoder:
    """The columns that a fitted vectorizer makes of one feature.

    Attributes
    ----------
    place
        The index of the feature among the categorical ones.
    vocabulary
        The n-gram of each column; empty if they are hashed.
    width
        The number of columns.
    idf
        What each column is multiplied by; empty for ones alone.
    binary, sublinear, norm
        As ``binary``, ``sublinear_tf`` and ``norm`` of scikit-learn; an empty ``norm`` for none.
    signed
        Whether hashes count up and down (``alternate_sign``).
    """

    place: int
    cutting: Cutting
    vocabulary: tuple[str, ...]
    width: int
    idf: Floats
    binary: bool
    sublinear: bool
    norm: str
    signed: bool

    def header(self) -> dict[str, Any]:
        """All but ``idf`` as numbers and texts, for `of`."""
        names = [each.name for each in fields(self) if each.name not in ("cutting", "idf")]
        return {**{name: getattr(self, name) for name in names}, "cutting": asdict(self.cutting)}

    @classmethod
    def of(cls, tree: Mapping[str, Any], idf: Any) -> TextEncoder:
        """The encoder of a `header`; what does not fit raises ValueError, TypeError or KeyError."""
        told, cutting = dict(tree), dict(tree["cutting"])
        cutting["stop_words"] = tuple(cutting["stop_words"])
        told["vocabulary"] = tuple(told["vocabulary"])
        if idf.dtype != np.float64 or idf.ndim != 1:
            raise ValueError("idf is no list of 64-bit numbers")
        return cls(**{**told, "cutting": Cutting(**cutting)}, idf=idf)

    def check(self, features: int) -> None:
        """Raise ValueError if a column would lie out of range."""
        if not 0 <= self.place < features or not 0 < self.width < 1 << 31:
            raise ValueError("a text of no feature, or of no column")
        if len(self.vocabulary) not in (0, self.width) or len(self.idf) not in (0, self.width):
            raise ValueError("words do not fit the columns of a text")

    def totals(self, texts: Categories, weights: Floats) -> Floats:
        """The weighted sum of each text's columns, and 0 for a null.

        Parameters
        ----------
        weights
            Of shape (outputs, width).

        Returns
        -------
        ndarray
            Of shape (outputs, texts + 1), the null last.
        """
        found = np.zeros((len(weights), len(texts) + 1))
        start = 0
        for some in _parts(texts):
            counted = self.columns(some)
            for output, of_column in zip(found, weights, strict=True):
                each = counted.value * of_column[counted.column]
                output[start : start + len(some)] = np.bincount(counted.text, each, len(some))
            start += len(some)
        return found

    def columns(self, texts: Sequence[str]) -> Counted:
        """The columns of some texts, as scikit-learn's ``transform`` gives them."""
        every = [self._found(self.cutting.grams(text)) for text in texts]
        of_text = np.repeat(np.arange(len(texts)), [len(each) for each in every])
        flat = [gram for each in every for gram in each]
        if self.vocabulary:
            column, up = np.array(flat, np.int64), np.ones(len(flat))
        else:
            column, up = self._hashed(flat)
        keys, which = np.unique(of_text * self.width + column, return_inverse=True)
        counts = np.bincount(which, up, len(keys)).astype(np.float64, copy=False)
        return self._weighed(Counted(keys // self.width, keys % self.width, counts), len(texts))

    def words(self, text: str, weights: Floats) -> dict[str, float]:
        """What each n-gram of a text adds to an output, without those that add nothing.

        Parameters
        ----------
        weights
            Of shape (width,). N-grams that share a column by their hashes are named together.
        """
        named: dict[int, dict[str, None]] = {}
        for gram in self.cutting.grams(text):
            for column in self._column(gram):
                named.setdefault(column, {})[gram] = None
        found = self.columns([text])
        added = {
            " | ".join(named[at]): float(each * weights[at])
            for at, each in zip(found.column.tolist(), found.value.tolist(), strict=True)
        }
        return {name: each for name, each in added.items() if each}

    def _column(self, gram: str) -> list[int]:
        return self._found([gram]) if self.vocabulary else self._hashed([gram])[0].tolist()

    def _found(self, grams: Iterable[str]) -> list[Any]:
        """The columns of known n-grams, or all n-grams where they are hashed."""
        if not self.vocabulary:
            return list(grams)
        places = self._places
        return [places[gram] for gram in grams if gram in places]

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {gram: place for place, gram in enumerate(self.vocabulary)}

    def _hashed(self, grams: Sequence[str]) -> tuple[Ints, Floats]:
        """The column of each n-gram, and whether it counts up (1) or down (-1)."""
        from assay.compiled.kernels_texts import murmur

        packed = pa.array(grams, pa.large_string())
        _, starts, data = packed.buffers()
        hashes = np.empty(len(grams), np.int32)
        if len(grams):
            ends = np.frombuffer(starts, np.int64)[: len(grams) + 1]
            murmur(ends, np.frombuffer(data or b"", np.uint8), hashes)
        wide = hashes.astype(np.int64)
        up = np.where(wide < 0, -1.0, 1.0) if self.signed else np.ones(len(grams))
        return np.abs(wide) % self.width, up

    def _weighed(self, counted: Counted, texts: int) -> Counted:
        text, column, value = counted
        if self.binary:
            value = np.ones(len(value))
        if self.sublinear:
            value = np.log(value) + 1.0
        if len(self.idf):
            value = value * self.idf[column]
        if self.norm:
            powers = np.abs(value) if self.norm == "l1" else value * value
            length = np.bincount(text, powers, texts)
            length = length if self.norm == "l1" else np.sqrt(length)
            value = value / np.where(length == 0, 1.0, length)[text]
        return Counted(text, column, value)


def _parts(texts: Categories) -> Iterator[list[str]]:
    """All texts in their order, about `CHARACTERS` at once; one at a time becomes an object."""
    held: list[str] = []
    size = 0
    for text in texts.arrow:
        held.append(text.as_py())
        size += len(held[-1])
        if size >= CHARACTERS:
            yield held
            held, size = [], 0
    if held:
        yield held
