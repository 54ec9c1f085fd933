"""The same command on a real cluster: two workers that have this environment at the same path."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import assay.cli.__main__
from assay.project import layout, params
from assay.score.spark.java import java_home
from assay.store import open_store
from tests.cluster import LIGHT, SPARK_HOME, Cluster, Worker, cluster

NIGHT = "2024-03-01"
ROWS = 50
PATIENCE = 300.0
"""Seconds for what takes a few, on a machine that has other things to do."""
Rows = list[dict[str, object]]

SLOW_CHECK = """
    @pa.dataframe_check
    def takes_its_time(cls, rows: pd.DataFrame) -> Series[bool]:
        import os, time, uuid
        from pathlib import Path

        if len(rows):
            time.sleep(0.25)
            mark = Path({marks!r}) / uuid.uuid4().hex
            part = mark.with_suffix(".part")
            part.write_text(f"{{rows['parcel'].min() // 5}} {{os.getcwd()}}")
            part.rename(mark)
        return rows["weight"].notna()
"""
"""Tasks have five rows each; the mark that one leaves says which it is, and where it ran."""

SLOW_NIGHT = """
import sys
from dataclasses import replace
from pathlib import Path

from assay.project import params
from assay.contract.loader import load_contract_text
from assay.registry.versions import read_champion
from assay.score.inputs import split
from assay.registry.pin import pin
from assay.score.together import score_night
from assay.score.spark.session import session
from assay.store import open_store

root, night, check = Path.cwd(), *sys.argv[1:]
split.SMALL, split.TASK_ROWS = 0, 1  # a task for each row group
given = params.load(root)
pinned = pin(root, given, read_champion(root, given.name, given.registry.stage))
slow = load_contract_text(pinned.contract.source + check, "contract").without_label()
pinned = replace(pinned, contract=slow)
spark = session(given, root)
try:
    score_night(given, root, pinned, open_store(root, given), lambda: spark, night)
finally:
    spark.stop()
"""
"""What `assay score` does, with a contract that nobody has to train a model under first."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster"), workers=2, cores=1) as started:
        yield started


def conf_of(running: Cluster) -> dict[str, str]:
    return {**running.conf, "spark.executor.extraJavaOptions": LIGHT}


@pytest.fixture
def clustered(live: Path, running: Cluster) -> Path:
    """A project whose params.yaml names the cluster."""
    lines = [f"    {name}: {value}" for name, value in conf_of(running).items()]
    with (live / "params.yaml").open("a") as file:
        file.write("\n".join(["", "spark:", f"  master: {running.url}", "  conf:", *lines, ""]))
    return live


@pytest.fixture
def expected(live: Path, spark) -> Callable[[], Rows]:
    """What scoring the night on this machine publishes, in a store of its own."""
    from assay.registry.pin import pin
    from assay.registry.versions import read_champion
    from assay.score.together import score_night

    def score() -> Rows:
        given = params.load(live).model_copy(update={"store": "local-store"})
        pinned = pin(live, given, read_champion(live, given.name, given.registry.stage))
        store = open_store(live, given)
        score_night(given, live, pinned, store, lambda: spark, NIGHT)
        return published(live, "local-store")

    return score


def published(root: Path, name: str = "store") -> Rows:
    """The night as readers see it, without what names the run."""
    store = open_store(root, params.load(root).model_copy(update={"store": name}))
    table = store.predictions(NIGHT).drop_columns(["run_id", "scored_at"]).sort_by("parcel")
    assert table.num_rows == ROWS
    rows: Rows = table.to_pylist()
    return rows


def executors_of(worker: Worker) -> int:
    """How many executors a worker has started."""
    return len(list(worker.folder.glob("app-*/*")))


def test_the_same_command_publishes_the_same_table(
    clustered: Path, running: Cluster, expected: Callable[[], Rows], call: Callable[..., str]
):
    before = [executors_of(worker) for worker in running.workers]
    call(clustered, "assay", "score", "--date", NIGHT)
    assert published(clustered) == expected()
    assert [executors_of(worker) for worker in running.workers] > before


def test_spark_submit_says_where_to_run_whatever_params_yaml_says(
    live: Path,
    running: Cluster,
    expected: Callable[[], Rows],
    call: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("JAVA_HOME", str(java_home(live / layout.WORK)))
    before = sum(executors_of(worker) for worker in running.workers)
    call(
        live,
        *(str(SPARK_HOME / "bin" / "spark-submit"), "--master", running.url),
        *(part for each in conf_of(running).items() for part in ("--conf", "=".join(each))),
        *(assay.cli.__main__.__file__, "score", "--date", NIGHT),
    )
    assert published(live) == expected()
    assert sum(executors_of(worker) for worker in running.workers) > before


def test_a_worker_that_dies_in_the_middle_costs_time_and_no_row(
    clustered: Path, running: Cluster, expected: Callable[[], Rows], tmp_path: Path
):
    night = clustered / layout.RAW / f"day={NIGHT}" / "part-00000.parquet"
    pq.write_table(pq.read_table(night).sort_by("parcel"), night, row_group_size=5)
    tasks = ROWS // 5
    marks, log = tmp_path / "marks", tmp_path / "log"
    marks.mkdir()
    assert running.alive() == len(running.workers)

    def marked(*workers: Worker) -> set[str]:
        seen = (mark.read_text().split() for mark in marks.iterdir() if not mark.suffix)
        folders = tuple(str(worker.folder) for worker in workers)
        return {task for task, place in seen if place.startswith(folders)}

    check = SLOW_CHECK.format(marks=str(marks))
    environment = {**os.environ, "PYTHONPATH": str(Path(assay.cli.__main__.__file__).parents[2])}
    with (
        log.open("wb") as sink,
        subprocess.Popen(
            [sys.executable, "-c", SLOW_NIGHT, NIGHT, check],
            cwd=clustered,
            env=environment,
            stdout=sink,
            stderr=sink,
        ) as driver,
    ):
        try:
            # A worker has one core: once it has come to its second task, its first has ended.
            end = time.monotonic() + PATIENCE
            while not (victims := [each for each in running.workers if len(marked(each)) > 1]):
                assert driver.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.05)
            victims[0].kill()
            done = marked(*running.workers)
            driver.wait(PATIENCE)
        finally:
            driver.kill()
    assert driver.returncode == 0, log.read_text()
    assert len(done) < tasks == len(marked(*running.workers))
    assert running.alive() == len(running.workers) - 1
    assert published(clustered) == expected()
