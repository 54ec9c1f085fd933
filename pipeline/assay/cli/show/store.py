"""The store: nights released, retracted or exported; damage found by fsck; files deleted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

from assay.project.text import counted, format_count
from assay.score.operations.export import ExportReport
from assay.score.operations.release import ReleaseReport
from assay.score.operations.store_commands import FsckReport, NightHistory, VacuumReport
from assay.store import Retraction, Run


def release_lines(run: ReleaseReport) -> Iterator[str]:
    rows = "" if run.rows_scored is None else f", {counted(run.rows_scored, 'row')}"
    yield f"released: readers of {run.partition} see run {run.run_id}{rows}"


def retract_lines(done: Retraction) -> Iterator[str]:
    now = f"run {done.back_to} again" if done.back_to else "nothing"
    yield f"retracted: readers of {done.partition} see {now}"


def history_lines(found: NightHistory) -> Iterator[str]:
    """Each event in a line of its own: when, which run, and what is known of it."""
    for event in found.events:
        assert event.at is not None, "each row of the table of runs has one"
        at = event.at.astimezone(UTC)
        yield f"{at:%Y-%m-%d %H:%M:%S} UTC  {event.run_id}  {event.event}{_told(event)}"
    if found.visible is None:
        yield f"readers of {found.partition} see nothing"
        return
    lost = ""
    if found.lost:
        lost = (
            "; no event tells when: it was killed right after, or a commit of runs was lost "
            "(assay fsck --fix adds what is known)"
        )
    yield f"readers of {found.partition} see run {found.visible.run_id}{lost}"


def _told(event: Run) -> str:
    if event.event == "started":
        if not event.version:  # it ended before a version was looked up
            return ""
        how = f", {event.carrier}" if event.carrier else ""
        return f": {event.version}, bundle {event.bundle[:19]}{how}"
    facts = []
    if event.by:
        facts.append(f"by {event.by}, because {event.because}")
    if event.rows_read is not None and not event.by:
        facts.append(
            f"{counted(event.rows_read, 'row')} read, "
            f"{format_count(event.rows_scored, 'unknown')} scored, "
            f"{format_count(event.rows_quarantined, 'unknown')} quarantined"
        )
    facts += [event.detail] if event.detail else []
    return f": {'; '.join(facts)}" if facts else ""


def export_lines(done: ExportReport) -> Iterator[str]:
    rows = counted(done.rows, "row")
    yield f"exported: {rows} of {done.partition} (run {done.run_id}) to {done.target}"


def fsck_lines(found: FsckReport) -> Iterator[str]:
    """What was fixed; remaining damage is raised as an error."""
    for each in found.damages:
        if each.fixed:
            yield f"fixed: {each.table}: {each.what}: {each.fix}"
    if not found.damages:
        yield f"{found.store}: nothing is damaged"


def vacuum_lines(done: VacuumReport) -> Iterator[str]:
    """Deleted files and bytes of each table."""
    deleted, merged = ("would delete", "would merge") if done.dry_run else ("deleted", "merged")
    busy = False
    for each in done.tables:
        files = each.replaced + each.left
        if files:
            busy = True
            yield (
                f"{each.table}: {deleted} {counted(files, 'file')}, {format_bytes(each.bytes)} "
                f"({each.replaced:,} replaced, {each.left:,} left by runs that ended early)"
            )
        if each.merged:
            busy = True
            yield f"{each.table}: {merged} {counted(each.merged, 'small file')}"
    if not busy:
        yield f"{done.store}: nothing to {'do' if done.dry_run else 'delete or merge'}"


def format_bytes(count: int) -> str:
    """Bytes in a fitting unit."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"
