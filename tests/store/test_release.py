"""A held run can be published later, a published one taken back; both say who and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from assay.columns.profile import Profile
from assay.errors import NothingScored, PublishConflict, RunUnknown, StoreError
from assay.score.due import nights_waiting
from assay.store import Retraction, Store, release
from assay.store.runs import from_json, to_json

WHY = {"by": "Ada <ada@example.com>", "because": "checked by hand"}


def unlink(store: Store, table: str, run_id: str) -> None:
    for path in Path(store.table_uri(table)).rglob(f"{run_id}-*.parquet"):
        path.unlink()


# ------------------------------------------------------------------------------ release


def test_a_held_run_is_invisible_until_it_is_released(
    store: Store, make: Any, profile: Profile
) -> None:
    make.run("r1", good=[1], bad=[8])
    make.hold("r2", good=[2, 3], bad=[9], profile=profile)
    assert make.seen() == ([1], [8])
    assert make.active("quarantine") == ["r1-0.0.parquet"]
    with pytest.raises(NothingScored):
        store.profile("r2", "p")
    record = store.release("r2", **WHY)
    assert (record.event, record.by, record.because) == ("published", *WHY.values())
    assert make.seen() == ([2, 3], [9]) and make.active("quarantine") == ["r2-0.0.parquet"]
    assert store.profile("r2", "p") == profile
    told = {each.run_id: each for each in store.runs()}["r2"]
    assert (told.event, told.detail, told.by, told.because) == ("published", "odd", *WHY.values())
    commit = DeltaTable(store.table_uri("predictions")).history(1)[0]
    assert (commit["event"], commit["by"], commit["because"]) == ("released", *WHY.values())


def test_what_is_kept_of_a_held_run_is_all_of_it(make: Any) -> None:
    staged = make.stage("r1", "é/ü", good=[1, 2], bad=[3])
    held = replace(staged, run=replace(staged.run, files=to_json(staged)))
    assert from_json(held.run, "here") == held
    for text in ("", "{}", to_json(staged).replace('"size"', '"sighs"')):
        with pytest.raises(StoreError, match="here: what is known of the held run"):
            from_json(replace(staged.run, files=text), "here")


def test_a_held_run_that_was_overtaken_has_to_be_scored_again(store: Store, make: Any) -> None:
    make.hold("r1", bad=[7])
    make.run("r2", good=[5], bad=[9])
    with pytest.raises(PublishConflict, match=r"run r1: .*run r2.*Score the night again"):
        store.release("r1", **WHY)
    assert make.seen() == ([5], [9]) and make.active("quarantine") == ["r2-0.0.parquet"]
    store.retract("r2", **WHY)
    with pytest.raises(PublishConflict, match="to replace was retracted"):
        store.release("r1", **WHY)


def test_a_held_run_whose_files_changed_is_not_released(store: Store, make: Any) -> None:
    staged = make.hold("r1")
    Path(store.table_uri("predictions"), staged.predictions[0].path).write_bytes(b"half")
    with pytest.raises(StoreError, match="1 of 1 files are not there as they were written"):
        store.release("r1", **WHY)
    assert store.partitions() == []


def test_a_release_that_died_before_it_could_say_so_is_completed(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.hold("r1")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(release, "append_events", killed)
        store.release("r1", **WHY)
    assert store.visible_run("p") == "r1" and store.runs()[0].event == "published"
    store.release("r1", **WHY)
    assert store.runs()[0].by == WHY["by"]
    events = len(store.run_events("p"))
    again = store.release("r1", by="Bo", because="once more")
    assert (again.event, again.by, again.because) == ("published", *WHY.values())
    assert len(store.run_events("p")) == events
    make.run("r2")
    with pytest.raises(RunUnknown, match="it is published, and was replaced since"):
        store.release("r1", **WHY)
    with pytest.raises(RunUnknown, match="it is published"):
        store.release("r2", **WHY)


def test_only_held_runs_are_released(store: Store, make: Any) -> None:
    make.begin("20130701T000000Z-aaaa")
    make.hold("20130701T000000Z-aaab")
    make.event("20130701T000000Z-aaaa", "failed", 1)
    with pytest.raises(RunUnknown, match=r"expected a run that is held: .*-aaab.*failed"):
        store.release("20130701T000000Z-aaaa", **WHY)
    with pytest.raises(RunUnknown, match=r"aaxa to be released.*held: .*-aaab \(held.*mean .*-aaa"):
        store.release("20130701T000000Z-aaxa", **WHY)
    with pytest.raises(RunUnknown, match=r"one that is held: .*-aaab \(held, p\)"):
        store.release("?", **WHY)


def test_a_held_run_that_was_overtaken_is_not_offered(store: Store, make: Any) -> None:
    make.hold("20130701T000000Z-aaaa")
    make.run("20130701T000000Z-aaab")
    with pytest.raises(RunUnknown, match=r"held: the night has none, found it is published"):
        store.release("20130701T000000Z-aaab", **WHY)
    with pytest.raises(RunUnknown, match=r"one that is held: there is none"):
        store.release("?", **WHY)
    make.hold("20130701T000000Z-aaac")
    with pytest.raises(RunUnknown, match=r"held: 20130701T000000Z-aaac \(held, p\)\)"):
        store.release("?", **WHY)


# ------------------------------------------------------------------------------ retract


def test_a_retracted_run_gives_the_night_back_to_the_one_before(
    store: Store, make: Any, profile: Profile
) -> None:
    make.run("r1", good=[1, 2], bad=[8], profile=profile)
    make.run("r2", good=[3], bad=[9])
    before = DeltaTable(store.table_uri("predictions")).version()
    assert store.retract("r2", **WHY) == Retraction("r2", "p", "r1", **WHY)
    assert DeltaTable(store.table_uri("predictions")).version() == before + 1
    assert make.seen() == ([1, 2], [8]) and make.active("quarantine") == ["r1-0.0.parquet"]
    assert store.profile("r1", "p") == profile
    states = {each.run_id: (each.event, each.because) for each in store.runs()}
    assert states == {"r1": ("published", ""), "r2": ("retracted", WHY["because"])}
    found = store.published_run("p")
    assert found is not None and found.run_id == "r1"
    make.run("r3", good=[4])
    assert make.seen() == ([4], [])


def test_the_only_run_of_a_night_gives_it_back_to_nobody(store: Store, make: Any) -> None:
    make.run("r0", "q")
    make.run("r1", bad=[8])
    assert store.retract("r1", **WHY) == Retraction("r1", "p", None, **WHY)
    assert store.partitions() == ["q"] and make.active("quarantine") == []
    assert store.visible_run("p") is None
    assert store.runs("p")[0].detail == "back to run none"


def test_runs_are_taken_back_in_the_order_in_which_they_came(store: Store, make: Any) -> None:
    make.run("r1", good=[1])
    make.hold("r2", good=[2], bad=[9])
    store.release("r2", **WHY)
    make.run("r3", good=[3])
    make.run("x1", "q")
    assert store.retract("r3", **WHY).back_to == "r2"
    assert make.seen() == ([2], [9])
    make.run("r4", good=[4])
    assert [store.retract(f"r{n}", **WHY).back_to for n in (4, 2, 1)] == ["r2", "r1", None]
    assert store.partitions() == ["q"]


@pytest.mark.parametrize("table", ["predictions", "quarantine"])
def test_a_run_whose_files_are_gone_is_not_given_the_night_back(
    store: Store, make: Any, table: str
) -> None:
    make.run("r1", bad=[8])
    make.run("r2", bad=[9])
    unlink(store, table, "r1")
    assert store.retract("r2", **WHY).back_to is None
    assert store.partitions() == []


def test_a_run_whose_refused_rows_are_forgotten_is_not_given_the_night_back(
    store: Store, make: Any
) -> None:
    make.run("r1", bad=[8])
    make.run("r2")
    make.run("x1", "q", bad=[9])
    uri = store.table_uri("quarantine")
    DeltaTable(uri).create_checkpoint()
    for path in sorted(Path(uri, "_delta_log").glob("*.json"))[:-1]:
        path.unlink()
    assert store.retract("r2", **WHY).back_to is None


def test_only_what_readers_see_is_taken_back(store: Store, make: Any) -> None:
    make.run("r1")
    make.run("r2")
    with pytest.raises(RunUnknown, match=r"visible: r2 .*, found .*published, and was repl"):
        store.retract("r1", **WHY)
    done = store.retract("r2", **WHY)
    assert store.retract("r2", by="Bo", because="once more") == done
    make.run("r4")
    assert store.retract("r2", **WHY) == Retraction("r2", "p", "r4", **WHY)
    with pytest.raises(RunUnknown, match="no run r3"):
        store.retract("r3", **WHY)


@pytest.mark.parametrize("end", ["held", "failed", "started"])
def test_a_run_that_is_to_stay_unpublished_is_waited_for_no_longer(
    store: Store, make: Any, end: str
) -> None:
    make.run("r1", good=[1])
    if end == "held":
        make.hold("r2", good=[2])
    else:
        store.append_run_events(make.stage("r2").run.then(end))
    with pytest.raises(RunUnknown, match="r3"):
        store.retract("r3", **WHY)
    assert store.retract("r2", **WHY) == Retraction("r2", "p", "r1", **WHY)
    assert nights_waiting(store.visible_runs(), store.runs()) == {}
    assert make.seen()[0] == [1]
    with pytest.raises(RunUnknown):
        store.release("r2", **WHY)
    assert store.retract("r2", **WHY) == Retraction("r2", "p", "r1", **WHY)


def test_of_runs_that_came_to_nothing_the_last_one_is_taken_back(store: Store, make: Any) -> None:
    for run_id in ("r1", "r2"):
        store.append_run_events(make.stage(run_id).run.then("failed", "no input"))
    with pytest.raises(RunUnknown, match=r"expected .*r2"):
        store.retract("r1", **WHY)
    assert store.retract("r2", **WHY).back_to is None


def test_a_retraction_that_died_before_it_could_say_so_is_completed(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.run("r1")
    make.run("r2")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(release, "append_events", killed)
        store.retract("r2", **WHY)
    assert store.visible_run("p") == "r1"
    assert store.retract("r2", **WHY) == Retraction("r2", "p", "r1", **WHY)
    assert {each.run_id: each.event for each in store.runs()}["r2"] == "retracted"


def test_a_run_that_started_before_a_retraction_has_lost(store: Store, make: Any) -> None:
    slow = make.stage("r1", bad=[7])
    make.run("r2")
    store.retract("r2", **WHY)
    with pytest.raises(PublishConflict, match="retracted"):
        store.publish_run(slow)
    assert store.partitions() == []
