"""Names and metadata of Parquet files that are written to a table."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote, unquote

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]*")


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A Parquet file in a table's folder that no commit refers to yet.

    Attributes
    ----------
    path
        Relative to the table, as it is on disk (its folder's name is percent-encoded).
    size
        Bytes.
    rows
        As counted in the file's footer.
    partition
        The partition value, not encoded.
    """

    path: str
    size: int
    rows: int
    partition: str


def partition_folder(column: str, partition: str) -> str:
    """The folder of a partition's files, relative to its table."""
    return f"{quote(column, safe='')}={quote(partition, safe='')}"


def part_path(column: str, partition: str, run_id: str, part: str) -> str:
    """The path of a run's part, relative to its table.

    Raises
    ------
    ValueError
        If run id and part could not be parsed back from the file's name, or the partition value is
        empty (Delta would read it back as null).
    """
    if not partition:
        raise ValueError("a partition value cannot be empty")
    if not _RUN_ID.fullmatch(run_id):
        raise ValueError(f"run id {run_id!r}: expected letters, digits, '.', '_' and '-'")
    if not _PART.fullmatch(part):
        raise ValueError(f"part {part!r}: expected letters, digits, '.' and '_'")
    return f"{partition_folder(column, partition)}/{run_id}-{part}.parquet"


def parse_partition(path: str) -> tuple[str, str]:
    """The partition column and value, parsed from the name of the file's folder."""
    column, _, value = PurePosixPath(path).parts[0].partition("=")
    return unquote(column), unquote(value)


def parse_run_id(path: str) -> str | None:
    """The id of the run that wrote the file, None if the name is not one that a run gives."""
    run_id, dash, _ = path.rpartition("/")[2].rpartition("-")
    return run_id if dash and _RUN_ID.fullmatch(run_id) else None


def temporary_path(path: str) -> str:
    """A unique name for a file while it is written."""
    at = PurePosixPath(path)
    return str(at.with_name(f".{at.name}.{uuid.uuid4().hex}"))


def final_path(path: str) -> str:
    """The final path of a file with a temporary name; any other path is returned unchanged."""
    at = PurePosixPath(path)
    if not at.name.startswith("."):
        return path
    return str(at.with_name(at.name[1:].rpartition(".")[0] or at.name))
