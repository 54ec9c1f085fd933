"""Behavioural tests of a model: the schema of ``gate.behaviour`` in params.yaml."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from assay.project.params.values import (
    Dumped,
    Frozen,
    Positive,
    Section,
    Share,
    Text,
    check_limits,
    refuse_repeats,
)

WAYS = ("set", "add", "multiply", "shuffle", "swap")
"""The operations by which a change may alter a column."""

Tolerance = Annotated[float, Field(ge=0)]


def _scalar(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a finite number|{value}")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ValueError(f"text, a number, true, false or null|{_kind(value)}")


def _wanted(value: object) -> object:
    # By hand: for a union, pydantic would report the errors of every member.
    if isinstance(value, Mapping):
        return _range(value)
    for each in value if isinstance(value, tuple) else (value,):
        _scalar(each)
    if value == ():
        raise ValueError("at least one value|an empty list")
    return value


def _range(given: Mapping[Any, Any]) -> Range:
    numbers = all(
        isinstance(end, int | float) and not isinstance(end, bool) and math.isfinite(end)
        for end in given.values()
    )
    if not given or not set(given) <= {"min", "max"} or not numbers:
        found = ", ".join(f"{key}: {end}" for key, end in given.items())
        raise ValueError(f"numbers for min, max or both|{found or 'an empty mapping'}")
    return Range(**given)


def _listed(value: object) -> object:
    return (value,) if isinstance(value, Mapping) else value


def _pair(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(values) != 2 or values[0] == values[1]:
        raise ValueError(f"two different values|{', '.join(map(str, values)) or 'none'}")
    return values


def _kind(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, tuple) else f"{value}, without quotes"


Scalar = Annotated[str | bool | int | float | None, BeforeValidator(_scalar)]


class Range(Section):
    """Numbers from ``min`` to ``max``, both included."""

    min: float | None = None
    max: float | None = None


Wanted = Annotated[Any, BeforeValidator(_wanted)]
"""A value, a tuple of values, or a `Range`."""

Row = Annotated[Mapping[Text, Scalar], Frozen, Dumped]


class ColumnChange(Section):
    """Alters one column in every row, by exactly one of `WAYS`."""

    column: Text
    to: Scalar = Field(default=None, alias="set")
    add: int | float | Text | None = None
    multiply: float | None = None
    shuffle: bool | None = None
    swap: Annotated[tuple[Scalar, ...], AfterValidator(_pair)] | None = None

    @property
    def way(self) -> str:
        """The operation, one of `WAYS`."""
        return self._ways()[0]

    def _ways(self) -> list[str]:
        given = {"set" if name == "to" else name for name in self.model_fields_set}
        return [way for way in WAYS if way in given]

    @model_validator(mode="after")
    def _one_way(self) -> ColumnChange:
        ways = self._ways()
        if len(ways) != 1:
            raise ValueError(f"one of {', '.join(WAYS)}|{' and '.join(ways) or 'none'}")
        if ways[0] != "set" and getattr(self, ways[0]) is None:
            raise ValueError(f"a value for {ways[0]}|nothing")
        if self.shuffle is False:
            raise ValueError("true for shuffle|false")
        return self


Changes = Annotated[
    tuple[ColumnChange, ...],
    Field(min_length=1),
    BeforeValidator(_listed),
]
"""``change``: one mapping, or a list of them that are applied in order."""


class BehaviourBase(Section):
    """Keys that all behaviours share."""

    name: Text
    owner: Text
    because: Text
    severity: Literal["block", "warn"] = "block"
    rows: Positive = 1000
    where: Annotated[Mapping[Text, Wanted], Frozen, Dumped] = Field(
        default_factory=dict, validate_default=True
    )
    max_failed: Share = 0.0


class Invariance(BehaviourBase):
    """The change must not move a row's score by more than ``within``."""

    check: Literal["invariance"]
    change: Changes
    within: Tolerance


class Direction(BehaviourBase):
    """The change must not lower, or must not raise, a row's score."""

    check: Literal["direction"]
    change: Changes
    expect: Literal["not_lower", "not_higher"]
    within: Tolerance = 0.0
    of: Text | None = Field(default=None, alias="class")


class Case(Section):
    """A named row and the expected prediction or score range."""

    name: Text
    row: Row = Field(default_factory=dict, validate_default=True)
    base: Literal["median"] | Row = "median"
    min: float | None = None
    max: float | None = None
    says: bool | Text | None = Field(default=None, alias="is")
    of: Text | None = Field(default=None, alias="class")

    @model_validator(mode="after")
    def _one_expectation(self) -> Case:
        limits = self.min is not None or self.max is not None
        if limits == (self.says is not None):
            raise ValueError(f"either min and max, or is|{'both' if limits else 'neither'}")
        if limits:
            check_limits(self.min, self.max)
        return self


def _named(cases: tuple[Case, ...]) -> tuple[Case, ...]:
    return _distinct(cases, "case")


class MinimumFunctionality(BehaviourBase):
    """Minimum functionality: named cases that the model must get right."""

    check: Literal["minimum"]
    cases: Annotated[tuple[Case, ...], Field(min_length=1), AfterValidator(_named)]


class Robustness(BehaviourBase):
    """Corrupted input still gets a score, within ``within`` of the original row's score."""

    check: Literal["robustness"]
    perturb: Literal["missing", "unseen", "typo", "extreme", "shuffled_columns"]
    columns: tuple[Text, ...] = ()
    within: Tolerance | None = None


class Monotonicity(BehaviourBase):
    """Over a grid of one column, a row's score is monotonic."""

    check: Literal["monotonicity"]
    column: Text
    start: float = Field(alias="from")
    end: float = Field(alias="to")
    steps: Annotated[int, Field(ge=2, le=1000)] = 10
    expect: Literal["increasing", "decreasing"]
    within: Tolerance = 0.0
    of: Text | None = Field(default=None, alias="class")

    @model_validator(mode="after")
    def _ordered(self) -> Monotonicity:
        if self.end <= self.start:
            raise ValueError(f"'to' over 'from'|from {self.start:g} to {self.end:g}")
        return self


def _apart(behaviours: tuple[Any, ...]) -> tuple[Any, ...]:
    return _distinct(behaviours, "behaviour")


def _distinct(items: tuple[Any, ...], what: str) -> tuple[Any, ...]:
    refuse_repeats((item.name for item in items), f"every {what} under a name of its own")
    return items


Behaviour = Annotated[
    Invariance | Direction | MinimumFunctionality | Robustness | Monotonicity,
    Field(discriminator="check"),
]
Behaviours = Annotated[tuple[Behaviour, ...], AfterValidator(_apart)]
