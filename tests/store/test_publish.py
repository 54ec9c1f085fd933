"""A run becomes visible whole, in one commit, or not at all."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.columns.profile import Profile
from assay.errors import NothingScored, PublishConflict, StoreError
from assay.store import Store, predictions_schema, quarantine_schema
from assay.store import publish as publishing

ROOT = Path(__file__).resolve().parents[2]
ODD = "2013/07 é%2F=1"


@pytest.mark.parametrize("partition", ["2013-07-01", ODD])
def test_what_was_published_is_read_back(store: Store, make: Any, partition: str) -> None:
    make.run("r1", partition, [1, 2, 3], [8, 9])
    read = store.predictions(partition)
    assert read.schema.equals(predictions_schema("date", make.keys, "binary"))
    assert set(read.column("date").to_pylist()) == {partition}
    assert store.quarantine(partition).schema.equals(quarantine_schema("date", make.keys))
    assert make.seen(partition) == ([1, 2, 3], [8, 9])
    assert store.partitions() == [partition] and store.visible_run(partition) == "r1"
    assert pickle.loads(pickle.dumps(store)).partitions() == [partition]


def test_a_rerun_replaces_its_partition_and_no_other(store: Store, make: Any) -> None:
    make.run("r1", "p", [1, 2, 3], [9])
    make.run("r2", "q", [4])
    before = DeltaTable(store.table_uri("predictions")).version()
    staged = make.run("r3", "p", [5, 6])
    assert make.seen("p") == ([5, 6], []) and make.seen("q") == ([4], [])
    table = DeltaTable(store.table_uri("predictions"))
    assert table.version() == before + 1
    commit = table.history(1)[0]
    assert {name: commit[name] for name in staged.run.identity} == staged.run.identity
    assert (commit["model_version"], commit["partition"]) == ("v1.0.0", "p")
    table.load_as_version(before)
    old = table.to_pyarrow_table(filters=[("date", "=", "p")])
    assert sorted(old.column("id").to_pylist()) == [1, 2, 3]


def test_quarantine_holds_rows_of_visible_runs_only(make: Any) -> None:
    make.run("r1", "p", bad=[8])
    make.run("r2", "q", bad=[9])
    make.run("r3", "p", bad=[7])
    assert make.active("quarantine") == ["r2-0.0.parquet", "r3-0.0.parquet"]


def test_publishing_a_run_again_changes_nothing(store: Store, make: Any) -> None:
    staged = make.stage("r1", good=[1, 2], bad=[9])
    for _ in range(2):
        store.publish_run(staged)
    assert make.seen() == ([1, 2], [9])
    assert DeltaTable(store.table_uri("predictions")).version() == 0
    assert DeltaTable(store.table_uri("quarantine")).version() == 0
    make.run("r2", good=[3])
    with pytest.raises(PublishConflict):
        store.publish_run(staged)


def test_a_run_that_was_overtaken_says_by_whom_and_leaves_nothing_to_see(
    store: Store, make: Any, profile: Profile
) -> None:
    make.run("r0", good=[1])
    slow = make.stage("r1", good=[2, 3], bad=[8], profile=profile)
    make.run("r2", good=[4], bad=[9])
    version = DeltaTable(store.table_uri("quarantine")).version()
    with pytest.raises(PublishConflict, match=r"date=p, run r1: .*run r2, visible since 20\d\d-"):
        store.publish_run(slow)
    assert DeltaTable(store.table_uri("quarantine")).version() == version
    assert make.seen() == ([4], [9])
    assert make.active("quarantine") == ["r2-0.0.parquet"]


def test_a_run_overtaken_at_the_last_moment_takes_its_quarantine_back(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = make.stage("r1", good=[2], bad=[8])
    add = publishing._add

    def then_another_publishes(*given: Any) -> None:
        add(*given)
        monkeypatch.setattr(publishing, "_add", add)
        make.run("r2", good=[4], bad=[9])

    monkeypatch.setattr(publishing, "_add", then_another_publishes)
    with pytest.raises(PublishConflict, match="run r2"):
        store.publish_run(slow)
    assert make.seen() == ([4], [9])
    assert make.active("quarantine") == ["r2-0.0.parquet"]


def test_what_a_run_that_started_after_the_commit_added_is_not_tidied_away(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.run("r0", bad=[6])
    remove, later = publishing._remove, []

    def meanwhile(target: Any, files: Any) -> None:
        monkeypatch.setattr(publishing, "_remove", remove)
        if not later:
            later.append(make.stage("r2", good=[5], bad=[7]))
            publishing._add(target, later[0].quarantine, {"p": {}})
        remove(target, files)

    monkeypatch.setattr(publishing, "_remove", meanwhile)
    make.run("r1", good=[4], bad=[8])
    store.publish_run(later[0])
    assert make.seen() == ([5], [7])


def test_a_run_that_ends_before_its_predictions_are_committed_is_invisible(
    store: Store, make: Any, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.run("r1", good=[1, 2], bad=[9], profile=profile)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    for crashed in ("r2", "r3"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(publishing, "_replace", killed)
            make.run(crashed, good=[5, 6, 7], bad=[8], profile=profile)
    assert make.seen() == ([1, 2], [9])
    found = store.published_run("p")
    assert found is not None and found.run_id == "r1"
    assert store.profile("r1", "p") == profile
    with pytest.raises(NothingScored, match="r2"):
        store.profile("r2", "p")
    make.run("r4", good=[5], bad=[6])
    assert make.seen() == ([5], [6]) and make.active("quarantine") == ["r4-0.0.parquet"]


def test_a_first_run_that_ends_early_leaves_nothing_to_read(store: Store, make: Any) -> None:
    make.stage("r1", bad=[8])
    for look in (store.predictions, store.quarantine):
        with pytest.raises(NothingScored, match="no run has published date=p"):
            look("p")
    assert store.partitions() == [] and store.published_run("p") is None and store.runs() == []


def test_a_night_of_which_every_row_was_refused_is_published(store: Store, make: Any) -> None:
    store.publish_run(make.stage("r1", good=[], bad=[1]))
    found = store.published_run("p")
    assert found is not None and (found.rows_scored, found.rows_quarantined) == (0, 1)
    assert make.seen() == ([], [1])
    with pytest.raises(ValueError, match="at least one file"):
        make.stage("r2", predictions=())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", ODD]),
            st.lists(st.integers(0, 99), max_size=4),
            st.lists(st.integers(0, 99), max_size=3),
            st.sampled_from(["publish", "publish", "die", "retract"]),
        ),
        min_size=1,
        max_size=7,
    )
)
def test_any_sequence_of_runs_equals_a_stack_of_nights(
    maker: Any, sequence: list[tuple[str, list[int], list[int], str]]
) -> None:
    model: dict[str, list[tuple[str, list[int], list[int]]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder, "date")
        make = maker(store)
        for number, (partition, good, bad, fate) in enumerate(sequence):
            run_id = f"r-{number}"
            stack = model.setdefault(partition, [])
            if fate == "die":
                make.stage(run_id, partition, good, bad)
            elif fate == "publish":
                make.run(run_id, partition, good, bad)
                stack.append((run_id, sorted(good), sorted(bad)))
            elif stack:
                taken = store.retract(stack.pop()[0], "me", "why")
                assert taken.back_to == (stack[-1][0] if stack else None)
        assert store.partitions() == sorted(name for name, stack in model.items() if stack)
        shown = []
        for partition, stack in model.items():
            assert store.visible_run(partition) == (stack[-1][0] if stack else None)
            if stack:
                run_id, good, bad = stack[-1]
                assert make.seen(partition) == (good, bad)
                shown += [f"{run_id}-0.{part}.parquet" for part in range(min(len(bad), 2))]
        if any(model.values()):
            assert make.active("quarantine") == sorted(shown)


def test_a_killed_process_leaves_readers_what_they_had(store: Store, make: Any) -> None:
    make.run("r1", good=[1, 2], bad=[9])
    script = (
        "import os, sys, pyarrow as pa\n"
        "from assay.store import Store, PartWriter\n"
        "store = Store(sys.argv[1], 'date')\n"
        "path = store.part_path_for('predictions', 'p', 'r2', '0')\n"
        "part = PartWriter(store.table_uri('predictions'), path)\n"
        "part.write(pa.table({'id': list(range(100_000))}))\n"
        "os._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, store.uri], cwd=ROOT, check=False)
    assert done.returncode == 9
    assert make.seen() == ([1, 2], [9])
    make.run("r3", good=[3])
    assert make.seen() == ([3], [])


def test_files_that_are_not_as_described_are_not_published(store: Store, make: Any) -> None:
    good = make.stage("r1", good=[1, 2])
    one, two = good.predictions
    Path(store.table_uri("predictions"), two.path).write_bytes(b"half")
    for files, words in [
        ((one, two), "1 of 2 files are not there as they were written"),
        ((one, one), "a file more than once"),
        (make.stage("r1", "q").predictions, "run r1, each file once"),
        (make.stage("r2").predictions, "run r1, each file once"),
    ]:
        with pytest.raises(StoreError, match=words):
            store.publish_run(replace(good, predictions=files))
    lost = make.stage("r1", good=[1], bad=[8, 9])
    Path(store.table_uri("quarantine"), lost.quarantine[0].path).unlink()
    with pytest.raises(StoreError, match="quarantine: 1 of 2 files"):
        store.publish_run(lost)
    assert store.partitions() == []
