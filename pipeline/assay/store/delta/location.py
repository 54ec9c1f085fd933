"""Where tables are stored, a folder or a bucket: names of their files, access, and its errors."""

from __future__ import annotations

import os
import re
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.fs as pafs

from assay.errors import StoreError
from assay.store.delta.tables import Staged

if TYPE_CHECKING:
    from pyarrow.dataset import ParquetFileFormat

SCRATCH = "scratch"
"""The folder of temporary files that runs need while they work; not a table."""

IDENTITY = "DEFAULT_IDENTITY_CLIENT_ID"
"""Where Azure ML names a job's managed identity, which Arrow does not look at."""
_AZURE = re.compile(
    r"abfss?://(?P<container>[^@/]+)@(?P<account>[^./]+)\.dfs\.core\.windows\.net(?P<path>(/.*)?)"
)

CONNECT_SECONDS = 3
ANSWER_SECONDS = 30
RETRY_SECONDS = 8
TRIES = 3
"""Connection limits, chosen so that an unreachable endpoint is reported in about ten seconds."""


@dataclass(frozen=True)
class StoreLocation:
    """A folder or bucket of Delta tables. Holds no open resource, so it can be sent to a worker.

    Attributes
    ----------
    uri
        A local path, or an address with a scheme.
    column
        The partition column.
    keep_days
        How many days a table's log keeps replaced versions.
    model
        The name of the model whose nights it has; empty for tables that are no project's store.
    """

    uri: str
    column: str
    keep_days: int = 30
    model: str = ""

    def table_uri(self, table: str) -> str:
        """The address of a table."""
        return f"{self.uri}/{table}"

    def part_path_for(self, table: Staged, partition: str, run_id: str, part: str) -> str:
        """The path of a run's part, relative to the table; errors as for `part_path`."""
        del table  # the layout is the same in each; the argument keeps call sites readable
        return part_path(self.column, partition, run_id, part)

    def scratch_uri(self, run_id: str) -> str:
        """The folder of a run's temporary files."""
        return f"{self.uri}/{SCRATCH}/{run_id}"


def filesystem(uri: str) -> tuple[pafs.FileSystem, str]:
    """The file system of ``uri``, and the path in it.

    S3 is accessed as the usual environment variables state (``AWS_ENDPOINT_URL``, ``AWS_REGION``,
    ``AWS_ACCESS_KEY_ID``, ...), like the Delta tables themselves.
    """
    if "://" not in uri:
        return pafs.LocalFileSystem(), uri
    # Of a bucket's address Arrow would decode the escapes, which are part of a night's name here.
    scheme, _, path = uri.partition("://")
    if scheme in {"s3", "s3a"}:
        bucket = path.partition("/")[0]
        # The client takes its credentials when it is made, and a process that was forked cannot
        # use that of its parent.
        given = tuple(item for item in sorted(os.environ.items()) if item[0].startswith("AWS_"))
        return _s3(bucket, given, os.getpid()), path
    if scheme in {"gs", "gcs"}:
        return pafs.GcsFileSystem(), path
    if azure := _AZURE.fullmatch(uri):
        identity = os.environ.get(IDENTITY)
        system = pafs.AzureFileSystem(azure["account"], client_id=identity)
        return system, f"{azure['container']}{azure['path']}"
    opened: tuple[pafs.FileSystem, str] = pafs.FileSystem.from_uri(uri)
    return opened


def checked_parquet() -> ParquetFileFormat:
    """How datasets of Arrow read the store's files: each page against its checksum."""
    from pyarrow import dataset as datasets

    options = datasets.ParquetFragmentScanOptions(page_checksum_verification=True)
    return datasets.ParquetFileFormat(default_fragment_scan_options=options)


@lru_cache(maxsize=16)
def _s3(bucket: str, given: tuple[tuple[str, str], ...], process: int) -> pafs.FileSystem:
    """The client for a bucket, which keeps its connections; ``given`` is the environment."""
    del given, process
    endpoint = _endpoint()
    scheme, _, host = endpoint.rpartition("://")
    return pafs.S3FileSystem(
        region=_region(bucket, endpoint),
        scheme=scheme or "https",
        endpoint_override=host.rstrip("/") or None,
        connect_timeout=CONNECT_SECONDS,
        request_timeout=ANSWER_SECONDS,
        retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=TRIES),
    )


def _endpoint() -> str:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""


def _region(bucket: str, endpoint: str) -> str:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region or endpoint:
        return region or "us-east-1"
    return _region_of(bucket)  # only Amazon's own buckets have a region that can be looked up


@cache
def _region_of(bucket: str) -> str:
    return str(pafs.resolve_s3_region(bucket))


def storage_options(uri: str) -> dict[str, str] | None:
    """Options for delta-rs beyond the environment variables, which it reads by itself.

    Commits are conditional puts: if two writers commit the same version, one is rejected.
    """
    bucket = re.match(r"s3a?://([^/]+)", uri)
    if bucket is None:
        return None
    endpoint = _endpoint()
    options = {
        "AWS_REGION": _region(bucket[1], endpoint),
        "conditional_put": "etag",
        "connect_timeout": f"{CONNECT_SECONDS}s",
        "timeout": f"{ANSWER_SECONDS}s",
        "max_retries": str(TRIES),
        "retry_timeout": f"{RETRY_SECONDS}s",
    }
    if endpoint:
        options["AWS_ENDPOINT_URL"] = endpoint
    if endpoint.startswith("http://"):
        options["AWS_ALLOW_HTTP"] = "true"
    return options


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
        The partition value, not encoded; empty if nobody asked for it.
    """

    path: str
    size: int
    rows: int
    partition: str = ""


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


LONGEST = 160
S3_SAYS = (
    r"<Code>(.*?)</Code>.*?<Message>(.*?)</Message>",
    r"AWS Error (\w+) during \w+ operation: (.*?)(?: \(Request ID|$)",
)
"""How to find an S3 error code and message in errors of delta-rs and of Arrow."""

GAP = re.compile(r'found gap: .*?filename: "(\d+\.json)".*?filename: "(\d+\.json)"', re.DOTALL)
"""What delta-rs reports for a log that lacks a commit."""


@contextmanager
def translate_errors(where: str, what: str) -> Iterator[None]:
    """Turn failures inside the block into a `StoreError`.

    Parameters
    ----------
    where
        The table or file concerned.
    what
        What failed.
    """
    try:
        yield
    except (*_of_delta_rs(), OSError, pa.ArrowException, ValueError) as error:
        if "CRC checksum" in str(error):
            raise StoreError(
                "bytes of it are not those that were written",
                where=where,
                found=summarize_error(error),
                fix="See assay fsck.",
            ) from None
        far = "://" in where
        full = re.search("no space left|quota", str(error), re.IGNORECASE)
        raise StoreError(
            what,
            where=where,
            found=summarize_error(error),
            fix="Make room there, and run the same command again."
            if full
            else "Check the bucket in params.yaml under store, AWS_ENDPOINT_URL and the keys."
            if far
            else "Check the folder, its permissions and store in params.yaml; or see assay fsck.",
        ) from None


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn failures to read a file of the store into a `StoreError`, which says if it is gone."""
    with translate_errors(where, "cannot be read"):
        try:
            yield
        except FileNotFoundError:
            raise StoreError(
                "the file is gone",
                where=where,
                fix="assay fsck names all that is missing, and what helps.",
            ) from None


def _of_delta_rs() -> tuple[type[Exception], ...]:
    """The errors of delta-rs, if it is loaded. A worker only writes files and does not load it."""
    loaded = sys.modules.get("deltalake.exceptions")
    return () if loaded is None else (loaded.DeltaError,)


def summarize_error(error: Exception) -> str:
    """The first line of an error message and, if the message lists causes, the last cause."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    for pattern in S3_SAYS:
        if answer := re.search(pattern, text, re.DOTALL):
            return f"{answer[1]}: {answer[2]}"[:LONGEST]
    if gap := GAP.search(text):
        return f"the commits between {gap[1]} and {gap[2]} are missing, and later ones rest on them"
    first, *causes = [line.strip() for line in text.split("↳")]
    words = first.partition("\n")[0].strip() or type(error).__name__
    cause = causes[-1].partition("\n")[0].strip() if causes else ""
    return f"{words[: LONGEST // 2]}: {cause}"[:LONGEST] if cause else words[:LONGEST]
