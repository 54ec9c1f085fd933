"""Partitioned Parquet: what is written comes back, and a failure leaves what was there."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from assay.project import partitions
from assay.project.params.inputs import Input
from assay.project.partitions import FolderNames


@given(
    days=st.lists(st.sampled_from(["2024-01-01", "2024-01-02", "a b", "x/y", "100%"]), min_size=1)
)
@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, days: list[str]):
    root = tmp_path_factory.mktemp("data")
    table = pa.table({"n": list(range(len(days))), "day": days})
    partitions.write(table, root, "day", "part-0")
    assert partitions.values(root, "day") == sorted(set(days))
    back = partitions.read(root, "day", start=min(days), end=max(days))
    assert sorted(zip(back["n"].to_pylist(), back["day"].to_pylist(), strict=True)) == list(
        enumerate(days)
    )


def test_a_window_reads_only_its_days(tmp_path: Path):
    table = pa.table({"n": [1, 2, 3], "day": ["2024-01-01", "2024-01-02", "2024-01-03"]})
    partitions.write(table, tmp_path, "day", "part-0")
    back = partitions.read(tmp_path, "day", start="2024-01-02", end="2024-01-02")
    assert back.to_pydict() == {"n": [2], "day": ["2024-01-02"]}


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path):
    target = tmp_path / "data"
    with partitions.replace_folder(target) as made:
        (made / "a").write_text("old")
    with pytest.raises(RuntimeError), partitions.replace_folder(target) as made:
        (made / "a").write_text("new")
        raise RuntimeError
    assert (target / "a").read_text() == "old"
    with partitions.replace_folder(target) as made:
        (made / "b").write_text("new")
    assert [path.name for path in target.iterdir()] == ["b"]
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


TEXT = st.text(st.characters(exclude_characters="/{}\0", exclude_categories=("Cs",)))


@given(value=TEXT.filter(bool), before=TEXT, after=TEXT)
def test_the_value_is_read_back_from_the_name(value: str, before: str, after: str) -> None:
    assume((before + value)[0] not in "._")
    for path in ("in", f"in/{before}{{night}}{after}"):
        names = FolderNames.of(path, "day")
        assert names.folder == "in"
        assert names.values([names.name(value)]) == (value,)


def test_other_files_beside_the_nights_are_none_of_them() -> None:
    names = FolderNames.of("s3://lake/parcels-{night}.csv", "day")
    others = ["parcels-.csv", "parcels-2024-03-01.csv.tmp", "old.csv", ".parcels-2024-03-01.csv"]
    assert names.values([*others, "parcels-2024-03-01.csv"]) == ("2024-03-01",)
    assert FolderNames.of("s3://lake", "day").values(["day", "week=1", "day=a%2Fb"]) == ("a/b",)


@pytest.mark.parametrize("path", ["in/{night}/a.csv", "{night}-{night}.csv", "{night}/in"])
def test_a_night_is_named_once_and_last(path: str) -> None:
    with pytest.raises(ValidationError, match="once, in the name after the last slash"):
        TypeAdapter(Input).validate_python({"format": "csv", "path": path})
