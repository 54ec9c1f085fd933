"""Input with one folder per night: Parquet, CSV and JSON files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.types as t

from assay.contract.definition import Contract
from assay.contract.schema import check_schema
from assay.contract.text.cell_parser import is_text
from assay.errors import SchemaMismatch
from assay.project.params.inputs import Csv, Json, Parquet
from assay.score.inputs import files, text_header
from assay.score.inputs.files import ListedFile
from assay.score.inputs.text import TextFile, TextRows
from assay.score.inputs.text_header import TextHeader
from assay.score.inputs.types import NightInput

Item = TypeVar("Item")


def find_parquet_night(
    root: Path, spec: Parquet, column: str, value: str, contract: Contract
) -> NightInput:
    """A night in Parquet files; errors as for `assay.score.inputs.discovery.find_night`."""
    base = files.resolve_uri(root, spec.path)
    where, listed = files.list_night(base, column, value)
    footers = files.parallel_map(files.read_footer, listed)
    check_all(lambda footer: check_schema(contract, footer.schema, footer.file.path), footers)
    distinct = list(dict.fromkeys(footer.schema.remove_metadata() for footer in footers))
    mixed = _widest(distinct) if len(distinct) > 1 else None
    facts = [each.digest for each in footers]
    mark = files.fingerprint("parquet", listed, facts)
    return NightInput(
        value,
        column,
        where,
        schema=mixed or (distinct[0] if distinct else None),
        files=tuple(footer.file for footer in footers),
        rows=sum(footer.file.rows for footer in footers),
        fingerprint=mark,
        content=files.content_fingerprint("parquet", listed, facts),
        replaceable=mark,
    )


def find_text_night(
    root: Path, spec: Csv | Json, column: str, value: str, contract: Contract, kind: str
) -> NightInput:
    """A night in CSV or JSON files; errors as for `assay.score.inputs.discovery.find_night`.

    ``kind`` is a part of the fingerprint: the settings of the input.
    """
    base = files.resolve_uri(root, spec.path)
    where, listed = files.list_night(base, column, value)
    found = _heads(spec, listed)
    check = (
        text_header.check_csv_columns if isinstance(spec, Csv) else text_header.check_json_columns
    )
    filled = [(file, head) for file, head in zip(listed, found, strict=True) if head.filled]
    check_all(lambda each: check(contract, each[1], each[0].path), filled)
    facts = files.parallel_map(files.content_digest, listed)
    mark = files.fingerprint(kind, listed, facts)
    return NightInput(
        value,
        column,
        where,
        source=_rows(spec, listed, found),
        rows=None if filled else 0,
        fingerprint=mark,
        content=files.content_fingerprint(kind, listed, facts),
        replaceable=mark,
    )


def parquet_fingerprint(root: Path, spec: Parquet, column: str, value: str) -> str:
    """The fingerprint of a night in Parquet files, as `find_parquet_night` gives it."""
    _, listed = files.list_night(files.resolve_uri(root, spec.path), column, value)
    footers = files.parallel_map(files.read_footer, listed)
    return files.fingerprint("parquet", listed, [each.digest for each in footers])


def text_fingerprint(root: Path, spec: Csv | Json, column: str, value: str, kind: str) -> str:
    """The fingerprint of a night in CSV or JSON files, as `find_text_night` gives it."""
    _, listed = files.list_night(files.resolve_uri(root, spec.path), column, value)
    return files.fingerprint(kind, listed, files.parallel_map(files.content_digest, listed))


def text_rows(spec: Csv | Json, listed: Sequence[ListedFile]) -> TextRows:
    """The rows of files of CSV or JSON lines, whatever their columns are."""
    return _rows(spec, listed, _heads(spec, listed))


def whole_table(root: Path, spec: Parquet | Csv | Json) -> tuple[str, tuple[ListedFile, ...], str]:
    """The place and the files of a table that a query reads, and a fingerprint of their listing."""
    base = files.resolve_uri(root, spec.path)
    listed = files.list_tree(base)
    return base, listed, files.fingerprint(spec.settings, listed, [""] * len(listed))


def check_all(check: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Check every item and raise all mistakes at once.

    Raises
    ------
    SchemaMismatch
        With the lines of every item.
    """
    mistakes: list[str] = []
    for item in items:
        try:
            check(item)
        except SchemaMismatch as error:
            mistakes += error.lines()
    if mistakes:
        raise SchemaMismatch(mistakes)


def _widest(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """A schema that all files can be read with; the first file's if there is none."""
    plain = [
        pa.schema([field.with_type(_plain(field.type)) for field in schema]) for schema in schemas
    ]
    try:
        return pa.unify_schemas(plain, promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return schemas[0]


def _plain(kind: pa.DataType) -> pa.DataType:
    """The logical type, regardless of Arrow's encoding in memory."""
    if t.is_dictionary(kind):
        return _plain(kind.value_type)
    if is_text(kind):
        return pa.string()
    return pa.timestamp("us", kind.tz) if t.is_timestamp(kind) else kind


def _heads(spec: Csv | Json, listed: Sequence[ListedFile]) -> list[TextHeader]:
    if isinstance(spec, Json):
        return files.parallel_map(text_header.read_json_keys, listed)
    if spec.options.multi_line:
        files.parallel_map(partial(text_header.check_quotes, spec), listed)
    return files.parallel_map(partial(text_header.read_csv_header, spec), listed)


def _rows(spec: Csv | Json, listed: Sequence[ListedFile], found: Sequence[TextHeader]) -> TextRows:
    """Files without rows are left out."""
    csv = isinstance(spec, Csv)
    return TextRows(
        spec,
        tuple(
            TextFile(file.path, file.relative, file.size, head.columns if csv else (), head.header)
            for file, head in zip(listed, found, strict=True)
            if head.filled
        ),
    )
