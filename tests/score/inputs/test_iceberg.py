"""Nights of Iceberg tables: pinned to a snapshot, read as files, or as pyiceberg reads them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import TypeAdapter
from pyiceberg.catalog import Catalog
from pyiceberg.expressions import EqualTo
from pyiceberg.transforms import VoidTransform

from assay.errors import AssayError, NightNotFound, SchemaMismatch, SourceError
from assay.project import params
from assay.project.params.inputs import Input
from assay.score.inputs.format import Format, NearbyRows
from assay.score.inputs.formats import open_input
from assay.score.inputs.landing import landed, local_home
from assay.score.inputs.types import NightInput
from tests import lake
from tests.projects import PARCELS
from tests.score.inputs.test_inputs import CONTRACT, NIGHT, parcels

NEXT = "2024-03-02"
Open = Callable[..., Format[Any]]


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    return lake.catalog(tmp_path, monkeypatch)


@pytest.fixture
def source(tmp_path: Path) -> Open:
    def opened(**more: Any) -> Format[Any]:
        spec = {"format": "iceberg", "table": "lake.departures", **more}
        given = params.load(PARCELS)
        score = given.score.model_copy(update={"input": TypeAdapter(Input).validate_python(spec)})
        return open_input(tmp_path, given.model_copy(update={"score": score}))

    return opened


def dated(night: Any, rows: int, first: int = 0) -> pa.Table:
    made = parcels(rows, first)
    return made.append_column("day", pa.array([night] * rows))


def keys(night: NightInput, root: Path) -> list[int]:
    """The keys that tasks would read, in their order."""
    with landed(night, local_home(root), CONTRACT, lambda: None) as found:  # type: ignore[arg-type, return-value]
        tables = [pa.parquet.read_table(each.path) for each in found.files]
        assert found.rows == sum(table.num_rows for table in tables)
        return [key for table in tables for key in table["parcel"].to_pylist()]


def test_a_night_is_its_files_at_one_snapshot(
    catalog: Catalog, source: Open, tmp_path: Path
) -> None:
    table = lake.write(catalog, "lake.departures", dated(NIGHT, 3), by="day")
    first = table.current_snapshot()
    assert first is not None
    table.append(dated(NEXT, 2, 10))
    opened = source()
    night = opened.find(NIGHT, CONTRACT)
    assert (night.rows, night.source, opened.nights()) == (3, None, (NIGHT, NEXT))
    newest = table.current_snapshot()
    assert newest and f"at snapshot {newest.snapshot_id}, day={NIGHT}" in night.where
    assert opened.fingerprint(NIGHT) == night.fingerprint
    table.append(dated(NIGHT, 4, 20))
    # What was opened stays at its snapshot, for this night and for what is read again.
    assert keys(opened.find(NIGHT, CONTRACT), tmp_path) == [0, 1, 2]
    again = [batch.num_rows for batch in opened.rows(NIGHT, ["parcel"])]
    assert sum(again) == opened.first_rows(NIGHT, 9).num_rows == 3
    assert opened.first_rows(NIGHT, 2).num_rows == 2
    assert sorted(keys(source().find(NIGHT, CONTRACT), tmp_path)) == [0, 1, 2, 20, 21, 22, 23]
    pinned = source(snapshot=first.snapshot_id)
    assert (pinned.nights(), keys(pinned.find(NIGHT, CONTRACT), tmp_path)) == ((NIGHT,), [0, 1, 2])
    # A night is another input once a file of it is: another night's commit changes nothing.
    assert pinned.fingerprint(NIGHT) == night.fingerprint != source().fingerprint(NIGHT)
    assert source().fingerprint(NEXT) == opened.fingerprint(NEXT)


def test_rows_without_a_night_are_told(
    catalog: Catalog, source: Open, caplog: pytest.LogCaptureFixture
) -> None:
    table = lake.write(catalog, "lake.departures", dated(NIGHT, 3), by="day")
    source().find(NIGHT, CONTRACT)
    assert not caplog.messages
    table.append(parcels(2, 10).append_column("day", pa.nulls(2, pa.string())))
    opened = source()
    assert (opened.find(NIGHT, CONTRACT).rows, opened.nights()) == (3, (NIGHT,))
    (said,) = caplog.messages
    assert said.endswith("2 rows without a day belong to no night")


def test_rows_that_were_deleted_are_not_read(
    catalog: Catalog, source: Open, tmp_path: Path
) -> None:
    table = lake.write(catalog, "lake.departures", dated(NIGHT, 6), by="day")
    before = source().fingerprint(NIGHT)
    (task,) = table.scan().plan_files()
    lake.delete_rows(table, task.file, [1, 4])
    night = source().find(NIGHT, CONTRACT)
    assert (night.files, night.source is None) == ((), False)
    assert keys(night, tmp_path) == [0, 2, 3, 5]
    assert night.fingerprint != before
    read = [row["parcel"] for b in source().rows(NIGHT, ["parcel"]) for row in b.to_pylist()]
    assert read == [0, 2, 3, 5]


def test_a_column_is_known_by_its_number_not_by_its_name(
    catalog: Catalog, source: Open, tmp_path: Path
) -> None:
    table = lake.write(catalog, "lake.departures", dated(NIGHT, 3), by="day")
    for old, new in (("weight", "old"), ("distance", "weight"), ("old", "distance")):
        with table.update_schema() as change:
            change.rename_column(old, new)
    table.append(dated(NIGHT, 1, 9).set_column(4, "distance", pa.array([1.0])))
    night = source().find(NIGHT, CONTRACT)
    assert night.files == ()
    with landed(night, local_home(tmp_path), CONTRACT, lambda: None) as found:  # type: ignore[arg-type, return-value]
        rows = pa.parquet.read_table(found.files[0].path).sort_by("parcel").to_pydict()
    # In the first file the two columns have each other's name.
    assert rows["weight"] == [None, 7.0, 7.0, 2.5]
    assert rows["distance"] == [2.5, 2.5, 2.5, 1.0]


def test_a_night_may_be_a_day(catalog: Catalog, source: Open) -> None:
    day = dt.date.fromisoformat(NIGHT)
    lake.write(catalog, "lake.departures", dated(day, 3), by="day")
    assert (source().nights(), source().find(NIGHT, CONTRACT).rows) == ((NIGHT,), 3)
    with pytest.raises(SourceError, match=r"cannot be read.*tmp"):
        source().find("tmp", CONTRACT)


def test_reading_again_stops_where_enough_was_seen(catalog: Catalog, source: Open) -> None:
    table = lake.write(catalog, "lake.departures", dated(NIGHT, 3), by="day")
    for first in (10, 20):
        table.append(dated(NIGHT, 3, first))
    near = NearbyRows([(0, 1)], most=4)
    assert sum(batch.num_rows for batch in source().rows(NIGHT, ["parcel"], near)) == 6


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        ({"table": "lake.nothing"}, SourceError, r"lake\.nothing in catalog default: .*not exist"),
        ({"catalog": "other"}, SourceError, r"PYICEBERG_CATALOG__OTHER__URI.*docs/inputs"),
        ({"snapshot": 7}, SourceError, r"no such snapshot.*snapshot 7.*the newest"),
        ({"night": "2024-03-09"}, NightNotFound, r"1 night from 2024-03-01.*nearest is 2024-03-01"),
        ({"by": None}, SourceError, r"not partitioned by 'day'"),
        ({"by": VoidTransform()}, SourceError, r"not partitioned by 'day'"),
        ({"drop": "weight"}, SchemaMismatch, r"'weight' is missing"),
        ({"rows": 0}, SourceError, r"no snapshot"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    catalog: Catalog, source: Open, spec: dict[str, Any], error: type[AssayError], words: str
) -> None:
    known = {"table", "catalog", "snapshot"}
    rows = dated(NIGHT, 3).slice(0, spec.get("rows", 3))
    made = rows.drop_columns([spec["drop"]] if "drop" in spec else [])
    lake.write(catalog, "lake.departures", made, by=spec.get("by", "day"))
    with pytest.raises(error, match=words) as caught:
        source(**{key: spec[key] for key in known & spec.keys()}).find(
            spec.get("night", NIGHT), CONTRACT
        )
    assert len(caught.value.lines()) == 1


def test_a_file_that_was_written_over_is_named(catalog: Catalog, source: Open) -> None:
    table = lake.write(catalog, "lake.departures", dated(NIGHT, 3), by="day")
    (task,) = table.scan().plan_files()
    path = task.file.file_path.removeprefix("file://")
    pa.parquet.write_table(pa.parquet.read_table(path).slice(1), path)
    with pytest.raises(SourceError, match=r"other rows than the table's metadata say.*3 rows"):
        source().find(NIGHT, CONTRACT)


def test_rows_of_a_table_that_was_emptied_are_no_night(catalog: Catalog, source: Open) -> None:
    table = lake.write(catalog, "lake.departures", dated(NIGHT, 3), by="day")
    table.delete(EqualTo("day", NIGHT))
    with pytest.raises(NightNotFound, match="no partitions"):
        source().find(NIGHT, CONTRACT)
