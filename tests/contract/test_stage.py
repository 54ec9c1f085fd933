"""The stage on small Parquet datasets: kept, broken, unreadable, and the same bytes again."""

from __future__ import annotations

import datetime as dt
import json
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from assay.cli.__main__ import main
from assay.contract import stage
from assay.contract.loader import load_contract_text
from assay.contract.result import ContractResult, RuleResult, json_value, row_results
from assay.errors import ContractBroken, NightEmpty, SchemaMismatch, SourceError, StageInputMissing
from assay.pages.templating import POLICY
from assay.project import layout
from assay.project.params import Params, parse
from assay.project.text import format_exact_percent
from tests.shown import show

CONTRACT = """\
import datetime
import pandas as pd
import pandera.pandas as pa
class Row(pa.DataFrameModel):
    id: int = pa.Field(metadata={"role": "key"})
    date: str = pa.Field(metadata={"role": "key"})
    at: datetime.datetime = pa.Field(metadata={"role": "time"})
    origin: str = pa.Field(isin=["EWR", "JFK"], metadata={"role": ["feature", "slice"]})
    wind: float = pa.Field(lt=50, nullable=True, metadata={"role": "feature"})
    late: bool = pa.Field(metadata={"role": "label"})

    @pa.dataframe_check
    def calm_at_jfk(cls, frame: pd.DataFrame) -> pd.Series:
        return (frame["origin"] != "JFK") | ~(frame["wind"] > 40)
"""
PARAMS = """\
name: tiny-flights
seed: 1
ingest: {source: "data.source.flights", partition_by: date}
contract:
  file: data/contract.py
  max_bad_share: 0.25
  training:
    - {rule: unique_key}
    - {rule: row_count, min: 2}
    - {rule: null_share, column: wind, max: 0.5}
    - {rule: freshness, max_days: 1}
prepare:
  train: {from: "2013-01-01", to: "2013-01-02"}
  holdout: {from: "2013-01-03", to: "2013-01-04"}
train: {select_by: auc, candidates: {prior: {class: sklearn.dummy.DummyClassifier}}}
gate: {tests: tests/model, rules: [{name: r, metric: auc, min: 0.5, owner: us, because: so}]}
score: {input: data/raw}
"""


def rows(first: int, count: int = 4, **columns: Any) -> pa.Table:
    plain_rows = {
        "id": pa.array(range(first, first + count), pa.int32()),
        "extra": pa.array([b"x"] * count),
        "at": pa.array([dt.datetime(2013, 1, 4)] * count, pa.timestamp("ns")),
        "origin": pa.array(["EWR"] * count).dictionary_encode(),
        "wind": pa.array([None, *[1.0] * (count - 1)], pa.float64()),
        "late": pa.array([True] * count),
    }
    return pa.table(plain_rows | columns)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/contract.py").write_text(CONTRACT, encoding="utf-8")
    for number, day in enumerate(["2012-12-31", "2013-01-01", "2013-01-03", "2013-01-05"]):
        put(tmp_path, day, rows(10 * number))
    return tmp_path


def put(root: Path, day: str, table: pa.Table, name: str = "part-0.parquet") -> None:
    folder = root / layout.RAW / f"date={day}"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / name)


def params(**changes: str) -> Params:
    text = PARAMS
    for was, now in changes.items():
        assert was in text
        text = text.replace(was, now)
    return parse(text, "params.yaml")


def checked(root: Path) -> list[dict[str, Any]]:
    dataset = ds.dataset(
        root / layout.CHECKED,
        partitioning=ds.partitioning(pa.schema([("date", pa.string())]), flavor="hive"),
    )
    found: list[dict[str, Any]] = dataset.to_table().sort_by("id").to_pylist()
    return found


def tree(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*") if p.is_file()
    }


def test_good_rows_of_the_window_reach_checked(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(root, "2013-01-03", rows(40, 2, wind=pa.array([60.0, 2.0])), "part-1.parquet")
    result = stage.run(root, params())
    assert (result.ok, result.rows, result.bad_rows) == (True, 10, 1)
    assert [row["id"] for row in checked(root)] == [10, 11, 12, 13, 20, 21, 22, 23, 41]
    assert {row["date"] for row in checked(root)} == {"2013-01-01", "2013-01-03"}
    assert sorted(tree(root / layout.CHECKED)) == [
        "date=2013-01-01/part-0.parquet",
        "date=2013-01-03/part-0.parquet",
    ]
    schema = pq.read_schema(root / layout.CHECKED / "date=2013-01-03/part-0.parquet")
    assert schema.names == ["id", "at", "origin", "wind", "late"]
    assert schema.types[:3] == [pa.int64(), pa.timestamp("us"), pa.string()]
    by_name = {each.rule: each for each in result.rules}
    assert by_name["wind: less_than(50)"].examples == (
        {"wind": 60.0, "id": 40, "date": "2013-01-03"},
    )
    assert [each.rule for each in result.rules if each.kind == "row"] == list(
        load_contract_text(CONTRACT, "c").row_rules
    )
    (root / "params.yaml").write_text(PARAMS, encoding="utf-8")
    assert main(["stage", "contract", "--root", str(root)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("The contract holds")
    assert "1 row of 10 (10%) broke a rule and were left out" in out


def test_json_is_the_only_output_and_the_report(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = stage.run(root, params())
    (root / "params.yaml").write_text(PARAMS, encoding="utf-8")
    assert main(["stage", "contract", "--json", "--root", str(root)]) == 0
    out = capsys.readouterr().out
    assert out == (root / layout.CONTRACT_REPORT / "result.json").read_text("utf-8")
    assert out == result.text()
    assert json.loads(out)["ok"] is True


def test_the_same_data_gives_the_same_bytes(root: Path) -> None:
    stage.run(root, params())
    once = tree(root / layout.CHECKED), tree(root / layout.CONTRACT_REPORT)
    stage.run(root, params())
    assert once == (tree(root / layout.CHECKED), tree(root / layout.CONTRACT_REPORT))


def test_rows_are_the_same_in_any_chunk(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, "2013-01-03", rows(40, 2, wind=pa.array([60.0, 2.0])), "part-1.parquet")
    whole = stage.run(root, params()), checked(root)
    monkeypatch.setattr(stage, "CHUNK", 1)
    assert whole == (stage.run(root, params()), checked(root))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (rows(90, 4, origin=pa.array(["LGA"] * 4)), "most often 'origin: isin(EWR, JFK)'"),
        (
            pa.concat_tables([rows(90), rows(90)]),
            "unique_key: expected every key once, found 4 rows",
        ),
        (rows(90, 30, wind=pa.nulls(30, pa.float64())), "null_share of wind"),
    ],
)
def test_a_broken_contract_reports_but_leaves_nothing_checked(
    root: Path, bad: pa.Table, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.run(root, params())
    put(root, "2013-01-04", bad)
    with pytest.raises(ContractBroken) as caught:
        stage.run(root, params())
    line = caught.value.line()
    assert words in line
    assert line.startswith("data/raw, 2013-01-01 to 2013-01-04: the contract is broken")
    assert line.endswith("Look at the rows in reports/contract/index.html")
    assert not (root / layout.CHECKED).exists()
    assert sorted(each.name for each in (root / "data").iterdir()) == ["contract.py", "raw"]
    text = (root / layout.CONTRACT_REPORT / "result.json").read_text("utf-8")
    assert json.loads(text)["ok"] is False
    # What was found is told although the command ends with an error.
    (root / "params.yaml").write_text(PARAMS, encoding="utf-8")
    assert main(["stage", "contract", "--json", "--root", str(root)]) == 20
    assert capsys.readouterr() == (text, f"assay: {line}\n")
    assert "The contract is broken" in (root / layout.CONTRACT_REPORT / "index.html").read_text(
        "utf-8"
    )


def test_schema_mismatch_names_the_file_and_leaves_no_partial(root: Path) -> None:
    table = rows(40).rename_columns(["id", "extra", "at", "origin", "wind_speed", "late"])
    put(root, "2013-01-03", table, "part-1.parquet")
    with pytest.raises(SchemaMismatch) as caught:
        stage.run(root, params())
    assert caught.value.lines() == [
        "data/raw/date=2013-01-03/part-1.parquet: column 'wind' is missing "
        "(expected float, found 'wind_speed': renamed?)"
    ]
    assert sorted(each.name for each in (root / "data").iterdir()) == ["contract.py", "raw"]


def test_the_partition_column_may_not_be_in_the_file_too(root: Path) -> None:
    put(root, "2013-01-03", rows(40, date=pa.array(["2013-01-09"] * 4)))
    with pytest.raises(SchemaMismatch, match="in the file and in the folder's name"):
        stage.run(root, params())


def test_input_that_is_not_there(root: Path, tmp_path: Path) -> None:
    with pytest.raises(NightEmpty, match="no rows in the days"):
        stage.run(
            root,
            params(
                **{
                    "2013-01-01": "2001-01-01",
                    "2013-01-02": "2001-01-02",
                    "2013-01-03": "2001-01-03",
                    "2013-01-04": "2001-01-04",
                }
            ),
        )
    put(root, "2001-01-01", rows(0, 1).slice(1))
    with pytest.raises(NightEmpty):
        stage.run(
            root,
            params(
                **{
                    "2013-01-01": "2001-01-01",
                    "2013-01-02": "2001-01-02",
                    "2013-01-03": "2001-01-03",
                    "2013-01-04": "2001-01-04",
                }
            ),
        )
    (root / layout.RAW).rename(root / "elsewhere")
    with pytest.raises(StageInputMissing, match="data/raw: no such folder"):
        stage.run(root, params())
    (root / layout.RAW).mkdir()
    with pytest.raises(StageInputMissing, match="no partitions"):
        stage.run(root, params())


def test_a_partition_that_is_no_day_or_no_parquet(root: Path) -> None:
    (root / layout.RAW / "date=2013-01-03" / "z.parquet").write_bytes(b"no")
    with pytest.raises(SourceError, match=r"date=2013-01-03/z\.parquet: not a readable Parquet"):
        stage.run(root, params())
    (root / layout.RAW / "date=20130103").mkdir()
    with pytest.raises(SourceError, match="is not a day"):
        stage.run(root, params())


def printed(result: ContractResult, capsys: pytest.CaptureFixture[str]) -> str:
    """What `assay stage contract` prints of a result."""
    show("stage contract", result)
    return capsys.readouterr().out


def test_blanks_around_a_value_are_seen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    contract, rule = load_contract_text(CONTRACT, "c.py"), "origin: isin(EWR, JFK)"
    rows = [{"origin": "EWR\u00a0", "id": 1}, {"origin": "\tJFK ", "id": 2}]
    rules = row_results(contract, {rule: 2}, 10, {rule: rows})
    result = ContractResult.of("raw", 10, 2, 0.1, rules)
    words = "2 of 10 rows break it, such as origin='EWR⍽' with blanks around it"
    assert words in " ".join(printed(result, capsys).split())
    assert "'⇥JFK␣'" in unescape(stage.render_html(contract, result))


def result_of(
    count: int, rows_read: int = 10, bad: int = 0, table_broken: bool = False
) -> ContractResult:
    contract = load_contract_text(CONTRACT, "c.py")
    nasty = {"id": 1, "origin": "<script>alert(1)</script>", "wind": None}
    rules = row_results(
        contract,
        {"origin: isin(EWR, JFK)": count},
        rows_read,
        {"origin: isin(EWR, JFK)": [nasty] * 9} if count else {},
    )
    table = RuleResult(
        rule="unique_key",
        kind="table",
        broken=table_broken,
        rows_broken=0,
        share=0.0,
        expected="every key once",
        found="so",
    )
    return ContractResult.of("raw", rows_read, bad, 0.2, (table, *rules))


@pytest.mark.parametrize(
    ("result", "ok"),
    [
        (result_of(0), True),
        (result_of(2, bad=2), True),
        (result_of(3, bad=3), False),
        (result_of(0, table_broken=True), False),
        (result_of(0, rows_read=0), False),
    ],
)
def test_ok_and_its_words(
    result: ContractResult, ok: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert result.ok is ok
    page = stage.render_html(load_contract_text(CONTRACT, "c.py"), result)
    text = printed(result, capsys)
    assert ("The contract holds" in page) is ok
    assert text.startswith("The contract holds" if ok else "The contract is broken")
    shown = [each for each in result.rules if each.kind == "table" or each.broken]
    for each in shown:
        assert each.rule in text
    assert f"{len(result.rules) - len(shown)} more rules broken in no row." in text


def test_the_page_escapes_cuts_and_needs_nothing_else() -> None:
    page = stage.render_html(load_contract_text(CONTRACT, "c.py"), result_of(3, bad=3))
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)") == 5
    assert "http:" not in page and "https:" not in page
    assert f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">' in unescape(page)
    assert page.startswith("<!doctype html>")
    assert page.count("✓ holds") + page.count("✗ broken") == len(result_of(0).rules)


def test_values_that_json_cannot_hold() -> None:
    assert json_value(float("inf")) == "inf"
    assert json_value(float("nan")) is None
    assert json_value(dt.datetime(2013, 1, 1)) == "2013-01-01T00:00:00"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0%"),
        (1e-9, "under 0.01%"),
        (0.1234, "12.34%"),
        (1 - 1e-9, "over 99.99%"),
        (1.0, "100%"),
    ],
)
def test_a_share_never_rounds_away(share: float, text: str) -> None:
    assert format_exact_percent(share) == text
