"""Partitioned Parquet: what is written comes back, and a failure leaves what was there."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.project import partitions


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
