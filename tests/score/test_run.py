"""A run: published whole, held, or failed with readers none the wiser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from assay.contract.columns import to_frame
from assay.errors import (
    NightNotFound,
    PublishConflict,
    RowCountMismatch,
    RunHeld,
    SourceError,
    StoreError,
)
from assay.model.batch import score_frame
from assay.project import layout, partitions
from assay.score import run
from assay.score.run import ScoredRun
from assay.store import Store
from tests.scorer import NIGHT, Scorer


def test_a_run_scores_what_the_scoring_function_scores(scorer: Scorer):
    report = scorer.score()
    published = scorer.store.predictions(NIGHT).sort_by("parcel")
    rows = partitions.read(scorer.root / layout.RAW, "day", start=NIGHT, end=NIGHT)
    frame = to_frame(scorer.pinned.contract, rows.sort_by("parcel"))
    own = score_frame(scorer.pinned.bundle, frame)
    assert (published["probability"].to_numpy() == own).all()
    assert published["prediction"].to_pylist() == (own >= 0.5).tolist()
    assert published["parcel"].to_pylist() == frame["parcel"].tolist()
    assert report.rows_read == report.rows_scored == 50
    assert report.mean == pytest.approx(own.mean())
    (file,) = Path(scorer.store.table_uri("predictions")).rglob(f"{report.run_id}-*.parquet")
    loose = [each.name for each in pq.read_schema(file) if each.nullable]
    assert loose == ["prediction", "probability"]  # a key or a stamp is never null
    profile = scorer.store.profile(report.run_id, NIGHT)
    assert profile["weight"].rows == 50
    assert sum(profile["probability"].counts) == 50


def test_a_night_in_several_files_is_one_night(scorer: Scorer):
    whole = pq.read_table(scorer.file())
    for number in range(5):
        target = scorer.file().with_name(f"part-{number:05d}.parquet")
        pq.write_table(whole.slice(number * 10, 10), target)
    report = scorer.score()
    assert report.rows_scored == 50
    assert len(set(scorer.store.predictions(NIGHT)["parcel"].to_pylist())) == 50


def test_a_key_twice_holds_the_night_and_readers_keep_what_they_had(scorer: Scorer):
    first = scorer.score()
    scorer.change(lambda table: pa.concat_tables([table, table.slice(0, 2)]))
    with pytest.raises(RunHeld, match=r"not published: unique_key.*2 rows"):
        scorer.score()
    assert scorer.seen() == {first.run_id}
    assert scorer.events() == ["published", "held"]


def test_a_night_with_too_many_bad_rows_is_held_even_if_it_is_the_first(scorer: Scorer):
    def spoil(table: pa.Table) -> pa.Table:
        weight = np.where(np.arange(table.num_rows) < 20, -1.0, table["weight"].to_numpy())
        at = table.schema.get_field_index("weight")
        return table.set_column(at, "weight", pa.array(weight))

    scorer.change(spoil)
    with pytest.raises(
        RunHeld, match=r"40\.00% \(20 of 50; most broke 'weight: greater_than\(0\)'"
    ):
        scorer.score()
    assert scorer.store.published_run(NIGHT) is None
    assert scorer.store.partitions() == []


def test_a_score_that_nothing_explains_holds_the_first_night_too(scorer: Scorer):
    def broken(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index("distance")
        return table.set_column(at, "distance", pc.multiply(table["distance"], 60.0))

    scorer.change(broken)
    with pytest.raises(
        RunHeld, match=r"gross break: probability: distance 0\.\d+ beyond its break limit 0\.\d+, "
    ) as caught:
        scorer.score()
    assert caught.value.exit_code != 0
    # Nobody is sent to a quarantine that is empty.
    assert "quarantine show" not in caught.value.line()
    assert f"score the night again: assay score --date {NIGHT}; or publish" in caught.value.line()
    assert scorer.store.partitions() == []
    # A limit that a person set says how far the score may stray.
    scorer.set("monitor", limits={"probability": 1.0})
    assert scorer.score().rows_scored == 50


def test_a_run_that_dies_before_the_commit_changes_nothing_and_the_next_succeeds(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
):
    first = scorer.score()

    def dies(self: Store, runs: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(Store, "publish_runs", dies)
    with pytest.raises(StoreError, match="disk is full"):
        scorer.score()
    assert scorer.seen() == {first.run_id}
    monkeypatch.undo()
    second = scorer.score()
    assert scorer.seen() == {second.run_id}
    assert scorer.store.predictions(NIGHT).num_rows == 50
    assert scorer.events() == ["published", "failed", "published"]


@pytest.mark.parametrize("carrier", ["local", "files"])
def test_a_row_that_got_lost_on_the_way_stops_the_run(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch, carrier: str
):
    scorer.set(carrier=carrier)
    real = run.total
    monkeypatch.setattr(run, "total", lambda found: replace(real(found), rows=49))
    with pytest.raises(RowCountMismatch, match=r"expected 50 rows.*found 49 read, 50 scored"):
        scorer.score()
    assert scorer.store.published_run(NIGHT) is None
    assert scorer.events() == ["failed"]


def test_of_two_runs_of_one_night_the_second_to_commit_ends_with_a_clear_message(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
):
    real = Store.publish_runs
    others: list[ScoredRun] = []

    def late(self: Store, runs: Any) -> Any:
        monkeypatch.setattr(Store, "publish_runs", real)
        others.append(scorer.score())
        return real(self, runs)

    monkeypatch.setattr(Store, "publish_runs", late)
    with pytest.raises(PublishConflict) as caught:
        scorer.score()
    assert others[0].run_id in str(caught.value)
    assert scorer.seen() == {others[0].run_id}
    assert sorted(scorer.events()) == ["failed", "published"]


def test_one_night_leaves_the_others_alone(scorer: Scorer):
    first = scorer.score("2024-03-01")
    second = scorer.score("2024-03-02")
    again = scorer.score("2024-03-02")
    assert scorer.seen("2024-03-01") == {first.run_id}
    assert scorer.seen("2024-03-02") == {again.run_id} != {second.run_id}
    assert second.rows_quarantined == again.rows_quarantined == 3
    refused = scorer.store.quarantine("2024-03-02")
    assert set(refused["run_id"].to_pylist()) == {again.run_id}
    assert refused.num_rows == 3


def test_what_fails_before_a_row_is_read_is_a_run_that_failed(scorer: Scorer):
    with pytest.raises(NightNotFound):
        scorer.score("2031-01-01")
    (run,) = scorer.store.runs()
    assert (run.partition, run.event) == ("2031-01-01", "failed")
    assert "there is no night day=2031-01-01" in run.detail


def test_pages_that_cannot_be_read_end_the_run_with_the_files_name(scorer: Scorer):
    data = bytearray(scorer.file().read_bytes())
    footer = int.from_bytes(data[-8:-4], "little") + 8
    for at in range(4, len(data) - footer):
        data[at] ^= 0x5A
    scorer.file().write_bytes(bytes(data))
    with pytest.raises(SourceError, match=r"part-00000\.parquet: cannot be read") as caught:
        scorer.score()
    assert "\n" not in str(caught.value)
    assert scorer.events() == ["failed"]
    assert scorer.store.partitions() == []


def test_rows_with_a_key_of_another_are_refused_all_of_them(scorer: Scorer) -> None:
    rules = scorer.pinned.rules.model_copy(
        update={"night": tuple(r for r in scorer.pinned.rules.night if r.rule != "unique_key")}
    )
    scorer.pinned = replace(scorer.pinned, rules=rules)
    scorer.set("quarantine", max_share=0.2)

    def spoil(table: pa.Table) -> pa.Table:
        heavier = table.slice(0, 2).to_pylist()
        for row in heavier:
            row["weight"] += 1.0
        again = pa.Table.from_pylist([*heavier, table.slice(5, 1).to_pylist()[0]], table.schema)
        return pa.concat_tables([table, again])

    whole = pq.read_table(scorer.file())["parcel"].to_pylist()
    scorer.change(spoil)
    report = scorer.score()
    assert (report.rows_read, report.rows_scored, report.rows_quarantined) == (53, 47, 6)
    assert report.broken == {"unique_key": 6}
    twice = {whole[place] for place in (0, 1, 5)}
    published = scorer.store.predictions(NIGHT)["parcel"].to_pylist()
    assert sorted(published) == sorted(set(whole) - twice)
    refused = scorer.store.quarantine(NIGHT)
    assert sorted(refused["parcel"].to_pylist()) == sorted([*twice, *twice])
    assert refused["broken_rules"].to_pylist() == [["unique_key"]] * 6
    assert scorer.store.profile(report.run_id, NIGHT)["weight"].rows == 47
    files = [*Path(scorer.store.table_uri("predictions")).rglob(f"{report.run_id}-*.parquet")]
    assert sum(pq.read_metadata(each).num_rows for each in files) == 47, "what was first is gone"

    scorer.set("quarantine", repeated_keys="publish")
    assert scorer.score().rows_scored == 53
