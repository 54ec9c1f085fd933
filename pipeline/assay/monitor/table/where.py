"""Where a table that is only to be counted lies: files that are named, or a night of the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs

from assay.contract.model import Contract
from assay.errors import NightEmpty
from assay.project.params import Params
from assay.score.inputs import files
from assay.score.inputs import find as inputs
from assay.score.inputs.files import Listed
from assay.score.inputs.types import InputFile, NightInput
from assay.store.delta.lake import snapshot
from assay.store.delta.place import filesystem

NO_CONTRACT = Contract("", "", "", (), (), "", has_label=False)
"""Asks for no column: what is missing is told of beside what has drifted."""


@dataclass(frozen=True)
class RawTable:
    """A table before a row of it is read.

    Attributes
    ----------
    where
        What errors and answers call it.
    schemas
        Of its files, by what to call them; empty where a contract has been asked instead.
    files
        For Arrow to read; None where only Spark can.
    night
        Which night of the input it is, if it is one.
    contract
        What has been asked for, and types cells that are text; None where files state both.
    """

    where: str
    schemas: Mapping[str, pa.Schema]
    files: tuple[InputFile, ...] | None
    night: NightInput | None = None
    contract: Contract | None = None

    @property
    def rows(self) -> int | None:
        """What the files' footers count; None where nobody has counted yet."""
        return None if self.files is None else sum(file.rows for file in self.files)


def of_path(path: str, here: Path) -> RawTable:
    """A Parquet file, a folder of them, or a Delta table.

    Parameters
    ----------
    path
        Relative to ``here``, or with a scheme.

    Raises
    ------
    SourceError
        It is not there, or a file is no Parquet.
    NightEmpty
        It holds no row.
    """
    address = files.address(here, path)
    footers = files.side_by_side(files.footer, _listed(address))
    table = RawTable(
        path.rstrip("/"),
        {each.file.path.removeprefix(f"{address}/"): each.schema for each in footers},
        tuple(each.file for each in footers),
    )
    if len(footers) == 1:
        table = RawTable(table.where, {table.where: footers[0].schema}, table.files)
    if table.rows == 0:
        raise NightEmpty("the table has no rows", where=path, found=f"{len(footers)} files")
    return table


def _listed(address: str) -> Sequence[Listed]:
    with files.reading(address):
        system, base = filesystem(address)
        logged = system.get_file_info(f"{base}/_delta_log").type == pafs.FileType.Directory
    if not logged:
        return files.list_tree(address)
    # Beside its files the folder of a Delta table holds those that it has dropped.
    return [
        Listed(f"{address}/{file.path}", file.path, file.size, file.written)
        for file in snapshot(address, "").files
    ]


def of_night(root: Path, params: Params, contract: Contract | None, value: str) -> RawTable:
    """A night of ``score.input``; errors as for `assay.score.inputs.find.find`.

    Parameters
    ----------
    contract
        None where files state their columns.
    """
    night = inputs.find(root, params, contract or NO_CONTRACT, value)
    schemas = {} if night.schema is None else {night.where: night.schema}
    return RawTable(night.where, schemas, night.files, night, contract)
