"""Lines of text files, read without Spark: a large file in pieces that share no line.

A line ends with a line feed, a carriage return, or both, as in Spark. A byte order mark at the
beginning of a file is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from assay.score.inputs.files import read_errors
from assay.store.delta.location import filesystem

PIECE = 32 << 20
"""Bytes of a file that one task reads."""
BLOCK = 4 << 20
"""Bytes that are read at once."""

COMPRESSED = frozenset({".gz", ".bz2"})
"""Endings of files that Arrow decompresses as Spark does; such a file is one piece."""
ONLY_SPARK = frozenset({".deflate", ".lz4", ".snappy", ".zst"})
"""Endings of files that Arrow would not decompress, or otherwise than Spark."""

_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Piece:
    """The lines of a file that begin at byte ``start`` or later, but before ``stop``.

    ``stop`` is None for a file that is decompressed while it is read, as a whole.
    """

    path: str
    start: int
    stop: int | None


def is_readable(path: str) -> bool:
    """Whether lines of a file with this name are read here as by Spark."""
    return PurePosixPath(path).suffix.lower() not in ONLY_SPARK


def cut_file(path: str, size: int, longest: int = PIECE) -> list[Piece]:
    """The pieces of a file, in their order.

    Parameters
    ----------
    size
        Of the file, in bytes.
    longest
        Bytes of a piece, but for the end of its last line.
    """
    if PurePosixPath(path).suffix.lower() in COMPRESSED:
        return [Piece(path, 0, None)]
    return [
        Piece(path, start, min(size, start + longest)) for start in range(0, max(size, 1), longest)
    ]


def line_blocks(piece: Piece) -> Iterator[bytes]:
    """The lines of a piece with their ends, some megabytes of whole lines at a time.

    Raises
    ------
    SourceError
        The file cannot be read.
    """
    with read_errors(piece.path):
        system, path = filesystem(piece.path)
        if piece.stop is None:
            with system.open_input_stream(path) as stream:
                yield from _own_lines(piece, stream, 0)
            return
        with system.open_input_file(path) as file:
            # From the byte before: if it ends a line, the first line begins at ``start``.
            begin = max(0, piece.start - 1)
            file.seek(begin)
            yield from _own_lines(piece, file, begin)


def _own_lines(piece: Piece, source: Any, at: int) -> Iterator[bytes]:
    """The lines that begin within a piece; ``source`` is at byte ``at`` of the file."""
    first = piece.start > 0
    for block in _whole_lines(source):
        start, stop = 0, len(block)
        if first:
            start, first = _next_line(block, 0), False
        if piece.stop is not None and at + stop > piece.stop:
            stop = _next_line(block, max(piece.stop - at - 1, 0)) if at < piece.stop else 0
        lines = block[start:stop]
        if at + start == 0:
            lines = lines.removeprefix(_MARK)
        if lines:
            yield lines
        at += len(block)
        if piece.stop is not None and at >= piece.stop:
            return


def _whole_lines(source: Any) -> Iterator[bytes]:
    rest = b""
    while block := source.read(BLOCK):
        block = rest + block
        end = block.rfind(b"\n") + 1
        if end == 0:
            # The last carriage return may belong to a line feed that was not read yet.
            end = block.rfind(b"\r", 0, -1) + 1
        rest = block[end:]
        if end:
            yield block[:end]
    if rest:
        yield rest


def _next_line(block: bytes, place: int) -> int:
    """Where the line begins that follows the first line end at ``place`` or later."""
    feed = block.find(b"\n", place) + 1 or len(block)
    back = block.find(b"\r", place, feed) + 1
    return back if back and block[back : back + 1] != b"\n" else feed
