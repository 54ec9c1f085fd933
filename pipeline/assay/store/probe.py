"""Tries whether the store can be read and written, and leaves no trace in it."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from assay.errors import StoreError
from assay.project.clock_skew import clock_skew
from assay.store.delta.location import filesystem
from assay.store.delta.store_errors import translate_errors
from assay.store.store import Store

CONTENT = b"written by assay doctor, and deleted at once\n"


@dataclass(frozen=True)
class StoreProbe:
    """What a store answered.

    Attributes
    ----------
    nights
        How many nights are published.
    skew
        Seconds by which this machine's clock is ahead of the time that the store gave a new file;
        negative if it is behind.
    """

    nights: int
    skew: float


def probe(store: Store) -> StoreProbe:
    """Write, read and delete a small file, then read the log of predictions.

    A folder that does not exist yet is not made: the file is written to the folder above it.

    Raises
    ------
    StoreError
        One of these failed.
    """
    name = f".assay-doctor-{secrets.token_hex(4)}"
    folder = store.scratch_uri(name) if "://" in store.uri else str(_nearest(Path(store.uri)))
    what = "a file cannot be written, read and deleted there"
    # First, as delta-rs lets no other thread run while it waits for a store that does not answer.
    with translate_errors(store.uri, what):
        skew = _try_file(f"{folder}/{name}")
    return StoreProbe(len(store.partitions()), skew)


def _try_file(uri: str) -> float:
    system, path = filesystem(uri)
    try:
        before = time.time()
        with system.open_output_stream(path) as sink:
            sink.write(CONTENT)
        after = time.time()
        with system.open_input_stream(path) as source:
            if source.read() != CONTENT:
                raise StoreError("gives back other bytes than were written", where=uri)
        written = system.get_file_info(path).mtime_ns / 1e9
    finally:
        with suppress(OSError):
            system.delete_file(path)
    return clock_skew(before, after, written)


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    return next(each for each in (folder, *folder.parents) if each.exists())
