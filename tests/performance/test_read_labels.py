"""Truths from files: what is taken, and what is said of what cannot be."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.errors import LabelError, SchemaMismatch, SourceError, UsageError
from assay.performance.read_labels import LabelColumns, parse_labels, read_label_file
from assay.project.tasks import Task

NOW = datetime(2013, 8, 1, tzinfo=UTC)
KEYS = pa.schema([("at", pa.timestamp("us")), ("flight", pa.int64())])
NAMES = LabelColumns(("at", "flight"), "late")
LINES = "at,flight,late\n2013-07-01 05:15:00,1,true\n2013-07-01T05:16:00,2,0\n2013-07-01,3,\n"


def of(text: str, folder: Path, task: Task = "binary", names: LabelColumns = NAMES) -> Any:
    path = folder / "truths.csv"
    path.write_text(text, encoding="utf-8")
    return parse_labels(read_label_file(path), names, KEYS, task, "truths.csv", NOW)


def plain(table: pa.Table) -> list[tuple[int, Any]]:
    return [(row["flight"], row["truth"]) for row in table.sort_by("flight").to_pylist()]


def test_csv_is_read_as_text_and_takes_the_types_of_the_keys(tmp_path: Path) -> None:
    found = of(LINES, tmp_path)
    assert plain(found.rows) == [(1, True), (2, False)]
    assert (found.untold, found.keyless) == (1, 0)
    assert found.rows.schema.field("at").type == pa.timestamp("us")
    assert found.rows.column("arrived_at").null_count == 2


def test_json_lines_and_parquet_say_the_same(tmp_path: Path) -> None:
    lines = tmp_path / "truths.jsonl"
    lines.write_text(
        '{"at": "2013-07-01 05:15:00", "flight": 1, "late": true}\n\n'
        '{"at": "2013-07-01T05:16:00", "flight": 2, "late": false}\n{"flight": 3, "at": null}\n'
    )
    table = parse_labels(read_label_file(lines), NAMES, KEYS, "binary", "x", NOW)
    parquet = tmp_path / "truths.parquet"
    pq.write_table(table.rows.rename_columns(["at", "flight", "late", "when"]), parquet)
    again = parse_labels(read_label_file(parquet), NAMES, KEYS, "binary", "x", NOW)
    assert plain(table.rows) == plain(again.rows) == [(1, True), (2, False)]
    assert table.untold == 1


def test_a_row_without_its_key_is_counted(tmp_path: Path) -> None:
    found = of("at,flight,late\n2013-07-01,,1\n2013-07-01,2,1\n", tmp_path)
    assert (found.rows.num_rows, found.keyless) == (1, 1)


def test_the_same_truth_twice_is_one_and_two_are_an_error(tmp_path: Path) -> None:
    assert of(LINES + "2013-07-01 05:15:00,1,1\n", tmp_path).rows.num_rows == 2
    with pytest.raises(LabelError) as caught:
        of(LINES + "2013-07-01 05:15:00,1,no matter\n".replace("no matter", "0"), tmp_path)
    line = caught.value.line()
    assert "the key at=2013-07-01 05:15:00, flight=1 has two truths" in line
    assert "found False and True" in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("at,flight,late\n2013-07-01,1,maybe\n", "column 'late': not a truth"),
        ("at,flight,late\n2013-07-01,one,1\n", "column 'flight': cannot be read"),
        ("at,flight,late\nyesterday,1,1\n", "column 'at': cannot be read"),
    ],
)
def test_a_value_that_is_none_is_named(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(LabelError) as caught:
        of(text, tmp_path)
    assert said in caught.value.line()
    assert "truths.csv" in caught.value.line()


def test_missing_columns_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(SchemaMismatch) as caught:
        of("at,x\n2013-07-01,1\n", tmp_path)
    assert len(caught.value.lines()) == 2


def test_a_time_of_arrival_is_read_in_utc_and_never_lies_ahead(tmp_path: Path) -> None:
    names = LabelColumns(NAMES.keys, "late", "when")
    head = "at,flight,late,when\n2013-07-01,1,1,"
    for text in ("2013-07-03", "2013-07-03 00:00:00", "2013-07-03T02:00:00+02:00"):
        (row,) = of(f"{head}{text}\n", tmp_path, names=names).rows.to_pylist()
        assert row["arrived_at"] == datetime(2013, 7, 3, tzinfo=UTC)
    with pytest.raises(LabelError, match="arrives in the future"):
        of(f"{head}2014-07-03\n", tmp_path, names=names)


def test_a_time_of_arrival_after_2262_in_int96_lies_ahead_too(tmp_path: Path) -> None:
    path = tmp_path / "truths.parquet"
    never = pa.array([datetime(9999, 12, 31)], pa.timestamp("us"))
    at = pa.array([datetime(2013, 7, 1)], pa.timestamp("us"))
    rows = pa.table({"at": at, "flight": [1], "late": [True], "when": never})
    pq.write_table(rows, path, use_deprecated_int96_timestamps=True)
    named = LabelColumns(NAMES.keys, NAMES.truth, "when")
    with pytest.raises(LabelError, match=r"in the future.*9999-12-31"):
        parse_labels(read_label_file(path), named, KEYS, "binary", "x", NOW)


def test_other_tasks_have_texts_and_numbers(tmp_path: Path) -> None:
    head = "at,flight,late\n"
    assert plain(of(f"{head}2013-07-01,1,lost\n", tmp_path, "multiclass").rows) == [(1, "lost")]
    found = of(f"{head}2013-07-01,1,2.5\n2013-07-01,2,nan\n", tmp_path, "regression")
    assert (plain(found.rows), found.untold) == ([(1, 2.5)], 1)
    with pytest.raises(LabelError, match="not a truth"):
        of(f"{head}2013-07-01,1,inf\n", tmp_path, "regression")


def test_numbers_from_pandas_may_be_truths() -> None:
    table = pa.table(
        {
            "at": pa.array([datetime(2013, 7, 1)] * 3, pa.timestamp("ns")),
            "flight": [1.0, 2.0, 3.0],
            "late": [1.0, 0.0, float("nan")],
        }
    )
    found = parse_labels(table, NAMES, KEYS, "binary", "x", NOW)
    assert (plain(found.rows), found.untold) == ([(1, True), (2, False)], 1)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown kind of file"):
        read_label_file(tmp_path / "truths.xlsx")
    with pytest.raises(UsageError, match=r"^--keys .*expected a file whose .*found a folder"):
        read_label_file(tmp_path, "--keys")
    for name in ("absent.csv", "absent.parquet", "absent.jsonl"):
        with pytest.raises(SourceError, match="cannot be read"):
            read_label_file(tmp_path / name)
    for name in ("broken.csv", "broken.parquet", "broken.jsonl"):
        (tmp_path / name).write_bytes(b"" if name.endswith("csv") else b"[1]\n")
        with pytest.raises(SourceError, match="cannot be read"):
            read_label_file(tmp_path / name)


@pytest.mark.parametrize("line", ['{"late": 1' + 30 * "0" + "}", 100_000 * '{"late":'])
def test_a_line_that_no_table_holds_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "truths.jsonl").write_text(line)
    with pytest.raises(SourceError, match="cannot be read"):
        read_label_file(tmp_path / "truths.jsonl")


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.csv"
    path.write_text("customer,customer\n1,2\n")
    with pytest.raises(SourceError, match="2 columns of it are called 'customer'"):
        read_label_file(path)


@pytest.mark.parametrize("first", ['{"Ann Smith": 1}', '[{"Ann Smith": 1}]'])
@pytest.mark.parametrize("second", ["null", "true", '"x"'])
def test_an_object_instead_of_a_truth_names_the_column_alone(
    tmp_path: Path, first: str, second: str
) -> None:
    lines = tmp_path / "truths.jsonl"
    row = '{{"at": "2013-07-01", "flight": 1, "late": {}}}\n'
    lines.write_text(row.format(first) + row.format(second))
    with pytest.raises((LabelError, SourceError), match=r"'late'.*objects or lists") as caught:
        parse_labels(read_label_file(lines), NAMES, KEYS, "binary", "x", NOW)
    assert "Ann" not in caught.value.line()
