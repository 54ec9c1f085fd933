"""Nights that were released, retracted or exported."""

from __future__ import annotations

from collections.abc import Iterator

from assay.score.published.export import Exported
from assay.score.published.release import Released, TakenBack


def released(run: Released) -> Iterator[str]:
    rows = "" if run.rows_scored is None else f", {run.rows_scored:,} rows"
    yield f"released: readers of {run.partition} see run {run.run_id}{rows}"


def retracted(run: TakenBack) -> Iterator[str]:
    now = f"run {run.done.back_to} again" if run.done.back_to else "nothing"
    yield f"retracted: readers of {run.done.partition} see {now}"


def exported(done: Exported) -> Iterator[str]:
    yield f"exported: {done.rows:,} rows of {done.partition} (run {done.run_id}) to {done.target}"
