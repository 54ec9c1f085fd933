"""Nights that go wrong in the ways nights do: nothing lost, nothing half-published, one line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from assay.errors import RunHeld, StoreError
from tests.scorer import NIGHT, Scorer

LONG = "x" * 1_000_000


@pytest.fixture(params=["local", "files"])
def scorer(live: Path, spark, request: pytest.FixtureRequest) -> Scorer:
    made = Scorer(live, spark)
    made.set(carrier=request.param)
    return made


def put(table: pa.Table, name: str, values: list[object], kind: pa.DataType) -> pa.Table:
    """The first rows of a column replaced."""
    old = table[name].to_pylist()
    return table.set_column(
        table.schema.get_field_index(name), name, pa.array([*values, *old[len(values) :]], kind)
    )


def test_odd_values_are_scored_or_refused_each_for_its_reason(scorer: Scorer):
    def spoil(table: pa.Table) -> pa.Table:
        table = put(table, "distance", [np.inf, None, -1.0, 1e300], pa.float64())
        table = put(table, "depot", ["north"] * 4 + ["", LONG, "n\u0000rth"], pa.string())
        return table.append_column("remark", pa.array([LONG] * table.num_rows))

    scorer.change(spoil)
    report = scorer.score()
    assert (report.rows_read, report.rows_scored, report.rows_quarantined) == (50, 45, 5)
    refused = scorer.store.quarantine(NIGHT)
    reasons = sorted(map(tuple, refused["broken_rules"].to_pylist()))
    assert reasons == sorted(
        [
            ("distance: finite",),
            ("distance: greater_than_or_equal_to(0)",),
            *[("depot: isin(north, south, west)",)] * 3,
        ]
    )
    rows = [json.loads(row) for row in refused["row"].to_pylist()]
    assert not any("remark" in row for row in rows), "the contract does not name it"
    assert LONG in {row["depot"] for row in rows}
    scores = scorer.store.predictions(NIGHT)["probability"]
    assert scores.null_count == 0


def test_columns_added_and_types_that_are_wider_or_narrower_change_nothing(scorer: Scorer):
    before = scorer.score()
    plain = scorer.store.predictions(NIGHT).sort_by("parcel")

    def retype(table: pa.Table) -> pa.Table:
        table = table.set_column(
            table.schema.get_field_index("parcel"), "parcel", table["parcel"].cast(pa.int32())
        )
        depot = table["depot"].cast(pa.large_string())
        table = table.set_column(table.schema.get_field_index("depot"), "depot", depot)
        return table.append_column("extra", pa.array(range(table.num_rows))).select(
            [*reversed(table.column_names), "extra"]
        )

    scorer.change(retype)
    after = scorer.score()
    again = scorer.store.predictions(NIGHT).sort_by("parcel")
    assert again["probability"] == plain["probability"]
    assert again["parcel"] == plain["parcel"]
    assert after.rows_scored == before.rows_scored


def test_a_night_of_bad_rows_is_held_or_published_without_scores(scorer: Scorer):
    def spoil(table: pa.Table) -> pa.Table:
        return put(table, "weight", [-1.0] * table.num_rows, pa.float64())

    scorer.change(spoil)
    with pytest.raises(RunHeld, match=r"100\.00% \(50 of 50"):
        scorer.score()
    assert scorer.store.partitions() == []
    scorer.set("quarantine", max_share=1.0)
    report = scorer.score()
    assert (report.rows_scored, report.rows_quarantined, report.mean) == (0, 50, None)
    assert scorer.store.predictions(NIGHT).num_rows == 0
    assert scorer.store.quarantine(NIGHT).num_rows == 50


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for the log and a little more."""
    folder = tmp_path / "small"
    folder.mkdir()
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    command = [*as_root, "mount", "-t", "tmpfs", "-o", "size=1m,mode=1777", "tmpfs", str(folder)]
    able = shutil.which(command[0]) is not None
    if not able or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small file system can be mounted by root only")
    try:
        yield folder
    finally:
        subprocess.run([*as_root, "umount", str(folder)], check=True)


def test_a_full_disk_ends_the_run_and_readers_keep_what_they_had(scorer: Scorer, small_disk: Path):
    scorer.params = scorer.params.model_copy(update={"store": str(small_disk / "store")})
    scorer.open()
    first = scorer.score()
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"), filler.open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    with pytest.raises(StoreError, match=r"cannot be written.*No space left") as caught:
        scorer.score()
    assert "\n" not in str(caught.value)
    assert scorer.seen() == {first.run_id}
    filler.unlink()
    second = scorer.score()
    assert scorer.seen() == {second.run_id}
    assert scorer.store.predictions(NIGHT).num_rows == 50
