"""Cells of blocks of CSV, without parsing their types: Arrow cuts what is plain, lines the rest.

A quoted cell ends at the quote before a separator or the end of its line, and blanks may follow it.
A quote in it is written twice, or after the escape character. A line that has not one cell for each
column, or that is quoted in another way, is kept as it is.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from assay.project.params.inputs import CsvOptions


class CellCutter:
    """Cuts blocks of whole lines into ``width`` cells each, as ``options`` say."""

    def __init__(self, width: int, options: CsvOptions) -> None:
        self._width, self._options = width, options
        self._nulls = {"", options.null_value}
        sep, quote, escape = map(re.escape, (options.sep, options.quote, options.escape))
        other, pair = rf"[^{quote}{escape}]*", rf"{escape}."
        if options.escape == options.quote:
            other, pair = rf"[^{quote}]*", quote + quote
        body = rf"{other}(?:{pair}{other})*"
        self._cell = re.compile(
            rf"(?:{quote}({body}){quote}[^\S{sep}]*|((?!{quote})[^{sep}]*))({sep}|\Z)", re.DOTALL
        )
        self._escaped = re.compile(rf"{escape}([{quote}{escape}])")

    def cut(self, block: bytes, header: str | None = None) -> tuple[list[pa.Array], pa.Array]:
        """The cells of a block by position, null where a cell is empty; and the lines that failed.

        Parameters
        ----------
        header
            The line that the block begins with and that is no row, if any.

        Returns
        -------
        cells
            ``width`` arrays of text, shape (rows,).
        uncut : pa.Array
            Shape (rows,); the line itself if its cells may be under wrong names, else null.
        """
        cells = self._plain(block, header)
        if cells is not None:
            return cells, pa.nulls(len(cells[0]), pa.string())
        lines = self.lines(block, header)
        rows = [self._cells(line) for line in lines]
        uncut = [line if row is None else None for line, row in zip(lines, rows, strict=True)]
        nothing: Sequence[str | None] = [None] * self._width
        columns = zip(*(nothing if row is None else row for row in rows), strict=True)
        texts = [pa.array(column, pa.string()) for column in columns]
        return texts or [pa.array([], pa.string())] * self._width, pa.array(uncut, pa.string())

    def lines(self, block: bytes, header: str | None = None) -> list[str]:
        """The lines that hold a row, without their ends; invalid bytes are replaced."""
        options = self._options
        texts = (line.decode(options.encoding, "replace") for line in self._split(block))
        comment = options.comment
        rows = [
            text
            for text in texts
            if text.strip(" ") and (comment is None or not text.startswith(comment))
        ]
        return rows[1:] if header is not None and rows[:1] == [header] else rows

    def whole_rows(self, block: bytes) -> int:
        """Bytes of the block up to the end of its last row; 0 if none ends in it."""
        ends = self._row_ends(block)
        return int(ends[-1]) + 1 if len(ends) else 0

    def _split(self, block: bytes) -> list[bytes]:
        if not self._options.multi_line:
            return block.splitlines()
        bounds = [0, *(self._row_ends(block) + 1).tolist(), len(block)]
        rows = (block[first:last] for first, last in itertools.pairwise(bounds))
        return [row.removesuffix(b"\n").removesuffix(b"\r") for row in rows]

    def _row_ends(self, block: bytes) -> npt.NDArray[np.intp]:
        """Where line feeds lie that are in no quoted cell."""
        options = self._options
        quote, escape = (
            re.escape(each.encode(options.encoding)) for each in (options.quote, options.escape)
        )
        if escape != quote:
            pair = re.compile(escape + b"(?:" + quote + b"|" + escape + b")")
            block = pair.sub(lambda mark: b" " * len(mark[0]), block)
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
        quotes = [mark.start() for mark in re.finditer(quote, block)]
        unquoted: npt.NDArray[np.intp] = ends[np.searchsorted(quotes, ends) % 2 == 0]
        return unquoted

    def cut_line(self, line: str) -> tuple[list[str], bool]:
        """The cells of one line as far as it can be cut, and whether that is all of it."""
        cells: list[str] = []
        at = 0
        while (match := self._cell.match(line, at)) is not None:
            quoted, plain, sep = match.groups()
            cells.append(plain if quoted is None else self._escaped.sub(r"\1", quoted))
            if not sep:
                return cells, True
            at = match.end()
        return cells, False

    def _cells(self, line: str) -> list[str | None] | None:
        """The cells of one line; None if they are not ``width``."""
        if line.startswith(TOO_LONG):
            return None
        cells, whole = self.cut_line(line)
        if not whole or len(cells) != self._width:
            return None
        return [None if cell in self._nulls else cell for cell in cells]

    def _plain(self, block: bytes, header: str | None) -> list[pa.Array] | None:
        """The cells if Arrow cuts each line as it would be cut by itself, else None."""
        options = self._options
        if options.encoding != "UTF-8":
            text = block.decode(options.encoding, "replace")
            if "\ufffd" in text:  # a byte that windows-1252 has no character for
                return None
            block = text.encode()
        if header is not None:
            match = re.match(re.escape(header.encode()) + rb"\r?\n", block)
            if match is None:
                return None
            block = block[match.end() :]
        if self._width < 2 or options.sep == " " or not self._is_plain(block):
            return None
        names = [str(number) for number in range(self._width)]
        try:
            table = pacsv.read_csv(
                pa.BufferReader(block),
                pacsv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
                pacsv.ParseOptions(
                    delimiter=options.sep,
                    quote_char=options.quote if options.quote.encode() in block else False,
                    newlines_in_values=options.multi_line,
                ),
                pacsv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=sorted(self._nulls),
                    strings_can_be_null=True,
                ),
            )
        except (pa.ArrowInvalid, ValueError):
            # Invalid bytes, a line with another number of cells, or options that Arrow lacks.
            return None
        return [column.combine_chunks() for column in table.columns]

    def _is_plain(self, block: bytes) -> bool:
        options = self._options
        odd = [each.encode() for each in (TOO_LONG, options.comment) if each is not None]
        if not block or block.startswith(b"\xef\xbb\xbf") or any(each in block for each in odd):
            return False
        quote, sep = options.quote.encode(), options.sep.encode()
        if quote not in block:
            return True
        if options.escape != options.quote or len(quote) > 1 or len(sep) > 1:
            return False
        letters = np.frombuffer(block, np.uint8)
        ends = (letters == ord("\n")) | (letters == ord("\r"))
        places = np.flatnonzero(letters == ord(quote))
        if len(places) % 2:
            return False
        around = np.concatenate([[True], ends | np.isin(letters, list(sep + quote)), [True]])
        opening, closing = places[::2], places[1::2]
        lines = np.flatnonzero(ends)
        within = np.searchsorted(lines, opening) == np.searchsorted(lines, closing)
        return bool(
            around[opening].all()
            and around[closing + 2].all()
            and (options.multi_line or within.all())
        )


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


# --------------- lines of text files, in constant memory: a large file in pieces that share no line
# A line ends with a line feed, a carriage return, or both. A byte order mark at the beginning of
# a file is left out. In the place of a line that is too long there is one that says so
# (`TOO_LONG`), so memory does not depend on the file.

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

_MARK = b"\xef\xbb\xbf"
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
            lines = lines.removeprefix(_MARK)
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
