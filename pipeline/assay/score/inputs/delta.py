"""Input from a Delta table: the files of a night in one pinned version of the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pyarrow.types as t

from assay.contract.definition import Contract
from assay.contract.schema import check_schema
from assay.contract.text_parser import is_text
from assay.errors import SourceError
from assay.project import digests
from assay.project.params.inputs import Delta
from assay.project.text import counted
from assay.score.inputs import files
from assay.score.inputs.files import Footer, ListedFile
from assay.score.inputs.format import Format, NearbyRows, check_all, read_dataset
from assay.score.inputs.landing import write_batches
from assay.score.inputs.types import NightInput, Session
from assay.store.delta.external_table import ExternalFile, TableSnapshot, read_snapshot
from assay.store.delta.location import filesystem

_NONE = "The table holds no night; check score.input in params.yaml, and the table."


class DeltaFormat(Format[Delta]):
    """A Delta table with the partition column; see `assay.score.inputs.format.Format`.

    Tasks read its files if they hold exactly the night and every column of the contract. Otherwise
    the night is landed first: a column that was added later is null in older files, one by which
    the table is partitioned is in no file, and a table that is not partitioned by the night has to
    be filtered.
    """

    typed: ClassVar[bool] = True

    def find(self, value: str, contract: Contract) -> NightInput:
        shot, column = self._snapshot(), self.column
        uri = shot.uri
        where = f"{uri} at version {shot.version}, {column}={value}"
        check_schema(contract, shot.schema, f"{uri} at version {shot.version}")
        if column not in shot.partitioned_by:
            return _searched(shot, column, value, where, contract)
        place = shot.partitioned_by.index(column)
        mine = [file for file in shot.files if file.values[place] == value]
        if not mine:
            known = sorted(
                {each for file in shot.files if (each := file.values[place]) is not None}
            )
            raise files.missing_night_error(
                uri, column, value, known, f"partitions {column}=...", _NONE
            )
        footers = files.parallel_map(files.read_footer, [_listed(uri, file) for file in mine])
        for file, footer in zip(mine, footers, strict=True):
            if file.rows not in (None, footer.file.rows):
                raise SourceError(
                    "holds other rows than the table's log says",
                    where=footer.file.path,
                    expected=counted(file.rows, "row"),
                    found=f"{footer.file.rows}",
                    fix="The file was written over: restore the table.",
                )
            plain = all(_whole(contract, footer) for footer in footers)
        if plain:
            check_all(
                lambda footer: check_schema(contract, footer.schema, footer.file.path), footers
            )
        return NightInput(
            value,
            column,
            where,
            schema=_stored(shot),
            files=tuple(footer.file for footer in footers) if plain else (),
            source=None if plain else _rows(shot, mine, contract),
            rows=sum(footer.file.rows for footer in footers),
            fingerprint=_fingerprint(shot, value, mine),
        )

    def fingerprint(self, value: str) -> str:
        """Empty for a table that is not partitioned by the night."""
        shot = self._snapshot()
        if self.column not in shot.partitioned_by:
            return ""
        place = shot.partitioned_by.index(self.column)
        return _fingerprint(
            shot, value, [each for each in shot.files if each.values[place] == value]
        )

    def nights(self) -> tuple[str, ...]:
        """They come from the log if the table is partitioned by the column.

        Otherwise the column is read, a batch at a time.
        """
        shot, column = self._snapshot(), self.column
        if column in shot.partitioned_by:
            place = shot.partitioned_by.index(column)
            return tuple(sorted({each for file in shot.files if (each := file.values[place])}))
        _check_days(shot, column)
        found: set[str] = set()
        for file in shot.files:
            found |= _values_in(f"{shot.uri}/{file.path}", column)
        return tuple(sorted(found))

    def _read(
        self, value: str, columns: Sequence[str], near: NearbyRows | None
    ) -> Iterator[pa.RecordBatch]:
        shot = self._snapshot()
        mine, condition = list(shot.files), None
        if self.column in shot.partitioned_by:
            place = shot.partitioned_by.index(self.column)
            mine = [file for file in mine if file.values[place] == value]
        else:
            condition = _of_night(self.column, value)
        system, base = filesystem(shot.uri)
        data = ds.dataset(
            [f"{base}/{file.path}" for file in mine],
            filesystem=system,
            format="parquet",
            schema=_stored(shot),
        )
        return read_dataset(data, columns, near, condition)

    def _snapshot(self) -> TableSnapshot:
        return read_snapshot(files.resolve_uri(self.root, self.spec.path), self.column)


def _stored(shot: TableSnapshot) -> pa.Schema:
    """Columns of the files, which lack those of the partition; older ones lack later ones."""
    return pa.schema([field for field in shot.schema if field.name not in shot.partitioned_by])


def _fingerprint(shot: TableSnapshot, value: str, mine: Sequence[ExternalFile]) -> str:
    return digests.digest_texts("delta", shot.identity, value, *_marks(mine))


def _values_in(path: str, column: str) -> set[str]:
    """The distinct values in one file; none if it was written before the column was added."""
    found: set[str] = set()
    with files.read_errors(path, "cannot be read as Parquet"):
        system, place = filesystem(path)
        with system.open_input_file(place) as source, pq.ParquetFile(source) as file:
            if column in file.schema_arrow.names:
                for batch in file.iter_batches(columns=[column]):
                    distinct = pc.cast(pc.unique(batch.column(0)), pa.string())
                    found |= set(distinct.drop_null().to_pylist())
    return found


def _whole(contract: Contract, footer: Footer) -> bool:
    return set(contract.columns) <= set(footer.schema.names)


def _searched(
    shot: TableSnapshot, column: str, value: str, where: str, contract: Contract
) -> NightInput:
    """A night in a table that is not partitioned by it; the log's statistics exclude some files."""
    _check_days(shot, column)
    lows = [file.lowest for file in shot.files if file.lowest is not None]
    highs = [file.highest for file in shot.files if file.highest is not None]
    # The log may truncate a long text, but no day is that long.
    mine = [
        file
        for file in shot.files
        if file.lowest is None or file.highest is None or file.lowest <= value <= file.highest
    ]
    if not mine:
        span = [min(lows), max(highs)] if lows and highs else []
        raise files.missing_night_error(
            shot.uri, column, value, span, f"values {column}=...", _NONE
        )
    return NightInput(
        value,
        column,
        where,
        schema=shot.schema,
        fingerprint=digests.digest_texts("delta", shot.identity, value, *_marks(mine)),
        source=replace(_rows(shot, mine, contract), condition=_of_night(column, value)),
    )


def _check_days(shot: TableSnapshot, column: str) -> None:
    places = shot.schema.get_all_field_indices(column)
    kind = shot.schema.field(places[0]).type if places else None
    if kind is None or not (is_text(kind) or t.is_date(kind)):
        raise SourceError(
            f"the Delta table has no column {column!r} of days",
            where=shot.uri,
            expected="a text or date",
            found="none" if kind is None else str(kind),
            fix="Check ingest.partition_by and score.input in params.yaml.",
        )


def _of_night(column: str, value: str) -> pc.Expression:
    """Which rows are of a night, in a table that is not partitioned by it."""
    return pc.field(column).cast(pa.string()) == value


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
    condition
        Which of the rows; all if None.
    """

    paths: tuple[str, ...]
    size: int
    stored: pa.Schema
    constants: pa.Schema
    values: tuple[tuple[str | None, ...], ...]
    condition: pc.Expression | None = None
    by_spark: ClassVar = False
    text: ClassVar = False

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, file by file."""
        for path, values in zip(self.paths, self.values, strict=True):
            with files.read_errors(path, "cannot be read as Parquet"):
                system, place = filesystem(path)
                data = ds.dataset([place], filesystem=system, format="parquet", schema=self.stored)
                for batch in data.scanner(filter=self.condition).to_batches():
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
