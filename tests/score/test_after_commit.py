"""What fails after a night was published says so; what is lost later is scored again."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import StoreError
from assay.score import run, stage
from assay.score.progress import Progress
from assay.score.run import NightOutcome
from assay.store import Run, Store
from tests.scorer import NIGHT, Scorer


def again(scorer: Scorer) -> str:
    """What the nightly command makes of the night, without --force."""
    scoring = run.Scoring(
        scorer.params, scorer.root, scorer.pinned, scorer.store, lambda: scorer.spark
    )
    outcomes: list[NightOutcome] = []
    stage._score_all(scoring, [NIGHT], outcomes, False, Progress(1))
    return outcomes[0].outcome


def test_a_disk_that_fills_after_the_commit_says_that_the_night_is_published(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
):
    real = Store.append_run_events

    def full(self: Store, event: Run) -> None:
        if event.event != "started":
            raise StoreError("cannot be written", found="No space left on device")
        real(self, event)

    monkeypatch.setattr(Store, "append_run_events", full)
    with pytest.raises(StoreError) as caught:
        scorer.score()
    line, run_id = caught.value.line(), scorer.store.visible_run(NIGHT)
    assert f"the night is published, readers see run {run_id}" in line
    assert "No space left" in line and "\n" not in line
    monkeypatch.undo()
    assert again(scorer) == "skipped"


@pytest.mark.parametrize("table", ["predictions", "quarantine"])
def test_a_night_whose_file_is_gone_is_not_skipped(scorer: Scorer, table: str):
    night = "2024-03-02"
    scorer.score(night)
    scorer.score()
    assert again(scorer) == "skipped"
    for path in Path(scorer.store.table_uri(table)).rglob("*.parquet"):
        path.unlink()
    # Of quarantine this night has no file that could be gone.
    assert again(scorer) == ("published" if table == "predictions" else "skipped")
    assert scorer.store.predictions(NIGHT).num_rows == 50


def test_a_start_that_cannot_be_recorded_publishes_nothing(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
):
    told = []

    def full(self: Store, event: Run) -> None:
        told.append(event.event)
        raise StoreError("cannot be written", found="No space left on device")

    monkeypatch.setattr(Store, "append_run_events", full)
    with pytest.raises(StoreError, match="cannot be written") as caught:
        scorer.score()
    assert "is published" not in caught.value.line()
    assert told == ["started", "failed"]
    assert scorer.store.visible_run(NIGHT) is None


def test_scoring_that_fails_is_recorded(scorer: Scorer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run, "_scored", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        scorer.score()
    events = scorer.store.run_events(NIGHT)
    assert [each.event for each in events] == ["started", "failed"]
    assert (events[1].detail, events[1].carrier) == ("division by zero", "local")
    assert events[0].run_id == events[1].run_id
