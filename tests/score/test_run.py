"""A run on real Spark: published whole, held, or failed with readers none the wiser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import layout, params, partitions
from pipeline.contract.frame import to_frame
from pipeline.errors import BooksUnbalanced, NightNotFound, RunHeld, SparkFailed, StoreError
from pipeline.score import spark as spark_carrier
from pipeline.score.batch import score_frame
from pipeline.score.pin import Pinned, pin
from pipeline.score.run import RunReport, score_night
from pipeline.store import Store, open_store

NIGHT = "2024-03-01"


class Scorer:
    """Scores nights of a project with what is promoted there."""

    def __init__(self, root: Path, spark) -> None:
        self.root, self.spark = root, spark
        self.params = params.load(root)
        self.pinned: Pinned = pin(root, self.params)
        self.store: Store = open_store(root, self.params)

    def score(self, night: str = NIGHT) -> RunReport:
        return score_night(
            self.params, self.root, self.pinned, self.store, lambda: self.spark, night
        )

    def file(self, night: str = NIGHT) -> Path:
        return self.root / layout.RAW / f"day={night}" / "part-00000.parquet"

    def change(self, change, night: str = NIGHT) -> None:
        path = self.file(night)
        pq.write_table(change(pq.read_table(path)), path)

    def seen(self, night: str = NIGHT) -> set[str]:
        return set(self.store.predictions(night)["run_id"].to_pylist())

    def events(self, night: str = NIGHT) -> list[str]:
        return [record.event for record in self.store.runs(night)]


@pytest.fixture
def scorer(live: Path, spark) -> Scorer:
    return Scorer(live, spark)


def test_spark_scores_what_the_scoring_function_scores(scorer: Scorer):
    report = scorer.score()
    published = scorer.store.predictions(NIGHT).sort_by("parcel")
    rows = partitions.read(scorer.root / layout.RAW, "day", start=NIGHT, end=NIGHT)
    frame = to_frame(scorer.pinned.contract, rows.sort_by("parcel"))
    own = score_frame(scorer.pinned.bundle, frame)
    assert (published["probability"].to_numpy() == own).all()
    assert published["prediction"].to_pylist() == (own >= 0.5).tolist()
    assert published["parcel"].to_pylist() == frame["parcel"].tolist()
    assert report.rows_read == report.rows_scored == 50
    assert report.mean_probability == pytest.approx(own.mean())
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


def test_a_run_that_dies_before_the_commit_changes_nothing_and_the_next_succeeds(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
):
    first = scorer.score()
    real = Store.publish

    def dies(self: Store, table: str, *rest: object) -> None:
        if table == "predictions":
            raise StoreError("the disk is full")
        real(self, table, *rest)

    monkeypatch.setattr(Store, "publish", dies)
    with pytest.raises(StoreError, match="disk is full"):
        scorer.score()
    assert scorer.seen() == {first.run_id}
    monkeypatch.undo()
    second = scorer.score()
    assert scorer.seen() == {second.run_id}
    assert scorer.store.predictions(NIGHT).num_rows == 50
    assert scorer.events() == ["published", "failed", "published"]


def test_a_row_that_got_lost_on_the_way_stops_the_run(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
):
    real = spark_carrier.read

    def loses_one(session, night):
        return real(session, night).limit(night.rows - 1)

    monkeypatch.setattr(spark_carrier, "read", loses_one)
    with pytest.raises(BooksUnbalanced, match=r"expected 50 rows.*found 49 read, 49 scored"):
        scorer.score()
    assert scorer.store.published_run(NIGHT) is None
    assert scorer.events() == ["failed"]


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


def test_what_can_be_told_beforehand_starts_nothing(scorer: Scorer):
    with pytest.raises(NightNotFound):
        scorer.score("2031-01-01")
    assert scorer.store.runs() == []
    assert not (scorer.root / "store").exists()


def test_pages_that_cannot_be_read_end_the_run_with_the_files_name(scorer: Scorer):
    data = bytearray(scorer.file().read_bytes())
    footer = int.from_bytes(data[-8:-4], "little") + 8
    for at in range(4, len(data) - footer):
        data[at] ^= 0x5A
    scorer.file().write_bytes(bytes(data))
    with pytest.raises(SparkFailed, match=r"part-00000\.parquet.*spark\.log") as caught:
        scorer.score()
    assert "\n" not in str(caught.value)
    assert scorer.events() == ["failed"]
    assert scorer.store.partitions() == []
