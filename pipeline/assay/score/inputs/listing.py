"""Lists the nights that an input holds, without reading their rows."""

from __future__ import annotations

from pathlib import Path

from assay.errors import SourceError
from assay.project.params import Params
from assay.project.params.inputs import Csv, Delta, Json, Parquet, Postgres, Sql
from assay.score.inputs import delta, files
from assay.score.inputs.flat import flat_file


def can_list(params: Params) -> bool:
    """Whether the input's nights can be listed; a query has to be asked for a night by name."""
    return not isinstance(params.score.input, Sql | Postgres)


def list_nights(root: Path, params: Params) -> tuple[str, ...]:
    """The partition values that the input holds, sorted as text; they need not be days.

    Raises
    ------
    SourceError
        The input cannot be accessed, or is a query, which has to be asked for a night by name; a
        flat file has a row whose night cannot be told.
    SchemaMismatch
        A flat file lacks the column that cuts it into nights.
    """
    spec, column = flat_file.as_nights(root, params.score.input), params.ingest.partition_by
    match spec:
        case Parquet() | Csv() | Json():
            return files.list_values(files.resolve_uri(root, spec.path), column)
        case Delta():
            return delta.list_values(root, spec, column)
        case Sql() | Postgres():
            raise SourceError(
                "nobody can tell which nights a query has rows for",
                where="params.yaml: score.input",
                expected="an input whose nights can be listed: parquet, csv, json or delta",
                found=spec.format,
                mend="Name the nights instead: assay score --from DAY --to DAY; those that are "
                "published already are skipped where the input can be told to be the same.",
            )
