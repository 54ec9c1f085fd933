"""What is counted in a column of JSON before its kind is known, over all rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.tables.files.json_rows import KINDS, Record, text_array
from assay.tables.kinds.tally import EXACT, ColumnTally


@dataclass
class JsonTally:
    """What kinds of values one key has.

    Parameters
    ----------
    kinds
        Rows with each kind of value; ``first`` is the first row of each.
    texts
        The shapes of the strings.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)
    texts: ColumnTally = field(default_factory=ColumnTally)
    inexact: int = 0

    def add(self, values: list[Any], row: int) -> None:
        """Count the values of rows from number ``row`` on; a missing key counts as null."""
        found = Counter(map(type, values))
        for kind, count in found.items():
            name = KINDS[kind]
            self.kinds[name] += count
            if name not in self.first:
                place = next(i for i, value in enumerate(values) if type(value) is kind)
                self.first[name] = row + place
        if found[int]:
            whole = [value for value in values if type(value) is int]
            if max(whole) > EXACT or min(whole) < -EXACT:
                self.inexact += sum(abs(value) > EXACT for value in whole)
        if found[str]:
            self.texts.add(text_array(v for v in values if type(v) is str), row)


def tally_json(
    batches: Iterable[list[Record]],
) -> tuple[int, Mapping[str, JsonTally]]:
    """The number of rows, and a tally of each key in the order in which keys appear."""
    tallies: dict[str, JsonTally] = {}
    rows = 0
    for batch in batches:
        for name in dict.fromkeys(key for record in batch for key in record):
            if name not in tallies:
                tallies[name] = JsonTally()
                if rows:
                    tallies[name].kinds["null"] += rows
        for name, tally in tallies.items():
            tally.add([record.get(name) for record in batch], rows)
        rows += len(batch)
    return rows, tallies
