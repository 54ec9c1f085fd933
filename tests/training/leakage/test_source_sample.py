"""What the scoring source shows, in every format that can be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from assay.project import partitions
from assay.training.leakage import stage as checks
from assay.training.leakage.features import (
    NIGHTS,
    SourceSample,
    UnsampledSource,
    sample_source,
)
from tests.landing import with_input
from tests.training.leakage.tables import both, contract, sides

DAYS = [f"2024-03-{day:02d}" for day in range(1, 11)]


def spec(**given: Any) -> Any:
    return {"path": "in", **given}


def night(day: str, **changes: Any) -> pd.DataFrame:
    rows = both()[1].drop(columns="late")[:20]
    return rows.assign(day=day, sent=rows["sent"].astype("datetime64[us]"), **changes)


def nights(**newest: Any) -> pd.DataFrame:
    """Ten nights; the last seven of them may be another way."""
    return pd.concat(
        [night(day, **(newest if day in DAYS[-NIGHTS:] else {})) for day in DAYS],
        ignore_index=True,
    )


def write(root: Path, kind: str, rows: pd.DataFrame) -> Any:
    """``rows`` as an input of this kind."""
    base = root / "in"
    table = pa.Table.from_pandas(rows, preserve_index=False)
    if kind == "parquet":
        partitions.write(table, base, "day", "part-0")
    elif kind == "delta":
        write_deltalake(str(base), table, partition_by=["day"])
    else:
        for day, part in rows.groupby("day"):
            folder = base / f"day={day}"
            folder.mkdir(parents=True)
            bare = part.drop(columns="day")
            if kind == "csv":
                bare.to_csv(folder / "rows.csv", index=False)
            else:
                bare.to_json(folder / "rows.jsonl", orient="records", lines=True)
    return spec(format=kind)


KINDS = ("parquet", "delta", "csv", "json")
FOLDERS = ("parquet", "csv", "json")


def sampled(root: Path, given: Any, rows: int) -> SourceSample | UnsampledSource:
    return sample_source(root, with_input(given), rows)


def check(root: Path, given: Any):
    seen = sampled(root, given, 1000)
    return checks.not_at_scoring(sides(contract(), *both()), seen)


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_with_all_that_is_needed(kind: str, tmp_path: Path):
    told = check(tmp_path, write(tmp_path, kind, nights()))
    assert (told.outcome, told.observed) == ("ok", 0.0)
    assert str(tmp_path) not in told.detail
    numbers = {row["column"]: row["null_at_scoring"] for row in told.numbers}
    assert 0 <= numbers["weight"] < 0.2
    assert numbers["stops"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_feature_that_is_not_in_the_source(kind: str, tmp_path: Path):
    told = check(tmp_path, write(tmp_path, kind, nights().drop(columns="stops")))
    assert (told.outcome, told.columns) == ("suspect", ("stops",))
    assert "'stops' is not there" in told.detail


@pytest.mark.parametrize("kind", ["parquet", "delta", "csv"])
def test_a_feature_that_has_no_value_yet(kind: str, tmp_path: Path):
    told = check(tmp_path, write(tmp_path, kind, nights(weight=np.nan)))
    assert (told.outcome, told.columns) == ("suspect", ("weight",))
    assert "'weight' is null in 100% of rows" in told.detail


def test_one_night_without_values_is_a_late_night_only(tmp_path: Path):
    rows = nights()
    rows.loc[rows["day"] == DAYS[-1], "weight"] = np.nan
    told = check(tmp_path, write(tmp_path, "parquet", rows))
    assert told.outcome == "ok"
    assert told.detail.startswith("in, day=2024-03-04 to day=2024-03-10: ")


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_a_column_of_another_type(kind: str, tmp_path: Path):
    rows = nights()
    told = check(tmp_path, write(tmp_path, kind, rows.assign(stops=rows["stops"].astype(str))))
    assert (told.outcome, told.columns) == ("suspect", ("stops",))
    assert "not integer" in told.detail


def test_a_column_that_a_delta_table_got_later_is_null_in_its_older_files(tmp_path: Path):
    rows = nights()
    given = write(tmp_path, "delta", rows[rows["day"] < DAYS[-1]].drop(columns="stops"))
    newest = pa.Table.from_pandas(rows[rows["day"] == DAYS[-1]], preserve_index=False)
    write_deltalake(str(tmp_path / "in"), newest, mode="append", schema_mode="merge")
    told = check(tmp_path, given)
    assert (told.outcome, told.columns) == ("suspect", ("stops",))
    assert "'stops' is null in 86% of rows" in told.detail


def test_many_columns_that_are_not_there_are_counted_not_listed(tmp_path: Path):
    rows = nights()[["day", "parcel"]]
    told = check(tmp_path, write(tmp_path, "parquet", rows))
    assert told.columns == ("sent", "depot", "weight", "express", "stops")
    assert told.detail.endswith("'weight' is not there; and 2 more columns")


def test_a_csv_without_a_header_has_the_columns_that_params_name(tmp_path: Path):
    rows = nights()
    for day, part in rows.groupby("day"):
        folder = tmp_path / "in" / f"day={day}"
        folder.mkdir(parents=True)
        part.drop(columns="day").to_csv(folder / "a.csv", index=False, header=False, sep=";")
    names = tuple(rows.columns.drop("day"))
    given = spec(format="csv", columns=names, options={"sep": ";"})
    assert check(tmp_path, given).outcome == "ok"


@pytest.mark.parametrize("kind", FOLDERS)
def test_files_without_rows_are_passed_over(kind: str, tmp_path: Path):
    given = write(tmp_path, kind, nights())
    folder = tmp_path / "in" / f"day={DAYS[-1]}"
    bare = night(DAYS[-1])[:0].drop(columns="day")
    if kind == "parquet":
        pq.write_table(pa.Table.from_pandas(bare, preserve_index=False), folder / "a.parquet")
    else:
        (folder / "a").write_text(",".join(bare.columns) + "\n" if kind == "csv" else "")
    (folder / "_SUCCESS").write_text("not a table")
    assert check(tmp_path, given).outcome == "ok"


LATER = "its nights cannot be listed, and its columns are known when it runs"
QUERY = "select * from t where day = :night"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (
            {"format": "postgres", "url": "postgresql://db/x", "query": QUERY},
            f"score.input (postgres): {LATER}",
        ),
        ({"format": "parquet", "path": "in"}, "in: holds no nights day=..."),
        ({"format": "delta", "path": "in"}, "in: there is no Delta table"),
    ],
)
def test_a_source_that_cannot_be_looked_at_says_why(given: Any, why: str, tmp_path: Path):
    assert sampled(tmp_path, given, 10) == UnsampledSource(why)


@pytest.mark.parametrize(
    ("kind", "content", "why"),
    [
        ("parquet", "no parquet", "cannot be read"),
        ("csv", "a,b\n1,2,3\n", "hold no rows"),
        ("json", "[1, 2]\n", "one JSON object a line"),
        ("json", "1\n", "one JSON object a line"),
        ("json", "{", "cannot be read"),
        ("json", "", "hold no rows"),
    ],
)
def test_a_source_that_is_damaged_is_unknown(kind: str, content: str, why: str, tmp_path: Path):
    folder = tmp_path / "in" / "day=2024-03-01"
    folder.mkdir(parents=True)
    (folder / "a").write_text(content)
    seen = sampled(tmp_path, spec(format=kind), 10)
    assert isinstance(seen, UnsampledSource)
    assert why in seen.why
    assert str(tmp_path) not in seen.why


def test_comments_and_lines_that_are_no_rows_are_left_out(tmp_path: Path):
    write(tmp_path, "csv", nights())
    for path in (tmp_path / "in").rglob("*.csv"):
        path.write_text(f"# made by hand\n{path.read_text()}1,2\n")
    given = spec(format="csv", options={"comment": "#"})
    assert check(tmp_path, given).outcome == "ok"
    seen = sampled(tmp_path, given, 1000)
    assert isinstance(seen, SourceSample) and seen.rows == 20 * NIGHTS


def test_a_few_rows_of_each_night_are_enough(tmp_path: Path):
    seen = sampled(tmp_path, write(tmp_path, "parquet", nights()), 3)
    assert isinstance(seen, SourceSample)
    assert seen.rows == 3 * NIGHTS
