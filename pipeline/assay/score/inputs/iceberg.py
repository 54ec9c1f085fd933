"""Input from an Iceberg table: the files of a night in one pinned snapshot of the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from assay.contract.definition import Contract
from assay.contract.schema import check_schema
from assay.errors import AssayError, SourceError
from assay.project import digests, extras
from assay.project.params.inputs import Iceberg
from assay.score.inputs import files
from assay.score.inputs.files import Footer, ListedFile
from assay.score.inputs.format import Format, NearbyRows, RowsWith, check_all
from assay.score.inputs.landing import write_batches
from assay.score.inputs.types import NightInput, Session

if TYPE_CHECKING:
    from pyiceberg.table import DataScan, FileScanTask, Table

FIELD = b"PARQUET:field_id"
"""Where a Parquet file says which column of an Iceberg table one of its columns is."""


class IcebergFormat(Format[Iceberg]):
    """An Iceberg table that is partitioned by the night; see `assay.score.inputs.format.Format`.

    Tasks read its files if these hold each column of the contract under its name and none of their
    rows was deleted. Otherwise pyiceberg reads the night, and it is landed first.
    """

    typed: ClassVar[bool] = True

    def find(self, value: str, contract: Contract) -> NightInput:
        with _told(self._name):
            scan, mine = self._scan(value), self._tasks(value)
            where = f"{self._name} at snapshot {self._snapshot}"
            schema = scan.projection().as_arrow()
            check_schema(contract, schema, where)
            files.warn_without_night(where, self.column, self._without_night())
            if not mine:
                raise files.missing_night_error(
                    where,
                    self.column,
                    value,
                    self.nights(),
                    f"partitions {self.column}=...",
                    "The table holds no night; check score.input in params.yaml, and the table.",
                )
            footers = _whole(mine, schema, contract)
        return NightInput(
            value,
            self.column,
            f"{where}, {self.column}={value}",
            schema=schema,
            files=tuple(footer.file for footer in footers),
            source=None if footers else IcebergRows(where, scan, _size(mine)),
            rows=sum(footer.file.rows for footer in footers) if footers else None,
            fingerprint=self._fingerprint(value, mine),
        )

    def fingerprint(self, value: str) -> str:
        with _told(self._name):
            return self._fingerprint(value, self._tasks(value))

    def nights(self) -> tuple[str, ...]:
        with _told(self._name):
            return tuple(sorted({*map(self._night, self._scan().plan_files())} - {""}))

    def first_rows(self, value: str, most: int) -> pa.Table:
        with _told(self._name):
            return self._scan(value, most).to_arrow()

    def _read(
        self, value: str, columns: Sequence[str], near: NearbyRows | RowsWith | None
    ) -> Iterator[pa.RecordBatch]:
        with _told(self._name):
            scan, looked_at = self._scan(value), 0
            there = [name for name in scan.projection().column_names if name in columns]
            for batch in scan.select(*there).to_arrow_batch_reader():
                yield batch
                looked_at += batch.num_rows
                if near is not None and looked_at >= near.most:
                    return

    @cached_property
    def _table(self) -> Table:
        """The table, whose metadata are read once: all that follows is of one snapshot."""
        from pyiceberg.catalog import load_catalog

        return load_catalog(self.spec.catalog).load_table(self.spec.table)

    @cached_property
    def _snapshot(self) -> int:
        """The id of the snapshot that is read: the newest, or the one that params.yaml names."""
        wanted = self.spec.snapshot
        known = self._table.current_snapshot()
        snapshot = known if wanted is None else self._table.snapshot_by_id(wanted)
        if snapshot is None:
            raise SourceError(
                "there is no such snapshot" if known else "the table has no snapshot",
                where=self._name,
                expected=None if wanted is None else f"snapshot {wanted}",
                found=f"{known.snapshot_id}, the newest" if known else None,
                fix="Snapshots expire. Name another one in score.input.snapshot, or none.",
            )
        return snapshot.snapshot_id

    @property
    def _name(self) -> str:
        return f"{self.spec.table} in catalog {self.spec.catalog}"

    def _scan(self, value: str | None = None, most: int | None = None) -> DataScan:
        """The rows of a night, or of all; at most some of them."""
        from pyiceberg.expressions import AlwaysTrue, EqualTo

        equal: Any = EqualTo  # whose arguments are those of its model to a type checker
        rows = AlwaysTrue() if value is None else equal(self.column, value)
        return self._table.scan(row_filter=rows, snapshot_id=self._snapshot, limit=most)

    def _tasks(self, value: str) -> list[FileScanTask]:
        """The files of a night, sorted by name."""
        tasks = sorted(self._scan(value).plan_files(), key=lambda task: task.file.file_path)
        for task in tasks:
            self._night(task)
        return tasks

    def _without_night(self) -> list[int]:
        """The rows of each file that belongs to no night."""
        from pyiceberg.expressions import IsNull

        null: Any = IsNull
        scan = self._table.scan(row_filter=null(self.column), snapshot_id=self._snapshot)
        return [task.file.record_count for task in scan.plan_files() if not self._night(task)]

    def _night(self, task: FileScanTask) -> str:
        """The night that a file's rows are of; empty if it is null."""
        from pyiceberg.transforms import IdentityTransform

        schema = self._table.schema()
        for place, part in enumerate(self._table.specs()[task.file.spec_id].fields):
            identity = isinstance(part.transform, IdentityTransform)
            if identity and schema.find_column_name(part.source_id) == self.column:
                cell = task.file.partition[place]
                kind = schema.find_type(part.source_id)
                return "" if cell is None else part.transform.to_human_string(kind, cell)
        raise SourceError(
            f"the Iceberg table is not partitioned by {self.column!r} itself",
            where=self._name,
            expected="a partition for each night in every file",
            found=task.file.file_path,
            fix="Partition it, and rewrite its older files, or let Spark read it (format: "
            "catalog); see ingest.partition_by in params.yaml.",
        )

    def _fingerprint(self, value: str, mine: Sequence[FileScanTask]) -> str:
        parts = [
            f"{each.file_path} {each.file_size_in_bytes}"
            for task in mine
            for each in (task.file, *sorted(task.delete_files, key=lambda each: each.file_path))
        ]
        uuid = str(self._table.metadata.table_uuid)
        return digests.digest_texts("iceberg", uuid, value, *parts)


@dataclass(frozen=True)
class IcebergRows:
    """The rows of a night as pyiceberg reads them; see `assay.score.inputs.types.Source`."""

    where: str
    scan: DataScan
    size: int
    by_spark: ClassVar = False
    text: ClassVar = False

    def land(self, folder: str, contract: Contract, session: Session) -> None:
        """Write the rows as a Parquet file; see `assay.score.inputs.types.Source`."""
        with _told(self.where):
            write_batches(self.scan.to_arrow_batch_reader(), f"{folder}/rows.parquet")


def _whole(mine: Sequence[FileScanTask], schema: pa.Schema, contract: Contract) -> Sequence[Footer]:
    """The footers of a night's files; none if they alone do not hold what the table does."""
    if any(task.delete_files or task.file.file_format != "PARQUET" for task in mine):
        return ()
    rows = [task.file.record_count for task in mine]
    footers = files.read_footers([_listed(task) for task in mine], rows, "metadata say")
    ids = {name: _id(schema, name) for name in contract.columns}
    if any(_id(footer.schema, name) != ids[name] for footer in footers for name in ids):
        return ()
    check_all(lambda footer: check_schema(contract, footer.schema, footer.file.path), footers)
    return footers


def _id(schema: pa.Schema, name: str) -> bytes | None:
    """Which column a column is, whatever it is named; None if there is none, or it does not say."""
    place = schema.get_field_index(name)
    return None if place < 0 else (schema.field(place).metadata or {}).get(FIELD)


def _listed(task: FileScanTask) -> ListedFile:
    path = task.file.file_path.removeprefix("file://")
    return ListedFile(path, path.rpartition("/")[2], task.file.file_size_in_bytes, 0)


def _size(mine: Sequence[FileScanTask]) -> int:
    return sum(task.file.file_size_in_bytes for task in mine)


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Turn what pyiceberg and its catalogs raise, of many kinds, into one error."""
    try:
        yield
    except (AssayError, MemoryError):
        raise
    except Exception as error:
        extras.raise_if_missing(error)
        raise SourceError(
            "the Iceberg table cannot be read",
            where=where,
            found=(str(error).strip() or type(error).__name__).splitlines()[0],
            fix="Check score.input in params.yaml, and how pyiceberg knows the catalog "
            "(docs/inputs.md).",
        ) from None
