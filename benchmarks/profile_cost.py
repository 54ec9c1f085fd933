"""What counting costs in the scoring pass, and where else its time goes.

The fast carrier's own work on a part of a night, in this process and without Spark: read, check,
score, write, hash the keys, and count, or not. Seconds are the CPU's, of all threads, so that
other processes on the machine do not count. Beside them stands how long a row takes in each part.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from unittest.mock import patch

from assay.columns.profile import Profile
from assay.contract.checks import row_checks
from assay.model import batch
from assay.model.batch import InputBatch
from assay.project import params
from assay.score import run as runs_of
from assay.score import scoring_job
from assay.score.inputs import formats as inputs
from assay.score.inputs.split import input_batches, split_tasks
from assay.store import open_store
from benchmarks.assay_session import pinned, timed
from benchmarks.bench import Bench, Night
from benchmarks.measure import in_turns
from benchmarks.results import Result

CANDIDATES = {"HGB": ("boosting", 1.1), "LR": ("logistic", None)}
"""The model of a name, and what counting may cost at most. A linear model takes so little itself
that the same counting is a larger part."""
SHARE = 0.2
"""Of the rows that the other benchmarks take: two of 10 million."""
TURNS = 7

PARTS = {
    "checks": (batch, "check_rows"),
    "of them, rules over whole rows": (row_checks, "_frame"),
    "scores": (batch, "_scores"),
    "profile": (batch.ScoredBatch, "count"),
    "hashes of keys": (scoring_job, "hash_complete_keys"),
    "files of hashes": (scoring_job.KeyWriter, "files"),
    "writing": (scoring_job.PartWriter, "write"),
    "end of writing": (scoring_job.PartWriter, "__exit__"),
}
"""What is timed for a name."""


class Idle:
    """Takes the place of what counts, and does not."""

    def add(self, *_: Any) -> None: ...

    def profile(self) -> Profile:
        return {}


class Pass:
    """One task's work on a night, as often as it is called."""

    def __init__(self, bench: Bench, candidate: str, night: Night) -> None:
        root = bench.project.root
        self.night = night
        given = params.load(root)
        score = type(given.score).model_validate(
            {**given.score.model_dump(), "input": str(self.night.folder), "carrier": "files"}
        )
        self._output = bench.output("profile-store")
        self._given = given.model_copy(update={"score": score, "store": str(self._output)})
        self._root, self._model = root, pinned(root, self._given, candidate)
        found = inputs.find_night(root, self._given, self._model.contract, self.night.value)
        assert found.files is not None
        self._found, self._parts, self._number = found, split_tasks(found.files, 1), count()

    def run(self, reading: Callable[[Iterator[InputBatch]], Iterator[InputBatch]] = iter) -> float:
        """Score the night; seconds of CPU."""
        stamp = runs_of.new_run("profile", self.night.value, 0, self._model)
        store = open_store(self._root, self._given)
        nothing: Any = None
        scoring = runs_of.Scoring(self._given, self._root, self._model, store, nothing)
        job = runs_of.make_job(scoring, self._found, stamp)
        began = time.process_time()
        for place, part in enumerate(self._parts):
            rows = reading(input_batches(part, job.contract, job.batch_rows))
            scoring_job.score_part(job, rows, f"{place:05d}")
        seconds = time.process_time() - began
        shutil.rmtree(self._output, ignore_errors=True)
        return seconds

    def without_profile(self) -> float:
        left_out: Any = patch.object(scoring_job, "new_counter", lambda _: Idle())
        with left_out:
            return self.run()

    def parts(self) -> dict[str, float]:
        """Nanoseconds a row of each part."""
        found: dict[str, float] = {"reading": 0.0}

        def reading(batches: Iterator[InputBatch]) -> Iterator[InputBatch]:
            while True:
                began = time.perf_counter()
                each = next(batches, None)
                found["reading"] += time.perf_counter() - began
                if each is None:
                    return
                yield each

        began = time.perf_counter()
        with timed(found, PARTS):
            self.run(reading)
        found["all of it"] = time.perf_counter() - began
        return {
            f"nanoseconds a row: {name}": seconds / self.night.rows * 1e9
            for name, seconds in found.items()
        }


def run(bench: Bench) -> list[Result]:
    """Both on the same rows of one night; seconds of CPU."""
    return [_compared(bench, label, *about) for label, about in CANDIDATES.items()]


def _compared(bench: Bench, label: str, candidate: str, target: float | None) -> Result:
    work = Pass(bench, candidate, bench.night(max(100_000, int(bench.rows * SHARE))))
    turns = {"with the profile": work.run, "without": work.without_profile}
    for each in turns.values():
        each()
    seconds = in_turns(turns, TURNS, f"profile, {label}")
    return bench.result(
        f"{label}: scoring pass with the profile, against without",
        seconds["with the profile"],
        seconds["without"],
        target=target,
        better="lower",
        rows=work.night.rows,
        unit="s of CPU",
        cores=1,
        details=work.parts(),
    )
