"""The exponential function of 32 bits, to the bit as the C library of Linux computes it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from assay.columns.kernels import FLOATS, jit

if TYPE_CHECKING:
    from assay.columns.features import Floats

PARTS = 32
POWERS = tuple(2.0 ** (part / PARTS) for part in range(PARTS))
CUBIC, SQUARE, LINEAR = (
    float.fromhex(factor) / PARTS**power
    for power, factor in (
        (3, "0x1.c6af84b912394p-5"),
        (2, "0x1.ebfce50fac4f3p-3"),
        (1, "0x1.62e42ff0c52d6p-1"),
    )
)
SCALE = float.fromhex("0x1.71547652b82fep0") * PARTS
HIGHEST, LOWEST = float.fromhex("0x1.62e42ep6"), float.fromhex("-0x1.9fe368p6")


@jit(f"void({FLOATS}, float32[::1])")
def exponential(values: Floats, out: Floats) -> None:
    """``expf`` of numbers that 32 bits hold.

    The exponent is split into a whole number, one of 32 parts, and a rest that a polynomial in 64
    bits is good for; the result is then rounded to 32 bits. With the numbers of glibc since 2.28
    (Arm's optimized routines, ``expf``): results are its own, rather than the nearest.

    Parameters
    ----------
    out
        Of shape (rows,), of 32 bits.
    """
    for i in range(len(out)):
        value = values[i]
        if value > HIGHEST:
            out[i] = np.float32(np.inf)
        elif value < LOWEST:
            out[i] = np.float32(0.0)
        elif value != value:
            out[i] = np.float32(value)
        else:
            scaled = SCALE * value
            whole = int(np.rint(scaled))
            rest = scaled - whole
            power = math.ldexp(POWERS[whole & 31], whole >> 5)
            square = rest * rest
            polynomial = (CUBIC * rest + SQUARE) * square + (LINEAR * rest + 1.0)
            out[i] = np.float32(polynomial * power)
