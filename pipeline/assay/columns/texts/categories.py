"""The distinct texts of a column, and looking them up among texts that are known.

A batch may have as many categories as rows. To make a Python object of each takes longer than all
else that is done with them, so they stay in Arrow's memory until somebody asks for objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import repeat
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.columns.texts.text_hash import Hashes, hash_texts

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
