"""The report of the stage ``leakage``: the outcome of each check."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, model_validator

from assay.metrics.estimate import round_value
from assay.project import layout
from assay.project.document import Count, Document, Report, Text, find_duplicates, json_type
from assay.project.params.behaviour import LEAKAGE_CHECKS, LeakageCheck

EXAMPLES = 5
"""Maximum number of examples per check."""

Outcome = Literal["ok", "suspect", "unknown"]


def _single(value: Any) -> Any:
    if value is not None and not isinstance(value, str | int | float):
        raise ValueError(f"is {json_type(value)}, not a single value")
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"is {value}, not a finite number")
    return value


Cell: TypeAlias = Annotated[
    str | float | bool | None,
    PlainValidator(_single, json_schema_input_type=str | float | bool | None),
]
Row: TypeAlias = Annotated[
    Mapping[str, Cell],
    AfterValidator(MappingProxyType),
    PlainSerializer(lambda row: {name: _plain(value) for name, value in row.items()}),
]
Finite: TypeAlias = Annotated[float, AfterValidator(_finite)]


def _plain(value: str | float | bool | None) -> str | float | bool | None:
    return round_value(value) if isinstance(value, float) else value


class Check(Document):
    """One check's outcome.

    Attributes
    ----------
    columns
        The suspect columns, worst first. If the outcome is not ``suspect``, the checked columns.
    observed, limit
        The check is suspect if ``observed`` exceeds ``limit``. ``observed`` is None only if the
        outcome is ``unknown``.
    detail
        A sentence for people; for ``unknown``, the reason.
    numbers
        One row per column, worst first, or one row for the whole check.
    examples
        A few rows or values as evidence.
    """

    check: LeakageCheck
    outcome: Outcome
    columns: tuple[Text, ...]
    observed: Annotated[Finite | None, PlainSerializer(round_value)]
    limit: Finite | None
    detail: Text
    numbers: tuple[Row, ...] = ()
    examples: tuple[Row, ...] = ()

    @model_validator(mode="after")
    def _ok_only_within_the_limit(self) -> Self:
        if self.outcome != "ok":
            return self
        if self.observed is None:
            raise ValueError("observed is null, and yet the outcome is ok")
        if self.limit is not None and self.observed > self.limit:
            raise ValueError("observed is over its limit, and yet the outcome is ok")
        return self


class TableDigests(Document):
    """Digests of both prepared tables, ``sha256:<hex>``."""

    train: Text
    holdout: Text


class TableRowCounts(Document):
    """Row counts of both prepared tables."""

    train: Count
    holdout: Count


class Leakage(Report):
    """leakage.json; ``contract`` is a digest."""

    SCHEMA: ClassVar = 1
    FILE: ClassVar = layout.LEAKAGE
    STAGE: ClassVar = "leakage"
    WHAT: ClassVar = "a leakage report"

    schema_number: Literal[1] = Field(default=1, alias="schema")
    name: Text
    contract: Text
    data: TableDigests
    rows: TableRowCounts
    checks: tuple[Check, ...]

    @property
    def holdout(self) -> str:
        return self.data.holdout

    @model_validator(mode="after")
    def _each_check_once(self) -> Self:
        names = [each.check for each in self.checks]
        absent = [name for name in LEAKAGE_CHECKS if name not in names]
        if absent:
            raise ValueError(f"checks lacks {', '.join(absent)}")
        if twice := find_duplicates(names):
            raise ValueError(f"checks has {twice} more than once")
        return self


def unknown_check(name: LeakageCheck, why: str, limit: float | None) -> Check:
    """A check that has no answer, with the reason."""
    return Check(check=name, outcome="unknown", columns=(), observed=None, limit=limit, detail=why)
