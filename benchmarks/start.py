"""From the start of the command to scores, against a bare Spark session.

Both are measured until the first batch is scored: ours until its rows lie in a file, which is a
little later. How long it takes until the night is published is reported beside. Both score one
small night of the parcels project with a logistic regression, each in a process of its own.
"""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path

from assay.model import bundle
from assay.project import digests, layout, params
from assay.score.spark.java import java_home
from benchmarks.bench import MASTER, Bench
from benchmarks.contender import ONE_THREAD, ROOT
from benchmarks.measure import in_turns, say
from benchmarks.results import Result
from tests import projects

NIGHT = "2024-03-01"
ROWS = 50
TURNS = 5
TOOLS = Path(sys.executable).parent


class StartFailed(Exception):
    """The command or its peer ended in another way than it should."""


def run(bench: Bench) -> list[Result]:
    """Seconds of processes that are started one after the other."""
    root = _project(bench.build / "start")
    model = root.parent / "fitted.pkl"
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(TOOLS), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(ROOT),
    }
    night = root / layout.RAW / f"day={NIGHT}"

    published: list[float] = []

    def ours() -> float:
        shutil.rmtree(root / "store", ignore_errors=True)
        scored, whole = _scored_and_published(root, environment)
        published.append(whole)
        return scored

    def peer() -> float:
        more = {"PYSPARK_PYTHON": sys.executable, "JAVA_HOME": str(java_home(root / layout.WORK))}
        return _first_batch(model, night, {**environment, **ONE_THREAD, **more})

    say("start: once each without counting")
    ours(), peer()
    published.clear()
    names = ("assay score, first batch scored", "bare Spark session, first batch scored")
    found = in_turns(dict(zip(names, (ours, peer), strict=True)), TURNS, "start")
    told: list[tuple[str, list[float], float | None]] = [
        ("Start of the command until its first batch is scored", found[names[0]], 0.7),
        ("Start of the command until its night is published", published, None),
    ]
    return [
        bench.result(
            f"{what}, against a bare Spark session's first batch",
            seconds,
            found[names[1]],
            target=target,
            better="lower",
            rows=ROWS,
            unit="s",
        )
        for what, seconds, target in told
    ]


def _project(folder: Path) -> Path:
    """The parcels project, promoted, on two cores; and its fitted pipeline beside it."""
    root, stamp = folder / "parcels", folder / "made-from.txt"
    sources = [*(ROOT / "pipeline").rglob("*.py"), *projects.PARCELS.rglob("*.*"), Path(__file__)]
    made_from = digests.digest_texts(
        *(digests.digest_file(path) for path in sorted(sources) if _is_text(path))
    )
    if stamp.exists() and stamp.read_text() == made_from:
        return root
    say("start: making and promoting a small project (once)")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    projects.promoted(root)
    loaded = bundle.load(root / layout.BUNDLE, expected=None, allow_types=())
    (folder / "fitted.pkl").write_bytes(pickle.dumps(loaded.model.estimator))
    with (root / layout.PARAMS).open("a", encoding="utf-8") as file:
        file.write(f"\nspark:\n  master: {MASTER}\n")
    params.load(root)
    stamp.write_text(made_from)
    return root


def _is_text(path: Path) -> bool:
    return path.suffix in (".py", ".yaml")


def _scored_and_published(root: Path, environment: Mapping[str, str]) -> tuple[float, float]:
    """Seconds until rows of the night lay in a file, and until they were published."""
    from deltalake import DeltaTable

    started = time.time()
    _called([str(TOOLS / "assay"), "score", "--date", NIGHT], root, environment)
    files = (root / "store" / "predictions").rglob("*.parquet")
    scored = min(file.stat().st_mtime for file in files if "_delta_log" not in file.parts)
    runs = DeltaTable(str(root / "store" / "runs")).to_pandas()
    (at,) = runs.loc[runs["event"] == "published", "at"]
    return scored - started, float(at.tz_convert(UTC).timestamp() - started)


def _first_batch(model: Path, night: Path, environment: Mapping[str, str]) -> float:
    started = time.time()
    script = Path(__file__).with_name("bare_spark.py")
    command = [sys.executable, str(script), MASTER, str(model), str(night)]
    return float(_called(command, night, environment)) - started


def _called(command: list[str], place: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        command, cwd=place, env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StartFailed(f"{' '.join(command)} ended {done.returncode}: {done.stderr[-500:]}")
    return done.stdout
