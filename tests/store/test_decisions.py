"""Decisions about runs: the last about what readers see counts."""

from __future__ import annotations

from typing import Any

from assay.store import Store

NIGHT = "2013-07-01"


def row(run_id: str, decision: str | None) -> dict[str, Any]:
    return {"date": NIGHT, "run_id": run_id, "bundle": "sha256:ab", "decision": decision}


def test_the_last_decision_counts_and_none_appends_nothing(store: Store, make: Any) -> None:
    make.run("r1", NIGHT)
    store.append_decisions([])
    assert store.decisions() == {}
    for text in ("{}", "[]"):
        store.append_decisions([row("r1", text)])
    assert (store.decisions(), store.decided_runs()) == ({NIGHT: "[]"}, {NIGHT: "r1"})


def test_one_about_the_published_run_counts_whatever_came_later(store: Store, make: Any) -> None:
    make.run("r1", NIGHT)
    make.run("r2", NIGHT)
    for run_id in ("r2", "r1"):
        store.append_decisions([row(run_id, run_id)])
    assert store.decided_runs() == {NIGHT: "r2"}
    make.run("r3", NIGHT)
    assert store.decisions() == {NIGHT: "r1"}, "of a run that was replaced, the last"


def test_a_night_that_is_void_has_none(store: Store, make: Any) -> None:
    make.run("r1", NIGHT)
    store.append_decisions([row("r1", "{}")])
    store.append_decisions([row("r1", None)])
    assert store.decisions() == {}
