"""Finds a night's input before any row is read and before Spark is needed.

It reports early what can be known early: a missing night, an empty one, a missing column, or a
damaged file.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from assay.contract.definition import Contract
from assay.errors import DataError, NightEmpty, SourceError
from assay.project import digests
from assay.project.params import Params
from assay.project.params.inputs import (
    Csv,
    Delta,
    Json,
    Parquet,
    Postgres,
    Sql,
    has_night_parameter,
)
from assay.project.text.number_format import counted
from assay.score.inputs import delta, files, folder, query
from assay.score.inputs.flat import flat_file
from assay.score.inputs.postgres import DatabaseRows
from assay.score.inputs.types import InputFile, NightInput
from assay.store.delta.external_table import read_snapshot

__all__ = ["InputFile", "NightInput", "check_unchanged", "empty_night_error", "find_night"]


def find_night(root: Path, params: Params, contract: Contract, value: str) -> NightInput:
    """Find a night's input without reading its rows.

    Parameters
    ----------
    contract
        As at scoring time: ``Contract.without_label()``.

    Raises
    ------
    NightNotFound
        There is no such partition; names the nearest one.
    NightEmpty
        It has no rows, as far as is known at this point.
    SourceError
        The input cannot be accessed, or a file is damaged.
    SchemaMismatch
        A file lacks a column of the contract or has it in another type; a line for each. A flat
        file lacks the column that cuts it into nights.
    """
    with flat_file.errors_name_the_file(root, params.score.input):
        return _find(root, params, contract, value)


def _find(root: Path, params: Params, contract: Contract, value: str) -> NightInput:
    given, column = params.score.input, params.ingest.partition_by
    spec = flat_file.as_nights(root, given, value)
    match spec:
        case Parquet():
            night = folder.find_parquet_night(root, spec, column, value, contract)
        case Csv() | Json():
            kind = given.settings if isinstance(given, Csv | Json) else ""
            night = folder.find_text_night(root, spec, column, value, contract, kind)
        case Delta():
            night = delta.find_delta_night(root, spec, column, value, contract)
        case Sql():
            night = _sql(root, spec, column, value)
        case Postgres():
            shown = urlsplit(spec.url)._replace(query="").geturl()
            night = NightInput(value, column, shown, source=DatabaseRows(spec, shown, value))
    if flat_file.is_flat(given):
        where = f"{files.resolve_uri(root, given.path)}: {given.night_by} {value}"
        night = replace(night, where=where)
    if night.rows == 0:
        raise empty_night_error(night)
    return night


def find_fingerprint(root: Path, params: Params, value: str) -> str:
    """The fingerprint that `find_night` gives a night, without a look at its columns.

    Empty if changes of the input cannot be detected.

    Raises
    ------
    NightNotFound, SourceError, SchemaMismatch
        As for `find_night`.
    """
    given, column = params.score.input, params.ingest.partition_by
    with flat_file.errors_name_the_file(root, given):
        spec = flat_file.as_nights(root, given, value)
        match spec:
            case Parquet():
                return folder.parquet_fingerprint(root, spec, column, value)
            case Csv() | Json():
                kind = given.settings if isinstance(given, Csv | Json) else ""
                return folder.text_fingerprint(root, spec, column, value, kind)
            case Delta():
                return delta.find_fingerprint(root, spec, column, value)
            case Sql():
                return _sql(root, spec, column, value).fingerprint
    return ""


def check_unchanged(root: Path, params: Params, contract: Contract, night: NightInput) -> None:
    """Check that the input did not change while it was read, so that all rows are of one export.

    Called after the last row was read: files that were replaced before that look different now.

    Raises
    ------
    SourceError
        The night's files are not those that were found at the start.
    """
    if not night.replaceable:
        return
    found = "other files, sizes, times or contents"
    try:
        if find_night(root, params, contract, night.value).replaceable == night.replaceable:
            return
    except DataError as error:
        found = error.line()
    raise SourceError(
        "the input changed while it was scored, so nothing was published",
        where=night.where,
        expected="the same files from the first row to the last",
        found=found,
        mend="Score the night again once its export is complete.",
    )


def empty_night_error(night: NightInput) -> NightEmpty:
    """The error that a night has no rows."""
    return NightEmpty(
        "the night has no rows",
        where=night.where,
        expected="at least one row",
        found="0 rows" if night.source else f"{counted(len(night.files), 'file')}, 0 rows",
        mend="Check the export that fills it; nothing was scored.",
    )


def _sql(root: Path, spec: Sql, column: str, value: str) -> NightInput:
    where, text = "params.yaml: score.input.query", spec.query or ""
    if spec.file is not None:
        path = root / spec.file
        where, text = str(path), _read(path)
    if not has_night_parameter(text):
        raise SourceError(
            "the query does not ask for the night",
            where=where,
            expected="a condition such as day = :night",
            mend="Without it every night would be the whole table.",
        )
    tables: dict[str, query.FilesTable | query.TextTable | query.DeltaTable] = {}
    marks, plain = [], []
    for name, table in spec.tables.items():
        if isinstance(table, Delta):
            shot = read_snapshot(files.resolve_uri(root, table.path), column)
            tables[name] = query.DeltaTable(shot)
            mark = digests.digest_texts("delta", shot.identity, str(shot.version))
        else:
            base, listed, mark = folder.whole_table(root, table)
            tables[name] = (
                query.TextTable(folder.text_rows(table, listed))
                if isinstance(table, Csv)
                else query.FilesTable(table, base, listed)
            )
            plain += [name, mark]
        marks += [name, mark]
    return NightInput(
        value,
        column,
        where,
        source=query.QueryRows(where, value, text, tables),
        fingerprint=digests.digest_texts("sql", value, text, *marks),
        replaceable=digests.digest_texts("sql", *plain) if plain else "",
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            "the query cannot be read",
            where=str(path),
            found=str(error),
            mend="Check score.input.file in params.yaml.",
        ) from None
