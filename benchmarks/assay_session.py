"""Ours: a warm Spark session in which nights are scored and published, one after the other.

What counts is what `assay score` does for a night once it runs: find the input, open the
store, score, check the books and the rules, publish.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from assay.contract.loader import load_contract
from assay.model import bundle
from assay.project import digests, layout, params
from assay.project.params import Params
from assay.registry.pin import PinnedVersion
from assay.registry.versions import UNKNOWN, Version
from assay.score import local, run, together
from assay.score.carriers import OpenInput
from assay.score.inputs import formats as inputs
from assay.score.spark import tasks as spark_tasks
from assay.score.spark.session import BackgroundSession
from assay.store import Store, open_store
from benchmarks import scoring_alone
from benchmarks.contender import Answer, peak_memory, serve

PARTS = {
    "find the night": (inputs, "find_night"),
    "tasks without Spark": (local, "run_files"),
    "Spark job": (spark_tasks, "run_files"),
    "keys that repeat": (OpenInput, "duplicate_hashes"),
    "rules for the night": (run, "_held"),
    "publish": (Store, "publish_runs"),
    "events of the run": (Store, "append_run_events"),
}
"""Where the time of a run goes: what is timed for a name."""


def pinned(root: Path, given: Params, name: str) -> PinnedVersion:
    """A candidate as if it had been promoted."""
    loaded = bundle.load(
        root / layout.CANDIDATES / name, expected=None, allow_types=given.bundle.allow_types
    )
    _ = loaded.scorer
    version = Version(given.name, "v0.0.0", UNKNOWN, loaded.digest, UNKNOWN, "", "", "")
    contract = load_contract(root / given.contract.file).without_label()
    return PinnedVersion(
        version, loaded, contract, digests.worktree_contract(root, given), given.contract
    )


@contextmanager
def timed(
    found: dict[str, float], parts: Mapping[str, tuple[Any, str]] = MappingProxyType(PARTS)
) -> Iterator[None]:
    """Add up the seconds of each of some parts while the block runs."""
    patches = []
    for name, (place, attribute) in parts.items():
        patches.append(
            patch.object(place, attribute, _timer(getattr(place, attribute), name, found))
        )
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()


def _timer(function: Any, name: str, found: dict[str, float]) -> Any:
    def call(*arguments: Any, **values: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*arguments, **values)
        finally:
            found[name] = found.get(name, 0.0) + time.perf_counter() - started

    return call


def main() -> None:
    root, settings, carrier = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
    given = params.load(root)
    given = given.model_copy(
        update={
            "spark": given.spark.model_copy(update=settings),
            "score": given.score.model_copy(update={"carrier": carrier}),
            # Training's nights are those of an airport; what is measured is a large one.
            "publish": given.publish.model_copy(update={"max_row_change": 1e9}),
        }
    )
    started = BackgroundSession(given, root)
    if carrier != "local":
        started.session()
    models: dict[str, PinnedVersion] = {}

    def model(name: str) -> PinnedVersion:
        if name not in models:
            models[name] = pinned(root, given, name)
        return models[name]

    def placed(folder: str, output: str, carrier: str) -> Params:
        score = type(given.score).model_validate(
            {**given.score.model_dump(), "input": folder, "carrier": carrier}
        )
        return given.model_copy(update={"score": score, "store": output})

    def full(name: str, folder: str, night: str, output: str, carrier: str) -> Answer:
        with_what, settled = model(name), placed(folder, output, carrier)
        parts: dict[str, float] = {}
        with timed(parts):
            began = time.perf_counter()
            store = open_store(root, settled)
            report = together.score_night(settled, root, with_what, store, started.session, night)
            seconds = time.perf_counter() - began
        parts["everything else"] = max(0.0, seconds - sum(parts.values()))
        return {
            "seconds": seconds,
            "rows": report.rows_read,
            "scorer": report.scorer,
            "parts": parts,
        }

    def alone(name: str, folder: str, night: str, output: str) -> Answer:
        with_what, settled = model(name), placed(folder, output, "files")
        Path(output).mkdir(parents=True)
        began = time.perf_counter()
        files = inputs.find_night(root, settled, with_what.contract, night).files
        assert files is not None
        rows = scoring_alone.run(
            started.session(),
            files,
            with_what.bundle,
            with_what.contract,
            settled.score.batch_rows,
            Path(output),
        )
        return {"seconds": time.perf_counter() - began, "rows": rows}

    def memory() -> Answer:
        """Peaks in MB: of this process, and of the JVM, which here is the executor too."""
        java = started.session().sparkContext._gateway.proc.pid
        return {"driver": peak_memory(), "jvm": peak_memory(java)}

    serve({"full": full, "alone": alone, "memory": memory})
    started.stop()


if __name__ == "__main__":
    main()
