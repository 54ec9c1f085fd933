"""Rows to look at: drawn by seed, each with its own score, and never the whole of a large night."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.model import bundle
from assay.model.manifest import Manifest
from assay.monitor.nights import sample
from assay.monitor.nights.sample import night_sample, published_sample
from assay.project import layout, partitions
from assay.score.inputs.format import InputUnreadable, NearbyRows
from assay.score.inputs.formats import open_input
from assay.score.inputs.parquet import ParquetFormat

NIGHT = "2013-02-01"
SCORES = ["probability"]


def look(project: Any) -> tuple[pd.DataFrame, str]:
    store = project.store
    record = store.published_run(NIGHT)
    return published_sample(project.root, project.params, store, record, manifest(project), SCORES)


def manifest(project: Any) -> Manifest:
    folder = project.root / layout.WORK / "bundles" / project.digest.removeprefix("sha256:")
    return bundle.load(folder, expected=None, allow_types=()).manifest


def cut(project: Any, size: int) -> None:
    """The night's input in row groups of so many rows."""
    (file,) = (project.root / f"data/raw/date={NIGHT}").glob("*.parquet")
    pq.write_table(pq.ParquetFile(file).read(), file, row_group_size=size)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of the input that were read, batch by batch."""
    seen: list[int] = []
    real = ParquetFormat.rows

    def watched(*given: Any) -> Iterator[pa.RecordBatch]:
        for batch in real(*given):
            seen.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(ParquetFormat, "rows", watched)
    return seen


def test_the_sample_joins_each_score_to_its_own_row(project: Any) -> None:
    project.score(NIGHT, "run-1")
    found, why = look(project)
    assert why == ""
    assert len(found) == 150 and list(found) == ["x", "c", "probability"]
    assert found.equals(look(project)[0])
    raw = partitions.read(project.root / "data/raw", "date", start=NIGHT, end=NIGHT).to_pandas()
    by_x = raw.set_index("x")["flight"]
    predictions = project.store.predictions(NIGHT).to_pandas()
    score = predictions.set_index("flight")["probability"]
    assert (score[by_x[found["x"]]].to_numpy() == found["probability"].to_numpy()).all()


def test_another_seed_draws_other_rows(project: Any) -> None:
    project.score(NIGHT, "run-1")
    first = look(project)[0]
    project.params = project.params.model_copy(update={"seed": 2})
    second = look(project)[0]
    assert len(second) == len(first) == 150
    assert set(second["x"]) != set(first["x"])


def test_no_more_of_the_input_is_read_than_is_said(
    project: Any, read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.score(NIGHT, "run-1")
    cut(project, 30)
    whole, _ = look(project)
    assert sum(read) == 300
    read.clear()
    monkeypatch.setattr(sample, "LOOKED_AT", 90)
    part, why = look(project)
    assert read == [30, 30, 30]
    assert why == "" and 0 < len(part) < len(whole)
    assert set(part["x"]) < set(whole["x"])


def test_reading_ends_when_all_rows_are_found(project: Any, read: list[int]) -> None:
    project.score(NIGHT, "run-1")
    cut(project, 30)
    predictions = project.store.predictions(NIGHT)
    given = (project.root, project.params, NIGHT, manifest(project))
    found, _ = night_sample(*given, predictions.slice(5, 10), SCORES)
    assert len(found) == 10
    assert sum(read) < 300


def test_of_another_run_that_was_published_meanwhile_nothing_is_shown(project: Any) -> None:
    project.score(NIGHT, "run-1")
    store = project.store
    judged = store.published_run(NIGHT)
    project.score(NIGHT, "run-2")
    given = (project.root, project.params, store, judged, manifest(project))
    found, why = published_sample(*given, SCORES)
    assert len(found) == 0 and list(found) == ["x", "c", "probability"]
    assert why == "another run was published meanwhile"


def test_the_nearest_row_groups_come_first(project: Any) -> None:
    project.score(NIGHT, "run-1")
    cut(project, 50)

    def flights(near: NearbyRows | None) -> list[int]:
        read = open_input(project.root, project.params).rows(NIGHT, ["flight"], near)
        return [batch.column(0)[0].as_py() for batch in read]

    assert flights(NearbyRows(((120, 130),), 10**6)) == [100, 50, 150, 0, 200, 250]
    assert flights(NearbyRows(((0, 10), (299, 300)), 100)) == [0, 250]
    assert flights(NearbyRows(((100, 200),), 100)) == [100, 150]
    assert flights(NearbyRows(((60, 61),), 1)) == [50]
    assert flights(NearbyRows((), 100)) == [0, 50]


@pytest.mark.parametrize(
    ("column", "cells", "why"),
    [
        ("flight", None, "lacks the key flight"),
        ("flight", pa.array(["one"] * 300), "has flight in another type"),
    ],
)
def test_an_input_whose_keys_changed_says_so(
    project: Any, column: str, cells: pa.Array | None, why: str
) -> None:
    project.score(NIGHT, "run-1")
    (file,) = (project.root / f"data/raw/date={NIGHT}").glob("*.parquet")
    table = pq.ParquetFile(file).read().drop_columns([column])
    pq.write_table(table if cells is None else table.append_column(column, cells), file)
    found, reason = look(project)
    assert len(found) == 0
    assert why in reason


def test_rows_that_are_not_there_any_more_are_not_made_up(project: Any) -> None:
    project.score(NIGHT, "run-1")
    (file,) = (project.root / f"data/raw/date={NIGHT}").glob("*.parquet")
    pq.write_table(pq.ParquetFile(file).read().slice(0, 0), file)
    assert look(project)[1] == "none of its rows is in the input any more"
    with pytest.raises(InputUnreadable, match=r"^there is no .*data/raw/date=2013-02-09$"):
        list(open_input(project.root, project.params).rows("2013-02-09", ["x"]))
