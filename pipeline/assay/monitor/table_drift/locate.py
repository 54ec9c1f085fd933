"""Locate a table to count: files at a path, or a night of the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs

from assay.columns.grid import CategoryGrid, Grid
from assay.contract.definition import Contract
from assay.errors import NightEmpty, SourceError
from assay.monitor.table_drift.flat_file import TEXT, ending, write_parquet
from assay.project.params import Params
from assay.project.text import counted
from assay.score.inputs import files
from assay.score.inputs import formats as inputs
from assay.score.inputs.files import ListedFile
from assay.score.inputs.types import NightInput
from assay.store.delta.external_table import read_snapshot
from assay.store.delta.location import filesystem

NO_CONTRACT = Contract("", "", "", (), (), "", has_label=False)
"""Requires no column, so that missing columns are reported as drift."""


@dataclass(frozen=True)
class RawTable:
    """A located table, before any row is read.

    Attributes
    ----------
    where
        Its name in errors and results.
    schemas
        Of its files, by name; empty where the contract was checked instead.
    night
        What to read: a night of the input, or the files at a path as if they were one.
    contract
        The contract that was checked and converts text cells; None where files state columns and
        types.
    """

    where: str
    schemas: Mapping[str, pa.Schema]
    night: NightInput
    contract: Contract | None = None


def locate_flat(path: str, here: Path, grid: Grid, scratch: Path) -> RawTable:
    """One file of CSV, JSON lines or Excel, whose rows are written to ``scratch`` as Parquet.

    Parameters
    ----------
    grid
        Of the reference: columns of categories are texts.

    Raises
    ------
    SourceError
        The file is no table that can be understood.
    """
    texts = [name for name, cells in grid.items() if isinstance(cells, CategoryGrid)]
    target = scratch / "rows.parquet"
    write_parquet(here / path, texts, target)
    found = locate_path(str(target), here)
    (schema,) = found.schemas.values()
    return replace(found, where=path, schemas={path: schema})


def locate_path(path: str, here: Path) -> RawTable:
    """A Parquet file, a folder of them, or a Delta table.

    Parameters
    ----------
    path
        Relative to ``here``, or with a scheme.

    Raises
    ------
    NightEmpty
        It has no rows.
    SourceError
        There is nothing, or files that are neither Parquet nor Delta.
    """
    address = files.resolve_uri(here, path)
    listed = _listed(address)
    _refuse_text(listed)
    footers = files.parallel_map(files.read_footer, listed)
    where = path.rstrip("/")
    schemas = {each.file.path.removeprefix(f"{address}/"): each.schema for each in footers}
    if len(footers) == 1:
        schemas = {where: footers[0].schema}
    found = tuple(each.file for each in footers)
    rows = sum(file.rows for file in found)
    if rows == 0:
        raise NightEmpty("the table has no rows", where=path, found=counted(len(footers), "file"))
    return RawTable(where, schemas, NightInput("", "", where, files=found, rows=rows))


def _listed(address: str) -> Sequence[ListedFile]:
    with files.read_errors(address):
        system, base = filesystem(address)
        logged = system.get_file_info(f"{base}/_delta_log").type == pafs.FileType.Directory
    if not logged:
        return files.list_tree(address)
    # A Delta table's folder also holds files that the table no longer contains.
    return [
        ListedFile(f"{address}/{file.path}", file.path, file.size, file.written)
        for file in read_snapshot(address).files
    ]


def _refuse_text(listed: Sequence[ListedFile]) -> None:
    for file in listed:
        if ending(file.relative) in TEXT:
            raise SourceError(
                "its columns have no types to compare",
                where=file.path,
                expected="a Parquet file, a folder of them, a Delta table, or one file of text on "
                "this machine",
                found=ending(file.relative),
                fix="Name one of them, or a night of score.input: assay drift --date DAY.",
            )


def locate_night(root: Path, params: Params, contract: Contract | None, value: str) -> RawTable:
    """A night of ``score.input``; errors as for `assay.score.inputs.formats.find_night`.

    Parameters
    ----------
    contract
        None where files state their columns.
    """
    night = inputs.find_night(root, params, contract or NO_CONTRACT, value)
    schemas = {} if night.schema is None else {night.where: night.schema}
    return RawTable(night.where, schemas, night, contract)
