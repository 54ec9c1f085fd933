"""Errors of delta-rs, Arrow and the file system as a one-line `StoreError`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from assay.errors import StoreError

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
            else "Check the folder, its permissions and store in params.yaml.",
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
    said = first.partition("\n")[0].strip() or type(error).__name__
    cause = causes[-1].partition("\n")[0].strip() if causes else ""
    return f"{said[: LONGEST // 2]}: {cause}"[:LONGEST] if cause else said[:LONGEST]
