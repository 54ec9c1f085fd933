"""Which nights are found, and what is said where there are none."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from assay.errors import AssayError
from assay.evaluation import nights as last_nights
from assay.project import layout
from assay.project import params as parameters
from assay.project.params.inputs import Parquet, Postgres
from assay.reports.rehearsal import LastNights


def look(root: Path, nights: Any = 2, given: Any = None) -> LastNights:
    params = parameters.load(root)
    changes: dict[str, Any] = {"rehearse": params.rehearse.model_copy(update={"nights": nights})}
    if given is not None:
        changes["score"] = params.score.model_copy(update={"input": given})
    return last_nights.run(root, params.model_copy(update=changes))


def test_the_last_nights_of_a_folder(parcels: Path) -> None:
    (parcels / "data/raw/day=unknown").mkdir()
    found = look(parcels)
    assert [(night.day, night.rows, night.why) for night in found.nights] == [
        ("2024-03-04", 50, None),
        ("2024-03-05", 50, None),
    ]
    assert (found.input, found.why) == ("parquet", None)
    assert LastNights.read(parcels) == found


def test_a_copy_written_at_another_time_is_the_same_and_another_row_is_not(parcels: Path) -> None:
    first = look(parcels)
    (part,) = (parcels / "data/raw/day=2024-03-05").iterdir()
    os.utime(part, (1, 1))
    assert look(parcels) == first
    frame = pd.read_parquet(part)
    frame.loc[0, "weight"] = 39.0
    frame.to_parquet(part)
    before, after = look(parcels).nights
    assert (before, after != first.nights[1]) == (first.nights[0], True)


def test_days_by_name_where_one_is_not_there(parcels: Path) -> None:
    found = look(parcels, (date(2024, 3, 1), date(2025, 1, 1)))
    assert [night.day for night in found.nights] == ["2024-03-01", "2025-01-01"]
    assert found.nights[0].why is None
    assert "there is no night day=2025-01-01" in (found.nights[1].why or "")
    assert "The nearest is 2024-03-05." in (found.nights[1].why or "")
    assert str(parcels) not in found.text()


def test_a_night_without_a_column_says_so(parcels: Path) -> None:
    (part,) = (parcels / "data/raw/day=2024-03-05").iterdir()
    pq.write_table(pq.read_table(part).drop_columns(["weight"]), part)
    one, other = look(parcels).nights
    assert one.why is None
    assert "weight" in (other.why or "") and (other.fingerprint, other.rows) == ("", None)


QUERY = Postgres(
    format="postgres", url="postgresql://db/x", query="select * from raw where day = :night"
)


def test_a_query_has_no_last_nights_but_named_ones(parcels: Path) -> None:
    found = look(parcels, 2, QUERY)
    assert found.nights == ()
    assert "nobody can tell which nights a query has rows for" in (found.why or "")
    (night,) = look(parcels, (date(2024, 3, 1),), QUERY).nights
    assert (night.day, night.why) == ("2024-03-01", None)


def test_an_input_that_cannot_be_had_is_no_error(parcels: Path) -> None:
    shutil.rmtree(parcels / "data/raw")
    found = look(parcels)
    assert found.nights == ()
    assert found.why == "the input has no night: no partition day=... that is a day"
    gone = look(parcels, 2, Parquet(format="parquet", path="nosuch://bucket/nights"))
    assert gone.why and "\n" not in gone.why


def test_none_were_asked_for(parcels: Path) -> None:
    assert look(parcels, 0).why == "rehearse.nights in params.yaml is 0"


def test_a_folder_in_its_place_is_refused(parcels: Path) -> None:
    (parcels / layout.LAST_NIGHTS).mkdir(parents=True)
    with pytest.raises(AssayError, match="cannot be read: Is a directory"):
        LastNights.read(parcels)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"why": "none"}, "why is there beside nights"),
        ({"nights": []}, "why is missing: nights is empty"),
        ({"nights": [{"day": "a", "fingerprint": "", "rows": 1, "why": "gone"}]}, "nights[0].why"),
        (
            {"nights": [{"day": "a", "fingerprint": "f", "rows": 1, "why": None}] * 2},
            "nights has a more than once",
        ),
        ({"schema": 2}, "schema is 2"),
    ],
)
def test_an_edited_list_is_refused(parcels: Path, change: dict[str, Any], told: str) -> None:
    import json

    look(parcels)
    path = parcels / layout.LAST_NIGHTS
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(AssayError) as caught:
        LastNights.read(parcels)
    assert told in caught.value.line() and "dvc repro nights" in caught.value.line()
