"""CSV files and JSON lines: their columns, and their rows, whose cells the contract parses later.

Large files are read in pieces, by a few threads at once. Each piece is landed as one Parquet file.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import pyarrow as pa

from assay.contract.definition import Contract
from assay.contract.schema import TYPES, check_schema
from assay.contract.text_parser import LINE, REPLACEMENT
from assay.errors import SchemaMismatch, SourceError
from assay.formats.files.cells import CellCutter
from assay.formats.files.lines import PIECE, Piece, cut_file, json_lines, line_blocks
from assay.project.params.inputs import Csv, CsvOptions, Json
from assay.project.processes import own_cores
from assay.project.text import quote_line
from assay.score.inputs.files import ListedFile, parallel_map
from assay.score.inputs.landing import write_batches
from assay.score.inputs.text_source import TextSource, look
from assay.score.inputs.types import Session


@dataclass(frozen=True)
class TextFile:
    """A file of CSV or JSON, and its beginning.

    Parameters
    ----------
    source
        Where it is, and what it is packed in.
    relative
        Its path below the folder of the night or of the table.
    columns
        The names of its cells, or the keys of its first objects.
    header
        The header line of CSV, None if there is none.
    filled
        Whether any rows follow.
    """

    source: TextSource
    relative: str
    size: int
    columns: tuple[str, ...] = ()
    header: str | None = None
    filled: bool = True

    @property
    def path(self) -> str:
        return self.source.path

    def with_columns(self, columns: Iterable[str], header: str | None, *, filled: bool) -> TextFile:
        return replace(self, columns=tuple(columns), header=header, filled=filled)

    def options(self, spec: Csv) -> CsvOptions:
        """The options of CSV as its lines have them, which are UTF-8 if the file is UTF-16."""
        if not self.source.utf16:
            return spec.options
        return spec.options.model_copy(update={"encoding": "UTF-8"})


@dataclass(frozen=True)
class TextPart:
    """Lines of one file."""

    spec: Csv | Json
    file: TextFile
    piece: Piece

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, some megabytes at a time: cells and `LINE`, or nothing but `LINE` for JSON.

        Raises
        ------
        SourceError
            The file cannot be read.
        """
        if isinstance(self.spec, Json):
            with self._opened() as source:
                for lines in line_blocks(self.piece, source):
                    yield pa.record_batch([json_lines(lines)], names=[LINE])
            return
        cutter = CellCutter(len(self.file.columns), self.file.options(self.spec))
        names = [*cell_names(self.file.columns), LINE]
        header = self.file.header if self.piece.start == 0 else None
        with self._opened() as source:
            if self.spec.options.multi_line:
                cut = cutter.cut_rows(source, self.piece.path, header)
            else:
                blocks = enumerate(line_blocks(self.piece, source))
                cut = (cutter.cut(block, None if at else header) for at, block in blocks)
            for cells, uncut in cut:
                yield pa.record_batch([*cells, uncut], names=names)

    def _opened(self) -> AbstractContextManager[Any]:
        return self.file.source.open(seekable=self.piece.stop is not None)


def cell_names(columns: Sequence[str]) -> list[str]:
    """Names of the cells; a cell without a unique name is named by its position."""
    used: set[str] = set()
    result = []
    for number, name in enumerate(columns):
        result.append(f"_c{number}" if not name or name in used else name)
        used.add(name)
    return result


@dataclass(frozen=True)
class TextRows:
    """The rows of some files; see `assay.score.inputs.types.Source`."""

    spec: Csv | Json
    files: tuple[TextFile, ...]
    by_spark: ClassVar = False
    text: ClassVar = True

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    def parts(self, longest: int = PIECE) -> list[TextPart]:
        """Parts of at most ``longest`` bytes, but for the end of a line, in order of the files."""
        whole = isinstance(self.spec, Csv) and self.spec.options.multi_line
        parts = []
        for file in self.files:
            one = whole or not file.source.in_pieces
            pieces = [Piece(file.path, 0, None)] if one else cut_file(file.path, file.size, longest)
            parts += [TextPart(self.spec, file, piece) for piece in pieces]
        return parts

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, in the order of the files; see `TextPart.batches`."""
        for part in self.parts():
            yield from part.batches()

    def land(self, folder: str, contract: Contract, session: Session) -> None:
        """Write the rows of each part as a Parquet file; see `assay.score.inputs.types.Source`."""
        parts = self.parts()
        with ThreadPoolExecutor(max(1, min(own_cores(), len(parts)))) as pool:
            done = [
                pool.submit(write_batches, part.batches(), f"{folder}/{number:06d}.parquet")
                for number, part in enumerate(parts)
            ]
            try:
                for each in done:
                    each.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


RECORDS = 1000
ALIKE = 0.8
"""Similarity above which an unknown key counts as a renamed column."""

_NEWLINE = re.compile(r"\r\n|\r|\n")


def read_headers(spec: Csv | Json, listed: Sequence[ListedFile]) -> list[TextFile]:
    """The beginnings of files, as `read_json_keys` and `read_csv_header` read them."""
    if isinstance(spec, Json):
        return parallel_map(partial(read_json_keys, spec), listed)
    return parallel_map(partial(read_csv_header, spec), listed)


def read_csv_header(spec: Csv, file: ListedFile) -> TextFile:
    """The columns of a CSV file.

    Raises
    ------
    SourceError
        There is no header line, or the lines are JSON objects.
    """
    there, text, more = _beginning(file, spec)
    comment = spec.options.comment
    lines = [
        line
        for line in _NEWLINE.split(text)
        if line.strip() and not (comment and line.startswith(comment))
    ]
    if spec.columns:
        return there.with_columns(spec.columns, None, filled=bool(lines))
    if not lines:
        return there.with_columns((), None, filled=False)
    if REPLACEMENT in lines[0] or (more and len(lines) == 1):
        raise SourceError(
            "has no header line",
            where=file.path,
            expected=f"names of columns as {spec.options.encoding}",
            found=quote_line(lines[0], 60),
            fix=_fix(lines[0]),
        )
    if _is_json_object(lines[0]):
        # The line is a row, not names: what is in it belongs in no message.
        raise SourceError(
            "holds JSON objects",
            where=file.path,
            expected="CSV, whose first line names the columns",
            fix="Write it as CSV, or let the input say format: json.",
        )
    names, whole = CellCutter(0, there.options(spec)).cut_line(lines[0])
    if not whole:
        raise SourceError(
            "has a quote out of place in its header",
            where=file.path,
            expected="names with quotes around them, or without",
            found=quote_line(lines[0], 60),
            fix="Write the file again, or name the columns under score.input.columns.",
        )
    return there.with_columns(names, lines[0], filled=len(lines) > 1)


def _is_json_object(line: str) -> bool:
    try:
        return line.lstrip().startswith("{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _fix(line: str) -> str:
    if "\x00" in line:
        return "It looks like UTF-16 without a byte order mark: write it as UTF-8."
    return "Name the columns under score.input.columns, or write the file again."


def read_json_keys(spec: Json, file: ListedFile) -> TextFile:
    """The keys of the first objects of a file: one object on each line, or an array of them.

    Raises
    ------
    SourceError
        It cannot be read.
    """
    there, text, more = _beginning(file, spec)
    lines = [line for line in _NEWLINE.split(text) if line.strip()]
    known: dict[str, None] = {}
    whole = lines[:-1] if more else lines
    for line in whole[:RECORDS]:
        try:
            record: Any = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            known.update(dict.fromkeys(record))
    return there.with_columns(known, None, filled=bool(lines))


def _beginning(file: ListedFile, spec: Csv | Json) -> tuple[TextFile, str, bool]:
    """A file, its first characters, and whether there are more."""
    source, head, more = look(file.path, json=isinstance(spec, Json))
    there = TextFile(source, file.relative, file.size)
    encoding = there.options(spec).encoding if isinstance(spec, Csv) else "UTF-8"
    text = head.decode("utf-8-sig" if encoding == "UTF-8" else encoding, errors="replace")
    return there, text.removesuffix(REPLACEMENT) if more else text, more


def check_csv_columns(contract: Contract, file: TextFile) -> None:
    """Check that every column of the contract is there exactly once."""
    _refuse_own(file)
    kinds = {field.name: TYPES[field.kind] for field in contract.fields}
    fields = [pa.field(name, kinds.get(name, pa.string())) for name in file.columns]
    check_schema(contract, pa.schema(fields), file.path)


def check_json_columns(contract: Contract, file: TextFile) -> None:
    """Check that the first objects have the contract's columns; nullable ones may be missing.

    Raises
    ------
    SchemaMismatch
        A column that is not nullable is missing, or a nullable one is missing while an unknown key
        has almost the same name.
    """
    if not file.columns:
        return
    _refuse_own(file)
    strange = [name.casefold() for name in file.columns if name not in contract.columns]
    fields = [pa.field(field.name, TYPES[field.kind]) for field in contract.fields]
    there = [
        each
        for each, field in zip(fields, contract.fields, strict=True)
        if field.name in file.columns
        or (
            field.nullable
            and not difflib.get_close_matches(field.name.casefold(), strange, n=1, cutoff=ALIKE)
        )
    ]
    unknown = [pa.field(name, pa.string()) for name in file.columns if name not in contract.columns]
    check_schema(contract, pa.schema(there + unknown), file.path)


def _refuse_own(file: TextFile) -> None:
    if LINE in file.columns:
        raise SchemaMismatch([f"{file.path}: a column is called {LINE!r}, a name that Assay uses"])
