"""Iceberg tables in a catalog of one SQLite file, as other engines would leave them."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestWriterV2,
)
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _FastAppendFiles
from pyiceberg.transforms import IdentityTransform
from pyiceberg.utils.config import Config


def catalog(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """The catalog ``default``, known as it is to a user of pyiceberg: from the environment."""
    (folder / "warehouse").mkdir()
    for key, value in {
        "TYPE": "sql",
        "URI": f"sqlite:///{folder}/catalog.db",
        "WAREHOUSE": f"file://{folder}/warehouse",
    }.items():
        monkeypatch.setenv(f"PYICEBERG_CATALOG__DEFAULT__{key}", value)
    # What a person's own file says stays out of tests.
    monkeypatch.setenv("PYICEBERG_HOME", str(folder))
    # Read once, when pyiceberg is imported.
    monkeypatch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())
    made = load_catalog("default")
    made.create_namespace("lake")
    return made


def write(made: Catalog, name: str, rows: pa.Table, by: Any = None) -> Table:
    """A new table; ``by`` is its night's column, or how the night is made of the column ``day``."""
    table = made.create_table(name, schema=rows.schema)
    if by is not None:
        with table.update_spec() as spec:
            spec.add_field("day", IdentityTransform() if isinstance(by, str) else by)
    if rows.num_rows:
        table.append(rows)
    return table


class _Deletes(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


class _WithDeletes(_FastAppendFiles):
    """A commit of one file of deletes, which pyiceberg reads and does not write itself."""

    deletes: DataFile
    spec_id: int

    def _existing_manifests(self) -> list[ManifestFile]:
        metadata = self._transaction.table_metadata
        writer = _Deletes(
            metadata.specs()[self.spec_id],
            metadata.schema(),
            self._io.new_output(f"{metadata.location}/metadata/{uuid.uuid4()}-deletes.avro"),
            self._snapshot_id,
            self._compression,
        )
        with writer:
            writer.add(
                ManifestEntry.from_args(
                    status=ManifestEntryStatus.ADDED,
                    snapshot_id=self._snapshot_id,
                    sequence_number=None,
                    file_sequence_number=None,
                    data_file=self.deletes,
                )
            )
        return [*super()._existing_manifests(), writer.to_manifest_file()]


def delete_rows(table: Table, file: DataFile, places: list[int]) -> None:
    """Delete rows of a data file by their places, as Spark does with ``merge-on-read``."""
    path = f"{file.file_path}.deletes.parquet"
    columns = [
        pa.field("file_path", pa.string(), False, {"PARQUET:field_id": "2147483546"}),
        pa.field("pos", pa.int64(), False, {"PARQUET:field_id": "2147483545"}),
    ]
    rows = pa.table([[file.file_path] * len(places), places], schema=pa.schema(columns))
    local = Path(path.removeprefix("file://"))
    pq.write_table(rows, local)
    deletes = DataFile.from_args(
        content=DataFileContent.POSITION_DELETES,
        file_path=path,
        file_format=FileFormat.PARQUET,
        partition=file.partition,
        record_count=len(places),
        file_size_in_bytes=local.stat().st_size,
    )
    deletes.spec_id = file.spec_id
    with table.transaction() as transaction:
        commit = _WithDeletes(Operation.DELETE, transaction, table.io)
        commit.deletes, commit.spec_id = deletes, file.spec_id
        commit.commit()
