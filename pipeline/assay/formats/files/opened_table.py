"""One table's file as batches of Arrow columns by name, whichever format it has."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as t

from assay.errors import SourceError
from assay.errors.base import MASK, private_names
from assay.formats.definition import TableFormat
from assay.formats.files.csv_text import column_names, layout, line_of, text_batches
from assay.formats.files.json_array import array_values, is_array
from assay.formats.files.opened import ROWS, file_lines, head_text, in_encoding, open_text
from assay.project.document import read_constant, reject_duplicate_keys
from assay.project.text import quote_line, quote_value

if TYPE_CHECKING:
    from pyarrow.dataset import ParquetFileFormat

Batch = dict[str, pa.Array]


class OpenedTable:
    """The rows of a file, which may be read again and again.

    Parameters
    ----------
    table
        How it is written. If columns are stated, others need not be read; of CSV without a header
        they name the cells of a row.
    """

    def __init__(self, path: Path, table: TableFormat) -> None:
        self.path, self.table = path, table
        self.mixed: set[str] = set()
        """Columns that had values of different types, as far as rows were read."""
        self._place: Callable[[int], str] = lambda row: f"row {row + 1}"

    def batches(self) -> Iterator[Batch]:
        """Columns by name, at most `opened.ROWS` rows at a time.

        Cells of CSV are text, never null; the values of other formats have types.

        Raises
        ------
        SourceError
            The file cannot be read, or a row is ragged.
        """
        path, table = self.path, self.table
        if table.format == "csv":
            return self._csv()
        if table.format == "parquet":
            return parquet_batches(path, {each.name for each in table.columns} or None)
        return record_columns(json_batches(path, table.encoding), self.mixed)

    def place(self, row: int) -> str:
        """Where a row that was read lies, as people know it; rows count from 0."""
        return self._place(row)

    def _csv(self) -> Iterator[Batch]:
        path, table = self.path, self.table
        where = layout(path, table)
        names = where.names
        if table.columns and not table.header:
            names = tuple(each.name for each in table.columns)
            if len(names) != len(where.names):
                raise SourceError(
                    "has another number of columns than are stated",
                    where=str(path),
                    expected=str(len(names)),
                    found=str(len(where.names)),
                    fix="State every column, as there is no header to find them by.",
                )
        self._place = lambda row: f"line {line_of(path, table, row)}"
        for cells in text_batches(path, table, where):
            yield dict(zip(names, cells, strict=True))


def missing_columns(path: Path, wanted: Collection[str], there: Collection[Any]) -> SourceError:
    """The error for columns that are stated and not in the file."""
    lost = [name for name in wanted if name not in there]
    some = ", ".join(map(quote_value, [*there][:20])) + (" and others" * (len(there) > 20))
    return SourceError(
        f"has no column {', '.join(map(quote_value, lost[:5]))}",
        where=str(path),
        found=MASK if private_names() else some,
        fix="Check the names of the columns, the separator and the header.",
    )


# ----------------------------------------------------------------------------------- Parquet


INT96 = "us"
"""What INT96 times are read as. The default, nanoseconds, turns times after 2262 into others."""


def open_parquet(
    source: Any, metadata: pq.FileMetaData | None = None, texts: Collection[str] = ()
) -> pq.ParquetFile:
    """A Parquet file as every reader of tables opens it.

    Parameters
    ----------
    texts
        Columns to read as dictionaries, if the file has them and Arrow can: of pages in the
        encodings of deltas, as other writers than Arrow make them, it cannot.
    """
    footer = metadata or (pq.read_metadata(source) if texts else None)
    return pq.ParquetFile(
        source,
        metadata=footer,
        read_dictionary=[] if footer is None else _without_deltas(footer, texts),
        coerce_int96_timestamp_unit=INT96,
    )


def parquet_format() -> ParquetFileFormat:
    """How datasets of Arrow read Parquet: to the same values as `open_parquet`."""
    from pyarrow import dataset as datasets

    options = datasets.ParquetReadOptions(coerce_int96_timestamp_unit=INT96)
    return datasets.ParquetFileFormat(read_options=options)


def _without_deltas(footer: pq.FileMetaData, texts: Collection[str]) -> list[str]:
    places = [
        place
        for place in range(footer.num_columns)
        if footer.schema.column(place).path in texts
        and footer.schema.column(place).physical_type == "BYTE_ARRAY"
    ]
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    return [
        footer.schema.column(place).path
        for place in places
        if not any("DELTA" in each for group in groups for each in group.column(place).encodings)
    ]


@contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """The file; what is wrong with it becomes a SourceError."""
    try:
        with open_parquet(path) as file:
            yield file
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(
            "is no whole Parquet file",
            where=str(path),
            found=str(error),
            fix="Copy or write it again.",
        ) from None


def parquet_types(path: Path) -> tuple[int, dict[str, pa.DataType], dict[str, tuple[str, ...]]]:
    """The number of rows, the type of each column, and the order of ordered categories.

    pandas writes such categories; each row group has all of them, in their order.
    """
    orders = {}
    with _parquet(path) as file:
        schema = file.schema_arrow
        types = dict(zip(column_names(schema.names), schema.types, strict=True))
        for place, (name, kind) in enumerate(types.items()):
            ordered = t.is_dictionary(kind) and kind.ordered and file.num_row_groups
            if ordered and t.is_string(kind.value_type):
                first = file.read_row_group(0, columns=[schema.names[place]]).column(0)
                if first.num_chunks:
                    orders[name] = tuple(map(str, first.chunk(0).dictionary.to_pylist()))
        return file.metadata.num_rows, types, orders


def parquet_batches(
    path: Path, wanted: Collection[str] | None = None
) -> Iterator[dict[str, pa.Array]]:
    """The columns by name, at most `opened.ROWS` rows at a time.

    Parameters
    ----------
    wanted
        Columns to read; all if None.
    """
    with _parquet(path) as file:
        given = file.schema_arrow.names
        names = column_names(given)
        places = [n for n, name in enumerate(names) if wanted is None or name in wanted]
        apart = len({*given}) == len(given)
        some = [given[place] for place in places] if apart else None
        for batch in file.iter_batches(batch_size=ROWS, columns=some):
            columns = batch.columns if apart else [batch.columns[place] for place in places]
            yield dict(zip((names[place] for place in places), columns, strict=True))


# --------------------------------------------------- the records of a JSON file as columns of Arrow
# An object on each line, or one array of objects.

Record = dict[str, Any]
TOGETHER = 1_000


def json_batches(path: Path, encoding: str) -> Iterator[list[Record]]:
    """The objects of the file, at most `ROWS` at a time.

    Raises
    ------
    SourceError
        A line is no JSON object, has a key twice, or the array is not closed.
    """
    objects = _objects(path, encoding)
    while batch := list(islice(objects, ROWS)):
        yield batch


def _objects(path: Path, encoding: str) -> Iterator[Record]:
    what, texts = "line", file_lines(path, encoding)
    if is_array(head_text(path, encoding)[0]):
        what, texts = "object", _array(path, encoding)
    full = (each for each in enumerate(texts, 1) if each[1].strip())
    while some := list(islice(full, TOGETHER)):
        yield from _together(path, what, some)


def _array(path: Path, encoding: str) -> Iterator[str]:
    with in_encoding(path, encoding), open_text(path, encoding) as file:
        yield from array_values(file, str(path))


def _together(path: Path, what: str, texts: list[tuple[int, str]]) -> list[Record]:
    """The objects of some texts. Parsed together they are quick, and one by one they are named."""
    try:
        objects = _DECODER.decode(f"[{','.join(text for _, text in texts)}]")
    except (ValueError, RecursionError):
        objects = []
    if len(objects) == len(texts) and set(map(type, objects)) == {dict}:
        return list(objects)
    return [_object(path, f"{what} {number}", text) for number, text in texts]


def _object(path: Path, where: str, text: str) -> Record:
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise _no_object(path, where, str(error)) from None
    if not isinstance(value, dict):
        raise _no_object(path, where, quote_line(text, 40))
    return value


def _no_object(path: Path, where: str, found: str) -> SourceError:
    return SourceError(
        "is no JSON object with each key once",
        where=f"{path}, {where}",
        found=found,
        fix="Write one object on each line, or one array of objects.",
    )


_DECODER = json.JSONDecoder(object_pairs_hook=reject_duplicate_keys, parse_constant=read_constant)


def record_columns(
    batches: Iterable[list[Record]], mixed: set[str]
) -> Iterator[dict[str, pa.Array]]:
    """The columns of each batch; a key that a record lacks is null there.

    A column is of integers, floats, booleans or strings if all of its values are, else of strings;
    of bytes if one is a list or an object. A key of an earlier batch is in all later ones.

    Parameters
    ----------
    mixed
        Gets the names of columns that have values of different types.
    """
    names: dict[str, None] = {}
    for batch in batches:
        names |= dict.fromkeys(key for record in batch for key in record)
        columns = {name: [record.get(name) for record in batch] for name in names}
        kinds = {name: {*map(type, values)} - {NoneType} for name, values in columns.items()}
        mixed |= {name for name, each in kinds.items() if len(each) > 1 and each != {int, float}}
        yield {name: _column(values, kinds[name]) for name, values in columns.items()}


def _column(values: list[Any], kinds: set[type]) -> pa.Array:
    if not kinds or kinds in ({int}, {float}, {bool}, {int, float}):
        try:
            if float in kinds:
                return pa.array(None if value is None else float(value) for value in values)
            return pa.array(values)
        except OverflowError:  # whole numbers beyond 64 bits
            pass
    texts = [_as_text(value) for value in values]
    if kinds & {list, dict}:
        return pa.array([text and text.encode(errors="replace") for text in texts], pa.binary())
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:  # half of a surrogate pair, which only JSON can write
        return pa.array([text and text.encode(errors="replace").decode() for text in texts])


def _as_text(value: Any) -> str | None:
    """A value as the text of a cell: a string as it is, anything else as JSON."""
    if value is None or type(value) is str:
        return value
    # As JSON writes them, but quicker; infinity is a word that numbers may be.
    if type(value) in (int, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)
