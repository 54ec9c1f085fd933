"""Small nights that are published in one commit: each is still whole, held or failed for itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from assay.errors import NotSynced, PublishConflict, ScoringFailed, StoreError
from assay.project import interrupts
from assay.score import run, stage, together
from assay.score.progress import Progress
from assay.score.run import NightOutcome
from assay.store import Run, Store
from assay.store.delta import fsync
from tests.scorer import Scorer

NIGHTS = [f"2024-03-0{day}" for day in range(1, 6)]


@pytest.fixture
def scorer(live: Path, spark: Any, monkeypatch: pytest.MonkeyPatch) -> Scorer:
    """Its first night is published alone, the other four together."""
    monkeypatch.setattr(stage, "how_many", lambda *_: 9)
    monkeypatch.setattr(together, "SECONDS", 600.0)
    found = Scorer(live, spark)
    found.set(carrier="local")
    return found


def score(scorer: Scorer, nights: Sequence[str] = NIGHTS) -> list[NightOutcome]:
    """What came of a range of nights, up to an error that ended it."""
    scoring = run.Scoring(
        scorer.params, scorer.root, scorer.pinned, scorer.store, lambda: scorer.spark
    )
    outcomes: list[NightOutcome] = []
    try:
        stage._score_all(scoring, list(nights), outcomes, True, Progress(len(nights)))
    finally:
        scorer.outcomes = outcomes  # type: ignore[attr-defined]
    return outcomes


def commits(scorer: Scorer, table: str) -> int:
    return DeltaTable(scorer.store.table_uri(table)).version() + 1


def rows(store: Store, night: str, kind: str) -> list[dict[str, Any]]:
    """All rows of a night without what differs from run to run."""
    table = getattr(store, kind)(night)
    kept = [name for name in table.column_names if not name.endswith("_at") and name != "run_id"]
    return sorted(table.select(kept).to_pylist(), key=str)


def test_together_comes_out_what_comes_out_alone(scorer: Scorer) -> None:
    found = score(scorer)
    assert [each.outcome for each in found] == ["published"] * 5
    assert commits(scorer, "predictions") == commits(scorer, "profiles") == 2
    # Started and published of each group.
    assert commits(scorer, "runs") == 4
    for each in found:
        assert scorer.seen(each.partition) == {each.report.run_id}
        assert scorer.events(each.partition) == ["published"]
    then = {night: [rows(scorer.store, night, kind) for kind in ("predictions", "quarantine")]
            for night in NIGHTS}  # fmt: skip
    profiles = {each.partition: scorer.store.profile(each.report.run_id, each.partition)
                for each in found}  # fmt: skip
    for night in NIGHTS:
        alone = scorer.score(night)
        assert then[night] == [
            rows(scorer.store, night, kind) for kind in ("predictions", "quarantine")
        ]
        assert profiles[night] == scorer.store.profile(alone.run_id, night)
    assert scorer.store.check_consistency() == [] and scorer.store.check() == []


def test_nights_are_held_by_those_before_them_in_the_same_commit(scorer: Scorer) -> None:
    """A night of few rows is held: the nights that it is compared with are not published yet."""
    scorer.set("publish", max_row_change=0.5, recent_nights=3)
    scorer.change(lambda table: table.slice(0, 10), NIGHTS[4])
    assert [each.outcome for each in score(scorer)] == ["published"] * 4 + ["held"]
    assert scorer.store.partitions() == NIGHTS[:4]
    held = scorer.store.runs(NIGHTS[4])[0]
    assert held.event == "held" and "rows" in held.detail
    scorer.store.release(held.run_id, "me", "why")
    assert scorer.store.predictions(NIGHTS[4]).num_rows == 10


def test_a_night_that_fails_leaves_the_others_alone(scorer: Scorer) -> None:
    scorer.file(NIGHTS[2]).write_bytes(b"no table")
    assert [each.outcome for each in score(scorer)] == [
        "published", "published", "failed", "published", "published",
    ]  # fmt: skip
    assert scorer.store.partitions() == [night for night in NIGHTS if night != NIGHTS[2]]


@pytest.mark.parametrize("error", [ScoringFailed("memory ran out"), ZeroDivisionError()])
@pytest.mark.parametrize("name", ["_scored", "make_job"])
def test_what_ends_the_range_leaves_what_was_scored_before_it(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch, error: Exception, name: str
) -> None:
    real = getattr(run, name)

    def fails(*given: Any) -> Any:
        if NIGHTS[3] in (getattr(each, "value", None) for each in given):
            raise error
        return real(*given)

    monkeypatch.setattr(run, name, fails)
    with pytest.raises(type(error)):
        score(scorer)
    assert [each.partition for each in scorer.outcomes] == NIGHTS[:3]
    assert scorer.store.partitions() == NIGHTS[:3]
    # The last four started together, so the fifth, which nobody came to, failed too.
    assert [scorer.events(night) for night in NIGHTS[2:]] == [["published"], ["failed"], ["failed"]]


def test_an_interrupt_publishes_nothing_more(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = run._scored

    def interrupted(scoring: Any, night: Any, *given: Any) -> Any:
        if night.value == NIGHTS[3]:
            raise KeyboardInterrupt
        return real(scoring, night, *given)

    monkeypatch.setattr(run, "_scored", interrupted)
    with pytest.raises(KeyboardInterrupt):
        score(scorer)
    assert scorer.store.partitions() == NIGHTS[:1]
    # The four started together.
    assert [scorer.events(night) for night in NIGHTS[1:]] == [["failed"]] * 4
    assert {each.detail for each in scorer.store.runs(NIGHTS[4])} == {"interrupted"}


def test_an_interrupt_that_nobody_raised_ends_the_run_whose_start_is_recorded(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As py4j swallows one: it is seen before the night is published."""
    real = run.Attempt.score

    def unnoticed(*given: Any) -> None:
        real(*given)
        monkeypatch.setattr(interrupts, "_seen", True)

    monkeypatch.setattr(run.Attempt, "score", unnoticed)
    with pytest.raises(KeyboardInterrupt):
        score(scorer)
    assert scorer.store.partitions() == [] and scorer.events(NIGHTS[0]) == ["failed"]


def test_one_that_another_run_overtakes_fails_alone(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Store.publish_runs

    def late(self: Store, runs: Any) -> Any:
        if len(runs) == 4:
            monkeypatch.setattr(Store, "publish_runs", real)
            scorer.score(NIGHTS[2])
        return real(self, runs)

    monkeypatch.setattr(Store, "publish_runs", late)
    found = score(scorer)
    assert [each.outcome for each in found] == [
        "published", "published", "failed", "published", "published",
    ]  # fmt: skip
    assert isinstance(found[2].error, PublishConflict)
    assert sorted(scorer.events(NIGHTS[2])) == ["failed", "published"]
    assert scorer.store.check_consistency() == []


def test_one_that_cannot_be_published_does_not_keep_those_before_it_back(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Store.publish_runs

    def gone(self: Store, runs: Any) -> Any:
        for each in runs:
            if each.partition == NIGHTS[3]:
                path = Path(self.table_uri("predictions"), each.predictions[0].path)
                path.unlink(missing_ok=True)
        return real(self, runs)

    monkeypatch.setattr(Store, "publish_runs", gone)
    with pytest.raises(StoreError, match="1 of 1 files are not there"):
        score(scorer)
    assert scorer.store.partitions() == NIGHTS[:3]
    assert [each.partition for each in scorer.outcomes] == NIGHTS[:3]
    assert [scorer.events(night) for night in NIGHTS[2:]] == [["published"], ["failed"], ["failed"]]


@pytest.mark.parametrize("part", ["2024-03-03", "profiles", "predictions/_delta_log"])
def test_an_error_of_the_disk_is_not_hidden_by_trying_again(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    real, failed, flushed = fsync._sync_one, list[str](), list[object]()
    monkeypatch.setattr(stage, "how_many", lambda *of: flushed.append(of) or 9)

    def once(path: str) -> None:
        if flushed and part in path and not failed:
            failed.append(path)
            raise OSError(5, "Input/output error", path)
        real(path)

    monkeypatch.setattr(fsync, "_sync_one", once)
    with pytest.raises(
        NotSynced, match=r"Input/output error.*check the disk and the room"
    ) as caught:
        score(scorer)
    visible = "_delta_log" in part  # the commit that could not be synced
    assert scorer.store.partitions() == (NIGHTS if visible else NIGHTS[:1])
    assert ("from this one on are published" in str(caught.value)) == visible


def test_the_file_that_the_disk_failed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "day=2024-03-03" / "part.parquet"
    path.parent.mkdir()
    path.write_text("rows")

    def fails(opened: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match=r"Input/output error: 'day=2024-03-03/part\.parquet'"):
        fsync._sync_one(str(path))


def test_events_that_cannot_be_recorded_say_that_the_nights_are_published(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Store.append_run_events

    def full(self: Store, *events: Run) -> None:
        if events[0].event == "published" and events[0].partition != NIGHTS[0]:
            raise StoreError("cannot be written", found="No space left on device")
        real(self, *events)

    monkeypatch.setattr(Store, "append_run_events", full)
    with pytest.raises(StoreError, match=r"the night is published.*No space left"):
        score(scorer)
    assert scorer.store.partitions() == NIGHTS
    assert all(scorer.events(night) == ["published"] for night in NIGHTS)


def test_nights_that_take_longer_than_was_thought_are_published_sooner(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "SECONDS", 0.0)
    assert [each.outcome for each in score(scorer)] == ["published"] * 5
    assert commits(scorer, "predictions") == 5


def test_so_many_as_a_second_holds() -> None:
    assert together.SECONDS == 1.0
    assert together.how_many(10.0, 1) == 1 and together.how_many(0.0, 1) == together.MOST
    assert together.how_many(0.25, 5) == 20
