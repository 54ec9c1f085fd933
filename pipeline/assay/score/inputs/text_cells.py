"""Lines of CSV, split into cells without parsing their types; as Spark splits them.

A line without quotes is cut at each separator. The others are cut one by one: a cell that begins
with a quote ends at the quote before a separator or the end of the line. A quote in a cell is
doubled. With another escape character Spark has rules of its own, which are not repeated here
(`CsvOptions.rows_are_lines`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.contract.text.text_parser import TOO_LONG
from assay.project.params.inputs import CsvOptions


def split_lines(lines: Sequence[str], width: int, options: CsvOptions) -> list[pa.Array]:
    """The cells of each line by position, null where a cell is empty; and the lines to refuse.

    The last array has the line itself if it has not one cell for each column, opens a quote
    without closing it, or is what is left of a line that is too long: its cells may be under wrong
    names. Otherwise it is null.

    Parameters
    ----------
    width
        The number of columns.

    Returns
    -------
    list
        ``width + 1`` arrays of text, each of length ``len(lines)``.
    """
    text = pa.array(lines, pa.string())
    plain = ~pc.match_substring(text, options.quote).to_numpy(zero_copy_only=False)
    plain &= ~pc.starts_with(text, TOO_LONG).to_numpy(zero_copy_only=False)
    parts = pc.split_pattern(text.filter(pa.array(plain)), options.sep)
    plain[plain] = pc.list_value_length(parts).to_numpy(zero_copy_only=False) == width
    even = parts.filter(pc.equal(pc.list_value_length(parts), width)).flatten()
    rest = [lines[place] for place in np.flatnonzero(~plain).tolist()]
    odd = [cut_line(line, options) for line in rest]
    # Rows of the even part first, then the odd ones; `order` brings them back.
    order = pa.array(np.argsort(np.argsort(~plain, kind="stable"), kind="stable"))
    columns = []
    for number in range(width):
        one = even.take(pa.array(np.arange(number, len(even), width)))
        other = pa.array([_cell(cells, number) for cells in odd], pa.string())
        columns.append(_nulls(pa.concat_arrays([one, other]), options).take(order))
    uncut = np.zeros(len(lines), dtype=bool)
    uncut[~plain] = [
        len(cells) != width or _is_unclosed(line, options) or line.startswith(TOO_LONG)
        for line, cells in zip(rest, odd, strict=True)
    ]
    columns.append(pc.if_else(pa.array(uncut), text, pa.scalar(None, pa.string())))
    return columns


def _cell(cells: Sequence[str], number: int) -> str | None:
    return cells[number] if number < len(cells) else None


def _nulls(cells: pa.Array, options: CsvOptions) -> pa.Array:
    nothing = pc.equal(cells, "")
    if options.null_value:
        nothing = pc.or_(nothing, pc.equal(cells, options.null_value))
    return pc.if_else(nothing, pa.scalar(None, pa.string()), cells)


def _is_unclosed(line: str, options: CsvOptions) -> bool:
    """Whether the line opens a quote that it never closes; as `frame_text` asks it of Spark."""
    sep, quote = options.sep, options.quote
    return line.count(quote) % 2 == 1 and sep + quote in sep + line


def cut_line(line: str, options: CsvOptions) -> list[str]:
    """The cells of one line."""
    sep, quote = options.sep, options.quote
    cells: list[str] = []
    at = 0
    while True:
        if line.startswith(quote, at):
            cell, at = _quoted(line, at, options)
        else:
            end = line.find(sep, at)
            end = len(line) if end < 0 else end
            cell, at = line[at:end], end
        cells.append(cell)
        if at >= len(line):
            return cells
        at += len(sep)


def _quoted(line: str, start: int, options: CsvOptions) -> tuple[str, int]:
    """A cell that begins with a quote: its text, and where it ends."""
    sep, quote = options.sep, options.quote
    found: list[str] = []
    at = start + 1
    while at < len(line):
        if line.startswith(quote * 2, at):
            found.append(quote)
            at += 2
            continue
        if line[at] == quote:
            rest = at + 1
            while rest < len(line) and line[rest] <= " " and line[rest] != sep:
                rest += 1
            if rest >= len(line) or line.startswith(sep, rest):
                return "".join(found), rest
            # Text after the quote: the quotes belong to the cell, which ends at the separator.
            end = line.find(sep, at)
            end = len(line) if end < 0 else end
            # Spark's parser adds a quote at the end of a line after blanks, one letter, a quote.
            letter = rest > at + 1 and line[rest] != quote and line.startswith(quote, rest + 1)
            more = quote if letter and end == len(line) else ""
            return quote + "".join(found) + line[at:end] + more, end
        found.append(line[at])
        at += 1
    # Never closed: nothing but the quote is left of it if nothing follows.
    return "".join(found) or quote, len(line)
