"""A batch's columns as the arrays that rules, models and profiles need, each converted once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as t

from assay.columns.categories import Categories
from assay.columns.features import CategoryColumn, Codes, Floats
from assay.contract.definition import NUMERIC, Contract, Field
from assay.contract.schema import cast_column
from assay.errors import SchemaMismatch

if TYPE_CHECKING:
    import pandas as pd


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
    extent
        Of floats, where it was found on the way: as `extent` gives it.
    """

    values: Array
    present: Bools | None = None
    categories: Categories | None = None
    extent: tuple[int, float, float] | None = None

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
    # The same memory without its null mask; values under nulls are undefined.
    kind = pa.float64() if field.kind == "float" else pa.int64()
    if field.kind != "boolean":
        values = pa.Array.from_buffers(kind, rows, [None, data], 0, column.offset).to_numpy()
    if field.kind == "float" and not whole and rows > FEW_ROWS:
        from assay.columns import kernels

        bits, filled = np.frombuffer(validity, np.uint8), np.empty(rows)
        return ConvertedColumn(
            filled, extent=kernels.fill_nulls(values, bits, column.offset, filled)
        )
    present = None if whole else _bits(validity, column.offset, rows)
    if field.kind == "boolean":
        return ConvertedColumn(_bits(data, column.offset, rows), present)
    if field.kind == "float" and present is not None:
        return ConvertedColumn(fill_with_nan(values, present))
    return ConvertedColumn(values, present)


def extent(values: Array) -> tuple[int, float, float]:
    """The number of NaN in floats, and the minimum and maximum of the others.

    Infinity counts as a value. Without values, they are infinity and minus infinity.
    """
    low, high = np.fmin.reduce(values, initial=np.inf), np.fmax.reduce(values, initial=-np.inf)
    return len(values) - int(np.count_nonzero(values == values)), float(low), float(high)


def fill_with_nan(values: Array, present: Bools) -> Array:
    """The values as float64, NaN where null."""
    return np.where(present, values.astype(np.float64, copy=False), np.nan)


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


class Extent(NamedTuple):
    """Null count and range of a column.

    Attributes
    ----------
    nulls
        Number of rows without a value; NaN counts as null.
    low, high
        Minimum and maximum of a column of numbers (infinities count as values) or of times
        (microseconds since 1970 in UTC); None for other kinds and for columns without values.
    """

    nulls: int
    low: float | int | None = None
    high: float | int | None = None


class Columns:
    """The contract's columns of some rows; implements `assay.columns.features.Features`.

    Columns are converted when first used, and only once. Arrays may be shared with Arrow and
    between callers, so none of them may be written to.

    Parameters
    ----------
    contract
        Gives the kind of each column.
    batch
        The rows; columns outside the contract are kept in ``table`` only.
    """

    def __init__(self, contract: Contract, batch: pa.RecordBatch | pa.Table) -> None:
        single = isinstance(batch, pa.RecordBatch)
        self.contract = contract
        self._table = pa.Table.from_batches([batch]) if single else batch
        self._rows: int = batch.num_rows
        self._converted: dict[str, ConvertedColumn] = {}
        self._numbers: dict[str, Floats] = {}
        self._extents: dict[str, Extent] = {}

    @property
    def rows(self) -> int:
        return self._rows

    @property
    def table(self) -> pa.Table:
        """The rows with all columns of the batch."""
        return self._table

    def select(self, names: Sequence[str]) -> pa.Table:
        """Some columns of ``table``, in this order."""
        return self._table.select(list(names))

    def has(self, name: str) -> bool:
        """Whether the batch has a column of this name."""
        return name in self._table.schema.names

    def numbers(self, name: str) -> Floats:
        """A column of numbers or booleans as float64, NaN where null; shape (rows,).

        Raises
        ------
        SchemaMismatch
            If the column does not hold numbers.
        """
        found = self._numbers.get(name)
        if found is None:
            field = self.contract.field(name)
            if field.kind not in NUMERIC:
                raise SchemaMismatch([f"{name}: expected numbers, found a {field.kind}"])
            column = self.exact(name)
            if column.present is None:
                found = column.values.astype(np.float64, copy=False)
            else:
                found = fill_with_nan(column.values, column.present)
            self._numbers[name] = found
        return found

    def coded(self, name: str) -> CategoryColumn:
        """A column of strings as integer codes.

        Raises
        ------
        SchemaMismatch
            If the column does not hold strings.
        """
        column = self.exact(name)
        if column.categories is None:
            kind = self.contract.field(name).kind
            raise SchemaMismatch([f"{name}: expected strings, found a {kind}"])
        return CategoryColumn(column.values, column.categories)

    def exact(self, name: str) -> ConvertedColumn:
        """A column without loss of precision, in the form that is cheapest to compute with."""
        found = self._converted.get(name)
        if found is None:
            found = self._converted[name] = self._convert(self.contract.field(name))
        return found

    def present(self, name: str) -> Bools:
        """Mask of a column's non-null values, shape (rows,). NaN in a float field is a null."""
        column = self.exact(name)
        if column.categories is not None:
            return np.asarray(column.values >= 0)
        if column.present is not None:
            return column.present
        if column.values.dtype == np.float64:
            return np.asarray(column.values == column.values)
        return np.ones(self._rows, dtype=bool)

    def extent(self, name: str) -> Extent:
        """A column's null count and range."""
        found = self._extents.get(name)
        if found is None:
            found = self._extents[name] = _extent(self.exact(name))
        return found

    def non_null(self, name: str) -> Array:
        """A column without nulls, as the array that `frame` holds if the field is not nullable."""
        column = self.exact(name)
        if column.categories is not None:
            return np.asarray(column.categories.objects[column.values])
        if self.contract.field(name).kind == "timestamp":
            return column.values.view("datetime64[us]")
        return column.values

    def values(self, name: str) -> Array:
        """A column as the array that `frame` holds."""
        field, column = self.contract.field(name), self.exact(name)
        loose = field.nullable or self.extent(name).nulls > 0
        if not loose:
            return self.non_null(name)
        if field.kind in ("integer", "float"):
            return self.numbers(name)
        if column.categories is not None:
            return np.asarray(np.append(column.categories.objects, [None])[column.values])
        if field.kind == "timestamp":
            times = column.values.view("datetime64[us]")
            there = column.present
            return times if there is None else np.where(there, times, np.datetime64("NaT"))
        truths = column.values.astype(object)
        if column.present is not None:
            truths[~column.present] = None
        return truths

    def frame(self, names: Sequence[str] | None = None, *, copy: bool = False) -> pd.DataFrame:
        """Columns as a DataFrame of plain NumPy columns, with a fresh 0..n-1 index.

        A column's dtype follows from the contract, not from the values in a batch, so a rule or a
        model sees the same types in every batch:

        ========= ============== ===========================================
        kind      not nullable   nullable
        ========= ============== ===========================================
        float     float64        float64, NaN where null
        integer   int64          float64, NaN where null
        string    object of str  object of str, None where null
        boolean   bool           object of bool, None where null
        timestamp datetime64[us] datetime64[us], NaT where null (naive, UTC)
        ========= ============== ===========================================

        A column that is not nullable but contains nulls (which breaks the contract) gets the dtype
        on the right.

        Parameters
        ----------
        names
            Which columns, in this order; by default all of the contract's.
        copy
            Whether the frame may be written to.
        """
        import pandas as pd

        wanted = self.contract.columns if names is None else names
        data = {name: self.values(name) for name in wanted}
        return pd.DataFrame(data, index=pd.RangeIndex(self._rows), copy=copy)

    def filter(self, mask: Bools) -> Columns:
        """The rows where ``mask`` is true; this object itself if that is all rows."""
        return self if mask.all() else self.take(np.flatnonzero(mask))

    def take(self, places: Places) -> Columns:
        """The rows at ``places``, in that order; columns are taken when first used."""
        return _Taken(self, places)

    def _convert(self, field: Field) -> ConvertedColumn:
        return convert_column(field, self._table)


class _Taken(Columns):
    """A selection of rows of other columns, which reuses their converted arrays."""

    def __init__(self, whole: Columns, places: Places) -> None:
        super().__init__(whole.contract, whole._table)
        self._whole, self._places, self._rows = whole, places, len(places)
        self._taken: pa.Table | None = None

    @property
    def table(self) -> pa.Table:
        if self._taken is None:
            self._taken = self._whole.table.take(pa.array(self._places))
        return self._taken

    def select(self, names: Sequence[str]) -> pa.Table:
        return self._whole.select(names).take(pa.array(self._places))

    def _convert(self, field: Field) -> ConvertedColumn:
        return self._whole.exact(field.name).take(self._places)


def _extent(column: ConvertedColumn) -> Extent:
    values, present = column.values, column.present
    if column.categories is not None:
        gaps = len(values) > 0 and values.min() < 0
        return Extent(int(np.count_nonzero(values < 0)) if gaps else 0)
    if values.dtype == np.float64:
        nulls, low, high = column.extent or extent(values)
        return Extent(nulls, low, high) if nulls < len(values) else Extent(nulls)
    known = values if present is None else values[present]
    nulls = len(values) - len(known)
    if values.dtype == np.bool_ or not len(known):
        return Extent(nulls)
    return Extent(nulls, int(known.min()), int(known.max()))


if TYPE_CHECKING:
    import pandas as pd


def to_frame(
    contract: Contract, batch: pa.RecordBatch | pa.Table, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """The contract's columns of a batch, in the form of ``Columns.frame``."""
    return Columns(contract, batch).frame(columns)
