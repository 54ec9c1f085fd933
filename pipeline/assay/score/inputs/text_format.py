"""The formats CSV and JSON lines: text that the contract parses when it is scored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from assay.contract.definition import Contract
from assay.contract.text_parser import LINE, ONE_CELL_A_COLUMN, ONE_OBJECT, parse_rows
from assay.errors import NightNotFound, SourceError
from assay.project.params.inputs import Csv, Json
from assay.project.text import quote_line
from assay.score.inputs.files import ListedFile, read_errors
from assay.score.inputs.format import (
    FilesFormat,
    InputUnreadable,
    NearbyRows,
    RowsWith,
    check_all,
)
from assay.score.inputs.text import (
    TextFile,
    TextRows,
    check_csv_columns,
    check_json_columns,
    read_headers,
)
from assay.score.inputs.types import NightInput

TextSpec = TypeVar("TextSpec", Csv, Json)


class TextFormat(FilesFormat[TextSpec]):
    """See `assay.score.inputs.format.Format`."""

    def _read(
        self, value: str, columns: Sequence[str], near: NearbyRows | RowsWith | None
    ) -> Iterator[pa.RecordBatch]:
        """They have the contract's types, and no column that it lacks.

        A cell that cannot be read is null, as it is for a model.
        """
        contract, looked_at = self._contract(columns), 0
        for batch in self._batches(value):
            parsed, _ = parse_rows(self._there(contract, batch), batch)
            if self.column in parsed.column_names:
                if parsed[self.column].null_count == parsed.num_rows:
                    parsed = parsed.drop_columns([self.column])  # the folder's name says it
            yield from parsed.combine_chunks().to_batches()
            looked_at += batch.num_rows
            if near is not None and looked_at >= near.most:
                return

    def _there(self, contract: Contract, batch: pa.RecordBatch) -> Contract:
        """The contract of those columns that a batch may have."""
        return contract

    def _batches(self, value: str) -> Iterator[pa.RecordBatch]:
        _, listed = self.listed(value)
        yield from text_rows(self.spec, listed).batches()

    def first_rows(self, value: str, most: int) -> pa.Table:
        left, batches = most, []
        for batch in self._batches(value):
            batches.append(batch.slice(0, left))
            left -= batches[-1].num_rows
            if left <= 0:
                break
        if not batches:
            return pa.table({})
        tables = [pa.Table.from_batches([batch]) for batch in batches]
        return self._cells(pa.concat_tables(tables, promote_options="default"))

    def _cells(self, rows: pa.Table) -> pa.Table:
        """The cells of those lines that are rows, or whether there is one."""
        raise NotImplementedError

    def unparsed_rows(self, value: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        try:
            where, _ = self.listed(value)
        except NightNotFound:
            raise InputUnreadable("its input has no such night") from None
        yield from self._unparsed(where, self._batches(value), columns)

    def _unparsed(
        self, where: str, batches: Iterator[pa.RecordBatch], columns: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        raise NotImplementedError

    def _look(
        self, night: NightInput, listed: Sequence[ListedFile], contract: Contract
    ) -> NightInput:
        rows = text_rows(self.spec, listed)
        check_all(lambda each: self._check(contract, each), rows.files)
        landing = replace(night, source=rows, rows=None if rows.files else 0)
        return self._marked(landing, listed, self._facts(listed))

    def _check(self, contract: Contract, file: TextFile) -> None:
        """Check the columns of a file; SchemaMismatch if it lacks some."""
        raise NotImplementedError


def text_rows(spec: Csv | Json, listed: Sequence[ListedFile]) -> TextRows:
    """The rows of files of CSV or JSON lines, whatever their columns are; empty ones left out."""
    return TextRows(spec, tuple(each for each in read_headers(spec, listed) if each.filled))


def unreadable_line(where: str, expected: str, line: str) -> SourceError:
    """The error that a line is no row, where none may be left out."""
    return SourceError(
        "a line cannot be read",
        where=where,
        expected=expected,
        found=quote_line(line),
        fix="Write the file again at its source.",
    )


class CsvFormat(TextFormat[Csv]):
    """See `assay.score.inputs.format.Format`."""

    def _unparsed(
        self, where: str, batches: Iterator[pa.RecordBatch], columns: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            torn = batch.column(LINE).drop_null()
            if len(torn):
                raise unreadable_line(where, ONE_CELL_A_COLUMN, torn[0].as_py())
            yield batch.select([name for name in columns if name in batch.schema.names])

    def _cells(self, rows: pa.Table) -> pa.Table:
        return rows.filter(pc.is_null(rows.column(LINE))).drop_columns([LINE])

    def _check(self, contract: Contract, file: TextFile) -> None:
        check_csv_columns(contract, file)

    def _there(self, contract: Contract, batch: pa.RecordBatch) -> Contract:
        there = [field for field in contract.fields if field.name in batch.schema.names]
        return replace(contract, fields=tuple(there))


class JsonFormat(TextFormat[Json]):
    """See `assay.score.inputs.format.Format`."""

    def _unparsed(
        self, where: str, batches: Iterator[pa.RecordBatch], columns: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """All of them at once, so that each column has one type; else a SourceError."""
        rows = []
        for batch in batches:
            for line in batch.column(0).to_pylist():
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    row = None
                if not isinstance(row, dict):
                    raise unreadable_line(where, ONE_OBJECT, line)
                rows.append({name: row[name] for name in columns if name in row})
        there = [name for name in columns if any(name in row for row in rows)]
        with read_errors(where, "holds values of several types in one column"):
            table = pa.table({name: pa.array([row.get(name) for row in rows]) for name in there})
        yield from table.to_batches()

    def _cells(self, rows: pa.Table) -> pa.Table:
        records = [json.loads(line) for line in rows.column(LINE).to_pylist()]
        if not all(isinstance(record, dict) for record in records):
            raise ValueError("expected one JSON object a line")
        names = dict.fromkeys(name for record in records for name in record)
        return pa.table(
            {
                name: pa.array([record.get(name) is not None or None for record in records])
                for name in names
            }
        )

    def _check(self, contract: Contract, file: TextFile) -> None:
        check_json_columns(contract, file)
