"""From the start of the command until a night is published, against a cold script of pandas.

The night is one of the flights, about a thousand rows, in a copy of the project that `make demo`
leaves: with its registry, its store and the nights that are published already. Both are processes
of their own, from their start to their end. Ours checks each row, publishes in one commit and
brings the front page up to date; the script reads, calls `predict_proba` and writes. Then all
nights of the year, in one command and in one script. And the same night beside a bare Spark
session, which counts only until it has scored a first batch.
"""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from assay.project import layout, params
from assay.registry.pin import pin
from assay.registry.versions import read_champion
from assay.score.spark.java import java_home
from benchmarks.bench import MASTER, Bench
from benchmarks.contender import ONE_THREAD, ROOT
from benchmarks.measure import in_turns, say
from benchmarks.results import Result

NIGHT = "2013-07-01"
YEAR = ("2013-01-01", "2013-12-31")
TURNS, FEW_TURNS = 7, 3
HELD = 51
"""The code of a command that published all nights but some, which people have to look at."""
TARGET, SESSION_TARGET = 2.0, 0.7
DEMO = ROOT / "build" / "demo"
TOOLS = Path(sys.executable).parent


class StartFailed(Exception):
    """The command or its peer ended in another way than it should."""


def run(bench: Bench) -> list[Result]:
    """Seconds of processes that are started one after the other."""
    root = copy_demonstration(bench.build / "start")
    given = params.load(root)
    night = root / layout.RAW / f"{given.ingest.partition_by}={NIGHT}"
    rows = sum(pq.read_metadata(file).num_rows for file in night.glob("*.parquet"))
    model, keys = _fitted(root)
    year = sorted(path for path in (root / layout.RAW).iterdir() if path.is_dir())
    of_year = sum(pq.read_metadata(file).num_rows for each in year for file in each.iterdir())
    environment = {
        **os.environ,
        **ONE_THREAD,
        "PATH": os.pathsep.join([str(TOOLS), os.environ.get("PATH", os.defpath)]),
    }

    def ours(carrier: str, first: str = NIGHT, last: str = NIGHT) -> float:
        command = ["score", "--from", first, "--to", last, "--force", "--carrier", carrier]
        return _seconds([str(TOOLS / "assay"), *command], root, environment)

    def peer(nights: Sequence[Path] = (night,)) -> float:
        script = str(Path(__file__).with_name("pandas_cold.py"))
        output = bench.output("start")
        output.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, script, str(model), str(output), ",".join(keys)]
        return _seconds([*command, *map(str, nights)], root, environment)

    say("start: once each without counting")
    ours("local"), peer()
    found = in_turns({"assay": lambda: ours("local"), "pandas": peer}, TURNS, "start")
    spark = in_turns({"assay": lambda: ours("files"), "pandas": peer}, FEW_TURNS, "start")
    many = in_turns(
        {"assay": lambda: ours("local", *YEAR), "pandas": lambda: peer(year)}, FEW_TURNS, "start"
    )
    java = {"PYSPARK_PYTHON": sys.executable, "JAVA_HOME": str(java_home(root / layout.WORK))}

    def bare() -> float:
        return _first_batch(model, night, {**environment, **java})

    bare()
    beside = in_turns(
        {"local": lambda: ours("local"), "files": lambda: ours("files"), "bare": bare},
        FEW_TURNS,
        "start",
    )

    def told(
        name: str,
        mine: Sequence[float],
        theirs: Sequence[float],
        target: float | None,
        of: int = rows,
    ) -> Result:
        return bench.result(name, mine, theirs, target=target, better="lower", rows=of, unit="s")

    one = "Cold start until one night is published"
    script, session = "a cold script of pandas", "a bare Spark session's first batch"
    name = f"{len(year)} nights in one command, against a loop of pandas in one script"
    bare_seconds, local, files = beside["bare"], beside["local"], beside["files"]
    return [
        told(name, many["assay"], many["pandas"], TARGET, of_year),
        told(f"{one}, without Spark, against {script}", found["assay"], found["pandas"], TARGET),
        told(f"{one}, through Spark, against {script}", spark["assay"], spark["pandas"], None),
        told(f"{one}, without Spark, against {session}", local, bare_seconds, SESSION_TARGET),
        told(f"{one}, through Spark, against {session}", files, bare_seconds, None),
    ]


def copy_demonstration(folder: Path) -> Path:
    """A copy of the demonstration's project, made each time."""
    if not (DEMO / layout.PARAMS).is_file():
        raise StartFailed(f"{DEMO} is not there: run make demo first")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DEMO, folder / "flights", symlinks=True, ignore=_unneeded)
    return folder / "flights"


def _unneeded(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name in (".venv", "build")}


def _fitted(root: Path) -> tuple[Path, list[str]]:
    """The champion's pipeline as scikit-learn fitted it, in a file; and the names of the keys."""
    given = params.load(root)
    version = read_champion(root, given.name, given.registry.stage)
    promoted = pin(root, given, version)
    path = root.parent / "fitted.pkl"
    path.write_bytes(pickle.dumps(promoted.bundle.model.estimator))
    return path, list(promoted.contract.keys)


def _seconds(command: list[str], place: Path, environment: dict[str, str]) -> float:
    started = time.perf_counter()
    _called(command, place, environment)
    return time.perf_counter() - started


def _first_batch(model: Path, night: Path, environment: dict[str, str]) -> float:
    """Seconds until a session of Spark as it is has scored its first batch."""
    script = str(Path(__file__).with_name("bare_spark.py"))
    started = time.time()
    command = [sys.executable, script, MASTER, str(model), str(night)]
    return float(_called(command, night, environment)) - started


def _called(command: list[str], place: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, HELD):
        raise StartFailed(f"{' '.join(command)} ended {done.returncode}: {done.stderr[-500:]}")
    return done.stdout
