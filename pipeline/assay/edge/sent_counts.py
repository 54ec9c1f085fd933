"""What a device counted, as text that it sent: read, and checked to add up.

The text has a line for the version, one for the device, one of rows and broken checks, one for each
column, and the checksum of all of these. Numbers are hexadecimal; a double is its 64 bits. It names
no column: the version's bundle does.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.columns.grid import ColumnGrid, Grid, NumberGrid
from assay.columns.profile import ColumnProfile, clip_to_finite, column_from_dict
from assay.columns.reference import Reference
from assay.edge.rules import DeviceRules
from assay.project.partitions import parse_day
from assay.project.text import counted
from assay.store.counts import Counts

_HEAD = re.compile(
    r"assay-counts 1 (?P<version>\S+) (?P<bundle>\S+)\n"
    r"(?P<device>[\w.-]{1,64}) (?P<day>[\d-]{10}) (?P<sequence>[0-9a-f]{1,8})\n",
    re.ASCII,
)
_COUNT, _DOUBLE = "[0-9a-f]{1,8}", "[0-9a-f]{16}"
_ROWS = re.compile(f"{_COUNT} {_COUNT}( {_COUNT})*")
_NUMBERS = re.compile(f"n {_COUNT} {_COUNT}( {_DOUBLE}){{3}}( (0|{_COUNT}:{_DOUBLE}))+")
_TEXTS = re.compile(f"t {_COUNT}( {_COUNT})+")


def device_grid(reference: Reference) -> Grid:
    """The cells in which a device counts: of features only the coarse ones, as memory is short."""
    return {
        name: NumberGrid(cells.edges)
        if isinstance(cells, NumberGrid) and name not in reference.scores
        else cells
        for name, cells in reference.grid.items()
    }


@dataclass(frozen=True)
class SentText:
    """A text whose checksum is right, and what it says of itself."""

    version: str
    bundle: str
    device: str
    day: str
    sequence: int
    lines: tuple[str, ...]

    def counts(self, grid: Grid, rules: DeviceRules) -> Counts:
        """The counts, as the version that it names counts.

        Raises
        ------
        ValueError
            It has other columns or checks, or its counts do not add up.
        """
        first, *lines = self.lines
        if not _ROWS.fullmatch(first):
            raise ValueError(f"no line of rows: {first[:40]!r}")
        rows, unscored, *broken = _whole(first)
        if (len(broken), len(lines)) != (len(rules.held), len(grid)):
            raise ValueError(
                f"{len(broken)} checks and {counted(len(lines), 'column')}, expected "
                f"{len(rules.held)} and {len(grid)}"
            )
        # Numbers come first, each kind in the order of the grid.
        names = sorted(grid, key=lambda name: not isinstance(grid[name], NumberGrid))
        columns = {
            name: _column(name, grid[name], line, rows - sum(broken))
            for name, line in zip(names, lines, strict=True)
        }
        scores = columns[
            next(name for name in reversed(names) if isinstance(grid[name], NumberGrid))
        ]
        if scores.nulls != unscored:
            raise ValueError(
                f"{counted(unscored, 'row')} without a score, {scores.nulls} scores missing"
            )
        by_rule = Counter[str]()
        for rule, count in zip(rules.held, broken, strict=True):
            by_rule.update({rule.name: count} if count else {})
        return Counts(
            partition=self.day,
            source=self.device,
            sequence=self.sequence,
            version=self.version,
            bundle=self.bundle,
            rows=rows,
            broken=dict(by_rule),
            profile={name: columns[name] for name in grid},
        )


def read_sent_text(data: bytes) -> SentText:
    """The text, if nothing of it is lost or changed.

    Raises
    ------
    ValueError
        It is no such text, or its checksum is not that of the rest.
    """
    whole, _, last = data[:-1].rpartition(b"\n")
    if last != b"crc %08x" % zlib.crc32(whole + b"\n") or not data.endswith(b"\n"):
        raise ValueError("its checksum is not that of its lines: it was cut short or changed")
    text = whole.decode(errors="replace")
    head = _HEAD.match(text)
    if head is None or parse_day(head["day"]) is None:
        raise ValueError(f"no counts of a device: {text[:60]!r}")
    lines = tuple(text[head.end() :].split("\n"))
    facts: dict[str, Any] = {**head.groupdict(), "sequence": int(head["sequence"], 16)}
    return SentText(**facts, lines=lines)


def _whole(words: str) -> Iterator[int]:
    return (int(word, 16) for word in words.split(" "))


def _column(name: str, cells: ColumnGrid, line: str, rows: int) -> ColumnProfile:
    of_numbers = isinstance(cells, NumberGrid)
    if not (_NUMBERS if of_numbers else _TEXTS).fullmatch(line):
        raise ValueError(f"{name}: no counts of such a column")
    tree: dict[str, Any] = {"rows": rows, "registers": "", "new": [], "low": None, "high": None}
    words = line.split(" ")[1:]
    if isinstance(cells, NumberGrid):
        pairs = [word.partition(":")[::2] for word in words[5:]]
        fine = [int(count, 16) for count, _ in pairs]
        sums = [clip_to_finite(_double(each)) if each else 0.0 for _, each in pairs]
        squares, low, high = map(_double, words[2:5])
        tree |= {"fine": fine, "sums": sums, "total": clip_to_finite(sum(sums))}
        tree["total_squares"] = clip_to_finite(squares)
        if finite := int(words[1], 16):
            if not low <= high or finite > sum(fine) or not squares >= 0:
                raise ValueError(f"{name}: its least number is not below its largest")
            tree |= {"low": low + 0.0, "high": high + 0.0}
        if len(fine) != len(cells.fine) + 1:
            raise ValueError(f"{name}: {len(fine)} cells, expected {len(cells.fine) + 1}")
        counts = np.add.reduceat(np.array(fine), cells.starts).tolist()
    else:
        counts = [int(word, 16) for word in words[1:]]
        tree |= {"fine": [], "sums": [], "total": 0.0, "total_squares": 0.0}
        if len(counts) != cells.cells:
            raise ValueError(f"{name}: {len(counts)} cells, expected {cells.cells}")
    try:
        return column_from_dict({**tree, "nulls": int(words[0], 16), "counts": counts})
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _double(text: str) -> float:
    number: float = struct.unpack(">d", bytes.fromhex(text))[0]
    return number
