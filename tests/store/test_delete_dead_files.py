"""What dead runs leave is deleted, what anybody may still need is not, whatever clocks say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import deltalake
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.store import PartWriter, Store, vacuum
from assay.store import vacuum as tombstones

WHY = {"by": "Ada", "because": "why"}


def later(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def test_a_publication_sweeps_what_runs_before_it_left(store: Store, make: Any) -> None:
    make.begin("r1")
    make.stage("r1", good=[1, 2], bad=[8])  # killed
    make.begin("r2")
    make.stage("r2")
    make.event("r2", "failed", 1)
    make.hold("r3")
    temporary = PartWriter(store.table_uri("predictions"), "date=p/r1-0.9.parquet")
    temporary.write(make.rows("r1", [1]))
    scratch = Path(store.scratch_uri("r1"))
    scratch.mkdir(parents=True)
    (scratch / "0.keys").write_bytes(b"keys")
    make.age(2)
    make.run("r4", good=[4], bad=[9])
    assert make.files("predictions") == ["r4-0.0.parquet"]
    assert make.files("quarantine") == ["r4-0.0.parquet"]
    assert not (scratch / "0.keys").exists()
    assert make.seen() == ([4], [9])


def test_what_a_held_run_worked_with_is_swept_and_its_rows_stay(store: Store, make: Any) -> None:
    make.hold("r1")
    scratch = Path(store.scratch_uri("r1"))
    scratch.mkdir(parents=True)
    (scratch / "0.keys").write_bytes(b"keys")
    make.age(2)
    vacuum.delete_dead_files(store, "p")
    assert make.files("predictions") == ["r1-0.0.parquet"]
    assert not (scratch / "0.keys").exists()


def test_dead_runs_have_a_day_of_grace(store: Store, make: Any) -> None:
    make.begin("r1")
    make.stage("r1")
    make.run("r2")
    assert make.files("predictions") == ["r1-0.0.parquet", "r2-0.0.parquet"]


def test_a_clock_that_jumped_deletes_nothing_of_a_run_that_can_be_published(
    store: Store, make: Any
) -> None:
    make.run("r1")
    for run_id in ("r2", "r3"):  # both started after r1, and nobody overtook them
        make.begin(run_id)
    slow = make.stage("r2", good=[2])
    make.hold("r4", good=[4])
    make.age(9999)
    assert vacuum.delete_dead_files(store, "p") == []
    assert vacuum.delete_dead_files(store, "p", later(9999)) == []
    make.event("r3", "started", 9999)
    store.publish_run(slow)
    assert make.seen() == ([2], [])


def test_what_a_task_of_the_visible_run_left_twice_is_swept(store: Store, make: Any) -> None:
    make.begin("r1")
    staged = make.stage("r1", good=[1, 2])
    make.write("predictions", "r1", "p", make.rows("r1", [1]))
    again = PartWriter(store.table_uri("predictions"), "date=p/r1-7.7.parquet")
    with again:
        again.write(make.rows("r1", [1]))
    store.publish_run(staged)
    found = vacuum.delete_dead_files(store, "p", later(2))
    assert [(each.path, each.kind) for each in found] == [("date=p/r1-7.7.parquet", "dead")]
    assert make.seen() == ([1, 2], [])


def test_replaced_versions_are_not_swept(store: Store, make: Any) -> None:
    make.run("r1", good=[1], bad=[8])
    make.run("r2", good=[2])
    make.age(2)
    make.run("r3", good=[3])
    assert len(make.files("predictions")) == 3
    assert store.retract("r3", **WHY).back_to == "r2"
    assert store.retract("r2", **WHY).back_to == "r1"
    assert make.seen() == ([1], [8])


def test_what_is_made_visible_again_meanwhile_is_not_deleted(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.run("r1", bad=[8])
    make.run("r2", bad=[9])
    make.age(99)
    look = tombstones.read_tombstones

    def then_somebody_retracts(uri: str) -> dict[str, datetime]:
        if "quarantine" in uri:
            monkeypatch.setattr(tombstones, "read_tombstones", look)
            store.retract("r2", **WHY)
        return look(uri)

    monkeypatch.setattr(tombstones, "read_tombstones", then_somebody_retracts)
    vacuum.vacuum(store, 3)
    assert make.seen() == ([1], [8])


def test_a_night_that_changes_hands_meanwhile_is_left_to_the_next_sweep(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.run("r0")
    make.begin("r1")
    slow = make.stage("r1", good=[1])
    make.age(9)
    look = tombstones.read_tombstones

    def then_others_publish(uri: str) -> dict[str, datetime]:
        found = look(uri)
        monkeypatch.setattr(tombstones, "read_tombstones", look)
        store.publish_run(slow)
        make.run("r2", good=[2])
        return found

    monkeypatch.setattr(tombstones, "read_tombstones", then_others_publish)
    assert vacuum.delete_dead_files(store, "p") == []
    assert store.retract("r2", **WHY).back_to == "r1"
    assert make.seen() == ([1], [])


def test_a_run_that_failed_need_not_be_overtaken(store: Store, make: Any) -> None:
    make.begin("r1")
    make.stage("r1")
    assert store.vacuum(1)[0].left == 0
    make.event("r1", "failed", 1)
    make.age(1.1)
    assert store.vacuum(9)[0].left == 1 and make.files("predictions") == []


def test_an_event_is_written_after_a_vacuum_that_altered_the_table(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.begin("r1")
    write = deltalake.write_deltalake

    def while_a_vacuum_alters_the_table(opened: DeltaTable, rows: Any, **how: Any) -> None:
        if opened.version() == 0:
            longer = {"delta.logRetentionDuration": "interval 9 days"}
            DeltaTable(store.table_uri("runs")).alter.set_table_properties(longer)
        write(opened, rows, **how)

    monkeypatch.setattr(deltalake, "write_deltalake", while_a_vacuum_alters_the_table)
    make.begin("r2")
    assert [record.run_id for record in store.runs()] == ["r1", "r2"]


def test_files_of_runs_that_nobody_knows_wait_for_the_vacuum(store: Store, make: Any) -> None:
    make.run("r1")
    make.stage("mystery")
    assert vacuum.delete_dead_files(store, "p", later(2)) == []
    (done, *_) = vacuum.vacuum(store, 30, now=later(31))
    assert (done.table, done.left) == ("predictions", 1)
    assert make.files("predictions") == ["r1-0.0.parquet"]


LIFE = st.tuples(
    st.sampled_from("pq"), st.sampled_from(["publish", "die", "fail", "hold", "live", "retract"])
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LIFE, min_size=1, max_size=6), st.sampled_from([-9999, 0, 2, 9999]))
def test_whatever_the_clock_says_only_what_nobody_can_need_is_swept(
    maker: Any,
    tmp_path_factory: pytest.TempPathFactory,
    lives: list[tuple[str, str]],
    days: int,
) -> None:
    store = Store(str(tmp_path_factory.mktemp("swept")), "date")
    make, waiting, visible = maker(store), {}, {}
    for number, (partition, life) in enumerate(lives):
        run_id = f"r{number}"
        if life == "retract":
            if visible.get(partition):
                visible[partition] = store.retract(visible[partition], **WHY).back_to
                waiting[partition] = []
        elif life == "publish":
            make.run(run_id, partition, [number], [number])
            visible[partition], waiting[partition] = run_id, []
        elif life == "hold":
            make.hold(run_id, partition, good=[number], bad=[number])
            waiting.setdefault(partition, []).append((run_id, None))
        else:
            make.begin(run_id, partition)
            staged = make.stage(run_id, partition, [number], [number])
            if life == "fail":
                make.event(run_id, "failed", 1, partition=partition)
            if life == "live":
                waiting.setdefault(partition, []).append((run_id, staged))
        vacuum.delete_dead_files(store, partition, later(days))
    for partition in "pq":
        if visible.get(partition):
            number = int(visible[partition][1:])
            assert make.seen(partition) == ([number], [number])
        for run_id, staged in waiting.get(partition, [])[:1]:
            if staged is None:
                store.release(run_id, **WHY)
            else:
                store.publish_run(staged)
            number = int(run_id[1:])
            assert make.seen(partition) == ([number], [number])
