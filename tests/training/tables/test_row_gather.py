"""Rows in any order, without the whole table in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.project import partitions
from assay.training.tables.prepare import ROW, RowGather

ROWS = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven nights of unlike sizes, one of two files."""
    root = tmp_path_factory.mktemp("rows") / "checked"
    days = [f"2024-01-0{1 + at * at // 250}" for at in range(ROWS)]
    table = pa.table({"day": days, "id": range(ROWS), "text": [None, "b", "c", "d"] * 10})
    partitions.write(table[:15], root, "day", "part-0")
    partitions.write(table[15:], root, "day", "part-1")
    return root


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(rows=st.lists(st.integers(0, ROWS - 1)), cells=st.integers(1, 50))
def test_rows_are_written_in_the_order_asked_for(
    folder: Path, tmp_path: Path, rows: list[int], cells: int
):
    whole = partitions.read(folder, "day", start="2024-01-01", end="2024-01-09")
    gather = RowGather(partitions.open_dataset(folder, "day"), cells)
    gather.write(np.array(rows, np.int64), tmp_path / "out.parquet")
    out = pq.ParquetFile(tmp_path / "out.parquet")
    assert out.read().equals(whole.take(pa.array(rows, pa.int64())))
    held = max(1, cells // 3)  # of three columns
    assert out.num_row_groups == -(-len(rows) // held)


def test_the_deciding_columns_have_the_numbers_of_their_rows(folder: Path):
    gather = RowGather(partitions.open_dataset(folder, "day"))
    found = gather.columns(["id", "day", "id"])
    assert found.column_names == ["id", "day", ROW]
    assert found[ROW].to_pylist() == list(range(ROWS))
    whole = partitions.read(folder, "day", start="2024-01-01", end="2024-01-09")
    assert found["id"].to_pylist() == whole["id"].to_pylist()
