"""The log of a table in a bucket: whether anything was committed since the table was opened.

To open a table takes a request for each commit since its last checkpoint, and a command asks for
the same few tables all the time. Two names tell whether what it has is still the newest version.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.fs as pafs

from assay.store.delta.location import filesystem
from assay.store.delta.log_folder import commit_name

Look = tuple[datetime | None, int | None]
"""When the file of a commit was written, and its size in bytes."""


@dataclass(frozen=True, slots=True)
class BucketState:
    """How the newest commit of a table looked when the table was opened at that version."""

    uri: str
    version: int
    newest: Look

    def is_current(self) -> bool:
        """Whether that commit is unchanged, and none follows it.

        Commits are numbered without gaps, and an object store shows a commit as soon as it is
        made. False also if the bucket does not answer: to open the table then says why.
        """
        found = _look(self.uri, self.version, self.version + 1)
        return found == [self.newest, None]


def read_bucket_state(uri: str, version: int) -> BucketState | None:
    """The state of a table whose newest version was just read; None if that cannot be seen."""
    found = _look(uri, version)
    return BucketState(uri, version, found[0]) if found and found[0] is not None else None


def _look(uri: str, *versions: int) -> list[Look | None] | None:
    try:
        system, base = filesystem(f"{uri}/_delta_log")
        found = system.get_file_info([f"{base}/{commit_name(version)}" for version in versions])
    except (OSError, pa.ArrowException):
        return None
    return [(each.mtime, each.size) if each.type == pafs.FileType.File else None for each in found]
