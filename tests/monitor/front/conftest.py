"""Nights that never ran: records, documents and metrics made of a few numbers."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from assay.monitor.drift.night_decision import NightDecision
from assay.monitor.front.command import Front
from assay.monitor.incidents.collect import combine_incidents
from assay.monitor.nights import facts
from assay.monitor.status import ChampionStatus
from assay.store import Run
from assay.store.runs import fold as fold_runs
from tests.monitor.decided import alarm, decided, finding

START = date(2013, 7, 1)


def event(partition: str, run_id: str, kind: Any, minute: int = 0, **more: Any) -> Run:
    at = datetime(2014, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    facts = {"name": "late-flights", "version": "v0.1.0", "bundle": "sha256:ab", "contract": "c"}
    return Run(run_id=run_id, event=kind, at=at, partition=partition, **{**facts, **more})


def records(*events: Run) -> list[Run]:
    return fold_runs(events)


def drift(night: str, run_id: str, crossed: bool = False, **times: float | None) -> NightDecision:
    return decided(
        night,
        run_id,
        reasons=("probability: distance 0.210 over its limit 0.120",) if crossed else (),
        findings=[finding(name, value) for name, value in times.items()],
        alarms=[alarm("probability", night, "answers")] if crossed else [],
        quiet=1,
    )


def scene(count: int = 90, columns: int = 15, name: str = "late-flights") -> Front:
    """A summer and an autumn with a bit of everything in it."""
    rng = random.Random(1)
    names = [f"column_{i:02}" for i in range(columns - 2)] + ["departure_minute", "<b>&wind"]
    events, visible, decisions, measured = [], {}, {}, []
    for i in range(count):
        night = str(START + timedelta(days=i))
        run = f"run-{i}"
        if i % 41 == 17:
            continue
        refused = rng.choice([0, 0, 3, 9]) + (60 if i % 33 == 5 else 0)
        rows = {
            "rows_read": 900 + rng.randrange(80),
            "rows_scored": 880,
            "rows_quarantined": refused,
        }
        kind = {29: "held", 45: "failed", 46: "failed"}.get(i % 97, "published")
        detail = {"held": "rows 2,400: over 1.5 times the median 930", "failed": "disk full"}
        events += [
            event(night, run, "started", 10 * i),
            event(night, run, kind, 10 * i + 5, detail=detail.get(kind, ""), **rows),
        ]
        if i % 97 == 50:
            events.append(event(night, f"{run}b", "failed", 10 * i + 7, detail="no space"))
        if kind != "published":
            continue
        visible[night] = run
        far = 62 <= i < 76 or i == 20
        times = {name: abs(rng.gauss(0.6, 0.25)) + (0.8 * rng.random() if far else 0)
                 for name in names}  # fmt: skip
        if i == 33:
            times["column_00"] = None
        if i < count - 2:
            decisions[night] = drift(night, run, far, **times)
        value = 0.74 - (0.04 if far else 0) + rng.gauss(0, 0.008)
        for estimated, low in ((True, 0.02), (False, 0.03)):
            if estimated or i < count - 14:
                measured.append(
                    {
                        "partition": night, "run_id": run, "maturity_days": 0 if estimated else 7,
                        "slice": "", "metric": "auc", "estimated": estimated, "at": i,
                        "value": value + (0 if estimated else rng.gauss(0, 0.02)),
                        "low": value - low, "high": value + low,
                    }
                )  # fmt: skip
    found = facts.combine_nights(
        records(*events), visible, decisions, measured, frozenset(decisions)
    )
    every = combine_incidents(found, decisions)
    nights = every.nights[-count:]
    return Front(
        name=name,
        stage="prod",
        nights=nights,
        champion=ChampionStatus(
            version="v0.1.0", since="2013-06-30", by="Ada", because="it ranks", commit="0123abc",
            bundle="sha256:" + "a1" * 32, verdict="PASS", override=None,
            unverified=None, rolled_back=False,
        ),
        metric="auc",
        max_drifted_share=0.5,
        max_quarantine_share=0.02,
        every=every,
    )  # fmt: skip


@pytest.fixture(name="scene")
def scene_fixture() -> Callable[..., Front]:
    return scene


@pytest.fixture(name="event")
def event_fixture() -> Callable[..., Run]:
    return event


@pytest.fixture(name="records")
def records_fixture() -> Callable[..., list[Run]]:
    return records


@pytest.fixture(name="drift")
def drift_fixture() -> Callable[..., NightDecision]:
    return drift
