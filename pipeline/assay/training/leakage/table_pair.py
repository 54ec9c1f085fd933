"""The training and holdout tables, read one column at a time to save memory; values as codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as t
from numpy.typing import NDArray

from assay.columns.categories import hash_texts
from assay.contract.definition import Contract
from assay.contract.result import json_value
from assay.contract.schema import cast_column, check_schema
from assay.errors import StageInputMissing
from assay.project import layout


@dataclass(frozen=True)
class LazyTable:
    """The rows of one side; ``read`` returns some of its columns."""

    rows: int
    read: Callable[[list[str]], pa.Table]


@dataclass(frozen=True)
class ColumnPair:
    """One column of both sides, in the canonical type of its kind in the contract."""

    train: pa.ChunkedArray
    holdout: pa.ChunkedArray


class TablePair:
    """Training and holdout, with columns read by the contract."""

    def __init__(self, contract: Contract, train: LazyTable, holdout: LazyTable) -> None:
        self.contract = contract
        self.train = train
        self.holdout = holdout

    def column(self, name: str) -> ColumnPair:
        """A column of both sides."""
        field = self.contract.field(name)
        train, holdout = (
            cast_column(field, side.read([name])) for side in (self.train, self.holdout)
        )
        return ColumnPair(train, holdout)

    def shown(self, name: str, value: Any) -> Any:
        """A value of a column as JSON, masked if people are not to see it."""
        return self.contract.mask_row({name: json_value(value)})[name]

    def cells(self, side: LazyTable, names: Sequence[str], rows: NDArray[np.intp]) -> list[Any]:
        """Values of a few rows as JSON values: a mapping by column for each row.

        They are shown to people, so cells of sensitive columns are masked.
        """
        columns = {}
        for name in names:
            column = cast_column(self.contract.field(name), side.read([name]))
            columns[name] = [json_value(value) for value in column.take(pa.array(rows)).to_pylist()]
        return [
            self.contract.mask_row({name: columns[name][place] for name in names})
            for place in range(len(rows))
        ]


def pair_from_project(root: Path, contract: Contract) -> TablePair:
    """Sides of the tables that prepare wrote under ``root``.

    Raises
    ------
    StageInputMissing
        A table does not exist, or is not Parquet.
    SchemaMismatch
        It lacks a column of the contract, or has one of another type.
    """
    return TablePair(
        contract,
        open_table(root, layout.TRAIN_TABLE, contract),
        open_table(root, layout.HOLDOUT_TABLE, contract),
    )


def open_table(root: Path, name: str, contract: Contract) -> LazyTable:
    """A table that prepare wrote; raises as `pair_from_project`."""
    path = root / name

    def read(columns: list[str]) -> pa.Table:
        try:
            # Of a wide table the footer takes longer to read than a column.
            opened = pq.ParquetFile(path, metadata=metadata).read(columns=columns)
            # What was read to get at it is several times as large.
            pa.default_memory_pool().release_unused()
            return opened
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(name, error) from None

    if not path.is_file():
        raise StageInputMissing(
            "prepare has not run: no such file", where=name, fix="Run: dvc repro."
        )
    try:
        metadata = pq.read_metadata(path)
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(name, error) from None
    check_schema(contract, schema, name)
    return LazyTable(metadata.num_rows, read)


def _unreadable(name: str, error: Exception) -> StageInputMissing:
    return StageInputMissing(
        "cannot be read",
        where=name,
        found=f"{type(error).__name__}: {error}",
        fix="Make it again with dvc repro --force prepare",
    )


def evenly_spaced(rows: int, wanted: int) -> NDArray[np.intp]:
    """Indices of at most ``wanted`` of ``rows`` rows, evenly spaced from the first row."""
    if rows <= wanted:
        return np.arange(rows, dtype=np.intp)
    return (np.arange(wanted, dtype=np.float64) * (rows / wanted)).astype(np.intp)


# -------- encodes the values of training and holdout, as hashes of all rows or as codes of a sample

Codes: TypeAlias = NDArray[np.int64]
Hashes: TypeAlias = NDArray[np.uint64]
Floats: TypeAlias = NDArray[np.float64]

DIGITS = 5
"""Significant digits of a number that are compared; exports and float32 change later ones."""

PIECE = 1 << 20
"""Rows that are hashed at a time: what that takes beside the hashes is a few megabytes."""

_STEP = np.uint64(0x9E3779B97F4A7C15)
_NONE = np.uint64(0xC2B2AE3D27D4EB4F)
"""The bits of null and NaN: as likely as any other 64."""


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


def encode_column(pair: ColumnPair) -> CodedColumn:
    """One code a value, shared by both sides; for a sample of rows, as it holds all several times.

    Of all rows, see `hash_column`.
    """
    kind = pair.train.type
    chunks = [*pair.train.chunks, *pair.holdout.chunks]
    whole = pa.chunked_array(chunks, kind)
    if t.is_string(kind):
        whole = whole.cast(pa.large_string())  # a column may hold more than 2 GB
    if t.is_floating(kind):
        whole = pa.chunked_array([pa.array(to_floats(whole) + 0.0, from_pandas=True)])  # no -0.0
    encoded = whole.combine_chunks().dictionary_encode()
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False) + 1
    rows = len(pair.train)
    return CodedColumn(codes[:rows], codes[rows:], encoded.dictionary)


def to_floats(column: pa.ChunkedArray) -> Floats:
    """Numbers or booleans as float64, NaN where null."""
    plain = column.cast(pa.int8()) if t.is_boolean(column.type) else column
    values: Floats = pc.cast(plain, pa.float64(), safe=False).to_numpy()
    return np.where(np.isnan(values), np.nan, values)


EXACT_POWER_OF_TEN = 22
"""The largest exponent of ten that a double holds exactly."""


def round_significant(values: Floats, digits: int) -> Floats:
    """``values`` rounded to significant digits; zero, NaN and infinities are unchanged."""
    usable = np.isfinite(values) & (values != 0)
    power = digits - 1 - np.floor(np.log10(np.abs(np.where(usable, values, 1.0))))
    # Only these powers of ten are exact, so one division or product rounds to the nearest decimal.
    exact = np.abs(power) <= EXACT_POWER_OF_TEN
    power = np.where(exact, power, 0.0)
    up, down = np.power(10.0, np.maximum(power, 0)), np.power(10.0, np.maximum(-power, 0))
    rounded = np.where(usable & exact, np.rint(values / down * up) / up * down, values)
    far = usable & ~exact
    rounded[far] = [float(f"{value:.{digits - 1}e}") for value in values[far].tolist()]
    return np.where(np.isfinite(rounded), rounded, values)


def hash_rows(pairs: Iterable[ColumnPair]) -> tuple[Hashes, Hashes]:
    """One hash a row over some columns, for each side; equal rows have equal hashes.

    Two different rows have the same hash with a probability of 1 in 2**64.
    """
    train, holdout = np.zeros(0, np.uint64), np.zeros(0, np.uint64)
    for number, pair in enumerate(pairs):
        if number == 0:
            train, holdout = (np.zeros(len(side), np.uint64) for side in (pair.train, pair.holdout))
        mix_hash(train, pair.train)
        mix_hash(holdout, pair.holdout)
    return train, holdout


def mix_hash(hashes: Hashes, column: pa.ChunkedArray, digits: int | None = None) -> None:
    """Mix one more column into the hashes of its rows, in place."""
    start = 0
    for chunk in _pieces(column):
        mine = hashes[start : start + len(chunk)]
        mine ^= _bits(chunk, digits)
        _scramble(mine)
        start += len(chunk)


def hash_column(column: pa.ChunkedArray, digits: int | None = None) -> Hashes:
    """64 bits of each value: equal values have equal ones, and so have null and NaN.

    Parameters
    ----------
    digits
        Floats that agree in this many significant digits are one value; None compares all.
    """
    hashes = np.zeros(len(column), np.uint64)
    mix_hash(hashes, column, digits)
    return hashes


def count_among(some: Hashes, every: Hashes) -> Codes:
    """How many of ``every`` equal each of ``some``; of shape (some,)."""
    ordered, (few, place) = np.sort(every), np.unique(some, return_inverse=True)
    count = np.searchsorted(ordered, few, "right") - np.searchsorted(ordered, few, "left")
    return np.asarray(count[place], np.int64)


def count_distinct(column: pa.ChunkedArray) -> int:
    """The number of different values, nulls and NaN aside."""
    known = column.filter(pc.invert(pc.is_null(column, nan_is_null=True)))
    hashes = hash_column(known if pc.any(pc.is_null(column, nan_is_null=True)).as_py() else column)
    hashes.sort()
    return int(np.count_nonzero(hashes[1:] != hashes[:-1])) + (len(hashes) > 0)


def _pieces(column: pa.ChunkedArray) -> Iterator[pa.Array]:
    """The column in arrays of at most `PIECE` rows, none of them empty."""
    for chunk in column.chunks:
        for start in range(0, len(chunk), PIECE):
            yield chunk.slice(start, PIECE)


def _bits(values: pa.Array, digits: int | None) -> Hashes:
    kind = values.type
    if t.is_string(kind) or t.is_large_string(kind):
        hashed = hash_texts(values)
        if not values.null_count:
            return hashed
        return np.where(values.is_null().to_numpy(zero_copy_only=False), _NONE, hashed)
    if t.is_floating(kind):
        numbers = to_floats(pa.chunked_array([values]))
        if digits is not None:
            numbers = round_significant(numbers, digits)
        return np.where(np.isnan(numbers), _NONE, (numbers + 0.0).view(np.uint64))  # no -0.0
    whole = values.cast(pa.int8()) if t.is_boolean(kind) else values
    bits = pc.fill_null(whole.cast(pa.int64()), 0).to_numpy(zero_copy_only=False).view(np.uint64)
    if not values.null_count:
        return np.array(bits)
    return np.where(values.is_null().to_numpy(zero_copy_only=False), _NONE, bits)


def _scramble(state: Hashes) -> None:
    """SplitMix64 (Steele, Lea and Flood 2014), in place."""
    with np.errstate(over="ignore"):
        state += _STEP
        state ^= state >> np.uint64(30)
        state *= np.uint64(0xBF58476D1CE4E5B9)
        state ^= state >> np.uint64(27)
        state *= np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
