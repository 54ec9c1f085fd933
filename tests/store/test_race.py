"""Runs, readers and cleaners at once: real threads and processes on one store."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from assay.columns.profile import Profile
from assay.errors import PublishConflict
from assay.store import Store, vacuum
from assay.store.delta import commits, log

ROOT = Path(__file__).resolve().parents[2]
AtOnce = Callable[[Callable[[int], object], int], list[Exception]]


def test_of_runs_that_race_for_a_partition_one_publishes(
    store: Store, make: Any, at_once: AtOnce
) -> None:
    make.run("r0", "other", [7])
    staged = [make.stage(f"r{n}", "p", [1, 2, n], [n]) for n in range(5)]
    errors = at_once(lambda n: store.publish_run(staged[n]), 4)
    assert len(errors) == 3 and all(isinstance(error, PublishConflict) for error in errors)
    winner = store.visible_run("p")
    assert winner is not None and all(f"run {winner}" in str(error) for error in errors)
    number = int(winner[1:])
    assert make.seen("p") == (sorted([1, 2, number]), [number])
    assert make.active("quarantine") == [f"{winner}-0.0.parquet"]
    assert make.seen("other") == ([7], [])
    with pytest.raises(PublishConflict):
        store.publish_run(staged[0])


RACER = """
import json, pickle, sys, time
from pathlib import Path
from assay.errors import PublishConflict
from assay.store import Store

store = Store(sys.argv[1], "date")
runs = pickle.loads(Path(sys.argv[2]).read_bytes())
Path(sys.argv[2] + ".ready").touch()
while not Path(sys.argv[3]).exists():
    time.sleep(0.001)
told = []
for staged in runs:
    try:
        store.publish_run(staged)
        told.append("published")
    except PublishConflict as error:
        told.append("overtaken")
print(json.dumps(told))
"""


def test_processes_that_race_publish_each_partition_once(
    store: Store, make: Any, tmp_path: Path
) -> None:
    racers = range(3)
    go = tmp_path / "go"
    for n in racers:
        runs = [make.stage(f"r{n}-{p}", p, [n], [n]) for p in ("p", "q", f"own{n}")]
        (tmp_path / f"{n}").write_bytes(pickle.dumps(runs))
    started = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, store.uri, str(tmp_path / f"{n}"), str(go)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )
        for n in racers
    ]  # fmt: skip
    while not all((tmp_path / f"{n}.ready").exists() for n in racers):
        assert all(process.poll() is None for process in started)
    go.touch()
    told = [json.loads(process.communicate()[0]) for process in started]
    assert all(process.returncode == 0 for process in started)
    for place, partition in enumerate(("p", "q")):
        assert sorted(each[place] for each in told) == ["overtaken", "overtaken", "published"]
        winner = next(n for n in racers if told[n][place] == "published")
        assert make.seen(partition) == ([winner], [winner])
    assert [each[2] for each in told] == ["published"] * 3
    assert store.partitions() == ["own0", "own1", "own2", "p", "q"]
    assert len(make.active("quarantine")) == 5


def test_readers_at_work_see_whole_nights_and_nothing_else(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vacuum, "GRACE", vacuum.GRACE * 0)
    make.run("r0", good=[0, 100, 200], bad=[0, 100])
    over, seen, wrong = threading.Event(), set(), []

    def read() -> None:
        while not over.is_set():
            for table, size in ((store.predictions("p"), 3), (store.quarantine("p"), 2)):
                ids = sorted(table["id"].to_pylist())
                number = ids[0] if ids else -1
                seen.add(number)
                if ids != [number + 100 * place for place in range(size)]:
                    wrong.append(ids)

    def clean() -> None:
        while not over.is_set():
            store.vacuum(1)

    threads = [threading.Thread(target=work) for work in (read, read, clean)]
    for thread in threads:
        thread.start()
    for n in range(1, 9):
        make.run(f"r{n}", good=[n, n + 100, n + 200], bad=[n, n + 100])
        if n % 3 == 0:
            assert store.retract(f"r{n}", "me", "why").back_to == f"r{n - 1}"
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == [] and len(seen) > 1
    assert store.visible_run("p") == "r8"


def test_runs_that_race_to_make_the_tables_all_succeed(
    store: Store, make: Any, at_once: AtOnce, profile: Profile
) -> None:
    assert at_once(lambda n: make.run(f"r{n}", f"p{n}", [n], profile=profile), 4) == []
    assert store.partitions() == ["p1", "p2", "p3", "p4"]
    assert [record.run_id for record in store.runs()] == ["r1", "r2", "r3", "r4"]
    assert store.profile("r3", "p3") == profile


def test_runs_that_begin_at_once_in_a_new_store_are_all_recorded(
    tmp_path: Path, maker: Any, at_once: AtOnce
) -> None:
    for attempt in range(8):
        make = maker(Store(str(tmp_path / str(attempt)), "date"))
        assert at_once(partial(_begin, make), 6) == []
        assert len(make.store.runs()) == 6


def _begin(make: Any, n: int) -> None:
    make.begin(f"r{n}")


def test_a_commit_planned_on_an_old_version_is_planned_again(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.run("r1")
    staged = make.stage("r3", good=[4])
    looked = log.partition_views

    def then_someone_commits(*given: Any) -> Mapping[str, log.PartitionView]:
        found = looked(*given)
        if given[0].table_uri.rstrip("/").endswith("predictions"):
            monkeypatch.setattr(log, "partition_views", looked)
            make.run("r2", "q", good=[2, 3])
        return found

    commit = commits.commit

    def watched(target: commits.CommitTarget, plan: commits.Plan) -> bool:
        if target.table == "predictions":
            monkeypatch.setattr(commits, "commit", commit)
            monkeypatch.setattr(log, "partition_views", then_someone_commits)
        return commit(target, plan)

    monkeypatch.setattr(commits, "commit", watched)
    store.publish_run(staged)
    assert make.seen() == ([4], []) and make.seen("q") == ([2, 3], [])


def test_a_table_that_someone_else_made_first_is_joined(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = make.stage("r2", "q", good=[2])
    make.run("r1")
    opened = log.open_to_write
    late = set()

    def not_there_yet(uri: str) -> Any:
        if uri in late:
            return opened(uri)
        late.add(uri)
        return None

    monkeypatch.setattr(log, "open_to_write", not_there_yet)
    schema = staged.predictions_schema
    commits.commit(
        commits.CommitTarget(store, "predictions", schema, ["q"]),
        lambda now: commits.CommitChange(staged.predictions, ()),
    )
    assert store.partitions() == ["p", "q"]
