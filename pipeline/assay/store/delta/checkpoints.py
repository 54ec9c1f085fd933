"""Checkpoints of a local Delta log that cannot be read, though the commits that they sum up can.

A checkpoint repeats what commits before it say, and a hint, `_last_checkpoint`, names the newest.
While those commits are kept, nothing is lost without them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from assay.store.delta import log_folder

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
    hinted, hint = log_folder.last_checkpoint(folder), folder / log_folder.HINT
    if bad:
        what = f"its checkpoint {bad[0].name} cannot be read"
    elif hinted is not None and hinted > whole:
        what = f"its checkpoint of commit {hinted} is gone"
    else:
        return None
    newest = log_folder.list_log(folder).newest
    needed = (log_folder.commit_path(folder, version) for version in range(whole + 1, newest + 1))
    lacking = next((each.name for each in needed if not log_folder.is_readable_commit(each)), None)
    return CheckpointDamage((*bad, *([hint] if hint.exists() else [])), what, lacking)


def _checkpoints(folder: Path) -> dict[int, list[Path]]:
    """The files of each checkpoint, by the version that it sums up."""
    found: dict[int, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if (match := _CHECKPOINT.fullmatch(path.name)) is not None:
            found.setdefault(int(match[1]), []).append(path)
    return found


def _is_readable(path: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return bool(pq.read_table(path, partitioning=None).num_rows)
    except (OSError, pa.ArrowException):
        return False
