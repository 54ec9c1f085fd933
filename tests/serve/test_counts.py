"""What was served is a night of counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from assay.columns.profile import Profile, merge_profiles
from assay.errors import StoreError
from assay.project import params
from assay.score.table import TableScorer
from assay.serve import counts
from assay.serve.counts import ServedCounts
from assay.serve.rows import ScoreRequest, answer_all
from assay.store import Store, open_store


class Clock:
    """Today, as a test says."""

    day = 1

    @classmethod
    def now(cls, zone: Any) -> datetime:
        return datetime(2024, 3, cls.day, tzinfo=zone)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    Clock.day = 1
    monkeypatch.setattr(counts, "datetime", Clock)
    return Clock


@pytest.fixture
def served(live: Path) -> ServedCounts:
    return ServedCounts(live, params.load(live))


def store_of(root: Path) -> Store:
    return open_store(root, params.load(root))


def serve(served: ServedCounts, scorer: TableScorer, rows: Any) -> None:
    _, batches = answer_all(scorer, [ScoreRequest(json.dumps(rows).encode())])
    served.add(scorer, batches)


def published(root: Path, day: str) -> Profile:
    store = store_of(root)
    run = store.visible_run(day)
    assert run is not None
    return store.profile(run, day)


def test_a_day_of_requests_is_judged_as_a_night(
    live: Path,
    served: ServedCounts,
    scorer: TableScorer,
    records: Any,
    clock: type[Clock],
    call: Callable[..., str],
) -> None:
    other = ServedCounts(live, params.load(live))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda row: serve(served, scorer, row), records[:30]))
    served.keep()
    serve(served, scorer, records[30:40])
    serve(other, scorer, records[40:])
    assert store_of(live).visible_run("2024-03-01") is None  # it is not over
    clock.day = 2
    serve(served, scorer, records[:5])
    served.keep()
    other.keep()
    _, (whole,) = answer_all(scorer, [ScoreRequest(json.dumps(records).encode())])
    found = published(live, "2024-03-01")
    for name, column in whole.profile.items():
        assert (found[name].counts, found[name].nulls) == (column.counts, column.nulls), name
        assert found[name].registers == column.registers
    run = store_of(live).published_run("2024-03-01")
    assert run is not None and run.rows_read == len(records)
    assert run.rows_quarantined == int(whole.bad.sum()) > 0
    assert "weight: greater_than(0)" in run.detail
    assert store_of(live).visible_run("2024-03-02") is None
    served.keep(ended=True)
    assert store_of(live).published_run("2024-03-02") is not None
    told = call(live, "assay", "monitor", "--date", "2024-03-01")
    assert "2024-03-01" in told
    assert store_of(live).check() == []


def test_what_cannot_be_kept_is_kept_later_and_once(
    live: Path,
    served: ServedCounts,
    scorer: TableScorer,
    records: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def lost(*_: object) -> None:
        raise StoreError("the store cannot be reached")

    serve(served, scorer, records[:10])
    with monkeypatch.context() as patch:
        patch.setattr(Store, "append_counts", lost)
        served.keep(ended=True)
    assert "not in the store yet: the store cannot be reached" in caplog.text
    serve(served, scorer, records[10:20])
    served.keep(ended=True)
    served.keep(ended=True)
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    whole = merge_profiles(
        *(answer_all(scorer, [ScoreRequest(json.dumps(part).encode())])[1][0].profile
          for part in (records[:10], records[10:20]))
    )  # fmt: skip
    assert published(live, day)["probability"].counts == whole["probability"].counts


def test_a_day_with_rows_of_its_own_is_left_and_named(
    live: Path,
    served: ServedCounts,
    scorer: TableScorer,
    records: Any,
    clock: type[Clock],
    call: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    call(live, "assay", "score", "--date", "2024-03-01")
    before = store_of(live).visible_run("2024-03-01")
    serve(served, scorer, records[:10])
    clock.day = 2
    serve(served, scorer, records[10:20])
    served.keep(ended=True)
    served.keep(ended=True)
    assert [each.getMessage().count("has rows of its own") for each in caplog.records] == [1]
    assert store_of(live).visible_run("2024-03-01") == before
    assert store_of(live).visible_run("2024-03-02") is not None
