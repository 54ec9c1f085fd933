"""Row groups cut into tasks: every row once, about equal, and and no column of no use."""

from __future__ import annotations

from pathlib import Path

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
def test_every_row_is_in_one_task_in_the_order_of_the_files(sizes, cores, most):
    files = [
        InputFile(path=f"f{n}", size=1, row_groups=tuple(groups)) for n, groups in enumerate(sizes)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splits, "TASK_ROWS", most)
        patch.setattr(splits, "SMALL", 0)
        tasks = split_tasks(files, cores)
    handed = [row for task in tasks for part in task for row in named_rows(part, files)]
    held = [
        (file.path, group, row)
        for file in files
        for group, rows in enumerate(file.row_groups)
        for row in range(rows)
    ]
    assert handed == held
    each = [sum(part.rows for part in task) for task in tasks]
    assert each == [sum(len(named_rows(part, files)) for part in task) for task in tasks]
    assert all(each)
    if tasks:
        even = len(held) / len(tasks)
        assert max(each) <= even * (1 + 2 / splits.NEAR) + 1
        assert len(tasks) == min(len(held), -(-len(held) // (most * cores)) * cores)


def named_rows(part: RowGroups, files: list[InputFile]) -> list[tuple[str, int, int]]:
    (file,) = [file for file in files if file.path == part.path]
    rows = [
        (part.path, group, row) for group in part.groups for row in range(file.row_groups[group])
    ]
    return rows[part.start : part.stop]


def test_one_row_group_is_split_by_rows_if_it_is_large():
    files = [InputFile(path="f", size=1, row_groups=(400_001,))]
    assert split_tasks(files, 2) == [
        (RowGroups("f", (0,), 200_000, 0, 200_000),),
        (RowGroups("f", (0,), 200_001, 200_000),),
    ]
    assert len(split_tasks(files, 64)) == 5, "a small task does not pay"


def test_tasks_are_about_equal_and_as_many_as_cores():
    files = [InputFile(path=f"f{n}", size=1, row_groups=(100_000,) * 5) for n in range(8)]
    tasks = split_tasks(files, 2)
    assert len(tasks) == 4
    assert {sum(part.rows for part in task) for task in tasks} == {1_000_000}


def test_a_small_night_is_one_task():
    files = [InputFile(path=f"f{n}", size=1, row_groups=(300,)) for n in range(9)]
    assert len(split_tasks(files, 8)) == 1


def test_pieces_carry_the_contracts_columns_and_no_others(tmp_path, contract):
    path = tmp_path / "part.parquet"
    table = parcels(103)
    pq.write_table(table, path, row_group_size=20)
    part = RowGroups(str(path), (1, 2, 4), 60)
    expected = pa.concat_tables([table.slice(20, 40), table.slice(80, 20)])
    rows: list[int] = []
    for piece in input_batches([part], contract, 7):
        assert piece.rows.schema.names == list(contract.columns)
        rows += piece.rows.column("parcel").to_pylist()
    assert rows == expected["parcel"].to_pylist()


@pytest.mark.parametrize("batch_rows", [3, 7, 100])
@pytest.mark.parametrize(("start", "stop"), [(0, None), (0, 25), (11, 12), (20, 50), (33, None)])
def test_a_part_of_row_groups_has_its_rows_and_no_others(
    tmp_path, contract, batch_rows, start, stop
):
    path = tmp_path / "part.parquet"
    table = parcels(103)
    pq.write_table(table, path, row_group_size=20)
    expected = pa.concat_tables([table.slice(20, 40), table.slice(80, 20)])[start:stop]
    part = RowGroups(str(path), (1, 2, 4), expected.num_rows, start, stop)
    read = []
    for piece in input_batches([part], contract, batch_rows):
        read += piece.rows.column("parcel").to_pylist()
    assert read == expected["parcel"].to_pylist()


def test_small_files_of_the_same_columns_share_a_batch(tmp_path, contract):
    table, parts = parcels(63), []
    for number in range(9):
        own = table.slice(7 * number, 7)
        if number == 4:
            own = own.append_column("more", pa.array(range(7)))
        path = tmp_path / f"{number}.parquet"
        pq.write_table(own, path)
        parts.append(RowGroups(str(path), (0,), 7))
    found, sizes = [], []
    for piece in input_batches(parts, contract, 28):
        found += piece.rows.column("parcel").to_pylist()
        sizes.append(piece.rows.num_rows)
    assert found == table["parcel"].to_pylist()
    assert sizes == [28, 7, 21, 7]


def test_a_file_that_went_bad_is_named(tmp_path, contract):
    path = tmp_path / "part.parquet"
    pq.write_table(parcels(50), path)
    data = bytearray(path.read_bytes())
    data[4:200] = bytes(196)
    path.write_bytes(bytes(data))
    with pytest.raises(SourceError, match=r"part\.parquet: cannot be read as Parquet"):
        list(input_batches([RowGroups(str(path), (0,), 50)], contract, 10))
