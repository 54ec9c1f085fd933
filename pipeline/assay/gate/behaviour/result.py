"""Result of a behaviour check: how many rows failed, and the worst examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from assay.project.text import mark_blanks

EXAMPLES = 5
"""Maximum number of failed rows shown, worst first."""

COLUMNS = 3
"""Maximum number of changed columns in a sentence; the table shows all."""


@dataclass(frozen=True)
class FailedExample:
    """A row that failed.

    Attributes
    ----------
    row
        Its position in the table, counted from 0; None for a named case.
    keys
        Its key columns and values.
    changed
        Column, value before, value after.
    before, after
        The model's scores as text; ``before`` is empty if there is none.
    note
        What was done or expected.
    """

    row: int | None
    keys: Mapping[str, str]
    changed: tuple[tuple[str, str, str], ...]
    before: str
    after: str
    note: str = ""

    def sentence(self) -> str:
        """The row on one line."""
        name = ", ".join(f"{key} {mark_blanks(value)}" for key, value in self.keys.items())
        place = "" if self.row is None else f"row {self.row}"
        who = f"{place} ({name})" if place and name else place or name
        cells = [
            f"{column} {mark_blanks(after)}"
            if before == ""
            else f"{column} {mark_blanks(before)} -> {mark_blanks(after)}"
            for column, before, after in self.changed
        ]
        more = len(cells) - COLUMNS
        did = ", ".join([*cells[:COLUMNS], *([f"{more} more"] if more > 0 else [])])
        scores = f"score {self.before} -> {self.after}" if self.before else f"score {self.after}"
        told = "; ".join(part for part in (self.note, did, scores) if part)
        return f"{who}: {told}" if who else told


@dataclass(frozen=True)
class BehaviourResult:
    """The result of a check.

    Attributes
    ----------
    rows, failed
        Number of checked rows (or cases), and of those that failed.
    max_failed
        The share that may fail.
    detail
        One sentence for people.
    """

    rows: int
    failed: int
    max_failed: float
    detail: str
    examples: tuple[FailedExample, ...] = ()

    @property
    def share(self) -> float:
        return self.failed / self.rows

    @property
    def passed(self) -> bool:
        # A check of no rows has not passed.
        return self.rows > 0 and self.failed <= self.max_failed * self.rows


NO_KEYS: Mapping[str, str] = MappingProxyType({})


def format_result(result: BehaviourResult) -> str:
    """The detail, and a table of the failed rows with their changes and scores."""
    if not result.examples:
        return result.detail
    keys = list(dict.fromkeys(key for example in result.examples for key in example.keys))
    heads = ["row", *keys, "what", "before", "after", "score before", "score after"]
    lines = [line for example in result.examples for line in _lines(example, keys)]
    used = [place for place in range(len(heads)) if any(line[place] for line in lines)]
    grid = [[line[place] for place in used] for line in (heads, *lines)]
    widths = [max(len(line[place]) for line in grid) for place in range(len(used))]
    drawn = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in grid
    ]
    more = result.failed - len(result.examples)
    return "\n".join([result.detail, *drawn, *([f"and {more:,} more"] if more > 0 else [])])


def _lines(example: FailedExample, keys: list[str]) -> list[list[str]]:
    """One line per changed column; the scores are on the first line."""
    place = "" if example.row is None else str(example.row)
    first = [place, *(example.keys.get(key, "") for key in keys)]
    noted = [(example.note, "", "")] if example.note else []
    changed = [*noted, *example.changed] or [("", "", "")]
    scores = [example.before, example.after]
    lines = [[*first, *changed[0], *scores]]
    lines += [[""] * len(first) + [*cell, "", ""] for cell in changed[1:]]
    return lines
