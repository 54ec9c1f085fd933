"""From the start of the command until a night is published, against a cold script of pandas.

The night is one of the flights, about a thousand rows, in a copy of the project that `make demo`
leaves: with its registry, its store and the nights that are published already. Both are processes
of their own, from their start to their end. Ours checks each row, publishes in one commit and
brings the front page up to date; the script reads, calls `predict_proba` and writes.
"""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from assay.project import layout, params
from assay.registry.pin import pin
from assay.registry.versions import read_champion
from benchmarks.bench import Bench
from benchmarks.contender import ONE_THREAD, ROOT
from benchmarks.measure import in_turns, say
from benchmarks.results import Result

NIGHT = "2013-07-01"
TURNS, TURNS_OF_SPARK = 7, 3
TARGET = 2.0
DEMO = ROOT / "build" / "demo"
TOOLS = Path(sys.executable).parent


class StartFailed(Exception):
    """The command or its peer ended in another way than it should."""


def run(bench: Bench) -> list[Result]:
    """Seconds of processes that are started one after the other."""
    root = _project(bench.build / "start")
    given = params.load(root)
    night = root / layout.RAW / f"{given.ingest.partition_by}={NIGHT}"
    rows = sum(pq.read_metadata(file).num_rows for file in night.glob("*.parquet"))
    model, keys = _fitted(root)
    environment = {
        **os.environ,
        **ONE_THREAD,
        "PATH": os.pathsep.join([str(TOOLS), os.environ.get("PATH", os.defpath)]),
    }

    def ours(carrier: str) -> float:
        command = ["score", "--date", NIGHT, "--force", "--carrier", carrier]
        return _seconds([str(TOOLS / "assay"), *command], root, environment)

    def peer() -> float:
        script = str(Path(__file__).with_name("pandas_cold.py"))
        output = str(bench.output("start.parquet"))
        command = [sys.executable, script, str(model), str(night), output, *keys]
        return _seconds(command, root, environment)

    say("start: once each without counting")
    ours("local"), peer()
    found = in_turns({"assay": lambda: ours("local"), "pandas": peer}, TURNS, "start")
    spark = in_turns({"assay": lambda: ours("files"), "pandas": peer}, TURNS_OF_SPARK, "start")
    told = (("without Spark", found, TARGET), ("through Spark", spark, None))
    return [
        bench.result(
            f"Cold start until one night is published, {how}, against a cold script of pandas",
            seconds["assay"],
            seconds["pandas"],
            target=target,
            better="lower",
            rows=rows,
            unit="s",
        )
        for how, seconds, target in told
    ]


def _project(folder: Path) -> Path:
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
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StartFailed(f"{' '.join(command)} ended {done.returncode}: {done.stderr[-500:]}")
    return time.perf_counter() - started
