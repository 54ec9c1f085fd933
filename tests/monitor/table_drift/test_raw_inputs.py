"""Files that are named on the command line: found, or refused in a line."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from assay.errors import NightEmpty, SourceError
from assay.monitor.table_drift.locate import locate_path

TABLE = pa.table({"x": [1.0, 2.0, 3.0], "c": ["a", "b", "a"]})


def test_a_file_is_called_as_it_was_named(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "new.parquet", row_group_size=2)
    found = locate_path("new.parquet", tmp_path)
    assert (found.where, found.night.rows, found.contract) == ("new.parquet", 3, None)
    assert list(found.schemas) == ["new.parquet"]
    assert [file.row_groups for file in found.night.files or ()] == [(2, 1)]


def test_a_folder_is_all_files_below_it_without_hidden_ones(tmp_path: Path) -> None:
    for day in (1, 2):
        (tmp_path / f"raw/day={day}").mkdir(parents=True)
        pq.write_table(TABLE, tmp_path / f"raw/day={day}/part.parquet")
    (tmp_path / "raw/_SUCCESS").write_text("")
    found = locate_path("raw/", tmp_path)
    assert (found.where, found.night.rows) == ("raw", 6)
    assert list(found.schemas) == ["day=1/part.parquet", "day=2/part.parquet"]


def test_of_a_delta_table_only_the_files_of_its_newest_version_count(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "lake", TABLE)
    write_deltalake(tmp_path / "lake", TABLE.slice(0, 1), mode="overwrite")
    assert len(list((tmp_path / "lake").glob("*.parquet"))) == 2
    assert locate_path("lake", tmp_path).night.rows == 1


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("nowhere", SourceError, "nowhere: no such file or folder"),
        ("texts", SourceError, r"rows.csv: its columns have no types.*expected a Parquet file"),
        ("text.parquet", SourceError, r"text.parquet: cannot be read as Parquet"),
        ("empty.parquet", NightEmpty, r"empty.parquet: the table has no rows"),
    ],
)
def test_what_is_no_table_is_refused_in_a_line(
    tmp_path: Path, name: str, error: type[Exception], said: str
) -> None:
    (tmp_path / "texts").mkdir()
    for each in ("text.parquet", "texts/rows.csv"):
        (tmp_path / each).write_text("x,c\n1,a\n")
    pq.write_table(TABLE.slice(0, 0), tmp_path / "empty.parquet")
    with pytest.raises(error, match=said):
        locate_path(name, tmp_path)
