"""Parquet files, which tasks read as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

import pyarrow as pa
import pyarrow.types as t

from assay.contract.definition import Contract
from assay.contract.schema import check_schema
from assay.contract.text_parser import is_text
from assay.formats.files.opened_table import parquet_format
from assay.project.params.inputs import Parquet
from assay.project.partitions import FolderNames
from assay.score.inputs import files
from assay.score.inputs.files import Footer, ListedFile
from assay.score.inputs.format import (
    FilesFormat,
    NearbyRows,
    RowsWith,
    check_all,
    first_of,
    read_dataset,
)
from assay.score.inputs.types import NightInput
from assay.store.delta.location import filesystem


class ParquetFormat(FilesFormat[Parquet]):
    """See `assay.score.inputs.format.Format`."""

    typed: ClassVar[bool] = True

    def _read(
        self, value: str, columns: Sequence[str], near: NearbyRows | RowsWith | None
    ) -> Iterator[pa.RecordBatch]:
        import pyarrow.dataset as ds

        names = FolderNames.of(files.resolve_uri(self.root, self.spec.path), self.column)
        system, base = filesystem(names.folder)
        data = ds.dataset(f"{base}/{names.name(value)}", filesystem=system, format=parquet_format())
        return read_dataset(data, columns, near)

    def first_rows(self, value: str, most: int) -> pa.Table:
        import pyarrow.dataset as ds

        _, listed = self.listed(value)
        footers = [each for each in files.parallel_map(files.read_footer, listed) if each.file.rows]
        if not footers:
            return pa.table({})
        system, _ = filesystem(footers[0].file.path)
        paths = [filesystem(each.file.path)[1] for each in footers]
        schema = _widest(_distinct(footers))
        return first_of(ds.dataset(paths, schema, parquet_format(), filesystem=system), most)

    @property
    def _kind(self) -> str:
        return "parquet"

    def _facts(self, listed: Sequence[ListedFile]) -> list[str]:
        return [footer.digest for footer in files.parallel_map(files.read_footer, listed)]

    def _look(
        self, night: NightInput, listed: Sequence[ListedFile], contract: Contract
    ) -> NightInput:
        footers = files.parallel_map(files.read_footer, listed)
        rows = sum(footer.file.rows for footer in footers)
        check_all(
            lambda footer: check_schema(contract, footer.schema, footer.file.path, empty=not rows),
            footers,
        )
        distinct = _distinct(footers)
        listed_night = replace(
            night,
            schema=_widest(distinct) if distinct else None,
            files=tuple(footer.file for footer in footers),
            rows=rows,
        )
        return self._marked(listed_night, listed, [footer.digest for footer in footers])


def _distinct(footers: Sequence[Footer]) -> list[pa.Schema]:
    return list(dict.fromkeys(footer.schema.remove_metadata() for footer in footers))


def _widest(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """A schema that all files can be read with; the first file's if there is none."""
    if len(schemas) == 1:
        return schemas[0]
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
