"""``assay drift`` on real files and a real Spark job."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from pydantic import TypeAdapter

from assay.cli.result import to_json
from assay.errors import (
    BundleMissing,
    LimitCrossed,
    NightEmpty,
    NoChampion,
    RowCountMismatch,
    SchemaMismatch,
    SourceError,
    UsageError,
)
from assay.monitor import table_drift
from assay.monitor.table_drift import TableDrift, locate_path
from assay.project import layout
from assay.project.params.inputs import Input
from assay.score import local
from tests.monitored import CONTRACT, rows_of
from tests.shown import shown

NIGHT = "2013-02-01"


class Lasting:
    """The suite's one Spark, which no command may stop."""

    def __init__(self, spark: Any) -> None:
        self._spark = spark

    def __getattr__(self, name: str) -> Any:
        return (lambda: None) if name == "stop" else getattr(self._spark, name)


@pytest.fixture
def here(project: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The project as the folder that the command is typed in; no Spark may be started."""

    def refused(*_: Any) -> Any:
        raise AssertionError("Spark was started")

    monkeypatch.setattr(table_drift, "session", refused)
    monkeypatch.chdir(project.root)
    return project


@pytest.fixture
def by_spark(here: Any, spark: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(table_drift, "session", lambda params, root: Lasting(spark))
    return here


def drift(here: Any, table: str | None = None, date: str | None = None, **more: Any) -> Any:
    folder = more.pop("folder", None)
    return shown("drift", here.run, table_drift.run, table, date, folder, **more)


def rows(shift: float = 0.0, seed: int = 7) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    x, c = random.normal(shift, 1, 300), random.choice(["a", "b"], 300)
    return pd.DataFrame({"x": x, "c": c, "flight": np.arange(300)})


def write(frame: pd.DataFrame, name: str = "new.parquet") -> str:
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), name, row_group_size=70)
    return name


def document(refused: pytest.ExceptionInfo[LimitCrossed]) -> dict[str, Any]:
    """The answer that went before a refusal, as JSON."""
    assert isinstance(refused.value.report, TableDrift)
    found: dict[str, Any] = json.loads(to_json(refused.value.report))
    return found


def findings(refused: pytest.ExceptionInfo[LimitCrossed]) -> dict[str, Any]:
    return {each["column"]: each for each in document(refused)["findings"]}


def test_an_ordinary_table_is_within_limits(here: Any, capsys: pytest.CaptureFixture[str]) -> None:
    answer = drift(here, write(rows()))
    told = capsys.readouterr().out
    assert "Within limits: new.parquet" in told
    assert "300 rows against v0.1.0; 0 of 2 features drifted (at most 50% may)" in told
    assert not answer.decision.crossed
    assert sorted(f.column for f in answer.decision.findings) == ["c", "x"]
    # A column may be over its limit while the table is within limits.
    some = replace(answer, decision=replace(answer.decision, drifted=("x",)))
    assert some.headline() == (
        "Within limits, 1 of 2 features drifted (at most 50% may): new.parquet"
    )


def test_a_table_that_drifted_is_told_of_and_ends_with_4(here: Any) -> None:
    frame = rows(shift=3.0).assign(c="new")
    with pytest.raises(LimitCrossed, match=r"new.parquet: 2 of 2 features drifted") as caught:
        drift(here, write(frame))
    assert caught.value.exit_code == 4
    tree = document(caught)
    assert tree["crossed"] is True and tree["rows"] == 300
    assert (tree["version"], tree["bundle"]) == ("v0.1.0", here.digest)
    assert tree["drifted"] == [each["column"] for each in tree["findings"]]


@pytest.mark.parametrize("how", ["huge", "constant", "infinite"])
def test_one_broken_column_ends_with_4(here: Any, how: str) -> None:
    frame = rows()
    broken = {
        "huge": frame["x"] * 1e12,
        "constant": frame["x"] * 0 + 0.5,
        "infinite": frame["x"].mask(frame.index % 10 == 0, np.inf),
    }
    with pytest.raises(LimitCrossed, match=r"new.parquet: x: ") as caught:
        drift(here, write(frame.assign(x=broken[how])))
    assert caught.value.exit_code == 4
    found = findings(caught)
    assert found["x"]["breaks"] and not found["c"]["breaks"]


def test_the_measures_are_those_of_the_same_rows_once_scored(here: Any) -> None:
    here.score(NIGHT, "run-1")
    (file,) = Path(f"data/raw/date={NIGHT}").glob("*.parquet")
    # Two of the night's rows were refused.
    pq.write_table(pq.ParquetFile(file).read().slice(2), file)
    scored = here.monitor(NIGHT).summaries[-1].decision
    ours = {f.column: f for f in drift(here, date=NIGHT).decision.findings}
    assert ours == {f.column: f for f in scored.findings if f.column in ("x", "c")}


def test_columns_that_cannot_be_compared_are_findings(here: Any) -> None:
    gone = rows().rename(columns={"x": "X"}).assign(c=1)
    with pytest.raises(LimitCrossed) as caught:
        drift(here, write(gone))
    found = findings(caught)
    assert found["x"]["reasons"] == ["not in the table (renamed to X?)"]
    assert found["c"]["reasons"] == ["int64 in new.parquet, categories in the reference"]
    assert all(each["decisive"] and each["distance"] is None for each in found.values())


def test_a_column_of_nulls_is_a_finding(here: Any) -> None:
    with pytest.raises(LimitCrossed, match=r"x: null in every row") as caught:
        drift(here, write(rows().assign(x=None)))
    assert findings(caught)["x"]["null_share"] == 1.0


def test_one_row_is_a_table_too(here: Any) -> None:
    with pytest.raises(LimitCrossed) as caught:
        drift(here, write(rows().iloc[:1]))
    assert document(caught)["rows"] == 1


def test_another_bundle_needs_no_champion(here: Any) -> None:
    here.git("tag", "--delete", "late-flights#prod#1")
    name = write(rows())
    with pytest.raises(NoChampion):
        drift(here, name)
    folder = here.root / layout.WORK / "bundles" / here.digest.removeprefix("sha256:")
    tree = json.loads(to_json(drift(here, name, folder=folder)))
    assert (tree["version"], tree["bundle"]) == ("", here.digest)
    with pytest.raises(BundleMissing):
        drift(here, name, folder=here.root)


@pytest.mark.parametrize("table", [("new.parquet", NIGHT), (None, None)])
def test_a_table_or_a_night_has_to_be_named(here: Any, table: tuple[str | None, ...]) -> None:
    with pytest.raises(UsageError, match="TABLE or --date DAY"):
        drift(here, *table)


def test_a_table_that_is_not_there(here: Any) -> None:
    with pytest.raises(SourceError, match="nowhere"):
        drift(here, "nowhere")


def with_carrier(here: Any, carrier: str) -> Any:
    here.set("score", carrier=carrier)
    return here


def test_a_spark_job_says_what_threads_say(by_spark: Any) -> None:
    name = write(pd.concat([rows(seed=seed) for seed in range(500)]))
    one, two = drift(by_spark, name), drift(with_carrier(by_spark, "files"), name)
    assert one == two
    gone = write(rows().assign(x="text"), "gone.parquet")
    with pytest.raises(LimitCrossed, match=r"x: string in gone\.parquet"):
        drift(by_spark, gone)


def test_a_night_of_text_is_counted_as_its_parquet_would_be(here: Any) -> None:
    frame, folder = rows_of(NIGHT, 7), Path(f"csv/date={NIGHT}")
    folder.mkdir(parents=True)
    frame.to_csv(folder / "a.csv", index=False)
    Path("data").mkdir(exist_ok=True)
    Path("data/contract.py").write_text(CONTRACT)
    given = TypeAdapter(Input).validate_python({"format": "csv", "path": "csv"})
    here.set("score", input=given)
    bundle = here.root / layout.WORK / "bundles" / here.digest.removeprefix("sha256:")
    landed = drift(here, date=NIGHT, folder=bundle)
    whole = drift(here, write(frame), folder=bundle)
    for one, two in zip(landed.decision.findings, whole.decision.findings, strict=True):
        same = (two.column, two.distance, two.null_share)
        assert (one.column, one.distance, one.null_share) == same
    frame.drop(columns="x").to_csv(folder / "a.csv", index=False)
    with pytest.raises(SchemaMismatch, match="column 'x' is missing"):
        drift(here, date=NIGHT, folder=bundle)


def test_rows_that_got_lost_on_the_way_are_missed(
    here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = table_drift.total
    monkeypatch.setattr(table_drift, "total", lambda *given: replace(real(*given), rows=299))
    with pytest.raises(RowCountMismatch, match=r"new.parquet: .*expected 300 rows, found 299"):
        drift(here, write(rows()))


@pytest.mark.parametrize("carrier", ["local", "files"])
def test_a_file_that_is_damaged_inside_is_named(by_spark: Any, carrier: str) -> None:
    name = write(rows())
    whole = Path(name).read_bytes()
    Path(name).write_bytes(whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    with pytest.raises(SourceError, match=r"new.parquet: cannot be read as Parquet"):
        drift(with_carrier(by_spark, carrier), name)


def test_on_a_cluster_and_under_spark_submit_it_is_a_spark_job(
    here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write(rows())
    monkeypatch.setenv(local.SUBMITTED, "1")
    with pytest.raises(AssertionError, match="Spark was started"):
        drift(here, name)
    monkeypatch.delenv(local.SUBMITTED)
    here.set("spark", master="spark://127.0.0.1:7077")
    with pytest.raises(AssertionError, match="Spark was started"):
        drift(here, name)


TABLE = pa.table({"x": [1.0, 2.0, 3.0], "c": ["a", "b", "a"]})


def test_a_file_is_called_as_it_was_named(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "new.parquet", row_group_size=2)
    found, schemas = locate_path("new.parquet", tmp_path)
    assert (found.where, found.rows, list(schemas)) == ("new.parquet", 3, ["new.parquet"])
    assert [file.row_groups for file in found.files] == [(2, 1)]


def test_a_folder_is_all_files_below_it_without_hidden_ones(tmp_path: Path) -> None:
    for day in (1, 2):
        (tmp_path / f"raw/day={day}").mkdir(parents=True)
        pq.write_table(TABLE, tmp_path / f"raw/day={day}/part.parquet")
    (tmp_path / "raw/_SUCCESS").write_text("")
    found, schemas = locate_path("raw/", tmp_path)
    assert (found.where, found.rows) == ("raw", 6)
    assert list(schemas) == ["day=1/part.parquet", "day=2/part.parquet"]


def test_of_a_delta_table_only_the_files_of_its_newest_version_count(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "lake", TABLE)
    write_deltalake(tmp_path / "lake", TABLE.slice(0, 1), mode="overwrite")
    assert len(list((tmp_path / "lake").glob("*.parquet"))) == 2
    assert locate_path("lake", tmp_path)[0].rows == 1


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
