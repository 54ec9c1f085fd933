"""Reads the column names of a text file from its beginning."""

from __future__ import annotations

import csv
import difflib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from assay.contract.definition import Contract
from assay.contract.schema import TYPES, check_schema
from assay.contract.text_parser import LINE, REPLACEMENT
from assay.errors import SchemaMismatch, SourceError
from assay.project.params.inputs import Csv, Json
from assay.project.text import quote_value
from assay.score.inputs.files import ListedFile, parallel_map, read_errors
from assay.score.inputs.text import check_compression
from assay.store.delta.location import filesystem

HEAD = 1 << 20
"""Bytes within which the header line must end, or in which keys of JSON objects are collected."""
RECORDS = 1000
ALIKE = 0.8
"""Similarity above which an unknown key counts as a renamed column."""

_NEWLINE = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class TextHeader:
    """The beginning of a text file.

    Parameters
    ----------
    columns
        The column names, or the keys of the first objects.
    header
        The header line, None if there is none.
    filled
        Whether any rows follow.
    """

    columns: tuple[str, ...]
    header: str | None
    filled: bool


def read_headers(spec: Csv | Json, listed: Sequence[ListedFile]) -> list[TextHeader]:
    """The beginnings of files, as `read_json_keys` and `read_csv_header` read them.

    Raises
    ------
    SourceError
        As for these, or as for `check_quotes`.
    """
    if isinstance(spec, Json):
        return parallel_map(read_json_keys, listed)
    if spec.options.multi_line:
        parallel_map(partial(check_quotes, spec), listed)
    return parallel_map(partial(read_csv_header, spec), listed)


def read_csv_header(spec: Csv, file: ListedFile) -> TextHeader:
    """The columns of a CSV file.

    Raises
    ------
    SourceError
        There is no header line, or the lines are JSON objects.
    """
    text, more = _beginning(file, spec.options.encoding)
    comment = spec.options.comment
    lines = [
        line
        for line in _NEWLINE.split(text)
        if line.strip() and not (comment and line.startswith(comment))
    ]
    if spec.columns:
        return TextHeader(spec.columns, None, bool(lines))
    if not lines:
        return TextHeader((), None, False)
    if REPLACEMENT in lines[0] or (more and len(lines) == 1):
        raise SourceError(
            "has no header line",
            where=file.path,
            expected=f"names of columns as {spec.options.encoding}",
            found=quote_value(lines[0][:60]),
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
    options = spec.options
    doubled = options.escape == options.quote
    names = next(
        csv.reader(
            [lines[0]],
            delimiter=options.sep,
            quotechar=options.quote,
            doublequote=doubled,
            escapechar=None if doubled else options.escape,
        )
    )
    return TextHeader(tuple(names), lines[0], len(lines) > 1)


def _is_json_object(line: str) -> bool:
    try:
        return line.lstrip().startswith("{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _fix(line: str) -> str:
    if "\x00" in line:
        return "It looks like UTF-16: write it as UTF-8."
    if line.startswith("\x1f"):
        return "It is compressed: let its name end in .gz."
    return "Name the columns under score.input.columns, or write the file again."


def read_json_keys(file: ListedFile) -> TextHeader:
    """The keys of the first objects of a file with one JSON object per line.

    Raises
    ------
    SourceError
        It is a JSON array.
    """
    text, more = _beginning(file, "UTF-8")
    lines = [line for line in _NEWLINE.split(text) if line.strip()]
    if lines and lines[0].lstrip().startswith("["):
        raise SourceError(
            "is a JSON array",
            where=file.path,
            expected="one JSON object a line",
            found=quote_value(lines[0][:60]),
            fix="Write it as JSON Lines, such as with jq -c '.[]'.",
        )
    known: dict[str, None] = {}
    whole = lines[:-1] if more else lines
    for line in whole[:RECORDS]:
        try:
            record: Any = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            known.update(dict.fromkeys(record))
    return TextHeader(tuple(known), None, bool(lines))


def _beginning(file: ListedFile, encoding: str) -> tuple[str, bool]:
    """The first characters of a file, decompressed, and whether there are more."""
    check_compression(file.path)
    with read_errors(file.path):
        system, path = filesystem(file.path)
        with system.open_input_stream(path) as source:
            block: bytes = source.read(HEAD)
            more = len(block) == HEAD and bool(source.read(1))
    text = block.decode("utf-8-sig" if encoding == "UTF-8" else encoding, errors="replace")
    return text.removesuffix(REPLACEMENT) if more else text, more


def check_csv_columns(contract: Contract, head: TextHeader, where: str) -> None:
    """Check that every column of the contract is there exactly once."""
    _refuse_own(head, where)
    kinds = {field.name: TYPES[field.kind] for field in contract.fields}
    fields = [pa.field(name, kinds.get(name, pa.string())) for name in head.columns]
    check_schema(contract, pa.schema(fields), where)


def check_json_columns(contract: Contract, head: TextHeader, where: str) -> None:
    """Check that the first objects have the contract's columns; nullable ones may be missing.

    Raises
    ------
    SchemaMismatch
        A column that is not nullable is missing, or a nullable one is missing while an unknown key
        has almost the same name.
    """
    if not head.columns:
        return
    _refuse_own(head, where)
    strange = [name.casefold() for name in head.columns if name not in contract.columns]
    fields = [pa.field(field.name, TYPES[field.kind]) for field in contract.fields]
    there = [
        each
        for each, field in zip(fields, contract.fields, strict=True)
        if field.name in head.columns
        or (
            field.nullable
            and not difflib.get_close_matches(field.name.casefold(), strange, n=1, cutoff=ALIKE)
        )
    ]
    unknown = [pa.field(name, pa.string()) for name in head.columns if name not in contract.columns]
    check_schema(contract, pa.schema(there + unknown), where)


def _refuse_own(head: TextHeader, where: str) -> None:
    if LINE in head.columns:
        raise SchemaMismatch([f"{where}: a column is called {LINE!r}, a name that Assay uses"])


def check_quotes(spec: Csv, file: ListedFile) -> None:
    """Check that every quote is closed in a file whose cells may span lines.

    An unclosed quote would turn all rows after it into one cell.

    Raises
    ------
    SourceError
        The number of quotes is odd.
    """
    options = spec.options
    quote, escaped = options.quote.encode(), (options.escape + options.quote).encode()
    quotes = 0
    with read_errors(file.path):
        system, path = filesystem(file.path)
        with system.open_input_stream(path) as source:
            last = b""
            while block := source.read(HEAD):
                quotes += block.count(quote)
                if options.escape != options.quote:
                    quotes -= (last + block).count(escaped)
                    last = block[-1:]
    if quotes % 2:
        raise SourceError(
            "a quote is opened and never closed",
            where=file.path,
            expected="an even number of quotes",
            found=f"{quotes}",
            fix="Write the file again at its source.",
        )
