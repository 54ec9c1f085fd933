"""Finds out how a table's file is written, from all its rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice, repeat
from pathlib import Path

import pyarrow as pa

from assay.errors import SourceError, UsageError
from assay.formats.definition import (
    ColumnFacts,
    ColumnFormat,
    TableFormat,
    Understanding,
    kind_of,
    told,
)
from assay.formats.facts import ColumnCounter, most_distinct, with_named_times
from assay.formats.files.csv_text import layout, records, split_lines
from assay.formats.files.opened import file_format, find_encoding, head_text
from assay.formats.files.opened_table import OpenedTable, parquet_types
from assay.formats.kinds import PLACE, ColumnTally, Decision, decide, decide_typed
from assay.formats.reader import for_each, typed_tables
from assay.formats.spelt.cells import WORDS
from assay.formats.spelt.numbers import is_number
from assay.formats.spelt.times import time_formats
from assay.project.text import quote_line, quote_value


def understand(path: Path, *, names: Sequence[str] = ()) -> Understanding:
    """How the file is written, its columns' types, and what was counted in them.

    All rows are read twice, in batches: first to decide the types, then as those types. Columns
    that have types in the file are read once.

    Parameters
    ----------
    names
        Of the columns of CSV without a header, in the file's order.

    Raises
    ------
    SourceError
        It is no table, is cut or damaged, or its rows are ragged.
    UsageError
        ``names`` do not fit the file.
    """
    path = Path(path)
    table, remarks = _format(path, names)
    typed = table.format == "parquet"
    rows, types, orders = parquet_types(path) if typed else (0, {}, {})
    decisions = {name: _by_type(name, arrow) for name, arrow in types.items() if kind_of(arrow)}
    left_out = {name: told(arrow)[0] for name, arrow in types.items() if name not in decisions}
    unsettled = tuple(
        each.column
        for name, each in decisions.items()
        if each.column.kind == "string" or pa.types.is_uint64(types[name])
    )
    if not typed or unsettled:
        opened = OpenedTable(path, replace(table, columns=unsettled or table.columns))
        rows, tallies, nested = _tally(opened)
        left_out |= dict.fromkeys(nested, "lists or objects")
        how: Callable[..., Decision] = partial(decide, separator=table.separator)
        if table.format != "csv":
            how = partial(decide_typed, any_integer=typed, mixed=opened.mixed)
        decisions |= {name: how(name, each) for name, each in tallies.items()}
    if not rows:
        raise SourceError("has no row with a value", where=str(path), fix="Write the rows too.")
    if not decisions:
        raise SourceError(
            "has no column that can be used",
            where=str(path),
            found="; ".join(f"{name}: {why}" for name, why in left_out.items()) or "empty objects",
            fix="Write numbers, texts, booleans or times.",
        )
    words = dict.fromkeys(word for each in decisions.values() for word in each.missing if word)
    missing = () if typed else tuple(words)
    # A word that is a value in one column and none in another is kept there.
    columns = tuple(
        replace(each.column, kept=tuple(word for word in each.kept if word in missing))
        for each in decisions.values()
    )
    table = replace(table, columns=columns, missing=("", *missing))
    facts = tuple(
        replace(each, order=orders.get(each.name, ()) if each.kind == "string" else ())
        for each in _facts(OpenedTable(path, table), decisions)
    )
    return with_named_times(Understanding(str(path), rows, table, facts, remarks, left_out))


def _by_type(name: str, arrow: pa.DataType) -> Decision:
    """The decision on a column whose type is known before its values are."""
    kind = kind_of(arrow)
    assert kind is not None
    evidence, doubt = told(arrow)
    doubts = (doubt,) if doubt else ()
    return Decision(ColumnFormat(name, kind), evidence=(evidence,), doubts=doubts)


def _tally(opened: OpenedTable) -> tuple[int, dict[str, ColumnTally], dict[str, None]]:
    """The number of rows, a tally of each column, and the columns that are no use."""
    tallies: dict[str, ColumnTally] = {}
    nested: dict[str, None] = {}
    rows = 0
    with ThreadPoolExecutor() as pool:
        for batch in opened.batches():
            nested |= {name: None for name, each in batch.items() if kind_of(each.type) is None}
            used = [name for name in batch if name not in nested]
            each = [tallies.setdefault(name, ColumnTally()) for name in used]
            length = len(next(iter(batch.values()), ()))
            for_each(
                pool, length, ColumnTally.add, each, [batch[name] for name in used], repeat(rows)
            )
            rows += length
    return rows, {name: each for name, each in tallies.items() if name not in nested}, nested


def _facts(opened: OpenedTable, decisions: Mapping[str, Decision]) -> list[ColumnFacts]:
    """The second reading: the values, counted as `read` gives them."""
    most = most_distinct(len(opened.table.columns))
    counters = [ColumnCounter(column, most_distinct=most) for column in opened.table.columns]
    with ThreadPoolExecutor() as pool:
        for batch in typed_tables(opened):
            columns = [each.combine_chunks() for each in batch.columns]
            for_each(pool, batch.num_rows, ColumnCounter.add, counters, columns)
    facts = []
    for counter in counters:
        decision = decisions[counter.column.name]
        place = "" if decision.odd_row is None else opened.place(decision.odd_row)
        *doubts, stays_text = (
            doubt.replace(PLACE, place) for doubt in (*decision.doubts, decision.stays_text)
        )
        facts.append(counter.facts(decision.evidence, tuple(doubts), stays_text))
    return facts


def _format(path: Path, names: Sequence[str]) -> tuple[TableFormat, tuple[str, ...]]:
    """How the file is written, without its columns but for ``names``, and remarks on guesses."""
    kind = file_format(path)
    if names and kind != "csv":
        raise UsageError(
            "only columns of CSV can lack names", where="--names", found=f"{path}: {kind}"
        )
    if kind == "parquet":
        return TableFormat(kind, ()), ()
    encoding = find_encoding(path)
    remarks = (encoding.remark,) if encoding.remark else ()
    if kind == "json":
        return TableFormat("json", (), encoding.name), remarks
    table, assumed = find_dialect(path, encoding.name)
    if names:
        return _named(path, table, names, sure=not assumed), remarks
    return table, (*remarks, *assumed, *layout(path, table).remarks)


def _named(path: Path, table: TableFormat, names: Sequence[str], *, sure: bool) -> TableFormat:
    """The CSV ``table`` as one without a header, whose columns have the names of a person.

    A header that is ``sure`` to be one is refused: it would become a row.
    """
    in_file = layout(path, table).names
    if table.header and sure:
        raise UsageError(
            "the table has names already, in its first line",
            where=f"{path}: --names",
            found=", ".join(map(quote_value, in_file[:10])),
            fix="Leave --names out, or change that line.",
        )
    given = [name.strip() for name in names]
    odd = next((name for name in given if not name or given.count(name) > 1), None)
    if odd is not None or len(given) != len(in_file):
        twice = f"{quote_value(odd)} twice" if odd else "an empty name"
        raise UsageError(
            "these names do not fit the table",
            where=f"{path}: --names",
            expected=f"{len(in_file):,} different names, one for each column",
            found=f"{len(given):,}" if odd is None else twice,
        )
    columns = tuple(ColumnFormat(name, "string") for name in given)
    return replace(table, header=False, columns=columns)


# ------------------------------ how a CSV file is cut into cells, found out from its first megabyte

SEPARATORS = (",", ";", "\t", "|")
ROWS = 2_000
HEADER_ROWS = 300
NAMED = 8
"""Columns of numbers or times that tell whether a row is one of names."""
_DIGITS = re.compile(r"\d")
_YEAR = re.compile(r"(1[89]|20)\d\d")


def find_dialect(path: Path, encoding: str) -> tuple[TableFormat, tuple[str, ...]]:
    """How the file is written, without its columns, and remarks on what was assumed.

    Raises
    ------
    SourceError
        The first lines are not those of a table: a title or comments stand before the header.
    """
    text, whole = head_text(path, encoding)
    text = text.removeprefix("\ufeff")
    separator, quote, rows = _cut(text, whole)
    if not rows:
        raise SourceError("the file holds only blanks", where=str(path), fix="Write it again.")
    _refuse_backslashes(path, text, separator, quote)
    _refuse_title(path, rows)
    _refuse_blanks(path, [cells[0] for _, cells in rows if len(cells) == 1])
    header, remark = has_header([cells for _, cells in rows[:HEADER_ROWS]])
    table = TableFormat("csv", (), encoding, separator, quote, header)
    return table, tuple(each for each in (remark, _names_again(rows[header:])) if each)


Rows = Sequence[tuple[int, list[str]]]


def _rows(text: str, separator: str, quote: str, whole: bool) -> Rows:
    rows = list(islice(records(split_lines(text), separator, quote), ROWS + 1))
    # The last row may have been cut, with the text.
    return rows[:-1] if not whole and 1 < len(rows) <= ROWS else rows


def _cut(text: str, whole: bool) -> tuple[str, str, Rows]:
    """The separator and the quote under which the rows look most like a table."""
    quotes = ['"']
    if re.search(r"(^|[,;\t|])'[^'\n]*'([,;\t|\r\n]|$)", text[:100_000], re.M):
        quotes.append("'")
    best: tuple[float, str, str, Rows] = (0.0, ",", '"', _rows(text, ",", '"', whole))
    for quote in quotes:
        for separator in SEPARATORS:
            rows = _rows(text, separator, quote, whole)
            if (score := _score(rows, quote)) > best[0]:
                best = (score, separator, quote, rows)
    _, separator, quote, rows = best
    if quote in text and not re.search(rf"(^|{re.escape(separator)})[ \t]*{quote}", text, re.M):
        return separator, "", _rows(text, separator, "", whole)  # inches or feet, around no cell
    return separator, quote, rows


def _score(rows: Rows, quote: str) -> float:
    """From 2 on if all rows have as many cells, else less; the more, the more cells have a meaning.

    A few ragged rows must not lose to a separator that is within cells only. It is 0 if there is
    one cell a row.
    """
    # The header may have one cell less than the rows, if these end in a separator.
    widths = Counter(len(cells) for _, cells in rows)
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
    if width < 2:
        return 0.0
    if len(rows[0][1]) == width - 1 and not rows[-1][1][-1].strip():
        count += 1
    cells = [cell.strip() for _, row in rows[:200] for cell in row]
    clean = sum(_is_clean(cell, quote) for cell in cells) / len(cells)
    consistent = count / len(rows)
    return 2.0 * (consistent == 1) + consistent * (0.5 + clean)


def _is_clean(cell: str, quote: str) -> bool:
    if not cell or cell in WORDS or is_number(cell) or time_formats(_shape(cell)):
        return True
    if len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "\"'":
        return False
    return not any(mark in cell for mark in (*SEPARATORS, quote))


def _shape(cell: str) -> str:
    digits = _DIGITS.sub("9", cell)
    at = 1 if cell[:1] in "+-" else 0
    return digits[:at] + "0" + digits[at + 1 :] if cell[at : at + 1] == "0" else digits


def _refuse_backslashes(path: Path, text: str, separator: str, quote: str) -> None:
    """Refuse quotes within cells that a backslash stands before: they would end the cell."""
    mark = re.escape(quote)
    if mark and (
        match := re.search(rf"{mark}[^{mark}\n]*\\{mark}[^{mark}{re.escape(separator)}\s]", text)
    ):
        raise SourceError(
            "a quote within a cell has a backslash before it",
            where=f"{path}, line {text.count(chr(10), 0, match.end()) + 1}",
            expected='a second quote: ""',
            found=f"\\{quote}",
            fix="Write it with doubled quotes, as most programs do.",
        )


def _refuse_title(path: Path, rows: Rows) -> None:
    if len(rows) < 3:
        return
    width = Counter(len(cells) for _, cells in rows).most_common(1)[0][0]
    line, first = rows[0]
    spare = len(first) == width - 1 and not rows[1][1][-1].strip()
    filled = [sum(map(bool, map(str.strip, cells))) for _, cells in rows]
    padded = filled[0] == 1 and width > 2 and 2 * sorted(filled)[len(filled) // 2] > width
    if width < 2 or (not padded and (len(first) == width or spare)):
        return
    fuller = zip(rows, filled, strict=True)
    start = next(n for (n, cells), count in fuller if len(cells) == width and count > padded)
    if padded:
        first = [cell for cell in first if cell.strip()]
    raise SourceError(
        "does not begin with the names of the columns or with a row",
        where=f"{path}, line {line}",
        expected=f"{width} cells, as in line {start}",
        found=f"{len(first)} with text: {quote_line(' '.join(first), 60)}",
        fix="Delete titles, comments and notes, so that the first line names the columns.",
    )


def _refuse_blanks(path: Path, lines: Sequence[str]) -> None:
    """Refuse lines that are several numbers each, with blanks between them."""
    words = [line.split() for line in lines[1:]]
    if len({*map(len, words)}) != 1 or len(words[0]) < 2 or is_number(lines[1].strip()):
        return  # a number may have a blank between thousands
    if sum(map(is_number, words[0])) * 2 >= len(words[0]):
        raise SourceError(
            "has blanks between its cells",
            where=str(path),
            expected="commas, semicolons, tabs or bars",
            found=quote_line(lines[0].strip(), 60),
            fix="Write it with another separator.",
        )


def has_header(rows: Sequence[list[str]]) -> tuple[bool, str]:
    """Whether the first row names the columns, and a remark if nothing in the rows tells."""
    first = [cell.strip() for cell in rows[0]]
    below = [row for row in rows[1:] if len(row) >= len(first)]
    columns = [[row[place].strip() for row in below] for place in range(len(first))]
    values = [_is_value(cell) for cell in first]
    if any(values) and not _are_years(first, columns):
        return False, "" if not below else "the first line holds values, so columns have no names"
    if not below or any(map(_names_values, first, columns)):
        return True, ""
    again = any(cell and cell in column for cell, column in zip(first, columns, strict=True))
    if again or first.count("") > 1:
        return False, "the first line looks like the others, so columns have no names"
    return True, "all cells are texts, so the first line was taken as the names of the columns"


def _names_again(rows: Rows) -> str:
    """A remark if a row below the header has texts where the others have numbers or times."""
    most = [cells for _, cells in rows[:HEADER_ROWS]]
    places = [
        place
        for place in range(min(map(len, most), default=0))
        if 2 * sum(_is_value(cells[place].strip()) for cells in most) > len(most)
    ][:NAMED]
    for number, (line, cells) in enumerate(rows):
        found = [cells[place].strip() for place in places if place < len(cells)]
        if len(found) > 1 and all(
            cell and cell not in WORDS and not _is_value(cell) for cell in found
        ):
            what = "a second line of names" if not number else "names, as of a second table"
            return (
                f"line {line} looks like {what}, and is read as a row: {quote_line(found[0], 20)}"
            )
    return ""


def _names_values(cell: str, column: Sequence[str]) -> bool:
    """Whether the cells below a first one that is no value mostly are some."""
    filled = [each for each in column if each and each not in WORDS]
    return bool(cell and filled) and sum(map(_is_value, filled)) >= 0.9 * len(filled)


def _is_value(cell: str) -> bool:
    """Whether a cell is a number, a time or a flag, and hardly a name."""
    if cell.lower() in ("true", "false"):
        return True
    return bool(_DIGITS.search(cell) and (is_number(cell) or time_formats(_shape(cell))))


def _are_years(first: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Whether the numbers in the first line are years that name columns of something else."""
    places = [place for place, cell in enumerate(first) if _is_value(cell)]
    years = [first[place] for place in places]
    below = [cell for place in places for cell in columns[place] if cell]
    alike = sum(map(bool, map(_YEAR.fullmatch, below)))
    named = 0 not in places and all(map(_YEAR.fullmatch, years)) and years == sorted({*years})
    return named and alike * 2 < len(below)
