"""Input from a Delta table: the files of a night in one pinned version of the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pyarrow.types as t

from assay.contract.definition import Contract
from assay.contract.schema import check_schema
from assay.contract.text.cell_parser import is_text
from assay.errors import SourceError
from assay.project import digests
from assay.project.params.inputs import Delta
from assay.project.text.number_format import counted
from assay.score.inputs import files
from assay.score.inputs.files import Footer, ListedFile
from assay.score.inputs.folder import check_all
from assay.score.inputs.landing import write_batches
from assay.score.inputs.types import NightInput, Session
from assay.store.delta.external_table import ExternalFile, TableSnapshot, read_snapshot
from assay.store.delta.location import filesystem

_NONE = "The table holds no night; check score.input in params.yaml, and the table."


def find_delta_night(
    root: Path, spec: Delta, column: str, value: str, contract: Contract
) -> NightInput:
    """A night of a Delta table; errors as for `assay.score.inputs.discovery.find_night`.

    Tasks read its files if they hold exactly the night and every column of the contract. Otherwise
    the night is landed first: a column that was added later is null in older files, one by which
    the table is partitioned is in no file, and a table that is not partitioned by the night has to
    be filtered.
    """
    uri = files.resolve_uri(root, spec.path)
    shot = read_snapshot(uri, column)
    where = f"{uri} at version {shot.version}, {column}={value}"
    check_schema(contract, shot.schema, f"{uri} at version {shot.version}")
    if column not in shot.partitioned_by:
        return _searched(shot, column, value, where, contract)
    place = shot.partitioned_by.index(column)
    mine = [file for file in shot.files if file.values[place] == value]
    if not mine:
        known = sorted({each for file in shot.files if (each := file.values[place]) is not None})
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
                mend="The file was written over: restore the table.",
            )
    stored = pa.schema([field for field in shot.schema if field.name not in shot.partitioned_by])
    plain = all(_whole(contract, footer) for footer in footers)
    if plain:
        check_all(lambda footer: check_schema(contract, footer.schema, footer.file.path), footers)
    return NightInput(
        value,
        column,
        where,
        schema=stored,
        files=tuple(footer.file for footer in footers) if plain else (),
        source=None if plain else _rows(shot, mine, contract),
        rows=sum(footer.file.rows for footer in footers),
        fingerprint=_fingerprint(shot, value, mine),
    )


def find_fingerprint(root: Path, spec: Delta, column: str, value: str) -> str:
    """The fingerprint of a night as `find_delta_night` gives it; empty if that cannot be told."""
    shot = read_snapshot(files.resolve_uri(root, spec.path), column)
    if column not in shot.partitioned_by:
        return ""
    place = shot.partitioned_by.index(column)
    return _fingerprint(shot, value, [file for file in shot.files if file.values[place] == value])


def _fingerprint(shot: TableSnapshot, value: str, mine: Sequence[ExternalFile]) -> str:
    return digests.digest_texts("delta", shot.identity, value, *_marks(mine))


def list_values(root: Path, spec: Delta, column: str) -> tuple[str, ...]:
    """The values of ``column`` in the newest version of a table, sorted.

    They come from the log if the table is partitioned by the column. Otherwise the column is read,
    a batch at a time.

    Raises
    ------
    SourceError
        The table or a file cannot be read, or it has no such column of days.
    """
    uri = files.resolve_uri(root, spec.path)
    shot = read_snapshot(uri, column)
    if column in shot.partitioned_by:
        place = shot.partitioned_by.index(column)
        return tuple(sorted({each for file in shot.files if (each := file.values[place])}))
    _check_days(shot, column)
    found: set[str] = set()
    for file in shot.files:
        found |= _values_in(f"{uri}/{file.path}", column)
    return tuple(sorted(found))


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
        source=replace(_rows(shot, mine, contract), condition=night_condition(column, value)),
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
            mend="Check ingest.partition_by and score.input in params.yaml.",
        )


def night_condition(column: str, value: str) -> pc.Expression:
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

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows, file by file.

        Parameters
        ----------
        columns
            The only ones that are wanted, in their order; all of them if None.
        """
        names = [*self.stored.names, *self.constants.names]
        wanted = names if columns is None else [each for each in columns if each in names]
        for path, values in zip(self.paths, self.values, strict=True):
            with files.read_errors(path, "cannot be read as Parquet"):
                system, place = filesystem(path)
                data = ds.dataset([place], filesystem=system, format="parquet", schema=self.stored)
                inside = [name for name in wanted if name in self.stored.names]
                for batch in data.scanner(columns=inside, filter=self.condition).to_batches():
                    for field, value in zip(self.constants, values, strict=True):
                        cell = pa.scalar(value, pa.string()).cast(field.type)
                        batch = batch.append_column(field, pa.repeat(cell, batch.num_rows))
                    yield batch.select(wanted)

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
        pa.schema([field for field in shot.schema if field.name not in by]),
        pa.schema([shot.schema.field(name) for name in wanted]),
        tuple(tuple(file.values[by.index(name)] for name in wanted) for file in mine),
    )


def _listed(uri: str, file: ExternalFile) -> ListedFile:
    return ListedFile(f"{uri}/{file.path}", file.path, file.size, file.written)


def _marks(mine: Iterable[ExternalFile]) -> list[str]:
    return [f"{file.path} {file.size} {file.written}" for file in mine]
