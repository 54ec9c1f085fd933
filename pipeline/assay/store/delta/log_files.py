"""The files of a Delta log, in a folder or a bucket: whether they are whole, and what changed.

A checkpoint repeats what commits before it say, and a hint, `_last_checkpoint`, names the newest.
While those commits are kept, nothing is lost without them.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs

from assay.errors import StoreError
from assay.store.delta import log_files
from assay.store.delta.location import filesystem

COMMIT = "[0-9]" * 20 + ".json"
"""Glob pattern of commit files."""

HINT = "_last_checkpoint"
"""The file that names the newest checkpoint."""

_NUMBERED = re.compile(r"([0-9]{20})\.(?:(json)|checkpoint.*\.parquet)")
"""The name of a commit (with the second group) or of a checkpoint, and its version."""


@dataclass(frozen=True, slots=True)
class LogListing:
    """What one listing found: the versions of all commits, and that of the newest checkpoint.

    ``checkpoint`` is -1 without one.
    """

    commits: frozenset[int]
    checkpoint: int

    @property
    def newest(self) -> int:
        """The version of the table; -1 if the log is empty."""
        return max(self.commits, default=self.checkpoint)

    @property
    def needed(self) -> list[int]:
        """The commits that a reader needs, as no checkpoint stands for them."""
        return sorted(version for version in self.commits if version > self.checkpoint)


@dataclass(frozen=True, slots=True)
class LogState:
    """How the files looked that make up the newest version of a table.

    While they look the same and no commit follows, a table that was opened before is the newest.
    """

    folder: Path
    listing: LogListing
    looks: tuple[tuple[int, ...] | None, ...]

    def is_current(self) -> bool:
        """Whether nothing was committed, taken away or changed since."""
        following = _look(f"{self.folder}/{commit_name(self.listing.newest + 1)}", size=False)
        return following is None and self.looks == _looks(self.folder, self.listing)


def read_state(folder: Path) -> LogState:
    """List a log, and look at the files that a reader needs."""
    listing = list_log(folder)
    return LogState(folder, listing, _looks(folder, listing))


def last_checkpoint(folder: Path) -> int | None:
    """The version that the hint names as the newest checkpoint's; None without a readable hint."""
    try:
        version = json.loads((folder / HINT).read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return version if type(version) is int else None


def _looks(folder: Path, listing: LogListing) -> tuple[tuple[int, ...] | None, ...]:
    # The folder itself changes whenever a name comes or goes.
    commits = (_look(f"{folder}/{commit_name(version)}", size=True) for version in listing.needed)
    return (_look(str(folder), size=False), *commits)


def _look(path: str, size: bool) -> tuple[int, ...] | None:
    try:
        stat = os.stat(path)  # noqa: PTH116, to make a Path takes longer than to look
    except OSError:
        return None
    seen = (stat.st_ino, stat.st_mode, stat.st_mtime_ns)
    return (*seen, stat.st_size) if size else seen


def commit_name(version: int) -> str:
    """The name of a commit's file in a log."""
    return f"{version:020}.json"


def commit_path(folder: Path, version: int) -> Path:
    """The file of a commit in a log."""
    return folder / commit_name(version)


def newest_commit(table: Path) -> Path | None:
    """The file of a local table's newest commit, None if there is none."""
    return max((table / "_delta_log").glob(COMMIT), default=None)


def missing_commit(folder: Path) -> str | None:
    """The first commit that is missing from a local log, None if the log is complete.

    Commits older than the newest checkpoint are not needed and may have been deleted.
    """
    return _missing(folder, list_log(folder))


def list_log(folder: Path) -> LogListing:
    """List a local log, once for commits and checkpoints: it may hold thousands of files."""
    commits, checkpoint = set(), -1
    for match in filter(None, map(_NUMBERED.fullmatch, _names(folder))):
        if match[2]:
            commits.add(int(match[1]))
        else:
            checkpoint = max(checkpoint, int(match[1]))
    return LogListing(frozenset(commits), checkpoint)


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [each.name for each in entries]
    except FileNotFoundError:
        return []


def _missing(folder: Path, listing: LogListing) -> str | None:
    for version in range(listing.checkpoint + 1, listing.newest):
        # Look again by name: a listing made while others commit may miss a file.
        if version not in listing.commits and not commit_path(folder, version).exists():
            # Old commits are deleted only after a newer checkpoint exists.
            if version <= list_log(folder).checkpoint:
                continue
            return commit_path(folder, version).name
    return None


def is_readable_commit(commit: Path) -> bool:
    """Whether a commit's file can be parsed: one or more lines of JSON."""
    try:
        lines = commit.read_text(encoding="utf-8").splitlines()
        return bool(lines) and all(isinstance(json.loads(line), dict) for line in lines)
    except (OSError, ValueError):
        return False


def check_commits(folder: Path, listing: LogListing, old: bool) -> None:
    """Check that no commit of a listed log is empty or missing.

    Parameters
    ----------
    old
        Also check commits that the newest checkpoint stands for.

    Raises
    ------
    StoreError
        Naming the first such commit.
    """
    # A power cut can leave an empty commit, which delta-rs takes for one that changes nothing.
    for version in sorted(listing.commits) if old else listing.needed:
        commit = commit_path(folder, version)
        # A commit may have been deleted since it was listed, once a checkpoint stood for it.
        with suppress(FileNotFoundError):
            if not commit.stat().st_size:
                raise unreadable(folder, f"its commit {commit.name} is empty")
    if (name := _missing(folder, listing)) is not None:
        raise unreadable(folder, f"its commit {name} is missing, and later ones rest on it")


def unreadable(folder: Path, found: str) -> StoreError:
    """The error for a table whose log is damaged."""
    return StoreError(
        "is not a readable Delta table",
        where=str(folder.parent),
        found=found,
        fix="See assay fsck.",
    )


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
        looks = _bucket_looks(self.uri, self.version, self.version + 1)
        return looks == [self.newest, None]


def read_bucket_state(uri: str, version: int) -> BucketState | None:
    """The state of a table whose newest version was just read; None if that cannot be seen."""
    looks = _bucket_looks(uri, version)
    return BucketState(uri, version, looks[0]) if looks and looks[0] is not None else None


def _bucket_looks(uri: str, *versions: int) -> list[Look | None] | None:
    try:
        system, base = filesystem(f"{uri}/_delta_log")
        infos = system.get_file_info([f"{base}/{commit_name(version)}" for version in versions])
    except (OSError, pa.ArrowException):
        return None
    return [(each.mtime, each.size) if each.type == pafs.FileType.File else None for each in infos]


_CHECKPOINT = re.compile(r"([0-9]{20})\.checkpoint.*\.parquet")


@dataclass(frozen=True)
class CheckpointDamage:
    """What keeps a log from being read that could be read without it.

    Attributes
    ----------
    files
        The checkpoints that cannot be read, and the hint.
    what
        The damage, in words.
    lacking
        The name of the first commit that is needed without these files, and is gone or cannot be
        read; None if there is none.
    """

    files: tuple[Path, ...]
    what: str
    lacking: str | None


def find_damage(folder: Path) -> CheckpointDamage | None:
    """Of the log in ``folder``; None if there is none."""
    bad: list[Path] = []
    whole = -1
    for version, parts in sorted(_checkpoints(folder).items(), reverse=True):
        unreadable = [path for path in parts if not _is_readable(path)]
        if not unreadable:
            whole = version
            break
        bad += unreadable
    hinted, hint = log_files.last_checkpoint(folder), folder / log_files.HINT
    if bad:
        what = f"its checkpoint {bad[0].name} cannot be read"
    elif hinted is not None and hinted > whole:
        what = f"its checkpoint of commit {hinted} is gone"
    else:
        return None
    newest = log_files.list_log(folder).newest
    needed = (log_files.commit_path(folder, version) for version in range(whole + 1, newest + 1))
    lacking = next((each.name for each in needed if not log_files.is_readable_commit(each)), None)
    return CheckpointDamage((*bad, *([hint] if hint.exists() else [])), what, lacking)


def _checkpoints(folder: Path) -> dict[int, list[Path]]:
    """The files of each checkpoint, by the version that it sums up."""
    checkpoints: dict[int, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if (match := _CHECKPOINT.fullmatch(path.name)) is not None:
            checkpoints.setdefault(int(match[1]), []).append(path)
    return checkpoints


def _is_readable(path: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return bool(pq.read_table(path, partitioning=None).num_rows)
    except (OSError, pa.ArrowException):
        return False
