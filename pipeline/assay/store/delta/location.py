"""Where tables are stored, a folder or a bucket, and how Arrow and delta-rs access it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache, lru_cache

import pyarrow.fs as pafs

from assay.store.delta.files import part_path
from assay.store.delta.tables import Staged

SCRATCH = "scratch"
"""The folder of temporary files that runs need while they work; not a table."""

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
    """

    uri: str
    column: str
    keep_days: int = 30

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
    scheme, _, path = uri.partition("://")
    if scheme in {"s3", "s3a"}:
        bucket = path.partition("/")[0]
        # The client takes its credentials when it is made, and a process that was forked cannot
        # use that of its parent.
        given = tuple(item for item in sorted(os.environ.items()) if item[0].startswith("AWS_"))
        return _s3(bucket, given, os.getpid()), path
    opened: tuple[pafs.FileSystem, str] = pafs.FileSystem.from_uri(uri)
    return opened


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
    said = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if said or endpoint:
        return said or "us-east-1"
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
