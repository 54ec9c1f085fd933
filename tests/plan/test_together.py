"""Several machines plan and apply at once on one store: each is a process with its own clone."""

from __future__ import annotations

import io
import multiprocessing
import shutil
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from assay.cli.__main__ import main
from assay.store.delta.tables import PREDICTIONS
from assay.store.vacuum import find_unused_files
from tests.plan.conftest import NIGHTS, Planner

LOADED = ("assay.plan.apply", "assay.plan.stage", "dvc.repo", "sklearn.tree", __name__)
"""What each process finds imported already; none of it starts a thread."""


def at_once(planner: Planner, folder: Path, *commands: list[str]) -> list[tuple[int, str]]:
    """Each command in a process and a clone of its own, on the one store: exit code and output."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LOADED))
    barrier, tasks = context.Barrier(len(commands)), []
    for number, command in enumerate(commands):
        clone = folder / f"machine-{number}"
        shutil.copytree(
            planner.root, clone, symlinks=True, ignore=shutil.ignore_patterns("store", "models")
        )
        (clone / "store").symlink_to(planner.root / "store")
        tasks.append(([*command, "--root", str(clone)],))
    with context.Pool(len(commands), _begin, (barrier,)) as pool:
        return pool.starmap(_run, tasks, chunksize=1)


_ready: list[Any] = []
"""In each process, what all of them wait at before they begin."""


def _begin(barrier: Any) -> None:
    _ready.append(barrier)


def _run(command: list[str]) -> tuple[int, str]:
    _ready[0].wait(60)
    printed = io.StringIO()
    with redirect_stdout(printed):
        try:
            code = main(command)
        except SystemExit as ended:
            code = int(ended.code or 0)
    return code, printed.getvalue()


def commits(planner: Planner) -> int:
    return len(list(Path(planner.store.table_uri(PREDICTIONS)).glob("_delta_log/*.json")))


def test_two_machines_apply_one_plan(planner: Planner, tmp_path: Path) -> None:
    planner.plan()
    planner.promote()
    runs = {each.partition: each.run.run_id for each in planner.store.planned_runs()}
    before = commits(planner)
    told = at_once(planner, tmp_path, ["apply", "--exact"], ["apply", "--exact"])
    assert [code for code, _ in told] == [0, 0], told
    first, second = sorted(text for _, text in told)
    assert first.startswith("apply: 3 nights of v0.2.0 published as planned, "), told
    assert second.splitlines() == [
        "apply: the plan of v0.2.0 was applied before, nothing has changed"
    ]
    assert planner.store.visible_runs() == runs and commits(planner) == before + 1
    for night, run in runs.items():
        events = [each.event for each in planner.store.run_events(night) if each.run_id == run]
        assert events == ["published"]


def test_ten_plans_at_once_are_all_registered(planner: Planner, tmp_path: Path) -> None:
    seen = planner.store.visible_runs()
    nights = [NIGHTS[number % len(NIGHTS)] for number in range(10)]
    told = at_once(
        planner, tmp_path, *(["plan", "--from", night, "--to", night] for night in nights)
    )
    assert [code for code, _ in told] == [0] * 10, told
    made = planner.store.planned_runs()
    assert sorted(each.partition for each in made) == sorted(nights)
    assert len({each.plan for each in made}) == 10
    for _, text in told:
        assert [each for each in made if f"plan {each.plan[:19]}; to publish" in text], text
    assert planner.store.visible_runs() == seen
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert find_unused_files(planner.store, PREDICTIONS, tomorrow) == []
    planner.promote()
    assert planner.apply(exact=True).plan == made[-1].plan
