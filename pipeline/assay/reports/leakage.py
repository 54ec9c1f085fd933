"""What the checks found, as frozen values; how it looks in leakage.json, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, cast, get_args

from assay.metrics.estimate import rounded
from assay.project import jsonfile
from assay.project.jsonfile import Node, kind
from assay.project.params.gate import LEAKAGE_CHECKS, LeakageCheck

SCHEMA = 1
EXAMPLES = 5
"""How many rows or values a check shows at most."""

Outcome = Literal["ok", "suspect", "unknown"]

Cell: TypeAlias = str | float | bool | None
Row: TypeAlias = Mapping[str, Cell]


@dataclass(frozen=True)
class Check:
    """One check's outcome.

    Parameters
    ----------
    columns
        Those that are suspected, worst first; of an outcome that is not, those looked at.
    observed, limit
        More than ``limit`` is suspected. ``observed`` is None only where nothing is known.
    detail
        A sentence for people; of ``unknown``, why.
    numbers
        A row for each column, worst first, or one row for the whole check.
    examples
        A few rows or values that show it.
    """

    check: LeakageCheck
    outcome: Outcome
    columns: tuple[str, ...]
    observed: float | None
    limit: float | None
    detail: str
    numbers: tuple[Row, ...] = ()
    examples: tuple[Row, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "check": self.check,
            "outcome": self.outcome,
            "columns": list(self.columns),
            "observed": rounded(self.observed),
            "limit": self.limit,
            "detail": self.detail,
            "numbers": [_plain(row) for row in self.numbers],
            "examples": [_plain(row) for row in self.examples],
        }


@dataclass(frozen=True)
class Leakage:
    """All of leakage.json; digests are ``sha256:<hex>``."""

    name: str
    contract: str
    train: str
    holdout: str
    train_rows: int
    holdout_rows: int
    checks: tuple[Check, ...]

    def of(self, name: LeakageCheck) -> Check:
        """The check called ``name``."""
        return next(each for each in self.checks if each.check == name)

    def to_plain(self) -> dict[str, Any]:
        """JSON values, in the order of the file."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "contract": self.contract,
            "data": {"train": self.train, "holdout": self.holdout},
            "rows": {"train": self.train_rows, "holdout": self.holdout_rows},
            "checks": [each.to_plain() for each in self.checks],
        }


def unknown(name: LeakageCheck, why: str, limit: float | None) -> Check:
    """The check cannot tell, and says why."""
    return Check(name, "unknown", (), None, limit, why)


def parse(text: str, where: str) -> Leakage:
    """What stands in ``text``; ``where`` is what errors call the file.

    Raises
    ------
    DataError
        The text is no leakage report, lacks a check or contradicts itself; names the key.
    """
    return jsonfile.parse(text, where, "leakage", "a leakage report", _leakage)


def _leakage(node: Node) -> Leakage:
    node.schema(SCHEMA)
    data, rows = node.node("data"), node.node("rows")
    checks = tuple(_check(each) for each in node.nodes("checks"))
    names = [each.check for each in checks]
    absent = [name for name in LEAKAGE_CHECKS if name not in names]
    if absent:
        raise ValueError(f"checks lacks {', '.join(absent)}")
    if len(names) > len(LEAKAGE_CHECKS):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"checks has {', '.join(twice)} more than once")
    return Leakage(
        name=node.text("name"),
        contract=node.text("contract"),
        train=data.text("train"),
        holdout=data.text("holdout"),
        train_rows=rows.count("train"),
        holdout_rows=rows.count("holdout"),
        checks=checks,
    )


def _check(node: Node) -> Check:
    outcome = cast("Outcome", node.one_of("outcome", *get_args(Outcome)))
    observed, limit = _finite(node, "observed"), _finite(node, "limit")
    if outcome == "ok" and observed is None:
        raise ValueError(f"{node.path('observed')} is null, and yet the outcome is ok")
    if outcome == "ok" and observed is not None and limit is not None and observed > limit:
        raise ValueError(f"{node.path('observed')} is over its limit, and yet the outcome is ok")
    return Check(
        check=cast("LeakageCheck", node.one_of("check", *LEAKAGE_CHECKS)),
        outcome=outcome,
        columns=node.texts("columns"),
        observed=observed,
        limit=limit,
        detail=node.text("detail"),
        numbers=_rows(node, "numbers"),
        examples=_rows(node, "examples"),
    )


def _finite(node: Node, name: str) -> float | None:
    value = node.maybe_number(name)
    if value is not None and not math.isfinite(value):
        raise ValueError(f"{node.path(name)} is {value}, not a finite number")
    return value


def _rows(node: Node, name: str) -> tuple[Row, ...]:
    found = []
    for row in node.nodes(name):
        for key, value in row.tree.items():
            if value is not None and not isinstance(value, str | int | float):
                raise ValueError(f"{row.path(key)} is {kind(value)}, not a single value")
        found.append(MappingProxyType(dict(row.tree)))
    return tuple(found)


def _plain(row: Row) -> dict[str, Cell]:
    return {
        name: rounded(value) if isinstance(value, float) else value for name, value in row.items()
    }
