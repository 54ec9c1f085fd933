"""A night's input is looked at before anything is started."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from pydantic import TypeAdapter

from assay.contract.loader import load_contract
from assay.contract.text_parser import LINE
from assay.errors import AssayError, NightEmpty, NightNotFound, SchemaMismatch, SourceError
from assay.project import params
from assay.project.params.inputs import Input, bind_night, has_night_parameter
from assay.score.inputs.files import list_values
from assay.score.inputs.formats import NightInput, find_night, open_input
from assay.score.inputs.text import TextFile, TextRows
from tests.projects import PARCELS

NIGHT = "2024-03-01"
CONTRACT = load_contract(PARCELS / "data" / "contract.py").without_label()
HEADER = "parcel,sent,depot,weight,distance,express"


def parcels(rows: int = 3, first: int = 0) -> pa.Table:
    return pa.table(
        {
            "parcel": pa.array(range(first, first + rows), pa.int64()),
            "sent": pa.array([dt.datetime(2024, 3, 1, 10)] * rows, pa.timestamp("us")),
            "depot": pa.array(["north"] * rows, pa.string()),
            "weight": pa.array([2.5] * rows, pa.float64()),
            "distance": pa.array([None, *[7.0] * rows][:rows], pa.float64()),
            "express": pa.array([True] * rows, pa.bool_()),
        }
    )


Look = Callable[..., NightInput]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Find a night of an input that is given as params.yaml would."""

    def find_in(spec: Any = "in", value: str = NIGHT) -> NightInput:
        given = params.load(PARCELS)
        score = given.score.model_copy(update={"input": TypeAdapter(Input).validate_python(spec)})
        return find_night(tmp_path, given.model_copy(update={"score": score}), CONTRACT, value)

    return find_in


# ---------------------------------------------------------------------------------- Parquet


def test_rows_and_row_groups_are_counted_from_the_footers(look: Look, folder: Path) -> None:
    pq.write_table(parcels(5), folder / "b.parquet", row_group_size=2)
    pq.write_table(parcels(3), folder / "a.parquet")
    (folder / "_SUCCESS").touch()
    night = look()
    assert (night.rows, night.source, night.where) == (8, None, str(folder))
    assert night.files is not None
    assert [(Path(file.path).name, file.row_groups) for file in night.files] == [
        ("a.parquet", (3,)),
        ("b.parquet", (2, 2, 1)),
    ]
    assert night.schema == parcels().schema
    again = look({"format": "parquet", "path": str(folder.parent)})
    assert (again.files, again.fingerprint) == (night.files, night.fingerprint)


@pytest.mark.parametrize("kind", ["parquet", "csv", "json", "delta"])
def test_a_fingerprint_is_the_same_without_a_look_at_the_columns(tmp_path: Path, kind: str) -> None:
    dated = parcels().append_column("day", pa.array([NIGHT] * 3))
    made = tmp_path / "in" / f"day={NIGHT}"
    if kind == "delta":
        write_deltalake(str(tmp_path / "in"), dated, partition_by=["day"])
    else:
        made.mkdir(parents=True)
        if kind == "parquet":
            pq.write_table(parcels(), made / "a")
        else:
            line = "1,2024-03-01,north,2.5,,true" if kind == "csv" else json.dumps({"parcel": 1})
            (made / "a").write_text(f"{HEADER}\n{line}\n" if kind == "csv" else line)
    spec = {"format": kind}
    given = params.load(PARCELS)
    found = TypeAdapter(Input).validate_python({**spec, "path": "in"})
    given = given.model_copy(update={"score": given.score.model_copy(update={"input": found})})
    contract = replace(CONTRACT, fields=CONTRACT.fields[:1]) if kind == "json" else CONTRACT
    night = find_night(tmp_path, given, contract, NIGHT)
    assert open_input(tmp_path, given).fingerprint(NIGHT) == night.fingerprint != ""


def test_a_night_that_is_not_there_names_the_nearest(look: Look, folder: Path) -> None:
    pq.write_table(parcels(), folder / "a.parquet")
    with pytest.raises(NightNotFound, match=r"1 night from 2024-03-01.*nearest is 2024-03-01"):
        look(value="2024-03-06")
    with pytest.raises(NightNotFound, match=r"no partitions.*score\.input"):
        look("nowhere")


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_an_input_without_nights_says_what_a_night_is(
    look: Look, tmp_path: Path, kind: str
) -> None:
    fix = r"folder day=DAY, or a file that score\.input .* names with {night}.*data/raw"
    flat = tmp_path / "in" / f"flat.{kind}"
    flat.parent.mkdir()
    pq.write_table(parcels(), flat)
    with pytest.raises(SourceError, match=rf"flat\.{kind}: is one file, .*{fix}"):
        look({"format": kind, "path": f"in/flat.{kind}"})
    with pytest.raises(NightNotFound, match=rf"no partitions.*{fix}"):
        look({"format": kind, "path": "in"})
    with pytest.raises(SourceError, match=r"is one file"):
        list_values(str(flat), "day")


def test_a_night_without_rows_is_not_a_night(look: Look, folder: Path) -> None:
    with pytest.raises(NightEmpty, match="0 files, 0 rows"):
        look()
    pq.write_table(parcels(0), folder / "a.parquet")
    with pytest.raises(NightEmpty, match="1 file, 0 rows"):
        look()
    # So pandas writes a frame of no rows.
    untyped = pa.table({name: pa.nulls(0) for name in parcels().column_names})
    pq.write_table(untyped, folder / "a.parquet")
    with pytest.raises(NightEmpty, match="1 file, 0 rows"):
        look()
    with pytest.raises(SchemaMismatch, match="'depot' is missing"):
        pq.write_table(untyped.drop_columns(["depot"]), folder / "a.parquet")
        look()


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-20], lambda b: b[:100], lambda b: b"", lambda b: b[:-8] + b[4:12]]
)
def test_a_damaged_file_is_named(look: Look, folder: Path, damage) -> None:
    pq.write_table(parcels(), folder / "a.parquet")
    path = folder / "b.parquet"
    path.write_bytes(damage((folder / "a.parquet").read_bytes()))
    with pytest.raises(SourceError, match=r"b\.parquet: cannot be read as Parquet"):
        look()


def test_a_footer_longer_than_the_first_read_is_read_whole(look: Look, folder: Path) -> None:
    wide = parcels()
    for number in range(900):
        wide = wide.append_column(f"{'x' * 40}{number}", pa.array([1, 2, 3]))
    pq.write_table(wide, folder / "a.parquet")
    assert look().rows == 3


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda t: t.drop_columns(["weight"]), "'weight' is missing"),
        (lambda t: t.rename_columns({"weight": "weigth"}), "'weigth': renamed"),
        (lambda t: t.set_column(3, "weight", t["weight"].cast(pa.string())), "found string"),
    ],
)
def test_every_file_that_differs_is_named(look: Look, folder: Path, change, expected: str) -> None:
    pq.write_table(parcels(), folder / "a.parquet")
    pq.write_table(change(parcels()), folder / "b.parquet")
    pq.write_table(change(parcels()), folder / "c.parquet")
    with pytest.raises(SchemaMismatch, match=expected) as caught:
        look()
    assert [line.split(": ")[0] for line in caught.value.lines()] == [
        str(folder / "b.parquet"),
        str(folder / "c.parquet"),
    ]


def test_more_columns_and_wider_types_are_fine(look: Look, folder: Path) -> None:
    table = parcels()
    pq.write_table(table.append_column("more", pa.array([1] * 3)), folder / "a.parquet")
    narrow = table.set_column(0, "parcel", pa.array([1, 2, 3], pa.int16()))
    pq.write_table(
        narrow.set_column(2, "depot", table["depot"].dictionary_encode()), folder / "b.parquet"
    )
    schema = look().schema
    assert schema is not None
    assert (schema.field("parcel").type, schema.field("depot").type) == (pa.int64(), pa.string())


def test_a_folder_in_the_night_is_not_overlooked(look: Look, folder: Path) -> None:
    pq.write_table(parcels(), folder / "a.parquet")
    (folder / "hour=1").mkdir()
    with pytest.raises(SourceError, match=r"holds folders.*found hour=1"):
        look()


def test_a_fingerprint_is_that_of_the_files(look: Look, folder: Path) -> None:
    path = folder / "a.parquet"
    pq.write_table(parcels(), path)
    first = look().fingerprint
    assert first == look().fingerprint != ""
    at = path.stat()
    pq.write_table(parcels().set_column(3, "weight", pa.array([3.5] * 3)), path)
    os.utime(path, ns=(at.st_atime_ns, at.st_mtime_ns))
    assert path.stat().st_size == at.st_size
    second = look().fingerprint
    pq.write_table(parcels(), folder / "b.parquet")
    assert len({first, second, look().fingerprint}) == 3


# ------------------------------------------------------------------------------ CSV and JSON

CSV = {"format": "csv", "path": "in"}
ROW = "1,2024-03-01 10:00,north,2.5,,true"


def text(night: NightInput) -> tuple[TextFile, ...]:
    assert isinstance(night.source, TextRows)
    return night.source.files


def test_csv_is_known_by_its_header(look: Look, folder: Path) -> None:
    (folder / "a.csv").write_text(f"{HEADER}\n{ROW}\n")
    (folder / "b.csv").write_text(f"\ufeff{HEADER},more\r\n{ROW},x\r\n")
    (folder / "c.csv").write_text(f"{HEADER}\n")
    night = look(CSV)
    assert (night.files, night.rows, night.schema) == ((), None, None)
    assert {file.relative: len(file.columns) for file in text(night)} == {"a.csv": 6, "b.csv": 7}


@pytest.mark.parametrize("text", ["", "\n\n", f"{HEADER}\n", f"{HEADER}\n\n"])
def test_csv_without_rows_is_an_empty_night(look: Look, folder: Path, text: str) -> None:
    (folder / "a.csv").write_text(text)
    with pytest.raises(NightEmpty):
        look(CSV)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (HEADER.replace(",weight", ""), "'weight' is missing"),
        (HEADER.replace("weight", "weigth"), "'weigth': renamed"),
        (f"{HEADER},weight", "'weight' is there 2 times"),
        (f"{HEADER},{LINE}", "a name that Assay uses"),
        (HEADER.replace(",", ";"), "'parcel' is missing"),
    ],
)
def test_a_header_that_does_not_fit_is_named(
    look: Look, folder: Path, header: str, expected: str
) -> None:
    (folder / "a.csv").write_text(f"{HEADER}\n{ROW}\n")
    (folder / "b.csv").write_text(f"{header}\n{ROW}\n")
    with pytest.raises(SchemaMismatch, match=expected) as caught:
        look(CSV)
    assert {line.split(": ")[0] for line in caught.value.lines()} == {str(folder / "b.csv")}


def test_csv_options_say_how_cells_are_told_apart(look: Look, folder: Path) -> None:
    made = f"# made by hand\n{HEADER.replace(',', ';')}\n{ROW.replace(',', ';')}\n"
    (folder / "a.csv").write_text(made)
    night = look({**CSV, "options": {"sep": ";", "comment": "#"}})
    assert text(night)[0].columns == tuple(HEADER.split(","))
    (folder / "a.csv").write_text(ROW)
    night = look({**CSV, "columns": tuple(HEADER.split(","))})
    assert text(night)[0].header is None


def test_a_binary_file_has_no_header(look: Look, folder: Path) -> None:
    (folder / "a.csv").write_bytes(b"\x00\xfe" + HEADER.encode("utf-16-le"))
    with pytest.raises(SourceError, match=r"a\.csv: has no header line"):
        look(CSV)


@pytest.mark.parametrize("first", ['{"parcel": 1, "depot": "north"}', " {}"])
def test_json_where_csv_is_due_is_called_so_and_its_values_are_not_shown(
    look: Look, folder: Path, first: str
) -> None:
    (folder / "a.csv").write_text(f"{first}\n{first}\n")
    with pytest.raises(SourceError, match=r"a\.csv: holds JSON objects.*format: json") as caught:
        look(CSV)
    assert "north" not in caught.value.line()
    # A name may begin with a brace.
    (folder / "a.csv").write_text(f"{HEADER},{{note}}\n{ROW},\n")
    look(CSV)
    (folder / "a.csv").write_text(f"{{note}},{HEADER}\n,{ROW}\n")
    look(CSV)


@pytest.mark.parametrize("ending", ["lz4", "snappy", "deflate"])
def test_a_compression_of_hadoop_is_refused(look: Look, folder: Path, ending: str) -> None:
    (folder / f"a.csv.{ending}").write_text(f"{HEADER}\n{ROW}\n")
    with pytest.raises(SourceError, match=rf"a\.csv\.{ending}: is compressed .* gzip or zstd"):
        look(CSV)


JSON = {"format": "json", "path": "in"}
RECORD = '{"parcel": 1, "sent": "2024-03-01", "depot": "north", "weight": 1, "express": true'


def test_json_may_leave_out_what_may_be_null_but_not_rename_it(look: Look, folder: Path) -> None:
    path = folder / "a.json"
    path.write_text(f"{RECORD}}}\n{{broken\n")
    assert text(look(JSON))
    path.write_text(f'{RECORD}, "distanse": 5}}\n')
    with pytest.raises(SchemaMismatch, match=r"a\.json: column 'distance'.*'distanse': renamed"):
        look(JSON)
    path.write_text('{"parcel": 1}\n')
    with pytest.raises(SchemaMismatch, match="'weight' is missing"):
        look(JSON)
    path.write_text("\n")
    with pytest.raises(NightEmpty):
        look(JSON)


def test_a_text_file_is_fingerprinted_by_its_content(look: Look, folder: Path) -> None:
    path = folder / "a.csv"
    path.write_text(f"{HEADER}\n{ROW}\n")
    at, first = path.stat(), look(CSV).fingerprint
    path.write_text(f"{HEADER}\n{ROW.replace('1,', '2,', 1)}\n")
    os.utime(path, ns=(at.st_atime_ns, at.st_mtime_ns))
    second = look(CSV).fingerprint
    third = look({**CSV, "options": {"nullValue": "NA"}}).fingerprint
    assert len({first, second, third}) == 3


# ------------------------------------------------------------------------------------ Delta

DELTA = {"format": "delta", "path": "lake"}


def with_day(table: pa.Table, day: Any = NIGHT) -> pa.Table:
    return table.append_column("day", pa.array([day] * table.num_rows))


@pytest.fixture
def lake(tmp_path: Path) -> str:
    uri = str(tmp_path / "lake")
    for day in (NIGHT, "2024-03-02"):
        write_deltalake(uri, with_day(parcels(), day), mode="append", partition_by=["day"])
    return uri


def test_a_night_of_a_delta_table_is_the_files_of_its_partition(look: Look, lake: str) -> None:
    night = look(DELTA)
    assert night.files is not None and night.schema is not None
    assert (night.rows, len(night.files), night.where.startswith(f"{lake} at version 1")) == (
        3,
        1,
        True,
    )
    assert Path(night.files[0].path).parent == Path(lake) / f"day={NIGHT}"
    assert "day" not in night.schema.names
    with pytest.raises(NightNotFound, match=r"2 nights from 2024-03-01 to 2024-03-02"):
        look(DELTA, "2024-03-04")


def test_rows_without_a_night_are_told(
    look: Look, lake: str, caplog: pytest.LogCaptureFixture
) -> None:
    look(DELTA)
    assert not caplog.messages
    nights = pa.array([None, None, None], pa.string())
    write_deltalake(lake, parcels().append_column("day", nights), mode="append")
    assert look(DELTA).rows == 3
    assert caplog.messages == [f"{lake}: 3 rows without a day belong to no night"]


def test_another_night_changes_nothing_for_a_nights_fingerprint(look: Look, lake: str) -> None:
    first = look(DELTA)
    write_deltalake(lake, with_day(parcels(), "2024-03-03"), mode="append")
    assert look(DELTA).fingerprint == first.fingerprint
    write_deltalake(lake, with_day(parcels(first=3)), mode="append")
    assert look(DELTA).fingerprint != first.fingerprint
    assert look(DELTA).rows == 6


def test_a_file_of_a_delta_table_that_was_written_over_is_named(look: Look, lake: str) -> None:
    night = look(DELTA)
    assert night.files is not None
    pq.write_table(parcels(4), night.files[0].path)
    with pytest.raises(SourceError, match=r"parquet: holds other rows.*3 rows, found 4"):
        look(DELTA)
    Path(night.files[0].path).unlink()
    with pytest.raises(SourceError, match=r"parquet: cannot be read"):
        look(DELTA)


def test_a_column_that_the_table_got_later_is_landed(look: Look, tmp_path: Path) -> None:
    uri = str(tmp_path / "lake")
    write_deltalake(uri, with_day(parcels().drop_columns(["distance"])), partition_by=["day"])
    with pytest.raises(SchemaMismatch, match="'distance' is missing"):
        look(DELTA)
    write_deltalake(uri, with_day(parcels()), mode="append", schema_mode="merge")
    assert (look(DELTA).files, look(DELTA).rows) == ((), 6)


def test_what_is_no_delta_table_is_said_so(look: Look, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"lake: there is no Delta table"):
        look(DELTA)
    write_deltalake(str(tmp_path / "lake"), with_day(parcels()))
    with pytest.raises(SourceError, match=r"not partitioned by 'day'.*found no partitions"):
        look(DELTA)


def test_a_table_whose_files_are_not_plain_is_refused(look: Look, tmp_path: Path) -> None:
    settings = {"delta.enableDeletionVectors": "true"}
    write_deltalake(
        str(tmp_path / "lake"), with_day(parcels()), partition_by=["day"], configuration=settings
    )
    features = DeltaTable(str(tmp_path / "lake")).protocol().reader_features
    if "deletionVectors" not in (features or []):
        pytest.skip("this delta-rs does not turn deletion vectors on")
    with pytest.raises(SourceError, match=r"cannot read.*found deletionVectors"):
        look(DELTA)


@pytest.mark.parametrize(
    ("query", "bound"),
    [
        ("day = :night", "day = X"),
        ("day=:night and d2=:night", "day=X and d2=X"),
        ("day = ':night'", None),
        ("day = 'it''s :night'", None),
        ('":night" = 1', None),
        ("a::night", None),
        ("x[1:night]", None),
        ("1 -- :night\n", None),
        ("1 /* :night */", None),
        ("$a$ :night $a$", None),
        ("E'\\' :night '", None),
        ("'\\' = :night", "'\\' = X"),
        (":nightly", None),
    ],
)
def test_the_night_is_bound_where_it_is_neither_text_nor_comment(
    query: str, bound: str | None
) -> None:
    assert bind_night(query, "X") == (bound or query)
    assert has_night_parameter(query) == (bound is not None)


def test_a_database_is_not_looked_at(look: Look) -> None:
    spec = {
        "format": "postgres",
        "url": "postgresql://127.0.0.1:1/db?sslmode=require",
        "query": "select 1 where :night = :night",
    }
    night = look(spec)
    assert (night.where, night.fingerprint) == ("postgresql://127.0.0.1:1/db", "")


# --------------------------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{format: cvs, path: a}", "score.input: expected one of 'parquet', 'csv'"),
        ("{format: cvs, path: a}", "did you mean 'csv'?"),
        ("{path: a}", "score.input: expected a key 'format'"),
        ("[a]", "score.input: expected a path, or a mapping with a key format"),
        ("{format: csv, pth: a}", "score.input.pth: unknown key; did you mean 'path'?"),
        ("{format: csv, path: a, options: {sp: x}}", "options.sp: unknown key; did you mean 'sep'"),
        ("{format: csv, path: a, options: {sep: xy}}", "score.input.options.sep: "),
        (
            "{format: postgres, url: 'postgresql://u:p@h/d', query: ':night'}",
            "score.input.url: expected a url without user and password",
        ),
        (
            "{format: postgres, url: 'postgresql://h/d?sslpassword=p', query: ':night'}",
            "score.input.url: expected a url without user and password",
        ),
        (
            "{format: postgres, url: 'jdbc:postgresql://h/d', query: ':night'}",
            "score.input.url: expected text that matches ^postgresql://",
        ),
    ],
)
def test_a_mistake_in_params_is_named(text: str, expected: str) -> None:
    whole = (PARCELS / "params.yaml").read_text().replace("input: data/raw", f"input: {text}")
    with pytest.raises(AssayError) as caught:
        params.parse(whole, "params.yaml")
    assert any(expected in line for line in caught.value.lines()), caught.value.lines()


def test_a_night_may_be_one_file(look: Look, tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()
    for number, night in enumerate((NIGHT, "2024-03-04")):
        pq.write_table(parcels(3 + number), tmp_path / "flat" / f"p_{night}.parquet")
    (tmp_path / "flat" / "readme.txt").write_text("no night")
    found = look("flat/p_{night}.parquet")
    assert (found.rows, [Path(file.path).name for file in found.files or ()]) == (
        3,
        [f"p_{NIGHT}.parquet"],
    )
    with pytest.raises(NightNotFound, match=r"no night day=2024-03-03 .*2 nights.*2024-03-04"):
        look("flat/p_{night}.parquet", "2024-03-03")
    with pytest.raises(NightNotFound, match=r"expected files q_\{night\}\.parquet\)"):
        look("flat/q_{night}.parquet")
    (tmp_path / "flat" / "2024-03-05").mkdir()
    pq.write_table(parcels(7), tmp_path / "flat" / "2024-03-05" / "a.parquet")
    assert look("flat/{night}", "2024-03-05").rows == 7


def test_a_night_of_text_may_be_one_file(look: Look, tmp_path: Path) -> None:
    (tmp_path / f"{NIGHT}.csv").write_text(f"{HEADER}\n1,2024-03-01T10:00:00,north,1,2,true\n")
    found = look({"format": "csv", "path": "{night}.csv"})
    assert [file.path for file in text(found)] == [str(tmp_path / f"{NIGHT}.csv")]
    first = found.fingerprint
    (tmp_path / f"{NIGHT}.csv").write_text(f"{HEADER}\n")
    with pytest.raises(NightEmpty):
        look({"format": "csv", "path": "{night}.csv"})
    assert first
