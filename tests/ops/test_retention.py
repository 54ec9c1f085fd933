"""Rows that are older than they may be kept go; nights stay published, and what is needed stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assay.errors import ParamsError, UsageError
from assay.ops import forget, nightly
from assay.project import params
from assay.project.params import DataHold, Retention
from assay.store import Store
from assay.store.retention import ExpiredRows
from tests.scorer import NIGHT, Scorer

SECOND, THIRD = "2024-03-02", "2024-03-03"
ASKED = Retention(quarantine=30, predictions=400, labels=500)


class Day(datetime):
    """A day on which a night is so many days old."""

    today = date(2024, 3, 1)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime(cls.today.year, cls.today.month, cls.today.day, 12, tzinfo=tz)


@pytest.fixture
def nights(live: Path) -> Scorer:
    scorer = Scorer(live, None)
    for night in (NIGHT, SECOND, THIRD):
        scorer.score(night)
    scorer.params = scorer.params.model_copy(update={"retention": ASKED})
    return scorer


@pytest.fixture
def expired(
    nights: Scorer, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, ExpiredRows]]:
    def run(days: int, dry_run: bool = False, after: str = NIGHT) -> dict[str, ExpiredRows]:
        """What goes so many days after a night."""
        monkeypatch.setattr(Day, "today", date.fromisoformat(after) + timedelta(days=days))
        monkeypatch.setattr(forget, "datetime", Day)
        done = forget.vacuum(nights.root, nights.params, dry_run=dry_run)
        return {each.table: each for each in done.expired}

    return run


def rows(store: Store) -> dict[str, list[int]]:
    both = (store.predictions, store.quarantine)
    return {night: [read(night).num_rows for read in both] for night in store.partitions()}


def test_rows_go_table_by_table_and_nights_stay(
    nights: Scorer, expired: Callable[..., dict[str, ExpiredRows]]
) -> None:
    store = nights.store
    at = pa.array([datetime(2024, 3, 9, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    for night in (NIGHT, SECOND):
        key = store.predictions(night).slice(0, 1)["parcel"]
        truth = pa.table({"parcel": key, "truth": [True], "arrived_at": at})
        store.append_labels({night: truth}, "file", "Ada")
    before, runs = rows(store), store.runs()
    assert before[SECOND][1] > 0, "this one refused some"
    assert not any(each.nights for each in expired(30, after=SECOND).values())
    assert rows(store) == before
    dry = expired(31, dry_run=True, after=SECOND)
    assert rows(store) == before
    done = expired(31, after=SECOND)
    assert done == dry and done["quarantine"].rows == before[SECOND][1]
    assert rows(store) == {**before, SECOND: [before[SECOND][0], 0]}
    done = expired(401, after=SECOND)
    assert done["predictions"].nights == (NIGHT, SECOND) and not done["quarantine"].nights
    assert rows(store) == {NIGHT: [0, 0], SECOND: [0, 0], THIRD: before[THIRD]}
    assert store.labels(NIGHT).num_rows == 1
    expired(501)
    assert [store.labels(night).num_rows for night in (NIGHT, SECOND)] == [0, 1]
    assert store.runs() == runs and store.check() == []
    assert not any(each.nights for each in expired(501).values()), "again there is nothing to do"
    kept = [act for act in store.forget_acts() if act.by == "retention in params.yaml"]
    assert kept[0].because.startswith("quarantine of 2024-03-02 to 2024-03-02")


def test_a_file_of_an_expired_night_is_gone_from_the_disk(
    nights: Scorer, expired: Callable[..., dict[str, ExpiredRows]]
) -> None:
    nights.score(SECOND)  # a former version too
    folder = Path(nights.store.uri, "quarantine", f"day={SECOND}")
    assert len(list(folder.glob("*.parquet"))) >= 2
    expired(31, after=SECOND)
    assert list(folder.glob("*.parquet")) == []


@pytest.mark.parametrize("needed", ["hold", "held", "incident", "work"])
def test_what_somebody_needs_stays(
    nights: Scorer,
    expired: Callable[..., dict[str, ExpiredRows]],
    needed: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = rows(nights.store)
    if needed == "hold":
        hold = DataHold.model_validate({"from": SECOND, "to": SECOND, "because": "court order 12"})
        asked = ASKED.model_copy(update={"holds": (hold,)})
        nights.params = nights.params.model_copy(update={"retention": asked})
    if needed == "held":
        run = nights.store.runs(SECOND)[-1]
        now = nights.store.turn(SECOND)
        nights.store.append_run_events(run.then("started", run_id="waits", base=now))
        nights.store.append_run_events(run.then("held", run_id="waits", base=now))
    if needed == "incident":
        from assay.monitor.incidents.collect import AllNights
        from assay.monitor.nights.night import Incident

        open_one = Incident("data-1", "drift", "open", SECOND, SECOND, (), "it drifted")
        monkeypatch.setattr(forget, "all_nights", lambda known: AllNights((), (open_one,)))
    if needed == "work":
        at = datetime.fromisoformat(SECOND).replace(tzinfo=UTC) + timedelta(days=31, hours=11)
        run = nights.store.runs(SECOND)[-1]
        nights.store.append_run_events(
            run.then("started", run_id="works", at=at, started_at=at, base=1)
        )
    done = expired(31, after=SECOND)["quarantine"]
    assert done.nights == () and rows(nights.store) == before
    words = {
        "hold": "a hold: court order 12",
        "held": "run waits, which is held",
        "incident": "incident data-1, which is open",
        "work": "run works, which may be at work",
    }
    assert done.kept == {SECOND: words[needed]}


def test_a_hold_keeps_rows_from_being_forgotten(nights: Scorer) -> None:
    hold = DataHold.model_validate({"from": NIGHT, "to": NIGHT, "because": "court order 12"})
    held = nights.params.model_copy(update={"retention": Retention(holds=(hold,))})
    keys = {night: str(nights.store.predictions(night)["parcel"][0]) for night in (NIGHT, SECOND)}
    before = rows(nights.store)
    with pytest.raises(UsageError, match=r"rows of 2024-03-01 are on hold .*court order 12"):
        forget.run(nights.root, held, [keys[NIGHT]], None, "asked us to")
    assert rows(nights.store) == before and nights.store.forget_acts() == []
    done = forget.run(nights.root, held, [keys[SECOND]], None, "asked us to")
    assert done.nights == (SECOND,)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("{predictions: 29}", "retention.predictions of 30 or more"),
        ("{labels: 29}", "retention.labels of 30 or more"),
        ("{quarantine: 0}", "retention.quarantine"),
        ('{holds: [{from: "2024-03-02", to: "2024-03-01", because: x}]}', "'to' on or after"),
        ('{holds: [{from: "2024-03-01", to: "2024-03-02"}]}', "because"),
    ],
)
def test_a_retention_that_makes_no_sense_is_refused(live: Path, asked: str, said: str) -> None:
    text = (live / "params.yaml").read_text(encoding="utf-8")
    with pytest.raises(ParamsError) as error:
        params.parse(f"{text}\nretention: {asked}\n", "params.yaml")
    assert said in " ".join(error.value.lines())


def test_a_night_ends_with_it_where_something_is_asked(
    nights: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    nightly.run(nights.root, nights.params, lambda command: ran.append(command[0]))
    assert ran[-1] == "vacuum"
    none = nights.params.model_copy(update={"retention": Retention()})
    ran.clear()
    nightly.run(nights.root, none, lambda command: ran.append(command[0]))
    assert "vacuum" not in ran
