"""Some columns of a night of CSV or JSON lines: as they are there, or in a contract's types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from assay.contract.definition import Contract
from assay.contract.text.text_parser import LINE, ONE_CELL_A_COLUMN, ONE_OBJECT, parse_rows
from assay.errors import NightNotFound, SourceError
from assay.project.params.inputs import Csv, Json
from assay.project.text.quoting import quote_value
from assay.score.inputs import files, folder
from assay.score.inputs.flat import flat_file


def read_text_night(
    root: Path, spec: Csv | Json, column: str, night: str, columns: Sequence[str]
) -> pa.Table | None:
    """The rows of a night, with those of ``columns`` that its files have; None without a night.

    Cells of CSV are text, and values of JSON have the types that they have there.

    Raises
    ------
    SourceError
        A file or line cannot be read, or a column of JSON holds values of several types.
    SchemaMismatch
        A flat file lacks the column that cuts it into nights.
    """
    with flat_file.errors_name_the_file(root, spec):
        base = flat_file.nights_uri(root, spec, night)
        try:
            where, listed = files.list_night(base, column, night)
        except NightNotFound:
            return None
        batches = folder.text_rows(spec, listed).batches()
        if isinstance(spec, Csv):
            return _csv(batches, columns, where)
        return _json(batches, columns, where)


def typed_batches(
    root: Path, spec: Csv | Json, column: str, night: str, contract: Contract
) -> Iterator[pa.RecordBatch]:
    """The rows of a night, with those of the contract's columns that its files have.

    They have the contract's types. A cell that cannot be read is null, as it is for a model.

    Raises
    ------
    NightNotFound
        There is no such night.
    SourceError
        A file cannot be read.
    SchemaMismatch
        A flat file lacks the column that cuts it into nights.
    """
    with flat_file.errors_name_the_file(root, spec):
        base = flat_file.nights_uri(root, spec, night)
        _, listed = files.list_night(base, column, night)
        for batch in folder.text_rows(spec, listed).batches():
            there = [
                field
                for field in contract.fields
                if isinstance(spec, Json) or field.name in batch.schema.names
            ]
            found, _ = parse_rows(replace(contract, fields=tuple(there)), batch)
            if column in found.column_names and found[column].null_count == found.num_rows:
                found = found.drop_columns([column])  # the folder's name says it
            yield from found.combine_chunks().to_batches()


def _csv(batches: Iterator[pa.RecordBatch], columns: Sequence[str], where: str) -> pa.Table:
    kept = []
    for batch in batches:
        torn = batch.column(LINE).drop_null()
        if len(torn):
            raise _unreadable(where, ONE_CELL_A_COLUMN, torn[0].as_py())
        kept.append(batch.select([name for name in columns if name in batch.schema.names]))
    return pa.Table.from_batches(kept) if kept else pa.table({})


def _json(batches: Iterator[pa.RecordBatch], columns: Sequence[str], where: str) -> pa.Table:
    rows = []
    for batch in batches:
        for line in batch.column(LINE).to_pylist():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise _unreadable(where, ONE_OBJECT, line)
            rows.append({name: row[name] for name in columns if name in row})
    there = [name for name in columns if any(name in row for row in rows)]
    with files.read_errors(where, "holds values of several types in one column"):
        return pa.table({name: pa.array([row.get(name) for row in rows]) for name in there})


def _unreadable(where: str, expected: str, line: str) -> SourceError:
    return SourceError(
        "a line cannot be read",
        where=where,
        expected=expected,
        found=quote_value(line[:80]),
        mend="Write the file again at its source.",
    )
