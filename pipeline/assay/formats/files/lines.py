"""Lines of text files, in constant memory: a large file in pieces that share no line.

A line ends with a line feed, a carriage return, or both. A byte order mark at the beginning of a
file is left out. In the place of a line that is too long there is one that says so (`TOO_LONG`), so
memory does not depend on the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

PIECE = 32 << 20
"""Bytes of a file that one task reads."""
BLOCK = 4 << 20
"""Bytes that are read at once."""
MOST_LINE = 16 << 20
"""Bytes of the longest line that is read; parsing one takes many times its size."""
TOO_LONG = "\x1aline too long\x1a"
"""Begins what is given in the place of a longer line: its length, place and beginning."""
SHOWN = 200
"""Bytes of the beginning of a line that is too long, for people to find it."""

MARK = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""
LINE_END = re.compile(r"\r\n|\n|\r")
_LINE_END = re.compile(rb"\n|\r\n|\r(?=[^\n])")


@dataclass(frozen=True)
class Piece:
    """The lines of a file that begin at byte ``start`` or later, but before ``stop``.

    ``stop`` is None for a file that is decompressed while it is read, as a whole.
    """

    path: str
    start: int
    stop: int | None


def cut_file(path: str, size: int, longest: int = PIECE) -> list[Piece]:
    """The pieces of a file, in their order.

    Parameters
    ----------
    size
        Of the file, in bytes.
    longest
        Bytes of a piece, but for the end of its last line.
    """
    return [
        Piece(path, start, min(size, start + longest)) for start in range(0, max(size, 1), longest)
    ]


def line_blocks(piece: Piece, source: Any) -> Iterator[bytes]:
    """The lines of a piece with their ends, some megabytes of whole lines at a time.

    Parameters
    ----------
    source
        The opened file; it must be able to seek unless the piece is the whole of it.
    """
    # From the byte before: if it ends a line, the first line begins at ``start``.
    begin = max(0, piece.start - 1)
    if begin:
        source.seek(begin)
    yield from _own_lines(piece, source, begin)


def _own_lines(piece: Piece, source: Any, at: int) -> Iterator[bytes]:
    """The lines that begin within a piece; ``source`` is at byte ``at`` of the file."""
    first = piece.start > 0
    for block, length in _whole_lines(source):
        # Less than its line is what is left of one that is too long.
        is_long = length > len(block)
        start, stop = 0, len(block)
        if first:
            start, first = stop if is_long else _next_line(block, 0), False
        if piece.stop is not None and at + length > piece.stop:
            if at >= piece.stop:
                stop = 0
            elif not is_long:
                stop = _next_line(block, max(piece.stop - at - 1, 0))
        lines = block[start:stop]
        if at + start == 0:
            lines = lines.removeprefix(MARK)
        if lines and is_long:
            where = f"a line of {length:,} bytes at byte {at:,} of {piece.path}: "
            yield f"{TOO_LONG}{where}".encode("ascii", "replace") + lines + b"\n"
        elif lines:
            yield lines
        at += length
        if piece.stop is not None and at >= piece.stop:
            return


def _whole_lines(source: Any) -> Iterator[tuple[bytes, int]]:
    """Whole lines and how many bytes they are, or the beginning of a line that is too long."""
    rest = b""
    while block := source.read(BLOCK):
        block = rest + block
        end = block.rfind(b"\n") + 1
        if end == 0:
            # The last carriage return may belong to a line feed that was not read yet.
            end = block.rfind(b"\r", 0, -1) + 1
        # Only the first line can be long: the others were read at once.
        line = _next_line(block, 0) if end and len(block) > MOST_LINE else 0
        if line > MOST_LINE:
            yield block[:SHOWN], line
            block, end = block[line:], end - line
        rest = block[end:]
        if end:
            yield block[:end], end
        if len(rest) > MOST_LINE:
            length, after = _rest_of_line(source, rest)
            yield rest[:SHOWN], length
            rest = after
    if rest:
        yield rest, len(rest)


def _rest_of_line(source: Any, begun: bytes) -> tuple[int, bytes]:
    """The length of a line of which this is read, and what was read after it."""
    held = begun[-1:] if begun.endswith(b"\r") else b""
    length = len(begun) - len(held)
    while block := source.read(BLOCK):
        block = held + block
        if end := _LINE_END.search(block):
            return length + end.end(), block[end.end() :]
        held = block[-1:] if block.endswith(b"\r") else b""
        length += len(block) - len(held)
    return length + len(held), b""


def _next_line(block: bytes, place: int) -> int:
    """Where the line begins that follows the first line end at ``place`` or later."""
    feed = block.find(b"\n", place) + 1 or len(block)
    back = block.find(b"\r", place, feed) + 1
    return back if back and block[back : back + 1] != b"\n" else feed


def json_lines(block: bytes) -> pa.Array:
    """The lines of a block that are not blank, as text in which invalid bytes are replaced."""
    return pa.array(
        [
            text
            for line in block.splitlines()
            if (text := line.decode("utf-8", "replace")).strip(" ")
        ],
        pa.string(),
    )
