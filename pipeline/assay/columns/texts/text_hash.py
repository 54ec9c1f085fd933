"""A 64-bit hash of texts, computed where Arrow keeps them: no text becomes a Python object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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
