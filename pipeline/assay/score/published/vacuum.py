"""Delete what the store no longer needs, or say what that would be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from assay.errors import UsageError
from assay.project.params import Params
from assay.store import Vacuumed, open_store


def run(
    root: Path,
    params: Params,
    keep_days: int | None = None,
    dry_run: bool = False,
    as_json: bool = False,
) -> list[Vacuumed]:
    """Delete leftovers and replaced versions of all nights, and shorten the tables' logs.

    Parameters
    ----------
    keep_days
        How long to keep what was replaced; ``publish.keep_days`` when None.
    dry_run
        Only say what would be done.

    Raises
    ------
    UsageError
        Less than a day: readers at work would lose what they read.
    StoreError
        The store cannot be read, or a file not deleted.
    """
    days = params.publish.keep_days if keep_days is None else keep_days
    if days < 1:
        raise UsageError(
            "readers at work may still need what was replaced today",
            where="--keep-days",
            expected="at least 1",
            found=str(days),
        )
    done = open_store(root, params).vacuum(days, dry_run)
    if as_json:
        told = {"dry_run": dry_run, "keep_days": days, "tables": [asdict(each) for each in done]}
        print(json.dumps(told, indent=2))
    else:
        _show(done, params.store, dry_run)
    return done


def _show(done: Sequence[Vacuumed], store: str, dry_run: bool) -> None:
    deleted, merged = ("would delete", "would merge") if dry_run else ("deleted", "merged")
    busy = False
    for each in done:
        files = each.replaced + each.left
        if files:
            busy = True
            print(
                f"{each.table}: {deleted} {files:,} files, {_size(each.bytes)} "
                f"({each.replaced:,} replaced, {each.left:,} left by runs that ended early)"
            )
        if each.merged:
            busy = True
            print(f"{each.table}: {merged} {each.merged:,} small files")
    if not busy:
        print(f"{store}: nothing to {'do' if dry_run else 'delete or merge'}")


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"
