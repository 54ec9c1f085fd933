"""What counting costs in the scoring pass: one task's work with the profile and without.

The fast carrier's own work on a part of a night, in this process and without Spark: read, check,
score, write, hash the keys, and count, or not. Seconds are the CPU's, of all threads, so that
other processes on the machine do not count.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from itertools import count
from typing import Any
from unittest.mock import patch

from assay.columns.profile import Profile
from assay.project import params
from assay.score import run as runs_of
from assay.score import scoring_job
from assay.score.inputs import discovery as inputs
from assay.score.inputs.split import input_batches, split_tasks
from assay.score.output import Lineage
from assay.store import open_store
from benchmarks.assay_session import pinned
from benchmarks.bench import Bench
from benchmarks.measure import in_turns
from benchmarks.results import Result

CANDIDATE = "boosting"
SHARE = 0.2
"""Of the rows that the other benchmarks take: two of 10 million."""
TURNS = 7


class Idle:
    """Takes the place of what counts, and does not."""

    def add(self, *_: Any) -> None: ...

    def profile(self) -> Profile:
        return {}


def run(bench: Bench) -> list[Result]:
    """Both on the same rows of one night; seconds of CPU."""
    project = bench.project
    night = bench.night(max(100_000, int(bench.rows * SHARE)))
    given = params.load(project.root)
    score = type(given.score).model_validate(
        {**given.score.model_dump(), "input": str(night.folder), "carrier": "files"}
    )
    output = bench.output("profile-store")
    given = given.model_copy(update={"score": score, "store": str(output)})
    model = pinned(project.root, given, CANDIDATE)
    found = inputs.find_night(project.root, given, model.contract, night.value)
    assert found.files is not None
    parts = split_tasks(found.files, 1)
    number = count()

    def pass_(counting: bool) -> Callable[[], float]:
        def once() -> float:
            stamp = Lineage(f"run-{next(number)}", "v0.0.0", model.bundle.digest, datetime.now(UTC))
            job = runs_of._job(given, model, open_store(project.root, given), found, stamp)
            left_out: Any = patch.object(scoring_job, "new_counter", lambda _: Idle())
            with nullcontext() if counting else left_out:
                began = time.process_time()
                for place, part in enumerate(parts):
                    rows = input_batches(part, job.contract, job.batch_rows)
                    scoring_job.score_part(job, rows, f"{place:05d}")
                seconds = time.process_time() - began
            shutil.rmtree(output, ignore_errors=True)
            return seconds

        return once

    turns = {"with the profile": pass_(True), "without": pass_(False)}
    for each in turns.values():
        each()
    seconds = in_turns(turns, TURNS, "profile")
    return [
        bench.result(
            "HGB: scoring pass with the profile, against without",
            seconds["with the profile"],
            seconds["without"],
            target=1.1,
            better="lower",
            rows=night.rows,
            unit="s of CPU",
            cores=1,
        )
    ]
