"""The store: damage found by fsck, and files deleted by vacuum."""

from __future__ import annotations

from collections.abc import Iterator

from assay.project.text.number_format import counted
from assay.score.fsck import FsckReport
from assay.score.operations.vacuum import VacuumReport


def fsck_lines(found: FsckReport) -> Iterator[str]:
    """What was mended; remaining damage is raised as an error."""
    for each in found.damages:
        if each.mended:
            yield f"mended: {each.table}: {each.what}: {each.mend}"
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
