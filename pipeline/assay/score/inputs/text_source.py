"""How a file of text lies in its storage, and its lines as a stream, whatever it is packed in."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from assay.errors import SourceError
from assay.formats.files.json_array import array_values, is_array
from assay.formats.files.opened import MAGIC, Utf8Stream, compression, is_utf16
from assay.score.inputs.files import read_errors
from assay.store.delta.location import filesystem

HADOOP = frozenset({".deflate", ".lz4", ".snappy"})
"""Endings of files that are compressed as only Hadoop does."""
HEAD = 1 << 20
"""Bytes within which the header line must end, or in which keys of JSON objects are collected."""


@dataclass(frozen=True)
class TextSource:
    """A file of text, and what it takes to get at its lines.

    Parameters
    ----------
    codec
        How it is compressed, as Arrow calls it; None if it is not.
    utf16
        Whether it is UTF-16, as its byte order mark says. Its lines are given in UTF-8.
    array
        Whether it is one JSON array. Each of its values is given as a line.
    """

    path: str
    codec: str | None = None
    utf16: bool = False
    array: bool = False

    @property
    def in_pieces(self) -> bool:
        """Whether its lines can be read from any place of the file."""
        return not (self.codec or self.utf16 or self.array)

    @contextmanager
    def open(self, *, seekable: bool = False) -> Iterator[Any]:
        """The file from its beginning: bytes to ``read``; ``seekable`` if it is `in_pieces`.

        Raises
        ------
        SourceError
            It cannot be read, now or later in the block.
        """
        with read_errors(self.path):
            system, path = filesystem(self.path)
            if seekable:
                with system.open_input_file(path) as file:
                    yield file
                return
            with system.open_input_stream(path, compression=self.codec) as stream:
                yield self._lines(stream)

    def _lines(self, stream: Any) -> Any:
        if not (self.utf16 or self.array):
            return stream
        encoding = "utf-16" if self.utf16 else "utf-8-sig"
        text = io.TextIOWrapper(stream, encoding, errors="replace", newline="")
        if not self.array:
            return Utf8Stream.of(text)
        return Utf8Stream(f"{value}\n" for value in array_values(text, self.path))


def look(path: str, *, json: bool) -> tuple[TextSource, bytes, bool]:
    """How a file lies there, its first bytes as `TextSource.open` gives them, and if more follow.

    Parameters
    ----------
    json
        Whether it may be an array.

    Raises
    ------
    SourceError
        It cannot be read, or its name says that it is compressed in a way that is not read here.
    """
    if PurePosixPath(path).suffix.lower() in HADOOP:
        raise SourceError(
            "is compressed in a way that is not read here",
            where=path,
            expected=f"no name that ends in {', '.join(sorted(HADOOP))}",
            fix="Unpack it, or compress it with gzip or zstd.",
        )
    with TextSource(path).open() as raw:
        packed = TextSource(path, codec=compression(raw.read(MAGIC)))
    head, more = _head(packed)
    source = TextSource(path, packed.codec, is_utf16(head))
    if source.utf16:
        head, more = _head(source)
    if json and is_array(head.decode("utf-8-sig", "replace")):
        source = TextSource(path, source.codec, source.utf16, array=True)
        head, more = _head(source)
    return source, head, more


def _head(source: TextSource) -> tuple[bytes, bool]:
    with source.open() as file:
        head: bytes = file.read(HEAD)
        return head, len(head) == HEAD and bool(file.read(1))
