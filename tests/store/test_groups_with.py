"""Row groups are found by the values of a row, and the others are not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.score.inputs.format import RowsWith, read_dataset
from assay.store.delta.rows import groups_with


def written(folder: Path, *tables: pa.Table, group: int = 4) -> ds.Dataset:
    for number, table in enumerate(tables):
        pq.write_table(table, folder / f"{number}.parquet", row_group_size=group)
    return ds.dataset(folder, format="parquet")


CELLS = st.lists(st.tuples(st.integers(0, 5) | st.none(), st.sampled_from("ab")), min_size=1)


@settings(deadline=None, max_examples=40)
@given(rows=CELLS, key=st.integers(0, 5), name=st.sampled_from("ab"))
def test_each_row_with_the_values_is_in_one_of_them(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], key: int, name: str
) -> None:
    keys, names = ([row[at] for row in rows] for at in (0, 1))
    data = written(
        tmp_path_factory.mktemp("rows"),
        pa.table({"key": pa.array(keys, pa.int64()), "name": names}),
    )
    read = pa.Table.from_batches(
        read_dataset(data, ["key", "name"], RowsWith({"key": key, "name": name})), data.schema
    )
    assert read.to_pylist().count({"key": key, "name": name}) == rows.count((key, name))
    if (key, name) not in rows:
        assert read.num_rows == 0


def test_where_rows_are_sorted_statistics_leave_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = written(tmp_path, pa.table({"key": range(100), "more": range(100)}))
    (group,) = groups_with(data, {"key": 41})
    assert group.row_groups[0].id == 10
    (fragment,) = data.get_fragments()
    assert len(fragment.split_by_row_group(ds.field("key") == 41)) == 1


def test_files_may_hold_a_key_in_other_types(tmp_path: Path) -> None:
    texts = pa.array(["x", "y"])
    data = written(tmp_path, pa.table({"key": texts}), pa.table({"key": texts.dictionary_encode()}))
    assert len(list(groups_with(data, {"key": "y"}))) == 2
    assert list(groups_with(data, {"key": "z"})) == []


def test_without_the_column_there_is_no_such_row(tmp_path: Path) -> None:
    data = written(tmp_path, pa.table({"more": [1]}))
    assert list(read_dataset(data, ["key", "more"], RowsWith({"key": 1}))) == []
