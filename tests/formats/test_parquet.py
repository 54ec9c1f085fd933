from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.errors import SourceError
from assay.formats.definition import ColumnFormat, TableFormat
from assay.formats.reader import read
from assay.formats.understand import understand

NOON = datetime(2024, 1, 31, 12)
NOON_UTC = NOON.replace(tzinfo=UTC)


def written(folder: Path, **columns: pa.Array) -> Path:
    path = folder / "t.parquet"
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (pa.array([1, None], pa.int8()), "integer", [1, None]),
        (pa.array([1, 2**32 - 1], pa.uint32()), "integer", [1, 2**32 - 1]),
        (pa.array([1, 2**63 - 1], pa.uint64()), "integer", [1, 2**63 - 1]),
        (pa.array([0, 2**64 - 1], pa.uint64()), "string", ["0", str(2**64 - 1)]),
        (pa.array([1.5, float("nan")], pa.float32()), "float", [1.5, None]),
        (pa.array([Decimal("1.50"), None]), "float", [1.5, None]),
        (pa.array([None, None]), "float", [None, None]),
        (pa.array([True, None]), "boolean", [True, None]),
        (pa.array(["x", ""], pa.large_string()), "string", ["x", ""]),
        (pa.array(["x", " y"]).dictionary_encode(), "string", ["x", " y"]),
        (pa.array([date(2024, 1, 31)]), "timestamp", [datetime(2024, 1, 31)]),
        (pa.array([date(2024, 1, 31)], pa.date64()), "timestamp", [datetime(2024, 1, 31)]),
        (pa.array([NOON], pa.timestamp("s")), "timestamp", [NOON]),
        (pa.array([NOON], pa.timestamp("ns")), "timestamp", [NOON]),
        (pa.array([-1, 1_999], pa.timestamp("ns")), "timestamp",
         [datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(1970, 1, 1, 0, 0, 0, 1)]),
        (pa.array([NOON_UTC], pa.timestamp("ms", "Europe/Berlin")), "timestamp", [NOON]),
        (pa.array([NOON_UTC], pa.timestamp("ns", "+02:00")), "timestamp", [NOON]),
    ],
)  # fmt: skip
def test_arrow_types(tmp_path: Path, values: pa.Array, kind: str, expected: list[Any]) -> None:
    path = written(tmp_path, a=values)
    found = understand(path)
    assert found.facts[0].kind == kind
    table = pa.concat_tables(read(path, found.table))
    assert table["a"].to_pylist() == expected
    assert found.facts[0].nulls == table["a"].null_count


def test_what_cannot_be_used_is_left_out(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        n=pa.array([1]),
        many=pa.array([[1]]),
        parts=pa.array([{"x": 1}]),
        raw=pa.array([b"x"]),
        took=pa.array([timedelta(seconds=1)]),
        clock=pa.array([time(12)]),
    )
    found = understand(path)
    assert [each.name for each in found.facts] == ["n"]
    assert list(found.left_out) == ["many", "parts", "raw", "took", "clock"]
    assert "duration" in found.left_out["took"]
    with pytest.raises(SourceError, match="column 'raw': this column cannot be read"):
        list(read(path, TableFormat("parquet", (ColumnFormat("raw", "string"),))))


def test_texts_are_what_their_owner_wrote(tmp_path: Path) -> None:
    facts = understand(written(tmp_path, a=pa.array(["1", "2", None]))).facts[0]
    assert facts.kind == "string"
    assert 'write "a": "integer" in data/source.py' in facts.unsure


def test_texts_in_iso_8601_are_times_as_in_other_files(tmp_path: Path) -> None:
    texts = pa.array(["2024-01-31", None, "2024-02-01 08:15:00"])
    path = written(tmp_path, a=texts, b=texts.dictionary_encode(), c=pa.array(["01.02.2024"] * 3))
    found = understand(path)
    assert [each.kind for each in found.facts] == ["timestamp", "timestamp", "string"]
    assert (found.facts[0].low, found.facts[0].nulls) == (datetime(2024, 1, 31), 1)
    assert found.facts[0].unsure == "" and "read as timestamp" in found.facts[2].unsure
    (table,) = read(path, found.table)
    moments = [datetime(2024, 1, 31), None, datetime(2024, 2, 1, 8, 15)]
    assert table.column("a").to_pylist() == table.column("b").to_pylist() == moments


def test_precision_that_is_lost_is_told(tmp_path: Path) -> None:
    values = pa.array([Decimal("1.5")], pa.decimal128(30, 10))
    assert "beyond the fifteenth" in understand(written(tmp_path, a=values)).facts[0].unsure


@pytest.mark.parametrize(
    ("values", "doubted"),
    [
        ([20240131, 20240201], True),
        ([20240131, 20240232], False),
        ([20240131, 20240131], False),
        ([12345678, 20240131], False),
    ],
)
def test_whole_numbers_that_may_be_dates_are_doubted(
    tmp_path: Path, values: list[int], doubted: bool
) -> None:
    facts = understand(written(tmp_path, a=pa.array(values))).facts[0]
    assert facts.kind == "integer" and ("dates in eight digits" in facts.unsure) == doubted


@pytest.mark.parametrize(
    ("values", "time_format", "second"),
    [
        (pa.array([20240131, 20240201, None]), "%Y%m%d", datetime(2024, 2, 1)),
        (pa.array([1706659200, 1706745600, None], pa.int32()), "unix s", datetime(2024, 2, 1)),
        (pa.array([1.7e9, 1706745600.25, None]), "unix s", datetime(2024, 2, 1, 0, 0, 0, 250_000)),
        (pa.array([10**18, 1706745600 * 10**9 + 999, None]), "unix ns", datetime(2024, 2, 1)),
        (pa.array([1.7e12, 1706745600000.0, None]), "unix ms", datetime(2024, 2, 1)),
    ],
)
def test_digits_under_the_name_of_a_time_are_times(
    tmp_path: Path, values: pa.Array, time_format: str, second: datetime
) -> None:
    path = written(tmp_path, day=values)
    found = understand(path)
    assert found.table.columns == (ColumnFormat("day", "timestamp", time_format=time_format),)
    assert pa.concat_tables(read(path, found.table))["day"].to_pylist()[1:] == [second, None]
    assert (found.facts[0].high, found.facts[0].nulls) == (second, 1)


def test_digits_that_are_no_time_are_refused_with_their_row(tmp_path: Path) -> None:
    path = written(tmp_path, day=pa.array([20240131, 20240232]))
    column = ColumnFormat("day", "timestamp", time_format="%Y%m%d")
    with pytest.raises(SourceError, match=r"row 2, column 'day'.*found '20240232'"):
        list(read(path, TableFormat("parquet", (column,))))


def test_a_text_can_be_read_as_stated(tmp_path: Path) -> None:
    path = written(tmp_path, a=pa.array(["31.01.2024", None, "1.2.2024"]))
    column = ColumnFormat("a", "timestamp", time_format="%d.%m.%Y")
    table = pa.concat_tables(read(path, TableFormat("parquet", (column,))))
    assert table["a"].to_pylist() == [datetime(2024, 1, 31), None, datetime(2024, 2, 1)]
    with pytest.raises(SourceError, match=r"row 1, column 'a': a cell does not read as integer"):
        list(read(path, TableFormat("parquet", (ColumnFormat("a", "integer"),))))


def test_another_kind_than_the_file_has_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, a=pa.array([True, False]))
    with pytest.raises(SourceError, match=r"cannot be read as timestamp.*found bool"):
        list(read(path, TableFormat("parquet", (ColumnFormat("a", "timestamp"),))))
    path = written(tmp_path, a=pa.array([1.5]))
    with pytest.raises(SourceError, match="cannot be read as integer"):
        list(read(path, TableFormat("parquet", (ColumnFormat("a", "integer"),))))


def test_a_file_without_rows_or_cut_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, a=pa.array([], pa.int64()))
    with pytest.raises(SourceError, match="no row with a value"):
        understand(path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(SourceError, match="no whole Parquet file"):
        understand(path)
