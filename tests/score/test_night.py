"""A night's input is looked at before anything is started."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import layout
from pipeline.contract.load import load as load_contract
from pipeline.errors import NightEmpty, NightNotFound, SchemaMismatch, SourceError
from pipeline.score.night import find


@pytest.fixture
def contract(parcels: Path):
    return load_contract(parcels / "data" / "contract.py").without_label()


def folder(parcels: Path, day: str) -> Path:
    return parcels / layout.RAW / f"day={day}"


def look(parcels: Path, contract, day: str):
    return find(parcels / layout.RAW, "day", day, contract)


def test_rows_are_counted_from_the_footers(parcels: Path, contract):
    night = look(parcels, contract, "2024-03-01")
    assert (night.rows, len(night.files)) == (50, 1)


def test_a_night_that_is_not_there_names_the_nearest(parcels: Path, contract):
    with pytest.raises(NightNotFound, match=r"65 nights from 2024-01-01 to 2024-03-05.*nearest"):
        look(parcels, contract, "2024-03-06")
    with pytest.raises(NightNotFound, match=r"no partitions.*score\.input"):
        find(parcels / "nowhere", "day", "2024-03-01", contract)


def test_a_night_without_rows_is_not_a_night(parcels: Path, contract):
    path = folder(parcels, "2024-03-01") / "part-00000.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    with pytest.raises(NightEmpty, match="1 files, 0 rows"):
        look(parcels, contract, "2024-03-01")
    path.unlink()
    with pytest.raises(NightEmpty, match="0 files, 0 rows"):
        look(parcels, contract, "2024-03-01")


def test_a_file_cut_short_is_named(parcels: Path, contract):
    path = folder(parcels, "2024-03-01") / "part-00000.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SourceError, match=r"part-00000\.parquet: cannot be read as Parquet"):
        look(parcels, contract, "2024-03-01")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda t: t.drop_columns(["weight"]), "weight"),
        (lambda t: t.rename_columns({"weight": "weigth"}), "weigth"),
        (
            lambda t: t.set_column(
                t.schema.get_field_index("weight"), "weight", t["weight"].cast(pa.string())
            ),
            "string",
        ),
    ],
)
def test_a_column_missing_renamed_or_of_another_type_is_named(
    parcels: Path, contract, change, expected: str
):
    # In a second file: every file counts, not only the first.
    first = folder(parcels, "2024-03-01") / "part-00000.parquet"
    pq.write_table(change(pq.read_table(first)), first.with_name("part-00001.parquet"))
    with pytest.raises(SchemaMismatch, match=expected) as caught:
        look(parcels, contract, "2024-03-01")
    assert "part-00001.parquet" in caught.value.lines()[0]


def test_more_columns_are_fine(parcels: Path, contract):
    path = folder(parcels, "2024-03-01") / "part-00000.parquet"
    table = pq.read_table(path)
    pq.write_table(table.append_column("more", pa.array([1] * 50)), path)
    assert look(parcels, contract, "2024-03-01").rows == 50
