"""What is landed is exactly the night that was found: no row or cell is lost or bent."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from assay.contract.columns import Columns
from assay.contract.loader import load_contract_text
from assay.contract.text_parser import (
    LINE,
    ONE_CELL_A_COLUMN,
    ONE_OBJECT,
    parse_rows,
    rows_as_text,
)
from assay.score.inputs.formats import find_night
from assay.score.inputs.split import input_batches, split_tasks
from tests.landing import landed_rows, with_input

NIGHT = "2024-03-01"
CONTRACT = load_contract_text(
    """\
import datetime
import pandera.pandas as pa
class Row(pa.DataFrameModel):
    id: int = pa.Field(metadata={"role": "key"})
    at: datetime.datetime = pa.Field(metadata={"role": "time"})
    name: str = pa.Field(nullable=True, metadata={"role": "feature"})
    size: float = pa.Field(nullable=True, metadata={"role": "feature"})
    late: bool = pa.Field(metadata={"role": "label"})
""",
    "c.py",
).without_label()
HEADER = b"id,at,name,size"
AT = dt.datetime(2024, 3, 1, 10)

Read = Callable[..., pa.Table]


@pytest.fixture
def read(tmp_path: Path, request: pytest.FixtureRequest) -> Read:
    """A night as it is landed; Spark is started for what needs it."""

    def of(spec: Any, value: str = NIGHT) -> pa.Table:
        return landed_rows(
            tmp_path, spec, CONTRACT, value, lambda: request.getfixturevalue("spark")
        )

    return of


def rows(first: int = 0, count: int = 2, name: str = "a") -> pa.Table:
    return pa.table(
        {
            "id": pa.array(range(first, first + count), pa.int64()),
            "at": pa.array([AT] * count, pa.timestamp("us")),
            "name": pa.array([name] * count),
            "size": pa.array([1.5] * count),
        }
    )


def ids(table: pa.Table) -> list[Any]:
    return sorted(table["id"].to_pylist())


# ------------------------------------------------------------------------- Parquet and Delta


def test_parquet_is_read_without_its_folders_names(read: Read, folder: Path) -> None:
    pq.write_table(rows(), folder / "a b[1]%20{x}.parquet")
    pq.write_table(rows(2), folder / "b.parquet")
    pq.write_table(rows(9), folder / "_hidden.parquet")
    found = read("in")
    assert (ids(found), found.schema.names) == ([0, 1, 2, 3], ["id", "at", "name", "size"])
    assert found["at"].to_pylist() == [AT] * 4


def test_files_that_type_a_column_differently_are_one_night(folder: Path, tmp_path: Path) -> None:
    pq.write_table(rows(), folder / "b.parquet")
    narrow = rows(2).set_column(0, "id", pa.array([2, 3], pa.int16()))
    narrow = narrow.set_column(2, "name", pa.array(["a", None]).dictionary_encode())
    narrow = narrow.set_column(3, "size", pa.array([1, 2], pa.int32()))
    pq.write_table(narrow.append_column("more", pa.array([1, 2])), folder / "a.parquet")
    night = find_night(tmp_path, with_input("in"), CONTRACT, NIGHT)
    (task,) = split_tasks(night.files, 1)
    pieces = [piece.rows for piece in input_batches(task, CONTRACT, 100)]
    found = [
        row for rows in pieces for row in Columns(CONTRACT, rows).select(["id", "size"]).to_pylist()
    ]
    assert sorted(row["id"] for row in found) == [0, 1, 2, 3]
    assert sorted(row["size"] for row in found) == [1.0, 1.5, 1.5, 2.0]


def with_day(table: pa.Table, day: Any = NIGHT) -> pa.Table:
    return table.append_column("day", pa.array([day] * table.num_rows))


@pytest.mark.parametrize("partition_by", [["day"], ["name", "day"]])
@pytest.mark.parametrize("kind", [str, dt.date.fromisoformat])
def test_a_night_of_a_delta_table(read: Read, tmp_path: Path, partition_by, kind) -> None:
    uri = str(tmp_path / "lake")
    days = [
        with_day(rows(2 * number, name="a/b %20="), kind(day)).drop_columns(["size"])
        for number, day in enumerate((NIGHT, "2024-03-02"))
    ]
    write_deltalake(uri, pa.concat_tables(days), partition_by=partition_by)
    # A column that the table got later is null in older files.
    later = with_day(rows(7), kind(NIGHT))
    write_deltalake(uri, later, mode="append", schema_mode="merge", partition_by=partition_by)
    found = read({"format": "delta", "path": "lake"})
    assert ids(found) == [0, 1, 7, 8]
    assert sorted(found["name"].to_pylist()) == ["a", "a", "a/b %20=", "a/b %20="]
    assert sorted(found["size"].to_pylist(), key=str) == [1.5, 1.5, None, None]


# -------------------------------------------------------------------------------------- CSV

CSV = {"format": "csv", "path": "in"}


def test_cells_of_csv_arrive_as_they_are(read: Read, folder: Path) -> None:
    long = b"x" * 1_000_000
    (folder / "a.csv").write_bytes(
        HEADER + b'\n1,2024-03-01 10:00,"say ""a, b""",1.5\n\n'
        b"2,2024-03-01 10:00,,\n"
        b'3,2024-03-01 10:00,"",NaN\n'
        b"4,2024-03-01 10:00," + long + b",1e3\n"
    )
    (folder / "b.csv").write_bytes(b"\xef\xbb\xbfsize,name,at,id,more\r\n9,b,2024-03-01,5,x\r\n")
    with gzip.open(folder / "c.csv.gz", "wb") as file:
        file.write(HEADER + b"\n6,2024-03-01,c,0\n")
    table, broken = parse_rows(CONTRACT, read(CSV))
    assert broken == {}
    found = {row["id"]: row for row in table.to_pylist()}
    assert sorted(found) == [1, 2, 3, 4, 5, 6]
    assert found[1] == {"id": 1, "at": AT, "name": 'say "a, b"', "size": 1.5}
    assert (found[2]["name"], found[2]["size"], found[3]["name"]) == (None, None, None)
    assert found[4]["name"] == long.decode()
    assert found[5] == {"id": 5, "at": dt.datetime(2024, 3, 1), "name": "b", "size": 9.0}


@pytest.mark.parametrize(
    "line",
    [
        b"2,2024-03-01,a",
        b"2,2024-03-01,a,1,1",
        b'2,2024-03-01,a,"1.5',
        b'2,2024-03-01,"a,1.5',
        b'"2,2024-03-01,a,1.5',
        b"2;2024-03-01;a;1",
    ],
)
@pytest.mark.parametrize("multi_line", [False, True])
def test_a_ragged_line_is_refused_with_its_text_and_no_row_is_lost(
    read: Read, folder: Path, line: bytes, multi_line: bool
) -> None:
    good = b"%d,2024-03-01,a,1.5\n"
    (folder / "a.csv").write_bytes(HEADER + b"\n" + good % 1 + line + b"\n" + good % 3)
    batch = read({**CSV, "options": {"multiLine": multi_line}})
    table, broken = parse_rows(CONTRACT, batch)
    assert list(broken) == [ONE_CELL_A_COLUMN]
    bad = broken[ONE_CELL_A_COLUMN]
    assert [row["id"] for row in table.filter(pa.array(~bad)).to_pylist()] == [1, 3]
    kept = rows_as_text(batch.take(pa.array(bad.nonzero()[0])), CONTRACT.columns)
    assert kept[LINE].to_pylist() == [line.decode()]


def test_bytes_that_are_no_text_are_refused_unless_the_encoding_is_named(
    read: Read, folder: Path
) -> None:
    (folder / "a.csv").write_bytes(
        HEADER + b"\n1,2024-03-01,caf\xe9,1\n2,2024-03-01,a,\xff1\n3,2024-03-01,a,1\n\xe94,a\n"
    )
    table, broken = parse_rows(CONTRACT, read(CSV))
    assert {rule: mask.sum() for rule, mask in broken.items()} == {
        "name: valid text": 1,
        "size: readable as float": 1,
        ONE_CELL_A_COLUMN: 1,
    }
    table, _ = parse_rows(CONTRACT, read({**CSV, "options": {"encoding": "ISO-8859-1"}}))
    assert table["name"].to_pylist()[0] == "café"
    table, broken = parse_rows(CONTRACT, read({**CSV, "options": {"multiLine": True}}))
    assert table.num_rows == 4
    assert len(broken) == 3


def test_lines_may_break_inside_cells_if_asked_for(read: Read, folder: Path) -> None:
    (folder / "a.csv").write_bytes(HEADER + b'\n1,2024-03-01,"a\nb",1\n2,2024-03-01,c,2\n')
    table, broken = parse_rows(CONTRACT, read({**CSV, "options": {"multiLine": True}}))
    assert (table["name"].to_pylist(), broken) == (["a\nb", "c"], {})
    table, broken = parse_rows(CONTRACT, read(CSV))
    assert {rule: mask.tolist() for rule, mask in broken.items()} == {
        ONE_CELL_A_COLUMN: [True, True, False]
    }


def test_options_and_names_without_a_header(read: Read, folder: Path) -> None:
    (folder / "a.csv").write_bytes(b"# a comment\n1;2024-03-01;NA;'a;\\'b'\n")
    options = {"sep": ";", "quote": "'", "escape": "\\", "comment": "#", "nullValue": "NA"}
    (folder / "b.csv").write_bytes(b"2;2024-03-01;;''\n")
    found = read({**CSV, "columns": ("id", "at", "size", "name"), "options": options})
    assert found.to_pylist() == [
        {"id": "1", "at": "2024-03-01", "size": None, "name": "a;'b", LINE: None},
        {"id": "2", "at": "2024-03-01", "size": None, "name": None, LINE: None},
    ]


def test_a_column_without_a_name_of_its_own_is_called_by_its_place(
    read: Read, folder: Path
) -> None:
    (folder / "a.csv").write_bytes(HEADER + b",,x,x\n1,2024-03-01,a,1,2,3,4\n")
    assert read(CSV).schema.names == ["id", "at", "name", "size", "_c4", "x", "_c6", LINE]


# ------------------------------------------------------------------------------------- JSON


def test_json_arrives_line_by_line(read: Read, folder: Path) -> None:
    good = b'{"id": %d, "at": "2024-03-01 10:00", "name": "a", "size": 1.5}\n'
    (folder / "a.json").write_bytes(
        good % 1
        + b'{"id": 2, "at": "2024\n\n'
        + good.replace(b'"a"', b'"caf\xe9"') % 3
        + good.replace(b"1.5", b'"1.5"') % 4
        + good.replace(b'"a"', b'"' + b"x" * 1_000_000 + b'"') % 5
    )
    table, broken = parse_rows(CONTRACT, read({"format": "json", "path": "in"}))
    assert table["id"].to_pylist() == [1, None, 3, 4, 5]
    assert {rule: mask.tolist().index(True) for rule, mask in broken.items()} == {
        ONE_OBJECT: 1,
        "name: valid text": 2,
        "size: readable as float": 3,
    }
    assert table["name"].to_pylist()[4] == "x" * 1_000_000
