"""Cuts a flat file into nights: ``<folder>/<night>/<name>``, its rows in the order of the file.

A line of text is copied as it is, so what is wrong in it is found when its night is scored. Memory
does not grow with the file.
"""

from __future__ import annotations

import difflib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as t

from assay.contract.text_parser import is_text, parse_cells, to_bool_mask
from assay.errors import SchemaMismatch, SourceError
from assay.formats.files.cells import CellCutter
from assay.project.params.inputs import Csv, Json, Parquet
from assay.project.params.values import Every
from assay.project.partitions import first_days
from assay.project.text import counted, quote_value
from assay.score.inputs import text
from assay.score.inputs.files import ListedFile, read_errors
from assay.score.inputs.text import TextFile, TextRows
from assay.store.delta.location import filesystem

HELD = 64 << 20
"""Bytes of rows that are held until they are written, so that files are opened seldom."""
BATCH = 1 << 16
"""Rows of Parquet that are cut at once."""
SHOWN = 3
"""Rows without a night that an error shows."""
SHOWN_OF_LINE = 60
"""Bytes of a line that an error shows."""

Told = Callable[[float], None]
"""Called with the share of the file that was read; NaN if that is not known."""


def cut_text(spec: Csv | Json, file: ListedFile, folder: Path, name: str, told: Told) -> None:
    """Cut a file of CSV or JSON lines; errors as for `nights_uri` of `flat_file`."""
    if isinstance(spec, Json):
        _place(text.read_json_keys(file).columns or (spec.night_by,), spec, file, "key")
        rows, header = _json_rows(spec, file, told), b""
    else:
        head = text.read_csv_header(spec, file)
        place = _place(head.columns or (spec.night_by,), spec, file, "column")
        encoding = spec.options.encoding
        header = b"" if head.header is None else head.header.encode(encoding) + b"\n"
        rows = _csv_rows(spec, file, head.header, place, told)
    writer, refused = _TextWriter(folder, name, header), _NoNight(file, spec)
    for numbers, lines, texts in rows:
        cells = pa.array(texts, pa.string())
        nights, places = nights_of(cells, spec.every)
        refused.add(places, cells, numbers)
        for night, chosen in _by_night(nights, places):
            writer.add(night, [lines[row] for row in chosen])
    refused.refuse()
    writer.flush()


def cut_parquet(spec: Parquet, file: ListedFile, folder: Path, name: str, told: Told) -> None:
    """Cut a Parquet file; errors as for `nights_uri` of `flat_file`."""
    assert spec.night_by is not None
    with read_errors(file.path, "cannot be read as Parquet"):
        system, path = filesystem(file.path)
        with system.open_input_file(path) as source, pq.ParquetFile(source) as data:
            schema = data.schema_arrow
            _place(schema.names, spec, file, "column")
            kind = schema.field(spec.night_by).type
            if not can_name_nights(kind):
                raise SchemaMismatch(
                    [
                        f"{file.path}: nights cannot be cut by {quote_value(spec.night_by)} "
                        f"(expected days, times, texts or integers, found {kind})"
                    ]
                )
            writer, refused = _ParquetWriter(folder, name, schema), _NoNight(file, spec)
            done, total = 0, max(data.metadata.num_rows, 1)
            for batch in data.iter_batches(BATCH):
                cells = batch.column(spec.night_by)
                nights, places = nights_of(cells, spec.every)
                refused.add(places, cells, range(done + 1, done + len(batch) + 1))
                for night, chosen in _by_night(nights, places):
                    writer.add(
                        night, batch if len(chosen) == len(batch) else batch.take(pa.array(chosen))
                    )
                done += batch.num_rows
                told(done / total)
            refused.refuse()
            writer.flush()


def _place(
    columns: Sequence[str | None], spec: Csv | Json | Parquet, file: ListedFile, what: str
) -> int:
    """The position of the column that cuts nights.

    Raises
    ------
    SchemaMismatch
        There is no such column, or more than one.
    """
    assert spec.night_by is not None
    if columns.count(spec.night_by) != 1:
        there = ", ".join(quote_value(each) for each in columns)
        fault = "there is no" if spec.night_by not in columns else "more than one"
        near = difflib.get_close_matches(spec.night_by, [str(each) for each in columns], n=1)
        hint = f". Did you mean {quote_value(near[0])}?" if near and fault == "there is no" else ""
        if isinstance(spec, Csv) and len(columns) == 1:
            hint = ". If that is several, say what lies between them: options: {sep: ...}"
        raise SchemaMismatch(
            [
                f"{file.path}: {fault} {what} {quote_value(spec.night_by)}, by which night_by cuts "
                f"nights (found {there}){hint}"
            ]
        )
    return columns.index(spec.night_by)


class _NoNight:
    """The rows of a file whose night cannot be told.

    They are refused: in no night they would never be scored, and nobody would know.
    """

    def __init__(self, file: ListedFile, spec: Csv | Json | Parquet) -> None:
        self._file, self._spec = file, spec
        self._rows = self._every = 0
        self._shown: list[str] = []

    def add(self, places: npt.NDArray[np.int64], cells: pa.Array, numbers: Sequence[int]) -> None:
        """Take those of some rows; ``numbers`` are their lines or rows in the file."""
        rows = np.flatnonzero(places < 0)
        self._rows += len(rows)
        self._every += len(places)
        what = "row" if isinstance(self._spec, Parquet) else "line"
        for row in rows[: SHOWN - len(self._shown)].tolist():
            cell = cells[row].as_py()
            shown = "nothing" if cell is None else quote_value(cell)
            self._shown.append(f"{shown} in {what} {numbers[row]}")

    def refuse(self) -> None:
        """Raise SourceError if there are any."""
        if self._rows:
            more = ", ..." if self._rows > SHOWN else ""
            column = quote_value(self._spec.night_by)
            many = self._rows == self._every if self._rows > SHOWN else False
            raise SourceError(
                f"no row has a night in {column}"
                if many
                else f"{counted(self._rows, 'row')} of {column} without a night",
                where=self._file.path,
                expected=readable(self._spec.every),
                found=", ".join(self._shown) + more,
                fix="Name the column of days or times as night_by. Times that are written in "
                "another way are read by data/source.py: let score.input be data/raw, and run dvc "
                "repro ingest before the night."
                if many
                else "Fix these rows in the file; no night of it is read before, so that no row "
                "is left out unseen.",
            )


def _by_night(
    nights: pa.Array, places: npt.NDArray[np.int64]
) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    """The rows of each night, in their order."""
    order = np.argsort(places, kind="stable")
    names = nights.to_pylist()
    bounds = np.searchsorted(places[order], np.arange(len(names) + 1))
    for number, night in enumerate(names):
        yield night, order[bounds[number] : bounds[number + 1]]


NumberedRows = Iterator[tuple[Sequence[int], list[bytes], list[str | None]]]
"""For each block: the line number of each row, the row's line, its cell that says the night."""


def _csv_rows(
    spec: Csv, file: ListedFile, header: str | None, place: int, told: Told
) -> NumberedRows:
    options, encoding = spec.options, spec.options.encoding
    sep, quote = options.sep.encode(encoding), options.quote.encode(encoding)
    comment = None if options.comment is None else options.comment.encode(encoding)
    head = None if header is None else header.encode(encoding)
    cutter, is_first, before = CellCutter(0, options), True, None
    for first, lines in _numbered_lines(spec, file, told):
        numbers, kept, cells = [], [], []
        for number, line in enumerate(lines, first):
            if not line.strip(b" ") or (comment is not None and line.startswith(comment)):
                continue
            if line == head:
                # Again, it is refused as a row of the night of the row before.
                if not is_first:
                    numbers.append(number)
                    kept.append(line)
                    cells.append(before or header)
                is_first = False
                continue
            parts = (
                line.split(sep, place + 1)
                if quote not in line
                else [
                    each.encode() for each in cutter.cut_line(line.decode(encoding, "replace"))[0]
                ]
            )
            numbers.append(number)
            kept.append(line)
            # A line that is cut short, as by a quote that is never closed, is shown itself.
            cell = parts[place] if place < len(parts) else line[:SHOWN_OF_LINE]
            before = cell.decode("utf-8", "replace") or None
            cells.append(before)
        yield numbers, kept, cells


def _json_rows(spec: Json, file: ListedFile, told: Told) -> NumberedRows:
    assert spec.night_by is not None
    for first, lines in _numbered_lines(spec, file, told):
        numbers, kept, cells = [], [], []
        for number, line in enumerate(lines, first):
            if not line.strip(b" "):
                continue
            numbers.append(number)
            kept.append(line)
            cells.append(_json_cell(line, spec.night_by))
        yield numbers, kept, cells


def _json_cell(line: bytes, key: str) -> str | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return line[:SHOWN_OF_LINE].decode(errors="replace")  # no night; the error shows it
    value = row.get(key) if isinstance(row, dict) else row
    plain = value is None or (isinstance(value, str | int) and not isinstance(value, bool))
    return None if value is None else str(value) if plain else json.dumps(value)


def _numbered_lines(
    spec: Csv | Json, file: ListedFile, told: Told
) -> Iterator[tuple[int, list[bytes]]]:
    """The lines of a file, with the number of the first of them, some megabytes at a time."""
    rows = TextRows(spec, (TextFile(file.path, file.relative, file.size),))
    (part,) = rows.parts(longest=max(file.size, 1))
    number, done = 1, 0
    for block in part.blocks():
        lines = block.splitlines()
        yield number, lines
        number += len(lines)
        done += len(block)
        told(done / file.size if part.piece.stop is not None else float("nan"))


class _TextWriter:
    """Appends lines to the files of their nights, each of which begins with the header line."""

    def __init__(self, folder: Path, name: str, header: bytes) -> None:
        self._folder, self._name, self._header = folder, name, header
        self._held: dict[str, list[bytes]] = defaultdict(list)
        self._bytes = 0

    def add(self, night: str, lines: Sequence[bytes]) -> None:
        text = b"\n".join([*lines, b""])
        self._held[night].append(text)
        self._bytes += len(text)
        if self._bytes > HELD:
            self.flush()

    def flush(self) -> None:
        for night, texts in self._held.items():
            path = self._folder / night / self._name
            new = not path.exists()
            if new:
                path.parent.mkdir(exist_ok=True)
            with path.open("ab") as file:
                file.write(b"".join([self._header, *texts] if new else texts))
        self._held.clear()
        self._bytes = 0


class _ParquetWriter:
    """Writes the rows of each night in one file or, if they are many, in several."""

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        self._folder, self._name, self._schema = folder, name, schema
        self._held: dict[str, list[pa.RecordBatch]] = defaultdict(list)
        self._bytes = self._part = 0

    def add(self, night: str, rows: pa.RecordBatch) -> None:
        self._held[night].append(rows)
        self._bytes += rows.nbytes
        if self._bytes > HELD:
            self.flush()

    def flush(self) -> None:
        for night, batches in self._held.items():
            path = self._folder / night / f"{self._name}.{self._part:05d}.parquet"
            path.parent.mkdir(exist_ok=True)
            pq.write_table(pa.Table.from_batches(batches, self._schema), path)
        self._held.clear()
        self._bytes = 0
        self._part += 1


_YEARS = (1700, 2199)
"""The first and the last year whose nights have a name."""

_DAY = (r"^\s*(\d{4})(\d{2})(\d{2})\s*$", r"\1-\2-\3")
_MONTH = (r"^\s*(\d{4})-?(\d{2})\s*$", r"\1-\2-01")
_YEAR = (r"^\s*(\d{4})\s*$", r"\1-01-01")
_DIGITS: Mapping[Every, tuple[tuple[str, str], ...]] = {
    "day": (_DAY,),
    "week": (_DAY,),
    "month": (_DAY, _MONTH),
    "year": (_DAY, _MONTH, _YEAR),
}
"""How long a night is -> times that are no shorter, written as digits -> as days.

A month is no day: all its rows would be of the first.
"""

_EXAMPLES: Mapping[Every, str] = {
    "day": "20130701",
    "week": "20130701",
    "month": "20130701, 201307",
    "year": "20130701, 201307, 2013",
}


def readable(every: Every) -> str:
    """What a cell has to be, for errors."""
    first, last = _YEARS
    return (
        f"a day or a time from {first} to {last}, such as 2013-07-01, 2013-07-01 10:00, "
        f"{_EXAMPLES[every]}"
    )


def can_name_nights(kind: pa.DataType) -> bool:
    """Whether cells of this Arrow type can be days or times."""
    if t.is_dictionary(kind):
        return can_name_nights(kind.value_type)
    return bool(is_text(kind) or t.is_integer(kind) or t.is_timestamp(kind) or t.is_date(kind))


def nights_of(cells: pa.Array, every: Every) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The distinct nights of some rows, as text, and the position in them of each row's night.

    A time with a zone belongs to its day in UTC.

    Parameters
    ----------
    cells
        Days, times, or texts or integers that are written as `readable` says.

    Returns
    -------
    nights : pa.Array
        Texts, each once.
    places : array of shape (rows,)
        -1 for a row without a night, because its cell is null or unreadable.
    """
    if t.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    coded = cells.dictionary_encode()
    found = _night(coded.dictionary, every).dictionary_encode()
    night = pc.fill_null(found.indices, -1).to_numpy().astype(np.int64)
    rows = pc.fill_null(coded.indices, len(night)).to_numpy().astype(np.int64)
    return found.dictionary, np.append(night, -1)[rows]


def _night(values: pa.Array, every: Every) -> pa.Array:
    times = _times(values, every)
    year = pc.year(times)
    named = pc.and_(pc.greater_equal(year, _YEARS[0]), pc.less_equal(year, _YEARS[1]))
    return first_days(pc.if_else(named, times, pa.scalar(None, times.type)), every)


def _times(values: pa.Array, every: Every) -> pa.Array:
    if t.is_timestamp(values.type):
        # Of a time with a zone, Arrow stores the instant in UTC.
        return values.cast(pa.timestamp(values.type.unit)).cast(pa.timestamp("s"), safe=False)
    if t.is_date(values.type):
        return values.cast(pa.timestamp("s"), safe=False)
    texts = values.cast(pa.string())
    for digits, day in _DIGITS[every]:
        texts = pc.replace_substring_regex(texts, digits, day)
    times, unreadable = parse_cells("timestamp", texts)
    assert not to_bool_mask(pc.is_valid(times))[unreadable].any()
    return times.cast(pa.timestamp("s"), safe=False)
