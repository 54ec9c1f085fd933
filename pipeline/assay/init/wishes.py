"""What a person said about a new project, and what of it the table cannot give."""

from __future__ import annotations

from dataclasses import dataclass

from assay.errors import SourceError, UsageError
from assay.formats.definition import ColumnFacts, Understanding
from assay.project.params.values import Every
from assay.project.tasks import Task
from assay.project.text import quote_value, suggest

LEAST_ROWS = 100
"""Fewer rows cannot be cut into training, holdout and nights that say anything."""


@dataclass(frozen=True)
class Wishes:
    """What a person said on the command line; all of it but the target may be left open.

    Columns are called as in the file.
    """

    target: str
    name: str
    task: Task | None = None
    positive: str | None = None
    every: Every | None = None
    time: str | None = None
    keys: tuple[str, ...] = ()
    group: str | None = None
    weight: str | None = None
    sensitive: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def refuse_unknown(understood: Understanding, wishes: Wishes) -> None:
    """Refuse columns that the table lacks or that are no use as told, and a table of too few rows.

    Raises
    ------
    UsageError, SourceError
    """
    given = {
        "--target": [wishes.target],
        "--time": [wishes.time] if wishes.time else [],
        "--group": [wishes.group] if wishes.group else [],
        "--weight": [wishes.weight] if wishes.weight else [],
        "--key": wishes.keys,
        "--sensitive": wishes.sensitive,
        "--leave-out": wishes.left_out,
    }
    known = {each.name: each for each in understood.facts}
    for option, names in given.items():
        for name in names:
            if name not in known:
                why = understood.left_out.get(name)
                raise UsageError(
                    "the table has no such column" if why is None else f"it cannot be used: {why}",
                    where=f"{understood.path}: {option} {name}",
                    expected=", ".join(map(quote_value, [*known][:30]))
                    + (", …" if len(known) > 30 else ""),
                    found=quote_value(name),
                    fix=suggest(name, known) or None,
                )
    if wishes.weight is not None:
        _refuse_weight(known[wishes.weight])
    if understood.rows < LEAST_ROWS:
        raise SourceError(
            "the table is too small to learn from and to test on",
            where=understood.path,
            expected=f"at least {LEAST_ROWS} rows",
            found=f"{understood.rows:,}",
        )
    label = known[wishes.target]
    if 0 < label.present < LEAST_ROWS:
        raise SourceError(
            "too few rows have a label to learn from and to test on",
            where=f"{understood.path}, column {quote_value(label.name)}",
            expected=f"a value in at least {LEAST_ROWS} rows",
            found=f"{label.present:,} of {understood.rows:,}",
            fix="Bring rows whose label is known, or name another column with --target.",
        )


def _refuse_weight(facts: ColumnFacts) -> None:
    """Refuse to let rows count by a column that is not a number of 0 or more in every row."""
    least = facts.low if facts.kind in ("integer", "float") else None
    found = f"a {facts.kind}"
    if isinstance(least, int | float):
        if least >= 0 and not facts.nulls:
            return
        found = f"numbers from {least:g}"
    raise UsageError(
        "rows cannot be weighted by this column",
        where=f"assay init --weight {facts.name}",
        expected="a number of 0 or more in every row",
        found=f"{found}, {facts.nulls:,} of {facts.rows:,} rows empty",
    )
