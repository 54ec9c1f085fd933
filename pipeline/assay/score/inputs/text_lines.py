"""Lines of text files, read without Spark: a large file in pieces that share no line.

A line ends with a line feed, a carriage return, or both, as in Spark. A byte order mark at the
beginning of a file is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

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


def line_blocks(piece: Piece) -> Iterator[Sequence[bytes]]:
    """The lines of a piece without their ends, some megabytes at a time.

    Raises
    ------
    SourceError
        The file cannot be read.
    """
    with read_errors(piece.path):
        system, path = filesystem(piece.path)
        if piece.stop is None:
            with system.open_input_stream(path) as stream:
                yield from _lines(piece, stream, 0)
            return
        with system.open_input_file(path) as file:
            # From the byte before: if it ends a line, the first line begins at ``start``.
            begin = max(0, piece.start - 1)
            file.seek(begin)
            yield from _lines(piece, file, begin)


def _lines(piece: Piece, source: object, begin: int) -> Iterator[Sequence[bytes]]:
    at, rest, first = begin, b"", piece.start > 0
    while True:
        block: bytes = source.read(BLOCK)  # type: ignore[attr-defined]
        lines = (rest + block).splitlines(keepends=True)
        # The last line may go on in the next block, or its carriage return with a line feed.
        rest = lines.pop() if block and lines and not lines[-1].endswith(b"\n") else b""
        if first and lines:
            at += len(lines.pop(0))
            first = False
        came = at
        if piece.stop is not None:
            lines, at = _before(lines, at, piece.stop)
        else:
            at += sum(map(len, lines))
        if lines and came == 0:
            lines[0] = lines[0].removeprefix(_MARK)
        if lines:
            yield [line.rstrip(b"\r\n") for line in lines]
        if not block or (piece.stop is not None and at >= piece.stop):
            return


def _before(lines: list[bytes], at: int, stop: int) -> tuple[list[bytes], int]:
    """The lines that begin before ``stop``, and where the next one begins."""
    if at + sum(map(len, lines)) < stop:
        return lines, at + sum(map(len, lines))
    kept = []
    for line in lines:
        if at >= stop:
            break
        kept.append(line)
        at += len(line)
    return kept, at
