"""Delete the rows of nights that are older than they may be kept, and leave the nights published.

A night of predictions keeps a file without rows, its runs, profile and metrics: it is not due
again, and its history says what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from assay.errors import StoreError
from assay.project.partitions import parse_day
from assay.store import forget, rewrite
from assay.store.delta import log
from assay.store.delta.location import StagedFile, StoreLocation, parse_partition
from assay.store.delta.tables import LABELS
from assay.store.vacuum import GRACE, list_files

WHO = "retention in params.yaml"


@dataclass(frozen=True)
class ExpiredRows:
    """What was deleted of a table, or would be.

    Attributes
    ----------
    rows
        That readers saw.
    files
        That were deleted, former versions among them.
    kept
        Nights that are older and still needed -> what for.
    """

    table: str
    before: str
    nights: tuple[str, ...]
    rows: int
    files: int
    kept: Mapping[str, str]


def expire(
    place: StoreLocation, table: str, before: str, needed: Mapping[str, str], dry: bool = False
) -> ExpiredRows:
    """Delete the rows of a table's nights before a day.

    Parameters
    ----------
    needed
        Nights to leave as they are -> what they are needed for.

    Raises
    ------
    StoreError
        Another engine hides rows in files of the table; a file cannot be read or written.
    """
    rewrite.check_features(place)
    opened = log.open_table(place.table_uri(table))
    active = [] if opened is None else log.partition_files(opened, place.column)
    shown = {file.path: file for file in active}
    nights, kept, rows, files = set[str](), dict[str, str](), 0, 0
    for path, info in list_files(place, table, None):
        night = parse_partition(path)[1]
        file = shown.get(path) or StagedFile(path, info.size, 0, night)
        if parse_day(night) is None or night >= before or (path in shown and not file.rows):
            continue
        if table == LABELS and path not in shown and info.mtime > datetime.now(UTC) - GRACE:
            continue  # somebody may be about to commit it
        if night in needed:
            kept[night] = needed[night]
            continue
        nights.add(night)
        rows, files = rows + file.rows, files + 1
        if not dry:
            if path in shown:
                rewrite.show_without(place, table, file, lambda batch: np.zeros(len(batch), bool))
            if not rewrite.delete(place, table, file):
                raise StoreError(
                    "became visible again while its rows were deleted",
                    where=f"{place.table_uri(table)}/{path}",
                    fix="Run the same command again.",
                )
    expired = ExpiredRows(table, before, tuple(sorted(nights)), rows, files, kept)
    if nights and not dry:
        because = f"{table} of {min(nights)} to {max(nights)}: older than they are kept"
        counts = {f"{table}_rows": rows, "files_deleted": files}
        forget.record_expired(place, WHO, because, counts)
    return expired
