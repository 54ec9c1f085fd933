"""A night that is no Parquet is landed before it is scored: written once as Parquet files.

So tasks read row groups, whatever the input is. Files are landed in a folder of their own: under
``.assay``, or in the store's scratch folder if executors run on other machines. It is deleted when
the night is closed; what a killed command leaves is deleted by a later one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from assay.contract.definition import Contract
from assay.errors import SourceError
from assay.project import layout
from assay.project.processes import delete_abandoned
from assay.score.inputs import files
from assay.score.inputs.types import NightInput, Session
from assay.store.delta.location import filesystem

LANDED = f"{layout.WORK}/landed"
GROUP = 64 << 20
"""Bytes of a row group, about."""


@contextmanager
def landed(
    night: NightInput, home: str, contract: Contract, session: Session
) -> Iterator[NightInput]:
    """The night with Parquet files to read while the block runs; as it is if it has them.

    Parameters
    ----------
    home
        The folder in which a folder is made for it (`local_home`, or one in a bucket).
    session
        Called if Spark is needed.

    Raises
    ------
    SourceError
        The night cannot be read, or there is no room for it.
    SchemaMismatch
        A query returns other columns than the contract requires.
    """
    if night.source is None:
        yield night
        return
    folder = f"{home}/{uuid.uuid4().hex}"
    if "://" not in home:
        delete_abandoned(Path(home))
    try:
        system, path = filesystem(folder)
        with _room(night, folder):
            system.create_dir(path)
            night.source.land(folder, contract, session)
            listed = files.list_tree(folder, empty=True)
        footers = files.parallel_map(files.read_footer, listed)
        text = night.source.text
        parts = tuple(replace(footer.file, text=text) for footer in footers)
        yield replace(night, files=parts, source=None, rows=sum(file.rows for file in parts))
    finally:
        with suppress(OSError):
            system.delete_dir(path)


def local_home(root: Path) -> str:
    """Where nights are landed on this machine."""
    return str(root.resolve() / LANDED)


@contextmanager
def _room(night: NightInput, folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceError(
            "cannot be written as Parquet before it is scored",
            where=night.where,
            found=f"{error.strerror or error}: {folder}",
            fix="It needs room for a copy, and the right to write, there.",
        ) from None


def write_batches(batches: Iterable[pa.RecordBatch], target: str) -> None:
    """Write batches of the same columns to a Parquet file; none if there is no row.

    A row group holds about `GROUP` bytes, so memory does not grow with the rows.
    """
    held: list[pa.RecordBatch] = []
    writer = None
    system, path = filesystem(target)
    try:
        for batch in batches:
            if batch.num_rows == 0:
                continue
            held.append(batch)
            if sum(each.nbytes for each in held) < GROUP:
                continue
            writer = writer or _writer(system, path, batch.schema)
            writer.write_table(pa.Table.from_batches(held))
            held.clear()
        if held:
            writer = writer or _writer(system, path, held[0].schema)
            writer.write_table(pa.Table.from_batches(held))
    finally:
        if writer is not None:
            writer.close()


def _writer(system: pa.fs.FileSystem, path: str, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, filesystem=system, compression="lz4")
