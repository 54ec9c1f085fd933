"""Cells of CSV, without parsing their types: Arrow cuts what is plain, a grammar the rest.

A quoted cell ends at the quote before a separator or the end of its line; blanks may stand around
its quotes. A quote in it is written twice, or after the escape character. A cell that is not quoted
holds none. A line that has not one cell for each column, or that is quoted in another way, is kept
as it is.

Where cells may hold line ends, a quote that nothing closes would take all rows after it. Whether
such a quote is stray, the lines behind it tell: see `CellCutter._row_end`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from assay.errors import SourceError
from assay.formats.files.lines import BLOCK, LINE_END, MARK, MOST_LINE, TOO_LONG
from assay.project.params.inputs import CsvOptions

LOOKED_AT = 100
"""Lines behind a quote that tell whether it is stray."""


class CellCutter:
    """Cuts blocks of whole lines into ``width`` cells each, as ``options`` say."""

    def __init__(self, width: int, options: CsvOptions) -> None:
        self._width, self._options = width, options
        self._nulls = {"", options.null_value}
        sep, quote, escape = map(re.escape, (options.sep, options.quote, options.escape))
        blanks = "".join(each for each in " \t" if each != options.sep)
        other, pair, bare = rf"[^{quote}{escape}]*+", rf"{escape}.", rf"(?<={escape}){quote}"
        if options.escape == options.quote:
            other, pair, bare = rf"[^{quote}]*+", quote + quote, "(?!)"
        body = rf"{other}(?:{pair}{other})*+"
        quoted = rf"[{blanks}]*+{quote}({body}){quote}[{blanks}]*+" if quote else "(?!)()"
        plain = rf"((?:[^{sep}{quote}\r\n]|{bare})*+)"
        self._cell = re.compile(rf"(?:{quoted}|{plain})({sep}|\Z)", re.DOTALL)
        self._escaped = re.compile(rf"{escape}([{quote}{escape}])" if quote else "(?!)()")
        cells = rf"(?:{quoted}|{plain})(?:{sep}(?:{quoted}|{plain}))*+"
        self._cells_of_row = re.compile(cells, re.DOTALL)
        self._row = re.compile(rf"{cells}(?:\r\n|\n|\r|\Z)", re.DOTALL)

    def cut(
        self, block: bytes | Sequence[str], header: str | None = None, checked: bool = False
    ) -> tuple[list[pa.Array], pa.Array]:
        """The cells of a block by position, null where a cell is empty; and the lines that failed.

        Parameters
        ----------
        block
            Lines with their ends, or those of `row_blocks`.
        header
            The line that the block begins with and that is no row, if any.
        checked
            Every quote of the block is known to stand in its place.

        Returns
        -------
        cells
            ``width`` arrays of text, shape (rows,).
        uncut : pa.Array
            Shape (rows,); the line itself if its cells may be under wrong names, else null.
        """
        cells = self._plain(block, header, checked) if isinstance(block, bytes) else None
        if cells is not None:
            return cells, pa.nulls(len(cells[0]), pa.string())
        lines = self.lines(block, header)
        rows = [self._cells(line) for line in lines]
        uncut = [line if row is None else None for line, row in zip(lines, rows, strict=True)]
        nothing: Sequence[str | None] = [None] * self._width
        columns = zip(*(nothing if row is None else row for row in rows), strict=True)
        texts = [pa.array(column, pa.string()) for column in columns]
        return texts or [pa.array([], pa.string())] * self._width, pa.array(uncut, pa.string())

    def lines(self, block: bytes | Sequence[str], header: str | None = None) -> list[str]:
        """The lines that hold a row, without their ends; invalid bytes are replaced."""
        options = self._options
        texts: Sequence[str]
        if isinstance(block, bytes) and not options.multi_line:
            texts = [each.decode(options.encoding, "replace") for each in block.splitlines()]
        else:
            rows = self._rows(block, last=True)[0] if isinstance(block, bytes) else block
            texts = [each.removesuffix("\n").removesuffix("\r") for each in rows]
        comment = options.comment
        filled = [
            text
            for text in texts
            if text.strip(" ") and (comment is None or not text.startswith(comment))
        ]
        return filled[1:] if header is not None and filled[:1] == [header] else filled

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

    def _plain(
        self, block: bytes, header: str | None, checked: bool = False
    ) -> list[pa.Array] | None:
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
        if self._width < 2 or options.sep == " " or not (checked or self._is_plain(block)):
            return None
        names = [str(number) for number in range(self._width)]
        try:
            table = pacsv.read_csv(
                pa.BufferReader(block),
                pacsv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
                pacsv.ParseOptions(
                    delimiter=options.sep,
                    quote_char=_in(options.quote.encode(), block) and options.quote,
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
        """Whether each quote of a block in UTF-8 stands where one must, and nothing is unusual."""
        options = self._options
        odd = [each.encode() for each in (TOO_LONG, options.comment) if each is not None]
        if not block or block.startswith(MARK) or any(each in block for each in odd):
            return False
        quote, sep = options.quote.encode(), options.sep.encode()
        if not _in(quote, block):
            return True
        if options.escape != options.quote or len(quote) > 1 or len(sep) > 1:
            return False
        letters = np.frombuffer(block, np.uint8)
        ends = (letters == ord("\n")) | (letters == ord("\r"))
        places = np.flatnonzero(letters == ord(quote))
        if len(places) % 2:
            return False
        beside = ends | (letters == ord(sep)) | (letters == ord(quote))
        around = np.concatenate([[True], beside, [True]])
        opening, closing = places[::2], places[1::2]
        lines = np.flatnonzero(ends)
        within = np.searchsorted(lines, opening) == np.searchsorted(lines, closing)
        return bool(
            around[opening].all()
            and around[closing + 2].all()
            and (options.multi_line or within.all())
        )

    # ------------------------------------------------------- rows whose cells may hold line ends

    def cut_rows(
        self, source: Any, path: str, header: str | None = None, size: int = BLOCK
    ) -> Iterator[tuple[list[pa.Array], pa.Array]]:
        """`cut` for each of `row_blocks`, of which the first begins with the header, if any."""
        for block in self.row_blocks(source, path, size):
            yield self.cut(block, header, checked=True)
            header = None

    def row_blocks(
        self, source: Any, path: str, size: int = BLOCK
    ) -> Iterator[bytes | Sequence[str]]:
        """Whole rows of a file, some megabytes at a time.

        They are bytes where every quote stands in its place, else rows; with their line ends.

        Parameters
        ----------
        source
            The opened file, at the beginning of a row.
        size
            Bytes that are read at once.

        Raises
        ------
        SourceError
            A line is too long.
        """
        rest, last = source.read(size).removeprefix(MARK), False
        while rest or not last:
            end = self._plain_end(rest, last)
            if end and self._is_plain(rest[:end]):
                yield rest[:end]
                rest = rest[end:]
            elif rest:
                rows, used = self._rows(rest, last)
                if rows:
                    yield rows
                rest = rest[used:]
            if last:
                return
            if len(rest) > MOST_LINE:
                raise SourceError(
                    "a line is too long",
                    where=path,
                    expected=f"lines of at most {MOST_LINE >> 20} MB",
                    fix="Write the file again at its source.",
                )
            block = source.read(size)
            rest, last = rest + block, not block

    def rows(self, source: Any, path: str) -> Iterator[str]:
        """Each row of a file with its line end, as `row_blocks`; slower."""
        for block in self.row_blocks(source, path):
            yield from block if not isinstance(block, bytes) else self._rows(block, last=True)[0]

    def _plain_end(self, block: bytes, last: bool) -> int:
        """Bytes up to the last line feed that is in no quoted cell, if its quotes are in place.

        0 if there is none, or if only `_rows` can tell.
        """
        options = self._options
        quote = options.quote.encode()
        if not options.quote.isascii():
            return 0
        if last:
            return len(block)
        if not _in(quote, block):
            return block.rfind(b"\n") + 1
        if options.escape != options.quote:
            return 0
        letters = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(letters == ord("\n"))
        outside = np.searchsorted(np.flatnonzero(letters == ord(quote)), ends) % 2 == 0
        return int(ends[outside][-1]) + 1 if outside.any() else 0

    def _rows(self, block: bytes, last: bool) -> tuple[list[str], int]:
        """The rows of a block with their ends, and how many bytes they are.

        Parameters
        ----------
        last
            Whether the file ends with it; else a row that may go on after it is left.
        """
        encoding = self._options.encoding
        text = block.decode(encoding, "surrogateescape")
        rows, at = [], 0
        while at < len(text):
            end = self._row_end(text, at, last)
            if end is None and at == 0 and len(block) > MOST_LINE:
                end = _if_whole(text, _line_end(text, 0), last)  # no cell is as long
            if end is None:
                break
            rows.append(text[at:end])
            at = end
        used = len(text[:at].encode(encoding, "surrogateescape"))
        joined = "\0".join(rows)
        if not joined.isascii() and re.search("[\udc80-\udcff]", joined):
            escaped = (row.encode(encoding, "surrogateescape") for row in rows)
            rows = [row.decode(encoding, "replace") for row in escaped]
        return rows, used

    def _row_end(self, text: str, at: int, last: bool) -> int | None:
        """Where the row that begins at a place ends; None if that takes more text.

        Where a quote is not closed, or text follows a closed one, either that quote is stray or the
        cell is damaged. If more than half of the lines up to there are rows by themselves, or there
        are none, it is stray: its line is a row that cannot be cut, and the next line is another
        row. Else all of it is one row that cannot be cut.
        """
        options = self._options
        line = _line_end(text, at)
        if options.comment is not None and text.startswith(options.comment, at):
            return _if_whole(text, line, last)
        if (row := self._row.match(text, at)) is not None:
            return _if_whole(text, row.end(), last)
        cells = self._cells_of_row.match(text, at)
        broken = cells.end() if cells else at
        before = text[at:broken].rstrip(" \t" if options.sep != "\t" else " ")
        open_quote = text.startswith(options.quote, broken) and (
            not before or before.endswith(options.sep)
        )
        if open_quote and not last:
            return None
        end = len(text) if open_quote else _line_end(text, broken)
        if _if_whole(text, end, last) is None:
            return None
        behind = text[line:] if open_quote else text[line : _line_start(text, broken)]
        lines = [each for each in LINE_END.split(behind, LOOKED_AT)[:LOOKED_AT] if each.strip()]
        alone = sum(self._cells(each) is not None for each in lines)
        return line if alone * 2 > len(lines) or not lines else end


def _in(quote: bytes, block: bytes) -> bool:
    return bool(quote) and quote in block


def _line_end(text: str, at: int) -> int:
    """Where the line ends, with its line end, that a place lies in."""
    found = LINE_END.search(text, at)
    return found.end() if found else len(text)


def _line_start(text: str, at: int) -> int:
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def _if_whole(text: str, end: int, last: bool) -> int | None:
    """The end of a row, unless more of it may follow the text."""
    return end if last or end < len(text) or text.endswith("\n") else None
