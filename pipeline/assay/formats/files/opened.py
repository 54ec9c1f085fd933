"""Opens a table's file: which format it has, and how its bytes become text."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from assay.errors import SourceError
from assay.formats.definition import FileFormat

ROWS = 100_000
"""Rows of a batch, at most."""
CHUNK = 1 << 20
HEAD = 1 << 20
"""Bytes that are looked at to find out how a text file is written."""

_SAVE = "Save the table as CSV, JSON lines or Parquet."
_BINARY = (
    (b"PK\x03\x04", "an Excel workbook or another zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook, or one with a password"),
    (b"SQLite format 3\x00", "a SQLite database"),
)
_OPENS_JSON = re.compile(rb'\{\s*["}]|\[\s*[\[{\]]')
_CODECS = {
    "gzip": re.compile(rb"\x1f\x8b\x08"),
    "bz2": re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
}
MAGIC = 16
"""Bytes at the beginning of a file that tell how it is compressed."""
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def compression(head: bytes) -> str | None:
    r"""How a file that begins like this is compressed, as Arrow calls it; None if it is not.

    >>> compression(b"\x28\xb5\x2f\xfd...")
    'zstd'
    """
    return next((name for name, magic in _CODECS.items() if magic.match(head)), None)


def is_utf16(head: bytes) -> bool:
    """Whether text that begins like this is UTF-16, which its byte order mark says."""
    return head.startswith(_UTF16)


@dataclass(frozen=True)
class Encoding:
    """The encoding of a text file, decided on all its bytes.

    Parameters
    ----------
    remark
        What was assumed; empty if nothing had to be.
    """

    name: str
    remark: str = ""


@contextmanager
def open_bytes(path: Path) -> Iterator[pa.NativeFile]:
    """The file's bytes, unpacked if it is compressed with gzip, bz2 or zstd.

    Raises
    ------
    SourceError
        It is missing, a folder, unreadable, or its compression is cut or damaged.
    """
    if path.is_dir():
        raise SourceError(
            "is a folder, not a table", where=str(path), fix="Name one file that holds the table."
        )
    codec = None
    try:
        with path.open("rb") as raw:
            codec = compression(raw.read(MAGIC))
        with pa.input_stream(str(path), compression=codec) as file:
            yield file
    except FileNotFoundError:
        raise SourceError("there is no such file", where=str(path), fix="Check the path.") from None
    except OSError as error:
        if codec:
            raise SourceError(
                f"the {codec} file is cut or damaged",
                where=str(path),
                found=str(error),
                fix="Copy or download it again.",
            ) from None
        raise SourceError(
            "cannot be read",
            where=str(path),
            found=error.strerror or str(error),
            fix="Check that it is a file that you may read.",
        ) from None


def file_format(path: Path) -> FileFormat:
    """What the file holds, by its content and not by its name.

    Raises
    ------
    SourceError
        It cannot be opened, is empty, or is something else than a table.
    """
    with open_bytes(path) as file:
        head = file.read(1 << 16)
    if not head:
        raise SourceError("the file is empty", where=str(path), fix="Write the table again.")
    if head.startswith(b"PAR1"):
        return "parquet"
    for magic, meaning in _BINARY:
        if head.startswith(magic):
            raise SourceError(f"is {meaning}, not a table", where=str(path), fix=_SAVE)
    if is_utf16(head):
        head = head.decode("utf-16", "ignore").encode()
    if b"\x00" in head:
        raise SourceError("holds bytes that are no text", where=str(path), fix=_SAVE)
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if start[:9].lower() in (b"<!doctype", b"<html>") or start[:5].lower() in (b"<html", b"<?xml"):
        raise SourceError("is a web page or XML, not a table", where=str(path), fix=_SAVE)
    return "json" if _is_json(start, path) else "csv"


def _is_json(start: bytes, path: Path) -> bool:
    if start[:1] not in (b"{", b"["):
        return False
    suffixes = {each.lower() for each in path.suffixes}
    return bool(suffixes & {".json", ".jsonl", ".ndjson"} or _OPENS_JSON.match(start))


def find_encoding(path: Path) -> Encoding:
    """The encoding that all bytes of a text file agree with.

    Raises
    ------
    SourceError
        No encoding fits, or most of the file is UTF-8 and some of it is not.
    """
    with open_bytes(path) as file:
        start = file.read(4)
    name = "utf-16" if is_utf16(start) else "utf-8"
    try:
        _read_whole(path, name)
        return Encoding(name)
    except UnicodeDecodeError as error:
        cut = error.reason in ("unexpected end of data", "truncated data")
    if cut or name == "utf-16":
        raise SourceError(
            "ends in the middle of a character" if cut else "begins as UTF-16, but is not",
            where=str(path),
            fix="Copy the file again, or save it as UTF-8.",
        )
    return _not_utf8(path)


def _read_whole(path: Path, encoding: str) -> None:
    """Raises UnicodeDecodeError."""
    with open_text(path, encoding) as file:
        while text := file.read(CHUNK):
            if "\x00" in text:
                raise SourceError("holds bytes that are no text", where=str(path), fix=_SAVE)


def _not_utf8(path: Path) -> Encoding:
    good = bad = 0
    first = None
    with open_text(path, "utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if wrong := line.count("\ufffd"):
                first = first or number
                bad += wrong
            good += 0 if line.isascii() else sum(not each.isascii() for each in line) - wrong
    if good > bad:
        raise SourceError(
            "is UTF-8 in most places, but not in all",
            where=f"{path}, line {first}",
            expected="valid UTF-8",
            found=f"{bad} bad and {good} good characters beyond ASCII",
            fix="Save the file again as UTF-8.",
        )
    try:
        _read_whole(path, "cp1252")
    except UnicodeDecodeError:
        raise SourceError(
            "is neither UTF-8 nor Windows' cp1252",
            where=f"{path}, line {first}",
            fix="Save the file again as UTF-8.",
        ) from None
    remark = (
        f"not UTF-8 (first in line {first}), so cp1252 was assumed; letters beyond ASCII are wrong "
        "if it is cp1250 or another encoding"
    )
    return Encoding("cp1252", remark)


@contextmanager
def open_text(path: Path, encoding: str, errors: str = "strict") -> Iterator[TextIO]:
    """The file's text, without a byte order mark; lines keep their ends, as ``open`` has them.

    Reading it raises UnicodeDecodeError; see `in_encoding`.
    """
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise SourceError(
            f"there is no encoding {encoding!r}", fix="Write utf-8, utf-16 or cp1252."
        ) from None
    name = "utf-8-sig" if name == "utf-8" else name
    with open_bytes(path) as file:
        yield io.TextIOWrapper(file, name, errors, newline="")


@contextmanager
def in_encoding(path: Path, encoding: str) -> Iterator[None]:
    """Around readings of text in its stated encoding: that it is not becomes a SourceError."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise SourceError(
            f"is not written in {encoding}",
            where=str(path),
            found=f"byte 0x{error.object[error.start]:02x}",
            fix="State the file's encoding, or save it as UTF-8.",
        ) from None


def file_lines(path: Path, encoding: str) -> Iterator[str]:
    """Lines of a whole file, with their ends."""
    with in_encoding(path, encoding), open_text(path, encoding) as file:
        yield from file


def head_text(path: Path, encoding: str) -> tuple[str, bool]:
    """The first text of the file, and whether that is all of it."""
    with in_encoding(path, encoding), open_text(path, encoding) as file:
        return file.read(HEAD), not file.read(1)


class Utf8Stream:
    """Pieces of text as bytes of UTF-8, in the form that pyarrow reads from."""

    closed = False

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces, self._left = iter(pieces), b""
        # pyarrow takes such a mark away from where it begins, also if it belongs to a cell there.
        self._fill(len(codecs.BOM_UTF8))
        if self._left.startswith(codecs.BOM_UTF8):
            self._left = codecs.BOM_UTF8 + self._left

    @classmethod
    def of(cls, file: TextIO) -> Utf8Stream:
        """The rest of a file."""
        return cls(iter(partial(file.read, CHUNK), ""))

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, none at the end."""
        self._fill(size)
        piece, self._left = self._left[:size], self._left[size:]
        return piece

    def _fill(self, size: int) -> None:
        pieces, held = [self._left], len(self._left)
        while held < size and (text := next(self._pieces, None)) is not None:
            pieces.append(text.encode())
            held += len(pieces[-1])
        self._left = b"".join(pieces)

    def close(self) -> None:
        """Closed with the file."""
        self.closed = True
