"""Blocks of text that Arrow splits into the same lines and cells as `text_cells`, but faster.

Arrow is asked only where the two cannot differ: each quote encloses a whole cell and nothing else,
each line has one cell for each column, and no line has to be left out. Other blocks are not split
here, and go the slow way, line by line.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from assay.contract.text.text_parser import TOO_LONG
from assay.project.params.inputs import CsvOptions

_MARK = b"\xef\xbb\xbf"


def split_block(
    block: bytes, width: int, header: str | None, options: CsvOptions
) -> list[pa.Array] | None:
    """The cells of a block of lines by position, null where a cell is empty.

    Parameters
    ----------
    block
        Whole lines with their ends.
    width
        The number of columns.
    header
        The line that the block begins with and that is no row, if any.

    Returns
    -------
    list or None
        ``width`` arrays of text; None if the block has to be split line by line.
    """
    if options.encoding != "UTF-8":
        block = block.decode(options.encoding).encode()
    if header is not None:
        after = _after_header(block, header.encode())
        if after is None:
            return None
        block = after
    if width < 2 or options.sep == " " or not _is_plain(block, options):
        return None
    names = [str(number) for number in range(width)]
    quoted = options.quote.encode() in block
    nulls = ["", options.null_value] if options.null_value else [""]
    try:
        table = pacsv.read_csv(
            pa.BufferReader(block),
            pacsv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
            pacsv.ParseOptions(
                delimiter=options.sep,
                quote_char=options.quote if quoted else False,
                double_quote=False,
                escape_char=False,
                newlines_in_values=False,
            ),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=nulls,
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except (pa.ArrowInvalid, ValueError):
        # Invalid bytes, a line with another number of cells, or options that Arrow lacks.
        return None
    return [column.combine_chunks() for column in table.columns]


def split_plain_lines(block: bytes) -> pa.Array | None:
    """The lines of a block of UTF-8 that are not blank; None if it has to be split line by line."""
    if b"\r" in block:
        return None
    try:
        text = pa.array([block.decode()], pa.string())
    except (UnicodeDecodeError, pa.ArrowInvalid):
        return None
    lines = pc.split_pattern(text, "\n").flatten()
    return lines.filter(pc.not_equal(pc.utf8_trim(lines, " "), ""))


def _after_header(block: bytes, header: bytes) -> bytes | None:
    for end in (b"\r\n", b"\n"):
        if block.startswith(header + end):
            return block[len(header) + len(end) :]
    return None


def _is_plain(block: bytes, options: CsvOptions) -> bool:
    odd = [each.encode() for each in (TOO_LONG, options.comment) if each is not None]
    if not block or block.startswith(_MARK) or any(each in block for each in odd):
        return False
    quote = options.quote.encode()
    return quote not in block or (len(quote) == 1 and _quotes_enclose_cells(block, quote, options))


def _quotes_enclose_cells(block: bytes, quote: bytes, options: CsvOptions) -> bool:
    """Whether every second quote begins a cell, the next one ends it, and no line ends between."""
    if len(options.sep.encode()) > 1:
        return False
    letters = np.frombuffer(block, np.uint8)
    ends = (letters == ord("\n")) | (letters == ord("\r"))
    places = np.flatnonzero(letters == ord(quote))
    if len(places) % 2:
        return False
    around = np.concatenate([[True], ends | (letters == ord(options.sep)), [True]])
    opening, closing = places[::2], places[1::2]
    lines = np.flatnonzero(ends)
    return bool(
        around[opening].all()
        and around[closing + 2].all()
        and (np.searchsorted(lines, opening) == np.searchsorted(lines, closing)).all()
    )
