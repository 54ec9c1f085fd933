"""The input formats by name, and a night's input, found before any row is read or Spark is needed.

What can be known early is reported early: a missing night, an empty one, a missing column, or a
damaged file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.contract.definition import Contract
from assay.errors import DataError, NightEmpty, SourceError
from assay.project.params import Params
from assay.project.params.inputs import Input, Own
from assay.project.text import counted
from assay.score.inputs.catalog import CatalogFormat
from assay.score.inputs.delta import DeltaFormat
from assay.score.inputs.format import Format
from assay.score.inputs.iceberg import IcebergFormat
from assay.score.inputs.own import OwnFormat
from assay.score.inputs.parquet import ParquetFormat
from assay.score.inputs.postgres import PostgresFormat
from assay.score.inputs.text_format import CsvFormat, JsonFormat
from assay.score.inputs.types import InputFile, NightInput

FORMATS: Mapping[str, type[Format[Any]]] = {
    "parquet": ParquetFormat,
    "csv": CsvFormat,
    "json": JsonFormat,
    "delta": DeltaFormat,
    "postgres": PostgresFormat,
    "iceberg": IcebergFormat,
    "catalog": CatalogFormat,
}


def format_of(spec: Input) -> type[Format[Any]]:
    """The class of an input's format; one for all classes of the project's own."""
    return OwnFormat if isinstance(spec, Own) else FORMATS[spec.format]


def open_input(root: Path, params: Params, given: Input | None = None) -> Format[Any]:
    """The format of ``score.input``, or of another input; nothing is read yet."""
    spec = given or params.score.input
    return format_of(spec)(root, params, spec)


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
        A file lacks a column of the contract or has it in another type; a line for each.
    """
    night = open_input(root, params).find(value, contract)
    if night.rows == 0:
        raise empty_night_error(night)
    return night


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
        fix="Score the night again once its export is complete.",
    )


def empty_night_error(night: NightInput) -> NightEmpty:
    """The error that a night has no rows."""
    return NightEmpty(
        "the night has no rows",
        where=night.where,
        expected="at least one row",
        found="0 rows" if night.source else f"{counted(len(night.files), 'file')}, 0 rows",
        fix="Check the export that fills it; nothing was scored.",
    )
