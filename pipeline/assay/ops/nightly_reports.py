"""Keep the nights' reports in a bucket, for machines that are thrown away after each night.

What was told to people is in ``reports/``. A machine that starts with an empty one would tell
everything again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs

from assay.errors import StoreError
from assay.project import layout
from assay.store.delta.location import filesystem

log = logging.getLogger(__name__)

KEPT = (
    layout.NIGHTS, layout.PERFORMANCE, layout.INCIDENTS, layout.ALERTS,
    layout.INCIDENT, layout.RETRAIN, layout.FRONT,
)  # fmt: skip
"""Files and folders that the commands of a night write, relative to the root."""


@contextmanager
def kept(root: Path, address: str | None) -> Iterator[None]:
    """Fetch the reports before the block and put them back after it, whatever became of it.

    Parameters
    ----------
    address
        A folder or a bucket's address; None does nothing.

    Raises
    ------
    StoreError
        The reports cannot be fetched or put back.
    """
    if address is None:
        yield
        return
    place, path = _open(address)
    local = pafs.LocalFileSystem()
    _copy(place, path.rstrip("/"), local, str(root.resolve()), address)
    try:
        yield
    except BaseException:
        try:
            _copy(local, str(root.resolve()), place, path.rstrip("/"), address)
        except StoreError as error:  # the first error says more
            log.warning("nightly: %s", error.line())
        raise
    _copy(local, str(root.resolve()), place, path.rstrip("/"), address)


def _open(address: str) -> tuple[pafs.FileSystem, str]:
    try:
        return filesystem(address if "://" in address else str(Path(address).resolve()))
    except (OSError, pa.ArrowException) as error:
        raise _unusable(address, error) from None


def _copy(
    source: pafs.FileSystem, start: str, target: pafs.FileSystem, end: str, address: str
) -> None:
    try:
        for name in KEPT:
            found, place = source.get_file_info(f"{start}/{name}"), f"{end}/{name}"
            if found.type == pafs.FileType.NotFound:
                continue
            folder = place if found.type == pafs.FileType.Directory else place.rpartition("/")[0]
            target.create_dir(folder, recursive=True)
            pafs.copy_files(found.path, place, source, target)
    except (OSError, pa.ArrowException) as error:
        raise _unusable(address, error) from None


def _unusable(address: str, error: Exception) -> StoreError:
    return StoreError(
        "reports cannot be kept there",
        where=address,
        found=" ".join(str(error).split())[:300],
        fix="Check the address after --reports-at and the credentials for it.",
    )
