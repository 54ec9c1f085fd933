"""What is counted in a column of text before its kind is known, over all rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.formats.arrow_kinds import as_text, kind_of
from assay.formats.definition import Kind
from assay.formats.spelt.shapes import first_places, shapes, trim
from assay.formats.spelt.times import time_formats, to_times
from assay.formats.spelt.words import WORDS

MOST_SHAPES = 4_000
"""Numbers and times have fewer shapes; a column with more of them is text."""
LONG_CELLS = 64
"""Mean bytes of a cell from which a column is text without a closer look."""
EXACT = 2**53
EXAMPLE = 60

_WORDS = pa.array(WORDS)
_LONG = re.compile(r"[+-]?[09]{16,}")
"""Perhaps a whole number that a double does not hold."""


@dataclass
class Seen:
    """How many rows have a cell of one shape, and the first of them."""

    count: int
    row: int
    example: str


@dataclass
class TimeTest:
    """How many cells with the shape of a time one format does not read, and the first of them."""

    fails: int = 0
    row: int = 0
    example: str = ""
    low: object = None
    high: object = None
    tested: bool = True


@dataclass
class ColumnTally:
    """The shapes of one column's cells.

    Parameters
    ----------
    kinds
        Rows with a value of each kind, as the file has it: of CSV all are strings.
    loose
        Rows whose cells were not looked at, because there were too many shapes already.
    words
        Rows with each of the words that may stand for no value, the empty one too.
    times
        The formats that some cell's shape allows.
    padded
        Rows with blanks around the cell.
    inexact
        Rows with a whole number that a double does not hold.
    """

    rows: int = 0
    loose: int = 0
    padded: int = 0
    inexact: int = 0
    time_rows: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    shapes: dict[str, Seen] = field(default_factory=dict)
    words: Counter[str] = field(default_factory=Counter)
    times: dict[str | None, TimeTest] = field(default_factory=dict)
    _first_time: tuple[int, str] = (0, "")

    def having(self, test: Callable[[str], object]) -> int:
        """Rows whose cells have a shape that passes the test."""
        return sum(seen.count for shape, seen in self.shapes.items() if test(shape))

    def add(self, values: pa.Array, row: int) -> None:
        """Count values, as the text that they are or would be; ``row`` is that of the first one."""
        kind = kind_of(values.type)
        assert kind is not None
        if pa.types.is_uint64(values.type) and (pc.max(values).as_py() or 0) >= 2**63:
            kind = "string"
        self.kinds[kind] += len(values) - values.null_count
        self.rows += len(values)
        plain = values.type == pa.string() and not values.null_count
        cells = values if plain else as_text(values)
        trimmed = trim(cells)
        if trimmed is not cells:
            self.padded += pc.sum(pc.not_equal(trimmed, cells)).as_py() or 0
        # Long cells are texts without a closer look.
        if self.loose or not len(cells) or cells.nbytes > (LONG_CELLS + 4) * len(cells):
            self._add_loosely(trimmed)
            return
        coded = shapes(trimmed).dictionary_encode()
        if len(self.shapes) + len(coded.dictionary) > 2 * MOST_SHAPES:
            self._add_loosely(trimmed)
            return
        self._add_shapes(trimmed, coded, row)

    def _add_loosely(self, cells: pa.Array) -> None:
        places = pc.index_in(cells, value_set=_WORDS)
        counts = np.bincount(places.drop_null().to_numpy(), minlength=len(WORDS))
        self.words.update({word: int(n) for word, n in zip(WORDS, counts, strict=True) if n})
        self.loose += places.null_count

    def _add_shapes(self, cells: pa.Array, coded: pa.DictionaryArray, row: int) -> None:
        codes = coded.indices.to_numpy()
        found = coded.dictionary.to_pylist()
        counts = np.bincount(codes, minlength=len(found)).tolist()
        first = first_places(codes)
        timely = []
        for code, shape in enumerate(found):
            count = counts[code]
            if shape in _KNOWN:
                self.words[shape] += count
            elif (seen := self.shapes.get(shape)) is not None:
                seen.count += count
            else:
                place = int(first[code])
                self.shapes[shape] = Seen(count, row + place, cells[place].as_py()[:EXAMPLE])
            if time_formats(shape):
                timely.append(code)
            if _LONG.fullmatch(shape):
                self._add_long(cells.filter(pa.array(codes == code)))
        if timely:
            self._add_times(cells, np.isin(codes, timely), {found[code] for code in timely}, row)

    def _add_long(self, cells: pa.Array) -> None:
        self.inexact += sum(abs(int(cell)) > EXACT for cell in cells.to_pylist())

    def _add_times(
        self, cells: pa.Array, mask: npt.NDArray[np.bool_], found: Iterable[str], row: int
    ) -> None:
        places = np.flatnonzero(mask)
        cells = cells.filter(pa.array(mask))
        if not self.time_rows:
            self._first_time = (row + int(places[0]), cells[0].as_py())
        for shape in sorted(found):
            for each in time_formats(shape):
                # None of the times before had a shape that this format allows.
                self.times.setdefault(each, TimeTest(self.time_rows, *self._first_time))
        for each, test in self.times.items():
            if test.tested:
                self._test(each, test, cells, places, row)
        self.time_rows += len(cells)

    def _test(
        self,
        time_format: str | None,
        test: TimeTest,
        cells: pa.Array,
        places: npt.NDArray[np.int64],
        row: int,
    ) -> None:
        values = to_times(cells, time_format)
        if values.null_count:
            if not test.fails:
                place = pc.index(pc.is_null(values), True).as_py()
                test.row, test.example = row + int(places[place]), cells[place].as_py()
            test.fails += values.null_count
            # Too many to be mistakes: the format is not worth the time.
            test.tested = test.fails <= max(100, (self.time_rows + len(cells)) // 10)
        bounds = pc.min_max(values).as_py()
        if bounds["min"] is not None:
            test.low = min(bounds["min"], test.low or bounds["min"])
            test.high = max(bounds["max"], test.high or bounds["max"])


_KNOWN = frozenset(WORDS)
