"""Input from a Delta table: the files of a night in one pinned version of the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from assay.contract.definition import Contract
from assay.contract.schema import check_schema
from assay.errors import SourceError
from assay.formats.files.opened_table import parquet_format
from assay.project import digests
from assay.project.params.inputs import Delta
from assay.score.inputs import files
from assay.score.inputs.files import Footer, ListedFile
from assay.score.inputs.format import (
    Format,
    NearbyRows,
    RowsWith,
    check_all,
    first_of,
    read_dataset,
)
from assay.score.inputs.landing import write_batches
from assay.score.inputs.types import NightInput, Session
from assay.store.delta.external_table import ExternalFile, TableSnapshot, read_snapshot
from assay.store.delta.location import filesystem

if TYPE_CHECKING:
    import pyarrow.dataset as ds

_NONE = "The table holds no night; check score.input in params.yaml, and the table."


class DeltaFormat(Format[Delta]):
    """A Delta table that is partitioned by the night; see `assay.score.inputs.format.Format`.

    Tasks read its files if they hold every column of the contract. Otherwise the night is landed
    first: a column that was added later is null in older files, and one by which the table is
    partitioned is in no file.
    """

    typed: ClassVar[bool] = True

    def find(self, value: str, contract: Contract) -> NightInput:
        shot, column = self._snapshot(), self.column
        uri = shot.uri
        check_schema(contract, shot.schema, f"{uri} at version {shot.version}")
        mine = _of_night(shot, column, value)
        files.warn_without_night(uri, column, [file.rows for file in _of_night(shot, column, None)])
        if not mine:
            known = self._nights(shot)
            raise files.missing_night_error(
                uri, column, value, known, f"partitions {column}=...", _NONE
            )
        listed = [_listed(uri, file) for file in mine]
        footers = files.read_footers(listed, [file.rows for file in mine], "log says")
        plain = all(_whole(contract, footer) for footer in footers)
        if plain:
            check_all(
                lambda footer: check_schema(contract, footer.schema, footer.file.path), footers
            )
        return NightInput(
            value,
            column,
            f"{uri} at version {shot.version}, {column}={value}",
            schema=_stored(shot),
            files=tuple(footer.file for footer in footers) if plain else (),
            source=None if plain else _rows(shot, mine, contract),
            rows=sum(footer.file.rows for footer in footers),
            fingerprint=_fingerprint(shot, value, mine),
        )

    def fingerprint(self, value: str) -> str:
        shot = self._snapshot()
        return _fingerprint(shot, value, _of_night(shot, self.column, value))

    def nights(self) -> tuple[str, ...]:
        return tuple(self._nights(self._snapshot()))

    def _nights(self, shot: TableSnapshot) -> list[str]:
        place = shot.partitioned_by.index(self.column)
        return sorted({each for file in shot.files if (each := file.values[place])})

    def _read(
        self, value: str, columns: Sequence[str], near: NearbyRows | RowsWith | None
    ) -> Iterator[pa.RecordBatch]:
        return read_dataset(self._dataset(self._snapshot(), value), columns, near)

    def first_rows(self, value: str, most: int) -> pa.Table:
        shot = self._snapshot()
        rows = first_of(self._dataset(shot, value), most)
        (first, *_) = _of_night(shot, self.column, value)
        for name, text in zip(shot.partitioned_by, first.values, strict=True):
            cell = pa.scalar(text, pa.string()).cast(shot.schema.field(name).type)
            rows = rows.append_column(name, pa.repeat(cell, rows.num_rows))
        return rows

    def _dataset(self, shot: TableSnapshot, value: str) -> ds.Dataset:
        import pyarrow.dataset as ds

        system, base = filesystem(shot.uri)
        return ds.dataset(
            [f"{base}/{file.path}" for file in _of_night(shot, self.column, value)],
            filesystem=system,
            format=parquet_format(),
            schema=_stored(shot),
        )

    def _snapshot(self) -> TableSnapshot:
        """The table, which has a partition for each night; else a SourceError."""
        shot = read_snapshot(files.resolve_uri(self.root, self.spec.path))
        if self.column not in shot.partitioned_by:
            raise SourceError(
                f"the Delta table is not partitioned by {self.column!r}",
                where=shot.uri,
                expected="a partition for each night",
                found=", ".join(shot.partitioned_by) or "no partitions",
                fix="Partition it by the night; see ingest.partition_by in params.yaml.",
            )
        return shot


def _of_night(shot: TableSnapshot, column: str, value: str | None) -> list[ExternalFile]:
    place = shot.partitioned_by.index(column)
    return [file for file in shot.files if file.values[place] == value]


def _stored(shot: TableSnapshot) -> pa.Schema:
    """Columns of the files, which lack those of the partition; older ones lack later ones."""
    return pa.schema([field for field in shot.schema if field.name not in shot.partitioned_by])


def _fingerprint(shot: TableSnapshot, value: str, mine: Sequence[ExternalFile]) -> str:
    return digests.digest_texts("delta", shot.identity, value, *_marks(mine))


def _whole(contract: Contract, footer: Footer) -> bool:
    return set(contract.columns) <= set(footer.schema.names)


@dataclass(frozen=True)
class DeltaRows:
    """Rows of some files of a Delta table; see `assay.score.inputs.types.Source`.

    Parameters
    ----------
    stored
        The columns of the files; one that was added later is null in older files.
    constants
        The columns that files lack because the table is partitioned by them, and for each file
        their values as text.
    """

    paths: tuple[str, ...]
    size: int
    stored: pa.Schema
    constants: pa.Schema
    values: tuple[tuple[str | None, ...], ...]
    by_spark: ClassVar = False
    text: ClassVar = False

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, file by file."""
        import pyarrow.dataset as ds

        for path, values in zip(self.paths, self.values, strict=True):
            with files.read_errors(path, "cannot be read as Parquet"):
                system, place = filesystem(path)
                data = ds.dataset(
                    [place], filesystem=system, format=parquet_format(), schema=self.stored
                )
                for batch in data.to_batches(batch_readahead=1):
                    for field, value in zip(self.constants, values, strict=True):
                        cell = pa.scalar(value, pa.string()).cast(field.type)
                        batch = batch.append_column(field, pa.repeat(cell, batch.num_rows))
                    yield batch

    def land(self, folder: str, contract: Contract, session: Session) -> None:
        """Write the rows as a Parquet file; see `assay.score.inputs.types.Source`."""
        write_batches(self.batches(), f"{folder}/rows.parquet")


def _rows(shot: TableSnapshot, mine: Sequence[ExternalFile], contract: Contract) -> DeltaRows:
    """Rows with the columns of the files, and those others that the contract has."""
    by, wanted = (
        shot.partitioned_by,
        [name for name in shot.partitioned_by if name in contract.columns],
    )
    return DeltaRows(
        tuple(f"{shot.uri}/{file.path}" for file in mine),
        sum(file.size for file in mine),
        _stored(shot),
        pa.schema([shot.schema.field(name) for name in wanted]),
        tuple(tuple(file.values[by.index(name)] for name in wanted) for file in mine),
    )


def _listed(uri: str, file: ExternalFile) -> ListedFile:
    return ListedFile(f"{uri}/{file.path}", file.path, file.size, file.written)


def _marks(mine: Iterable[ExternalFile]) -> list[str]:
    return [f"{file.path} {file.size} {file.written}" for file in mine]
