"""The input formats, by the name that ``format`` in params.yaml has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.project.params import Params
from assay.project.params.inputs import Input
from assay.score.inputs.csv_files import CsvFormat
from assay.score.inputs.delta import DeltaFormat
from assay.score.inputs.format import Format
from assay.score.inputs.json_files import JsonFormat
from assay.score.inputs.parquet import ParquetFormat
from assay.score.inputs.postgres import PostgresFormat
from assay.score.inputs.query import SqlFormat

FORMATS: Mapping[str, type[Format[Any]]] = {
    "parquet": ParquetFormat,
    "csv": CsvFormat,
    "json": JsonFormat,
    "delta": DeltaFormat,
    "sql": SqlFormat,
    "postgres": PostgresFormat,
}


def open_input(root: Path, params: Params, given: Input | None = None) -> Format[Any]:
    """The format of ``score.input``, or of another input; nothing is read yet."""
    spec = given or params.score.input
    return FORMATS[spec.format](root, params, spec)
