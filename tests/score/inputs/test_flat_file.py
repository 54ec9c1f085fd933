"""Flat files are cut into nights: no row is lost, moved or changed, and old nights stay."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from assay.contract.loader import load_contract
from assay.errors import NightNotFound, SchemaMismatch, SourceError, UsageError
from assay.project import params
from assay.project.params import Params
from assay.project.params.inputs import Input
from assay.project.params.values import Every
from assay.project.partitions import first_day
from assay.score import carriers
from assay.score.inputs import cut, flat_file
from assay.score.inputs.format import InputUnreadable
from assay.score.inputs.formats import NightInput, check_unchanged, find_night, open_input
from assay.score.inputs.text import TextRows
from assay.training.leakage.features import SourceSample, UnsampledSource, sample_source
from tests.projects import PARCELS

CONTRACT = load_contract(PARCELS / "data" / "contract.py").without_label()
HEADER = "parcel,sent,depot,weight,distance,express"
CSV = {"format": "csv", "path": "rows.csv", "night_by": "sent"}


def given_params(spec: Any) -> Params:
    found = params.load(PARCELS)
    made = {"input": TypeAdapter(Input).validate_python(spec)}
    return found.model_copy(update={"score": found.score.model_copy(update=made)})


def line(parcel: int, sent: str, depot: str = "north") -> str:
    return f"{parcel},{sent},{depot},2.5,7.0,true"


def write(root: Path, *lines: str, name: str = "rows.csv", end: str = "\n") -> None:
    (root / name).write_bytes("".join(each + end for each in (HEADER, *lines)).encode())


def nights(root: Path, spec: Any = CSV) -> tuple[str, ...]:
    return open_input(root, given_params(spec)).nights()


def find(root: Path, night: str, spec: Any = CSV) -> NightInput:
    return find_night(root, given_params(spec), CONTRACT, night)


def content(found: NightInput) -> bytes:
    return b"".join(Path(path).read_bytes() for path in copies(found))


def copies(found: NightInput) -> list[str]:
    assert isinstance(found.source, TextRows)
    return [file.path for file in found.source.files]


# ------------------------------------------------------------------- every row in its own night

TIMES = st.lists(st.datetimes(dt.datetime(1999, 1, 1), dt.datetime(2031, 1, 1)), min_size=1)


def csv_file(path: Path, times: list[dt.datetime]) -> None:
    lines = [f'"no, {number}",{when.isoformat()}' for number, when in enumerate(times)]
    path.write_text("\n".join(["name,sent", *lines]))


def json_file(path: Path, times: list[dt.datetime]) -> None:
    rows = [{"name": f"no, {number}", "sent": str(when)} for number, when in enumerate(times)]
    path.write_text("\n".join(map(json.dumps, rows)))


def parquet_file(path: Path, times: list[dt.datetime]) -> None:
    names = [f"no, {number}" for number in range(len(times))]
    table = pa.table({"name": names, "sent": pa.array(times, pa.timestamp("us"))})
    pq.write_table(table, path, row_group_size=3)


def csv_rows(path: Path) -> list[str]:
    head, *rows = path.read_text().splitlines()
    assert head == "name,sent"
    return [each.split('"')[1] for each in rows]


def json_rows(path: Path) -> list[str]:
    return [json.loads(each)["name"] for each in path.read_text().splitlines()]


def parquet_rows(path: Path) -> list[str]:
    return pq.read_table(path)["name"].to_pylist()


FORMATS: dict[str, tuple[Callable[..., None], Callable[[Path], list[str]]]] = {
    "csv": (csv_file, csv_rows),
    "json": (json_file, json_rows),
    "parquet": (parquet_file, parquet_rows),
}


@pytest.mark.parametrize("kind", FORMATS)
@given(times=TIMES, every=st.sampled_from(["day", "week", "month", "year"]), held=st.booleans())
def test_each_row_is_in_its_night_once_and_in_the_order_of_the_file(
    kind: str, times: list[dt.datetime], every: Every, held: bool
) -> None:
    write_file, read_file = FORMATS[kind]
    expected = defaultdict(list)
    for number, when in enumerate(times):
        expected[str(first_day(when.date(), every))].append(f"no, {number}")
    spec = {"format": kind, "path": "rows", "night_by": "sent", "every": every}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        if not held:
            patched.setattr(cut, "HELD", 0)
            patched.setattr(cut, "BATCH", 2)
        root = Path(folder)
        write_file(root / "rows", times)
        found = TypeAdapter(Input).validate_python(spec)
        base = Path(flat_file.nights_uri(root, found)).parent
        got = {
            night.name: [row for each in sorted(night.iterdir()) for row in read_file(each)]
            for night in base.glob("[!_]*")
        }
        assert got == expected
        assert nights(root, spec) == tuple(sorted(expected))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([dt.date(2024, 3, 1)], pa.date32()), "2024-03-01"),
        (pa.array([dt.date(2024, 3, 1)], pa.date64()), "2024-03-01"),
        (pa.array(["2024-03-01 10:00"]).dictionary_encode(), "2024-03-01"),
        (pa.array(["2024-03-01T23:30:00-05:00"], pa.large_string()), "2024-03-02"),
        (pa.array([1709249400], pa.timestamp("s", "Europe/Berlin")), "2024-02-29"),
        (pa.array([20240301], pa.int64()), "2024-03-01"),
    ],
    ids=str,
)
def test_days_and_times_of_any_type_name_nights(
    tmp_path: Path, values: pa.Array, expected: str
) -> None:
    pq.write_table(pa.table({"sent": values}), tmp_path / "rows.parquet")
    assert nights(tmp_path, CSV | {"format": "parquet", "path": "rows.parquet"}) == (expected,)


@pytest.mark.parametrize(("cell", "shortest"), [(" 2024-03 ", 1), ("202403", 1), ("2024", 2)])
def test_a_month_or_a_year_is_no_day(tmp_path: Path, cell: str, shortest: int) -> None:
    for number, every in enumerate(("week", "month", "year")):
        spec = CSV | {"format": "parquet", "path": f"{every}.parquet", "every": every}
        pq.write_table(pa.table({"sent": [cell]}), tmp_path / f"{every}.parquet")
        if number < shortest:
            with pytest.raises(SourceError, match="1 row of 'sent' without a night"):
                nights(tmp_path, spec)
        else:
            assert nights(tmp_path, spec) == ("2024-01-01" if every == "year" else "2024-03-01",)


def test_lines_are_copied_as_they_are_but_for_their_ends(tmp_path: Path) -> None:
    odd = '2,"2024-03-01","a ""b"", c",x,7.0,true'
    before = ["# from the export", HEADER, line(1, "2024-03-01 10:00"), "", odd, HEADER, "  "]
    after = [line(3, "2024-03-02"), "4,2024-03-01", line(5, "2024-03-01") + ",more"]
    text = "\ufeff" + "\r\n".join([*before, *after])
    (tmp_path / "rows.csv").write_bytes(text.encode())
    spec = CSV | {"options": {"comment": "#"}}
    kept = [HEADER, line(1, "2024-03-01 10:00"), odd, HEADER, "4,2024-03-01", line(5, "2024-03-01")]
    assert content(find(tmp_path, "2024-03-01", spec)).decode() == "\n".join(kept) + ",more\n"
    assert nights(tmp_path, spec) == ("2024-03-01", "2024-03-02")


@pytest.mark.parametrize(("end", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_a_compressed_file_in_another_encoding(
    tmp_path: Path, end: str, pack: Callable[[bytes], bytes]
) -> None:
    text = "\n".join([HEADER.replace(",", ";"), line(1, "2024-03-01", "süd").replace(",", ";")])
    (tmp_path / f"rows.csv{end}").write_bytes(pack(text.encode("latin-1")))
    options = {"sep": ";", "encoding": "ISO-8859-1"}
    found = find(tmp_path, "2024-03-01", CSV | {"path": f"rows.csv{end}", "options": options})
    assert content(found).decode("latin-1") == text + "\n"


def test_a_file_without_a_header_line(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(line(1, "2024-03-01"))
    found = find(tmp_path, "2024-03-01", CSV | {"columns": tuple(HEADER.split(","))})
    assert content(found).decode() == line(1, "2024-03-01") + "\n"


def test_a_folder_of_flat_files(tmp_path: Path) -> None:
    (tmp_path / "in" / "old").mkdir(parents=True)
    write(tmp_path, line(1, "2024-03-01"), name="in/old/a.csv")
    write(tmp_path, line(2, "2024-03-01"), line(3, "2024-03-02"), name="in/_b.csv")
    write(tmp_path, line(4, "2024-03-01"), line(5, "2024-03-02"), name="in/c.csv")
    spec = CSV | {"path": "in"}
    assert content(find(tmp_path, "2024-03-01", spec)).count(HEADER.encode()) == 2
    assert content(find(tmp_path, "2024-03-02", spec)).decode().splitlines()[1:] == [
        line(5, "2024-03-02")
    ]


# ------------------------------------------------------------------------------ when it changes


def test_a_night_keeps_its_fingerprint_until_its_own_rows_change(tmp_path: Path) -> None:
    write(tmp_path, line(1, "2024-03-01"), line(2, "2024-03-02"))
    first, second = find(tmp_path, "2024-03-01"), find(tmp_path, "2024-03-02")
    write(tmp_path, line(1, "2024-03-01"), line(2, "2024-03-02"), line(3, "2024-03-03"))
    assert find(tmp_path, "2024-03-01").fingerprint == first.fingerprint
    assert find(tmp_path, "2024-03-03").rows is None
    write(tmp_path, line(1, "2024-03-01"), line(2, "2024-03-02", "south"))
    assert find(tmp_path, "2024-03-01").fingerprint == first.fingerprint
    assert find(tmp_path, "2024-03-02").fingerprint != second.fingerprint
    assert nights(tmp_path) == ("2024-03-01", "2024-03-02")


def test_the_input_changed_only_if_this_night_did(tmp_path: Path) -> None:
    given, found = given_params(CSV), None
    write(tmp_path, line(1, "2024-03-01"))
    found = find(tmp_path, "2024-03-01")
    write(tmp_path, line(1, "2024-03-01"), line(2, "2024-03-02"))
    check_unchanged(tmp_path, given, CONTRACT, found)
    write(tmp_path, line(9, "2024-03-01"), line(2, "2024-03-02"))
    with pytest.raises(SourceError, match=r"rows\.csv: sent 2024-03-01: the input changed while"):
        check_unchanged(tmp_path, given, CONTRACT, found)


def test_it_is_cut_once_and_two_cuts_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(
        flat_file, "cut_text", lambda *given: (calls.append(1), cut.cut_text(*given))
    )
    for rows in range(1, 5):
        write(tmp_path, *[line(row, "2024-03-01") for row in range(rows)])
        for _ in range(3):
            nights(tmp_path)
        assert len(calls) == rows
    (home,) = (tmp_path / flat_file.CUTS).iterdir()
    assert len(list(home.iterdir())) == 2


def test_a_cut_that_was_broken_off_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, *[line(row, f"2024-03-{row:02d}") for row in range(1, 20)])
    monkeypatch.setattr(cut, "HELD", 0)
    real, calls = cut._TextWriter.flush, []

    def stops(self: Any) -> None:
        real(self)
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(cut._TextWriter, "flush", stops)
    with pytest.raises(KeyboardInterrupt):
        nights(tmp_path)
    (home,) = (tmp_path / flat_file.CUTS).iterdir()
    assert list(home.iterdir()) == []
    assert len(nights(tmp_path)) == 19


def test_a_file_that_changes_while_it_is_cut_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, line(1, "2024-03-01"))

    def changing(*given: Any) -> None:
        cut.cut_text(*given)
        write(tmp_path, line(1, "2024-03-01"), line(2, "2024-03-01"))

    monkeypatch.setattr(flat_file, "cut_text", changing)
    with pytest.raises(SourceError, match=r"rows\.csv: changed while it was cut into nights"):
        nights(tmp_path)
    monkeypatch.undo()
    assert content(find(tmp_path, "2024-03-01")).count(b"\n") == 3


@pytest.mark.parametrize("damage", ["gone", "cut short", "one night", "list", "all"])
def test_a_damaged_copy_is_made_again_and_is_the_same_input(tmp_path: Path, damage: str) -> None:
    write(tmp_path, line(1, "2024-03-01"), line(2, "2024-03-02"), line(3, "2024-03-02"))
    found = find(tmp_path, "2024-03-02")
    (copy,) = copies(found)
    night = Path(copy).parent
    if damage == "gone":
        Path(copy).unlink()
    elif damage == "cut short":
        Path(copy).write_bytes(Path(copy).read_bytes()[:-20])
    elif damage == "list":
        (night.parent / flat_file._FILES).write_text("{")
    else:
        shutil.rmtree(night if damage == "one night" else tmp_path / ".assay")
    again = find(tmp_path, "2024-03-02")
    assert (content(again).count(b"\n"), again.fingerprint) == (3, found.fingerprint)
    assert nights(tmp_path) == ("2024-03-01", "2024-03-02")


def test_a_night_is_found_without_a_look_at_the_copies_of_others(tmp_path: Path) -> None:
    write(tmp_path, line(1, "2024-03-01"), line(2, "2024-03-02"))
    first = copies(find(tmp_path, "2024-03-01"))
    Path(first[0]).unlink()
    find(tmp_path, "2024-03-02")
    assert not Path(first[0]).exists()
    assert nights(tmp_path) == ("2024-03-01", "2024-03-02")
    assert Path(first[0]).exists()


def test_the_same_rows_written_again_are_the_same_input(tmp_path: Path) -> None:
    rows = [line(1, "2024-03-01"), line(2, "2024-03-02")]
    write(tmp_path, *rows)
    found = find(tmp_path, "2024-03-01")
    write(tmp_path, *rows, end="\r\n")
    assert find(tmp_path, "2024-03-01").fingerprint == found.fingerprint
    write(tmp_path, rows[0].replace("2.5", "2.6"), rows[1])
    assert find(tmp_path, "2024-03-01").fingerprint != found.fingerprint
    assert find(tmp_path, "2024-03-01").replaceable == find(tmp_path, "2024-03-01").replaceable


# ---------------------------------------------------------------------------------- refused


def refusal(root: Path, spec: Any = CSV, night: str = "2024-03-01", hidden: bool = True) -> str:
    with pytest.raises((SourceError, SchemaMismatch, NightNotFound)) as caught:
        find(root, night, spec)
    (told,) = caught.value.lines()
    assert not hidden or ".assay" not in told
    return told.removeprefix(f"{root}/")


def test_rows_without_a_night_are_named_by_their_lines(tmp_path: Path) -> None:
    rows = [line(1, "2024-03-01"), "", line(2, ""), line(3, "soon"), '"4,2024-03-01,north']
    write(tmp_path, *rows, line(5, "9999-12-31"))
    assert refusal(tmp_path) == (
        "rows.csv: 4 rows of 'sent' without a night (expected a day or a time from 1700 to 2199, "
        "such as 2013-07-01, 2013-07-01 10:00, 20130701, found nothing in line 4, 'soon' in line "
        "5, '\"4,2024-03-01,north' in line 6, ...). Fix these rows in the file; no night of it is "
        "read before, so that no row is left out unseen."
    )


def test_a_column_without_any_time_is_probably_another_one(tmp_path: Path) -> None:
    write(tmp_path, *[line(row, "2024-03-01") for row in range(5)])
    told = refusal(tmp_path, CSV | {"night_by": "depot"})
    assert told.startswith("rows.csv: no row has a night in 'depot' (expected a day or a time")
    assert "Name the column of days or times as night_by." in told
    assert "data/source.py" in told


def test_rows_of_json_and_parquet_without_a_night(tmp_path: Path) -> None:
    rows = ['{"sent": "2024-03-01"}', '{"sent": true}', '{"sent": null}', "[1]"]
    (tmp_path / "rows.json").write_text("\n".join(rows))
    told = refusal(tmp_path, CSV | {"format": "json", "path": "rows.json"})
    assert "found 'true' in line 2, nothing in line 3, '[1]' in line 4)" in told
    table = pa.table({"sent": pa.array([dt.date(2024, 3, 1), None])})
    pq.write_table(table, tmp_path / "rows.parquet")
    told = refusal(tmp_path, CSV | {"format": "parquet", "path": "rows.parquet"})
    assert told.startswith("rows.parquet: 1 row of 'sent' without a night")
    assert "found nothing in row 2)" in told


def test_a_column_that_is_not_there_twice_or_no_time(tmp_path: Path) -> None:
    write(tmp_path, line(1, "2024-03-01"))
    assert refusal(tmp_path, CSV | {"night_by": "day"}) == (
        "rows.csv: there is no column 'day', by which night_by cuts nights "
        "(found 'parcel', 'sent', 'depot', 'weight', 'distance', 'express')"
    )
    assert refusal(tmp_path, CSV | {"night_by": "sentt"}).endswith(". Did you mean 'sent'?")
    told = refusal(tmp_path, CSV | {"options": {"sep": ";"}})
    assert told.endswith("If that is several, say what lies between them: options: {sep: ...}")
    (tmp_path / "rows.csv").write_text("sent,sent\n1,2\n")
    assert refusal(tmp_path).startswith("rows.csv: more than one column 'sent'")
    (tmp_path / "rows.json").write_text('{"parcel": 1}')
    told = refusal(tmp_path, CSV | {"format": "json", "path": "rows.json"})
    assert told.startswith("rows.json: there is no key 'sent'")
    pq.write_table(pa.table({"sent": [1.5]}), tmp_path / "rows.parquet")
    assert refusal(tmp_path, CSV | {"format": "parquet", "path": "rows.parquet"}) == (
        "rows.parquet: nights cannot be cut by 'sent' "
        "(expected days, times, texts or integers, found double)"
    )


def test_what_is_wrong_with_the_file_names_the_file(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "rows.csv: no such file or folder. Check the path."
    write(tmp_path, line(1, "2024-03-01"))
    told = refusal(tmp_path, night="2024-03-04")
    assert told.startswith("rows.csv: there is no night day=2024-03-04")
    assert "The nearest is 2024-03-01" in told
    (tmp_path / "rows.csv").write_text("parcel,sent\n1,2024-03-01\n")
    with pytest.raises(SchemaMismatch) as caught:
        find(tmp_path, "2024-03-01")
    assert all(each.startswith(f"{tmp_path}/rows.csv: ") for each in caught.value.lines())
    (tmp_path / "rows.csv").write_text(f"{HEADER}\n")
    assert refusal(tmp_path) == "rows.csv: holds no row. Check the export that fills it."
    (tmp_path / "rows.parquet").write_text("no")
    told = refusal(tmp_path, CSV | {"format": "parquet", "path": "rows.parquet"})
    assert told.startswith("rows.parquet: cannot be read as Parquet")
    (tmp_path / "rows.csv.lz4").write_text("no")
    told = refusal(tmp_path, CSV | {"path": "rows.csv.lz4"})
    assert told.startswith("rows.csv.lz4: is compressed in a way that is not read here")


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (CSV | {"path": "rows-{night}.csv"}, "both"),
        ({"format": "csv", "path": "rows.csv", "every": "week"}, "night_by missing"),
        (CSV | {"every": "hour"}, "'day', 'week', 'month' or 'year'"),
        (CSV | {"options": {"multiLine": True}}, "multiLine: true"),
    ],
)
def test_settings_that_contradict_each_other(spec: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        TypeAdapter(Input).validate_python(spec)


def test_settings_of_other_inputs_read_as_before() -> None:
    plain = TypeAdapter(Input).validate_python({"format": "json", "path": "in"})
    assert json.loads(plain.settings) == {"path": "in", "format": "json"}


def test_where_nothing_can_be_written_the_error_says_where(tmp_path: Path) -> None:
    write(tmp_path, line(1, "2024-03-01"))
    (tmp_path / ".assay").mkdir()
    (tmp_path / flat_file.CUTS).write_text("in the way")
    told = refusal(tmp_path, hidden=False)
    assert told.startswith("rows.csv: cannot be cut into nights (found ")


def test_nights_of_another_length_than_the_published_ones_are_refused() -> None:
    days = [str(dt.date(2024, 3, 4) + dt.timedelta(days=number)) for number in range(28)]
    weeks = days[::7]
    weekly = TypeAdapter(Input).validate_python(CSV | {"every": "week"})
    daily = TypeAdapter(Input).validate_python(CSV)
    for spec, published, available in (
        (weekly, weeks, weeks),
        (daily, days[:3], days),
        (daily, [], days),
        (weekly, [], weeks),
        (daily, [*weeks[:2]], days),
        (TypeAdapter(Input).validate_python("in"), days, weeks),
    ):
        flat_file.check_length(spec, published, available)
    with pytest.raises(UsageError, match=r"score\.input\.every: nights of another length.*such as"):
        flat_file.check_length(weekly, days[:2], weeks)
    months = [f"2024-{number:02d}-01" for number in range(1, 7)]
    with pytest.raises(UsageError, match="found day"):
        flat_file.check_length(daily, months, days)


def test_cells_of_a_csv_may_be_escaped_in_another_way(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('name,sent\n"a\\",2024-03-05,b",2024-03-01\nc,2024-03-02\n')
    spec = CSV | {"options": {"escape": "\\"}}
    assert nights(tmp_path, spec) == ("2024-03-01", "2024-03-02")


# ------------------------------------------------------------------- what else reads an input


def test_its_rows_are_sampled_and_read_again(tmp_path: Path) -> None:
    table = pa.table({"sent": ["2024-03-01", "2024-03-02"], "weight": [1.0, None]})
    pq.write_table(table, tmp_path / "rows.parquet")
    given = given_params(CSV | {"format": "parquet", "path": "rows.parquet"})
    (batch,) = open_input(tmp_path, given).rows("2024-03-02", ["weight", "other"])
    assert batch.to_pydict() == {"weight": [None]}
    seen = sample_source(tmp_path, given, 10)
    assert isinstance(seen, SourceSample)
    assert (seen.rows, seen.nulls) == (2, {"sent": 0, "weight": 1})
    (tmp_path / "rows.parquet").unlink()
    with pytest.raises(InputUnreadable, match="no such file"):
        list(open_input(tmp_path, given).rows("2024-03-02", ["weight"]))
    assert isinstance(sample_source(tmp_path, given, 10), UnsampledSource)


def test_a_cluster_cannot_read_what_was_cut_here(tmp_path: Path) -> None:
    write(tmp_path, line(1, "2024-03-01"))
    found, given = find(tmp_path, "2024-03-01"), given_params(CSV)
    far = given.model_copy(
        update={"spark": given.spark.model_copy(update={"master": "spark://far:7077"})}
    )
    assert carriers.choose_carrier(far, found) == "local"
    assert not carriers.needs_spark(far)
    files = far.score.model_copy(update={"carrier": "files"})
    with pytest.raises(UsageError, match=r"the files carrier cannot read this input on a cluster"):
        carriers.choose_carrier(far.model_copy(update={"score": files}), found)
