"""Encodes the values of training and holdout as integer codes and row hashes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as t
from numpy.typing import NDArray

from assay.training.leakage.table_pair import ColumnPair

Codes: TypeAlias = NDArray[np.int64]
Hashes: TypeAlias = NDArray[np.uint64]
Floats: TypeAlias = NDArray[np.float64]

DIGITS = 5
"""Significant digits of a number that are compared; exports and float32 change later ones."""

_STEP = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class CodedColumn:
    """A column of both sides with one code a value.

    Parameters
    ----------
    train, holdout
        0 where the value is null or NaN, else the index of the value in ``values`` plus 1.
    """

    train: Codes
    holdout: Codes
    values: pa.Array

    @property
    def size(self) -> int:
        """Number of codes."""
        return len(self.values) + 1

    def counts(self) -> tuple[Codes, Codes]:
        """Number of rows with each code, in training and in the holdout."""
        return (
            np.bincount(self.train, minlength=self.size),
            np.bincount(self.holdout, minlength=self.size),
        )


def encode_column(pair: ColumnPair, digits: int | None = None) -> CodedColumn:
    """One code a value, shared by both sides.

    Parameters
    ----------
    digits
        Floats that agree in this many significant digits are one value; None compares all.
    """
    kind = pair.train.type
    chunks = [*pair.train.chunks, *pair.holdout.chunks]
    whole = pa.chunked_array(chunks, kind)
    if t.is_string(kind):
        whole = whole.cast(pa.large_string())  # a column may hold more than 2 GB
    if t.is_floating(kind):
        numbers = to_floats(whole)
        if digits is not None:
            numbers = round_significant(numbers, digits)
        whole = pa.chunked_array([pa.array(numbers + 0.0, from_pandas=True)])  # no -0.0
    encoded = whole.combine_chunks().dictionary_encode()
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False) + 1
    rows = len(pair.train)
    return CodedColumn(codes[:rows], codes[rows:], encoded.dictionary)


def to_floats(column: pa.ChunkedArray) -> Floats:
    """Numbers or booleans as float64, NaN where null."""
    plain = column.cast(pa.int8()) if t.is_boolean(column.type) else column
    values: Floats = pc.cast(plain, pa.float64(), safe=False).to_numpy()
    return np.where(np.isnan(values), np.nan, values)


def round_significant(values: Floats, digits: int) -> Floats:
    """``values`` rounded to significant digits; zero, NaN and infinities are unchanged."""
    size = np.abs(values)
    usable = np.isfinite(values) & (size >= 1e-290)  # a smaller one has no power of ten
    power = digits - 1 - np.floor(np.log10(np.where(usable, size, 1.0)))
    # Use only positive powers of ten, which are exact: 0.1 is not.
    up, down = np.power(10.0, np.maximum(power, 0)), np.power(10.0, np.maximum(-power, 0))
    with np.errstate(over="ignore"):  # the largest ones have nothing above them
        rounded = np.rint(values / down * up) / up * down
    return np.where(usable & np.isfinite(rounded), rounded, values)


def hash_rows(
    columns: Iterable[CodedColumn], train_rows: int, holdout_rows: int
) -> tuple[Hashes, Hashes]:
    """One hash a row over all columns, for each side; equal rows have equal hashes.

    Two different rows have the same hash with a probability of 1 in 2**64.
    """
    train, holdout = np.zeros(train_rows, np.uint64), np.zeros(holdout_rows, np.uint64)
    for column in columns:
        train = mix_hash(train, column.train)
        holdout = mix_hash(holdout, column.holdout)
    return train, holdout


def mix_hash(hashes: Hashes, codes: Codes) -> Hashes:
    """Row hashes with one more column mixed in: SplitMix64 (Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        state = (hashes ^ codes.astype(np.uint64)) + _STEP
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
