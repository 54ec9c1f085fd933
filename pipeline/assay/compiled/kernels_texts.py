"""The hash by which scikit-learn's HashingVectorizer finds the column of an n-gram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.columns.kernels import jit

if TYPE_CHECKING:
    import numpy.typing as npt


@jit("void(Array(int64, 1, 'C', readonly=True), Array(uint8, 1, 'C', readonly=True), int32[::1])")
def murmur(starts: npt.NDArray[Any], data: npt.NDArray[Any], found: npt.NDArray[Any]) -> None:
    """MurmurHash3_x86_32 with seed 0 (A. Appleby, public domain) of UTF-8 bytes, signed.

    Parameters
    ----------
    starts
        Where each n-gram begins in ``data``, and the end of the last; shape (n-grams + 1,).
    found
        Output, of shape (n-grams,).
    """
    one, two, low = np.uint64(0xCC9E2D51), np.uint64(0x1B873593), np.uint64(0xFFFFFFFF)
    for row in range(len(found)):
        at, end = starts[row], starts[row + 1]
        mixed = np.uint64(0)
        while at < end:
            word, size = np.uint64(0), min(end - at, 4)
            for place in range(size):
                word |= np.uint64(data[at + place]) << np.uint64(8 * place)
            word = (word * one) & low
            word = ((word << np.uint64(15)) | (word >> np.uint64(17))) & low
            mixed ^= (word * two) & low
            if size == 4:
                mixed = ((mixed << np.uint64(13)) | (mixed >> np.uint64(19))) & low
                mixed = (mixed * np.uint64(5) + np.uint64(0xE6546B64)) & low
            at += 4
        mixed ^= np.uint64(end - starts[row])
        mixed = ((mixed ^ (mixed >> np.uint64(16))) * np.uint64(0x85EBCA6B)) & low
        mixed = ((mixed ^ (mixed >> np.uint64(13))) * np.uint64(0xC2B2AE35)) & low
        found[row] = np.int32(np.uint32(mixed ^ (mixed >> np.uint64(16))))
