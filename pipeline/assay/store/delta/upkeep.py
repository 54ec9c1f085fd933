"""Upkeep: every few commits a table's small files are merged and its log is shortened.

A night adds a file or two to each small table, and a commit to every table. A reader opens each of
those files, and each commit since the last checkpoint, so without upkeep a command costs more
every night. What readers see never changes: merging replaces files by one with the same rows, in
one commit, and a checkpoint only sums up commits.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from assay.store.delta import fsync, merging
from assay.store.delta.store_errors import summarize_error

if TYPE_CHECKING:
    from deltalake import DeltaTable

EVERY = 10
"""Commits from one upkeep to the next. Readers replay at most so many, and of an append-only table
they open at most so many files more than one for each partition that they read."""

CLEANED_EVERY = 100
"""Commits from one look for old log entries to the next: it takes the longer, the more are kept."""

_log = logging.getLogger(__name__)


def tend(uri: str, opened: DeltaTable, before: int, merge: bool) -> bool:
    """Look after a table if its version passed a multiple of `EVERY`; called after each commit.

    Returns whether it did, or tried. The table then remembers all commits that it has seen, and
    becomes slower with each: the next writer should open it anew, which begins at the checkpoint.

    Writers need no agreement: of the versions that several of them commit, each is passed by at
    least one. If that one is killed or fails here, the next multiple is not far.

    Parameters
    ----------
    opened
        The table through which the caller committed. It has the newest version afterwards, unless
        something failed.
    before
        Its version before that.
    merge
        Whether to merge small files: for tables whose rows are never replaced.
    """
    try:
        if opened.version() == before:
            opened.update_incremental()
        now = opened.version()
        if before // EVERY == now // EVERY:
            return False
        if merge:
            merging.merge_files(uri, opened)
        _write_checkpoint(uri, opened)
        if before // CLEANED_EVERY != now // CLEANED_EVERY:
            opened.cleanup_metadata()
    except Exception as error:  # the caller's commit is done, and no reader needs this
        # Mostly another writer came first: its upkeep, or the next one, does it.
        _log.debug("%s was not tended: %s", uri, summarize_error(error))
    return True


def shorten(uri: str, opened: DeltaTable) -> None:
    """Write a checkpoint, and delete log entries older than the table keeps them.

    Errors are those of delta-rs.
    """
    _write_checkpoint(uri, opened)
    opened.cleanup_metadata()


def _write_checkpoint(uri: str, opened: DeltaTable) -> None:
    opened.create_checkpoint()
    fsync.sync_checkpoint(uri)  # before the commits that it replaces are deleted
