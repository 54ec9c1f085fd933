"""The distinct texts of a column: looked up and hashed where Arrow keeps them.

A batch may have as many categories as rows. To make a Python object of each takes longer than all
else that is done with them, so they stay in Arrow's memory until somebody asks for objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.columns.kernels import jit

if TYPE_CHECKING:
    from collections.abc import Sequence


Hashes: TypeAlias = npt.NDArray[np.uint64]

_BYTES = "Array(uint8, 1, 'C', readonly=True)"
_STARTS = [f"Array({kind}, 1, 'C', readonly=True)" for kind in ("int32", "int64")]


def hash_texts(texts: pa.Array | Sequence[str]) -> Hashes:
    """The hash of each text, the same in every process and on every machine; shape (texts,).

    MurmurHash64A (A. Appleby, "MurmurHash2", 2008; public domain) of the UTF-8 bytes. It is no
    defence against somebody who makes texts with equal hashes on purpose.

    Parameters
    ----------
    texts
        Of type ``string`` or ``large_string``; a list of str works as well. A null has the hash of
        some text.
    """
    if not isinstance(texts, pa.Array):
        texts = pa.array(texts, pa.large_string())
    found = np.empty(len(texts), np.uint64)
    if len(texts):
        _, starts, data = texts.buffers()
        whole = np.int64 if pa.types.is_large_string(texts.type) else np.int32
        each: npt.NDArray[Any] = np.frombuffer(starts, whole)[texts.offset :][: len(texts) + 1]
        _murmur(each, np.frombuffer(data or b"", np.uint8), found)
    return found


@jit([f"void({starts}, {_BYTES}, uint64[::1])" for starts in _STARTS])
def _murmur(starts: npt.NDArray[Any], data: npt.NDArray[np.uint8], found: Hashes) -> None:
    factor, shift = np.uint64(0xC6A4A7935BD1E995), np.uint64(47)
    for row in range(len(found)):
        at, end = np.int64(starts[row]), np.int64(starts[row + 1])
        mixed = np.uint64(end - at) * factor
        while at < end:
            word, size = np.uint64(0), end - at
            for place in range(8 if size > 8 else size):
                word |= np.uint64(data[at + place]) << np.uint64(8 * place)
            if size >= 8:
                word *= factor
                word ^= word >> shift
                word *= factor
            mixed = (mixed ^ word) * factor
            at += 8
        mixed = (mixed ^ (mixed >> shift)) * factor
        found[row] = mixed ^ (mixed >> shift)


Places: TypeAlias = npt.NDArray[np.intp]

FEW = 256
"""So many categories are looked up by Python sooner than Arrow has begun."""


class Categories:
    """Distinct texts, in an order that codes refer to.

    Parameters
    ----------
    texts
        An array of Arrow, of type ``string`` or ``large_string`` without nulls, or texts in an
        object array or list.
    """

    def __init__(self, texts: pa.Array | npt.NDArray[Any] | Sequence[str]) -> None:
        self._texts = texts

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[str]:
        return iter(self.objects)

    @cached_property
    def objects(self) -> npt.NDArray[Any]:
        """The texts as objects; an object array of shape (categories,)."""
        if isinstance(self._texts, pa.Array):
            made: npt.NDArray[Any] = self._texts.to_numpy(zero_copy_only=False)
            return made
        objects = np.empty(len(self._texts), dtype=object)
        objects[:] = self._texts
        return objects

    @cached_property
    def arrow(self) -> pa.Array:
        """The texts as an array of Arrow."""
        if isinstance(self._texts, pa.Array):
            return self._texts
        return pa.array(self._texts, pa.large_string())

    def hashes(self) -> Hashes:
        """A hash of each text, see `hash_texts`."""
        return hash_texts(self.arrow)

    def take(self, places: Places) -> Categories:
        """Some of the texts, in the order of ``places``."""
        if isinstance(self._texts, pa.Array):
            return Categories(self._texts.take(pa.array(places)))
        return Categories(self.objects[places])


class KnownNames:
    """Distinct names among which categories are looked up.

    Parameters
    ----------
    names
        In an order that answers refer to.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each name."""
        return {name: place for place, name in enumerate(self.names)}

    def find(self, categories: Categories) -> Places:
        """The place of each category among the names, as many as there are names if it is new."""
        other = len(self.names)
        if len(categories) <= FEW:
            found = map(self.places.get, categories, repeat(other))
            return np.fromiter(found, np.intp, len(categories))
        texts = categories.arrow
        known = self._arrow.cast(texts.type)
        answer = pc.fill_null(pc.index_in(texts, value_set=known), other)
        return np.asarray(answer, np.intp)

    @cached_property
    def _arrow(self) -> pa.Array:
        return pa.array(self.names, pa.large_string())
