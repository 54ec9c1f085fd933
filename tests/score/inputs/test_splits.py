"""Row groups cut into tasks: every row once, about equal, and whole rows when asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.contract.loader import load_contract
from assay.errors import SourceError
from assay.score.inputs import split as splits
from assay.score.inputs.split import RowGroups, input_batches, split_tasks
from assay.score.inputs.types import InputFile

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def contract():
    return load_contract(ROOT / "parcels" / "data" / "contract.py").without_label()


def parcels(rows: int) -> pa.Table:
    return pa.table(
        {
            "parcel": pa.array(range(rows), pa.int64()),
            "extra": pa.array([f"note {n}" for n in range(rows)]),
            "sent": pa.array([0] * rows, pa.timestamp("us")),
            "depot": pa.array(["north", "south"] * (rows // 2) + ["west"] * (rows % 2)),
            "weight": pa.array([1.0] * rows),
            "distance": pa.array([None] * rows, pa.float64()),
            "express": pa.array([True] * rows),
        }
    )


@given(
    sizes=st.lists(st.lists(st.integers(0, 40), max_size=5), min_size=1, max_size=4),
    cores=st.integers(1, 4),
    most=st.integers(1, 30),
)
@settings(deadline=None)
def test_every_row_group_is_in_one_task_and_no_task_is_empty(sizes, cores, most):
    files = [
        InputFile(path=f"f{n}", size=1, row_groups=tuple(groups)) for n, groups in enumerate(sizes)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splits, "TASK_ROWS", most)
        patch.setattr(splits, "SMALL", 0)
        tasks = split_tasks(files, cores)
    handed = [(part.path, group) for task in tasks for part in task for group in part.groups]
    held = [(f.path, number) for f in files for number, rows in enumerate(f.row_groups) if rows]
    assert handed == held
    assert all(sum(part.rows for part in task) for task in tasks)
    assert sum(p.rows for task in tasks for p in task) == sum(sum(g) for g in sizes)


def test_tasks_are_about_equal_and_as_many_as_cores():
    files = [InputFile(path=f"f{n}", size=1, row_groups=(100_000,) * 5) for n in range(8)]
    tasks = split_tasks(files, 2)
    assert len(tasks) == 4
    assert {sum(part.rows for part in task) for task in tasks} == {1_000_000}


def test_a_small_night_is_one_task():
    files = [InputFile(path=f"f{n}", size=1, row_groups=(300,)) for n in range(9)]
    assert len(split_tasks(files, 8)) == 1


def test_pieces_carry_the_contracts_columns_and_whole_rows_on_demand(tmp_path, contract):
    path = tmp_path / "part.parquet"
    table = parcels(103)
    pq.write_table(table, path, row_group_size=20)
    part = RowGroups(str(path), (1, 2, 4), 60)
    expected = pa.concat_tables([table.slice(20, 40), table.slice(80, 20)])
    rows, wholes = [], []
    for piece in input_batches([part], contract, 7):
        assert piece.rows.schema.names == list(contract.columns)
        rows.append(piece.rows.column("parcel").to_pylist())
        if len(rows) % 2 == 0:  # some batches have refused rows, others do not
            wholes.append((rows[-1], piece.whole(np.array([0, piece.rows.num_rows - 1]))))
    assert [key for batch in rows for key in batch] == expected["parcel"].to_pylist()
    assert len(wholes) > 2
    for ids, whole in wholes:
        assert whole["parcel"].to_pylist() == [ids[0], ids[-1]]
        assert whole["extra"].to_pylist() == [f"note {ids[0]}", f"note {ids[-1]}"]


def test_a_file_that_went_bad_is_named(tmp_path, contract):
    path = tmp_path / "part.parquet"
    pq.write_table(parcels(50), path)
    data = bytearray(path.read_bytes())
    data[4:200] = bytes(196)
    path.write_bytes(bytes(data))
    with pytest.raises(SourceError, match=r"part\.parquet: cannot be read as Parquet"):
        list(input_batches([RowGroups(str(path), (0,), 50)], contract, 10))
