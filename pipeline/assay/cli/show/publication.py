"""Nights that were released, retracted or exported."""

from __future__ import annotations

from collections.abc import Iterator

from assay.project.text.number_format import counted
from assay.score.operations.export import ExportReport
from assay.score.operations.release import ReleaseReport, RetractionReport


def release_lines(run: ReleaseReport) -> Iterator[str]:
    rows = "" if run.rows_scored is None else f", {counted(run.rows_scored, 'row')}"
    yield f"released: readers of {run.partition} see run {run.run_id}{rows}"


def retract_lines(run: RetractionReport) -> Iterator[str]:
    now = f"run {run.done.back_to} again" if run.done.back_to else "nothing"
    yield f"retracted: readers of {run.done.partition} see {now}"


def export_lines(done: ExportReport) -> Iterator[str]:
    rows = counted(done.rows, "row")
    yield f"exported: {rows} of {done.partition} (run {done.run_id}) to {done.target}"
