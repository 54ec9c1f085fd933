"""The training and holdout tables, read one column at a time to save memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from assay.contract.definition import Contract
from assay.contract.result import json_value
from assay.contract.schema import cast_column, check_schema
from assay.errors import StageInputMissing
from assay.project import layout


@dataclass(frozen=True)
class LazyTable:
    """The rows of one side; ``read`` returns some of its columns."""

    rows: int
    read: Callable[[list[str]], pa.Table]


@dataclass(frozen=True)
class ColumnPair:
    """One column of both sides, in the canonical type of its kind in the contract."""

    train: pa.ChunkedArray
    holdout: pa.ChunkedArray


class TablePair:
    """Training and holdout, with columns read by the contract."""

    def __init__(self, contract: Contract, train: LazyTable, holdout: LazyTable) -> None:
        self.contract = contract
        self.train = train
        self.holdout = holdout

    def column(self, name: str) -> ColumnPair:
        """A column of both sides."""
        field = self.contract.field(name)
        train, holdout = (
            cast_column(field, side.read([name])) for side in (self.train, self.holdout)
        )
        return ColumnPair(train, holdout)

    def cells(self, side: LazyTable, names: Sequence[str], rows: NDArray[np.intp]) -> list[Any]:
        """Values of a few rows as JSON values: a mapping by column for each row.

        They are shown to people, so cells of sensitive columns are masked.
        """
        columns = {}
        for name in names:
            column = cast_column(self.contract.field(name), side.read([name]))
            columns[name] = [json_value(value) for value in column.take(pa.array(rows)).to_pylist()]
        return [
            self.contract.mask_row({name: columns[name][place] for name in names})
            for place in range(len(rows))
        ]


def pair_from_tables(contract: Contract, train: pa.Table, holdout: pa.Table) -> TablePair:
    """Sides of tables in memory."""
    return TablePair(
        contract,
        LazyTable(train.num_rows, train.select),
        LazyTable(holdout.num_rows, holdout.select),
    )


def pair_from_project(root: Path, contract: Contract) -> TablePair:
    """Sides of the tables that prepare wrote under ``root``.

    Raises
    ------
    StageInputMissing
        A table does not exist, or is not Parquet.
    SchemaMismatch
        It lacks a column of the contract, or has one of another type.
    """
    return TablePair(
        contract,
        _opened(root, layout.TRAIN_TABLE, contract),
        _opened(root, layout.HOLDOUT_TABLE, contract),
    )


def _opened(root: Path, name: str, contract: Contract) -> LazyTable:
    path = root / name

    def read(columns: list[str]) -> pa.Table:
        try:
            # Of a wide table the footer takes longer to read than a column.
            found = pq.ParquetFile(path, metadata=metadata).read(columns=columns)
            # What was read to get at it is several times as large.
            pa.default_memory_pool().release_unused()
            return found
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(name, error) from None

    if not path.is_file():
        raise StageInputMissing(
            "prepare has not run: no such file", where=name, fix="Run: dvc repro."
        )
    try:
        metadata = pq.read_metadata(path)
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(name, error) from None
    check_schema(contract, schema, name)
    return LazyTable(metadata.num_rows, read)


def _unreadable(name: str, error: Exception) -> StageInputMissing:
    return StageInputMissing(
        "cannot be read",
        where=name,
        found=f"{type(error).__name__}: {error}",
        fix="Make it again with dvc repro --force prepare",
    )


def evenly_spaced(rows: int, wanted: int) -> NDArray[np.intp]:
    """Indices of at most ``wanted`` of ``rows`` rows, evenly spaced from the first row."""
    if rows <= wanted:
        return np.arange(rows, dtype=np.intp)
    return (np.arange(wanted, dtype=np.float64) * (rows / wanted)).astype(np.intp)
