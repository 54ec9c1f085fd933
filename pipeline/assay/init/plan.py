"""All decisions about a new project, as one value that is shown to people and written to files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assay.formats.definition import Kind, Understanding
from assay.init.checks import FieldChecks
from assay.init.label import Label
from assay.init.nights import Nights
from assay.init.roles import ColumnUse
from assay.project.text import counted

NAMED = 5
"""Columns of one doubt that a line names; the others are counted."""
OWN = 0.9
"""Share of rows with a value of their own from which on whole numbers look like identifiers."""


def _together(doubts: Iterable[tuple[str, str]]) -> list[str]:
    """A line for each doubt, with the names of all columns that share it."""
    names: dict[str, list[str]] = {}
    for name, doubt in doubts:
        names.setdefault(doubt, []).append(name)
    lines = []
    for doubt, columns in names.items():
        more = f" and {counted(len(columns) - NAMED, 'other')}" if columns[NAMED:] else ""
        lines.append(f"{', '.join(columns[:NAMED])}{more}: {doubt}")
    return lines


@dataclass(frozen=True)
class ProjectColumn:
    """A column that the contract names."""

    given: str
    """Its name in the file; empty for one that data/source.py adds."""
    name: str
    kind: Kind
    roles: tuple[str, ...]
    checks: FieldChecks
    why: str
    unsure: str = ""


@dataclass(frozen=True)
class Plan:
    """A project for one table.

    Parameters
    ----------
    name
        Of the model.
    data
        The table's path in the project, such as ``data/claims.csv``.
    time
        The name of the column with the time of each row.
    unit
        What is independent: ``evaluate.unit``.
    group
        The column whose values stay on one side of a split by chance; None if rows do.
    columns
        Those of the contract, in its order.
    left_out
        Name in the file -> why the contract lacks it.
    """

    name: str
    data: str
    understood: Understanding
    label: Label
    nights: Nights
    time: str
    unit: str
    group: str | None
    columns: tuple[ProjectColumn, ...]
    left_out: tuple[ColumnUse, ...]
    plain: Mapping[str, str]
    remarks: tuple[str, ...]
    duplicates: float
    """Share of rows that equal another one in all that describes them, if by chance; else 0."""

    def having(self, role: str) -> tuple[ProjectColumn, ...]:
        """The columns with a role, in the contract's order."""
        return tuple(each for each in self.columns if role in each.roles)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What somebody should look at: remarks on the table, and guesses that may be wrong."""
        kept = _together((each.name, each.unsure) for each in self.columns if each.unsure)
        quantity = "whole numbers that hardly repeat, taken as a quantity, not as names of rows"
        own = _together((name, quantity) for name in self.own_values)
        out = _together(
            (each.name, f"left out; {each.unsure}") for each in self.left_out if each.unsure
        )
        return (*self.remarks, *kept, *own, *out)

    @property
    def own_values(self) -> tuple[str, ...]:
        """Features of whole numbers that hardly repeat: quantities that look like identifiers."""
        facts = {each.name: each for each in self.understood.facts}
        return tuple(
            each.name
            for each in self.having("feature")
            if (known := facts[each.given]).whole and known.distinct > OWN * known.present
        )

    @property
    def repeated_keys(self) -> int:
        """Rows with the key of an earlier row, as far as one column is the key; else 0."""
        keys = self.having("key")
        facts = {each.name: each for each in self.understood.facts}
        return (facts[keys[0].given].repeated or 0) if len(keys) == 1 and keys[0].given else 0

    @property
    def target(self) -> str:
        """The label's name in the project."""
        return self.plain[self.label.column]

    def kind_of(self, given: str) -> str | None:
        """What a column of the file holds; None if nothing that Assay reads."""
        return next((each.kind for each in self.understood.facts if each.name == given), None)

    def as_json(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "data": self.data,
            "rows": self.understood.rows,
            "task": self.label.task,
            "label": {
                "column": self.target,
                "evidence": self.label.evidence,
                "unsure": self.label.unsure,
            },
            "nights": {
                "by": self.nights.by,
                "every": self.nights.every,
                "count": self.nights.count,
                "train": [day.isoformat() for day in self.nights.train],
                "holdout": [day.isoformat() for day in self.nights.holdout],
                "to_score": [day.isoformat() for day in self.nights.scored],
            },
            "unit": self.unit,
            "columns": [
                {
                    "given": each.given,
                    "name": each.name,
                    "type": each.kind,
                    "roles": [*each.roles],
                    "why": each.why,
                    "unsure": each.unsure,
                }
                for each in self.columns
            ],
            "left_out": [
                {
                    "given": each.name,
                    "type": self.kind_of(each.name),
                    "why": each.why,
                    "unsure": each.unsure,
                }
                for each in self.left_out
            ],
            "remarks": list(self.remarks),
        }
