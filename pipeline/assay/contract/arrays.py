"""Converts Arrow columns to NumPy arrays, without a copy if a column has no nulls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as t

from assay.columns.features import CategoryColumn, Codes
from assay.columns.texts.categories import Categories
from assay.contract.definition import Field
from assay.contract.schema import cast_column
from assay.errors import SchemaMismatch

Array: TypeAlias = npt.NDArray[Any]
Bools: TypeAlias = npt.NDArray[np.bool_]
Places: TypeAlias = npt.NDArray[np.intp]

FEW_ROWS = 10_000
"""So many are done by NumPy before the compiled loop would even be loaded."""


class ConvertedColumn(NamedTuple):
    """A column as a NumPy array. It may share memory with Arrow and must not be written to.

    Attributes
    ----------
    values
        Of shape (rows,): float64 with NaN where null; int64 of integers; int64 microseconds since
        1970 in UTC of timestamps; bools; int32 codes of strings, -1 where null.
    present
        Mask of the non-null values of integers, timestamps and bools; None if there are no nulls.
    categories
        The distinct strings of a string column.
    """

    values: Array
    present: Bools | None = None
    categories: Categories | None = None

    def take(self, places: Places) -> ConvertedColumn:
        present = None if self.present is None else self.present.take(places)
        return ConvertedColumn(self.values.take(places), present, self.categories)


def convert_column(field: Field, batch: pa.RecordBatch | pa.Table) -> ConvertedColumn:
    """One column of a batch.

    Raises
    ------
    SchemaMismatch
        If a text is not UTF-8.
    """
    if field.kind == "string":
        coded = _strings(field, batch)
        return ConvertedColumn(coded.codes, categories=coded.categories)
    parts = [_plain(field, part) for part in _chunks(cast_column(field, batch))]
    if len(parts) == 1:
        return parts[0]
    present = None
    if any(part.present is not None for part in parts):
        present = np.concatenate([_everywhere(part) for part in parts])
    return ConvertedColumn(np.concatenate([part.values for part in parts]), present)


def _chunks(column: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    """At least one array."""
    if isinstance(column, pa.Array):
        return [column]
    chunks: list[pa.Array] = column.chunks
    return chunks or [pa.array([], column.type)]


def _everywhere(part: ConvertedColumn) -> Bools:
    return np.ones(len(part.values), dtype=bool) if part.present is None else part.present


def _plain(field: Field, column: pa.Array) -> ConvertedColumn:
    rows, whole = len(column), column.null_count == 0
    validity, data = column.buffers()
    present = None if whole else _bits(validity, column.offset, rows)
    if field.kind == "boolean":
        return ConvertedColumn(_bits(data, column.offset, rows), present)
    # The same memory without its null mask; values under nulls are undefined.
    kind = pa.float64() if field.kind == "float" else pa.int64()
    values = pa.Array.from_buffers(kind, rows, [None, data], 0, column.offset).to_numpy()
    if field.kind == "float" and present is not None:
        return ConvertedColumn(fill_with_nan(values, present))
    return ConvertedColumn(values, present)


def extent(values: Array) -> tuple[int, float, float]:
    """The number of NaN in floats, and the minimum and maximum of the others; see `kernels`."""
    if len(values) <= FEW_ROWS:
        known = values[values == values]
        low, high = known.min(initial=np.inf), known.max(initial=-np.inf)
        return len(values) - len(known), float(low), float(high)
    from assay.columns import kernels

    return kernels.extent(values)


def fill_with_nan(values: Array, present: Bools) -> Array:
    """The values as float64, NaN where null."""
    floats = values.astype(np.float64, copy=False)
    if len(floats) <= FEW_ROWS:
        return np.where(present, floats, np.nan)
    from assay.columns import kernels

    result = np.empty(len(floats), dtype=np.float64)
    kernels.fill_nulls(floats, present, result)
    return result


def _bits(buffer: pa.Buffer | None, offset: int, rows: int) -> Bools:
    """Arrow's packed bits as one bool each."""
    if buffer is None or not rows:
        return np.zeros(rows, dtype=bool)
    first, last = offset // 8, (offset + rows + 7) // 8
    packed = np.frombuffer(buffer, dtype=np.uint8)[first:last]
    start = offset - 8 * first
    every = np.unpackbits(packed, bitorder="little").view(np.bool_)
    return every[start : start + rows]


def _strings(field: Field, batch: pa.RecordBatch | pa.Table) -> CategoryColumn:
    places = batch.schema.get_all_field_indices(field.name)
    column = batch.column(places[0]) if len(places) == 1 else None
    if column is None or not _is_coded(column.type):
        column = cast_column(field, batch)
    try:
        parts = [_code(chunk) for chunk in _chunks(column)]
    except UnicodeDecodeError as error:
        raise SchemaMismatch(
            [f"column {field.name!r} holds text that is not UTF-8 ({error})"]
        ) from None
    return parts[0] if len(parts) == 1 else _joined(parts)


def _is_coded(kind: pa.DataType) -> bool:
    if not t.is_dictionary(kind):
        return False
    return bool(t.is_string(kind.value_type) or t.is_large_string(kind.value_type))


def _code(column: pa.Array) -> CategoryColumn:
    # Most of a dictionary longer than the column is unused, so a new one is cheaper.
    if t.is_dictionary(column.type) and len(column.dictionary) > max(len(column), 256):
        column = column.dictionary_decode()
    if not t.is_dictionary(column.type):
        column = column.dictionary_encode()  # no category is null, or there twice
        return CategoryColumn(_codes(column), _categories(column.dictionary))
    again = column.dictionary.dictionary_encode()
    codes = _codes(column)
    if len(again.dictionary) < len(again):  # some are null, or there twice
        codes = np.append(_codes(again), np.int32(-1))[codes]
    return CategoryColumn(codes, _categories(again.dictionary))


def _codes(column: pa.DictionaryArray) -> Codes:
    """The place of each text in the dictionary, -1 for a null."""
    indices = column.indices
    if indices.type != pa.int32():
        indices = pc.cast(indices, pa.int32())
    if indices.null_count:
        indices = pc.fill_null(indices, -1)
    codes: Codes = indices.to_numpy()
    return codes


def _categories(dictionary: pa.Array) -> Categories:
    """Texts without nulls.

    Raises
    ------
    UnicodeDecodeError
        One is not UTF-8.
    """
    try:
        dictionary.validate(full=True)
    except pa.ArrowException:
        dictionary.to_pylist()  # names the bytes that are wrong
        raise
    return Categories(dictionary)


def _joined(parts: Sequence[CategoryColumn]) -> CategoryColumn:
    every = pa.concat_arrays([part.categories.arrow for part in parts]).dictionary_encode()
    code_of, codes, start = _codes(every), [], 0
    for part in parts:
        mine = code_of[start : start + len(part.categories)]
        codes.append(np.append(mine, np.int32(-1))[part.codes])
        start += len(part.categories)
    return CategoryColumn(np.concatenate(codes), Categories(every.dictionary))
