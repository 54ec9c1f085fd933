"""A function that an object in a bucket starts: the night that the object is of is scored.

AWS Lambda calls `handler` with S3's own events or EventBridge's, others with a CloudEvent of Google
Cloud Storage or Azure Event Grid. It is `assay score --date` of that night, so it is checked, held
and published like any other, and skipped if it was published from the same files: an event may come
as often as it likes.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_plus, urlsplit

import pyarrow.fs as pafs

from assay import errors
from assay.project.params import Params, load
from assay.project.partitions import FolderNames
from assay.score import stage
from assay.score.inputs import files
from assay.score.inputs.formats import open_input
from assay.score.run import NightOutcome
from assay.store import open_store
from assay.store.delta.location import filesystem

ABOUT_THE_OBJECT = (
    *(errors.DataError, errors.RunHeld, errors.RowCountMismatch),
    *(errors.ScoresInvalid, errors.ScoringFailed),
)
"""Errors that another try would meet again. They are in the table of runs, where people look."""

_LOG = logging.getLogger(__name__)


class StoredObject(NamedTuple):
    """An object that an event names; ``kind`` is what the event calls itself."""

    bucket: str
    key: str
    kind: str

    @property
    def deleted(self) -> bool:
        return re.search("removed|deleted|archived", self.kind, re.IGNORECASE) is not None


def handler(event: Any, context: Any = None) -> list[dict[str, Any]]:
    """Score the nights that an event's objects are of; returns what became of each object.

    Parameters
    ----------
    event
        S3's notification, EventBridge's, or a CloudEvent: anything with ``["type"]``, and
        ``["data"]`` or ``.data``.
    context
        What a platform adds. It is not used.

    Raises
    ------
    AssayError
        Store, registry or network failed: the platform is to try again. Nothing is half done.
    UsageError
        The event is none of these, or the project's input has no folder or file for each night.
    """
    root, params = _project(os.environ.get("ASSAY_ROOT", "."))
    nights = []
    for each in objects_of(event):
        document = _take(root, params, each)
        _LOG.warning("function: %s/%s: %s", each.bucket, each.key, document["outcome"])
        nights.append({"object": f"{each.bucket}/{each.key}", **document})
    return nights


@cache
def _project(given: str) -> tuple[Path, Params]:
    """The project; a copy where nothing may be written, as in a function's image."""
    root = Path(given).resolve()
    if not os.access(root, os.W_OK):
        copy = Path("/tmp") / root.name
        shutil.copytree(root, copy, symlinks=True, dirs_exist_ok=True)
        os.environ["NUMBA_CACHE_DIR"] = str(copy / ".assay" / "numba")
        root = copy
    return root, load(root)


def objects_of(event: Any) -> list[StoredObject]:
    """The objects that an event names; errors as for `handler`."""
    try:
        if "Records" in event:
            events = [(each["s3"], each["eventName"]) for each in event["Records"]]
            return [_of_amazon(s3, unquote_plus, kind) for s3, kind in events]
        if "detail" in event:
            return [_of_amazon(event["detail"], str, event["detail-type"])]
        data = event["data"] if isinstance(event, Mapping) else event.data
        if "url" not in data:
            return [StoredObject(data["bucket"], data["name"], event["type"])]
        bucket, _, key = unquote(urlsplit(data["url"]).path).lstrip("/").partition("/")
        return [StoredObject(bucket, key, event["type"])]
    except (KeyError, TypeError, AttributeError) as error:
        raise errors.UsageError(
            "this is no event of an object",
            where="the function",
            expected="S3's, EventBridge's, or a CloudEvent of Google Cloud Storage or Azure",
            found=f"{type(event).__name__} without {error}",
        ) from None


def _of_amazon(s3: Any, read: Callable[[str], str], kind: str) -> StoredObject:
    return StoredObject(s3["bucket"]["name"], read(s3["object"]["key"]), kind)


def _take(root: Path, params: Params, given: StoredObject) -> dict[str, Any]:
    night, address = _night(_night_names(root, params), given)
    if night is None:
        return {"outcome": "of no night"}
    system, path = filesystem(address)
    if given.deleted or system.get_file_info(path).type == pafs.FileType.NotFound:
        return {"outcome": "deleted"}
    store, mark = open_store(root, params), ""
    with suppress(errors.DataError):  # the run that follows meets it too, and records it
        mark = open_input(root, params).fingerprint(night)
    runs = store.runs(night)
    if mark and runs and (runs[-1].event, runs[-1].input) == ("held", mark):
        return {"outcome": "held", "partition": night, "run_id": runs[-1].run_id}
    try:
        (outcome,) = stage.score_nights(root, params, [night]).outcomes
    except ABOUT_THE_OBJECT as error:
        kind = "held" if isinstance(error, errors.RunHeld) else "failed"
        outcome = NightOutcome(night, kind, error=error)
    except errors.PublishConflict:
        published = store.published_run(night)
        if published is None or published.input != mark:
            raise
        outcome = NightOutcome(night, "skipped", run_id=published.run_id)
    return outcome.document()


def _night_names(root: Path, params: Params) -> FolderNames:
    path = getattr(params.score.input, "path", "")
    if "://" not in path:
        raise errors.UsageError(
            "events name nights only in a bucket with a folder or a file for each",
            where="params.yaml: score.input",
            expected="a path such as s3://BUCKET/rows or s3://BUCKET/rows-{night}.csv",
        )
    return FolderNames.of(files.resolve_uri(root, path), params.ingest.partition_by)


def _night(names: FolderNames, given: StoredObject) -> tuple[str | None, str]:
    """The night that an object is of, None for other objects; and its address in the input."""
    host, _, prefix = names.folder.partition("://")[2].partition("/")
    prefix = prefix and f"{prefix}/"
    rest = given.key.removeprefix(prefix)
    folder, _, inner = rest.partition("/")
    inside = host.partition("@")[0] == given.bucket and given.key.startswith(prefix)
    if not inside or "/" in inner or inner.startswith((".", "_")) or (names.column and not inner):
        return None, ""
    return next(iter(names.values([folder])), None), f"{names.folder}/{rest}"
