"""Behavioural tests of a model: the schema of ``gate.behaviour`` in params.yaml."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from assay.project.params.values import (
    Day,
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


# --------------------------------------------------------------------------------------------------
# the promotion policy: the section ``gate`` of params.yaml without the keys of kinds of rules

CHAMPION_RULE = "the champion can be compared with"
"""A built-in rule: a champion that exists but cannot be loaded is not the same as no champion."""

LeakageCheck = Literal[
    "same_key",
    "near_duplicates",
    "time_overlap",
    "label_power",
    "label_sum",
    "label_name",
    "identifier",
    "category_shift",
    "label_shift",
    "unlabelled",
    "not_at_scoring",
]
LEAKAGE_CHECKS: tuple[LeakageCheck, ...] = get_args(LeakageCheck)
"""What the stage ``leakage`` checks before a model is trained."""
ModelLeakageCheck = Literal["shuffled_error", "error_jump"]
"""What the gate checks of the trained model: too much hangs on one feature, or it is too good."""


class RuleKeys(Section):
    """Keys of every rule; those of its kind are read by the gate (`assay.gate.rules.kinds`).

    Nothing below the gate knows what kinds there are, so that a kind is one file.
    """

    model_config = ConfigDict(extra="allow")

    name: Text
    kind: Text = "limit"
    owner: Text
    because: Text
    severity: Literal["block", "warn"] = "block"
    inconclusive: Literal["block", "pass"] = "block"

    @property
    def keys(self) -> dict[str, Any]:
        """What params.yaml says of the rule, as it says it."""
        given = {name: getattr(self, name) for name in self.model_fields_set & set(_COMMON)}
        return {**given, **(self.model_extra or {}), "kind": self.kind}

    @property
    def own_code(self) -> tuple[str, ...]:
        """Names of the project's own code that decide it: its function, or its kind."""
        named = (self.kind, (self.model_extra or {}).get("function"))
        return tuple(name for name in named if isinstance(name, str) and "." in name)


_COMMON = tuple(RuleKeys.model_fields)


class WaiverParams(Section):
    """One rule, or one slice of it, cannot block until the day ``until``, included."""

    rule: Text
    slice: Text | None = None
    because: Text
    owner: Text
    until: Day

    def covers(self, rule: str, where: str | None) -> bool:
        return self.rule == rule and self.slice in (None, where)

    def expired(self, today: date) -> bool:
        """Whether the waiver has ended; on the day ``until`` it is still valid."""
        return today > self.until


class GateParams(Section):
    """Rules, behaviours, the folder of model tests, and waivers."""

    tests: Text
    correction: Literal["holm", "benjamini-hochberg", "none"] = "holm"
    power: Annotated[float, Field(ge=0.5, lt=1)] = 0.8
    rules: Annotated[tuple[RuleKeys, ...], Field(min_length=1)]
    behaviour: Behaviours = ()
    waivers: tuple[WaiverParams, ...] = ()

    @field_validator("rules")
    @classmethod
    def _distinct(cls, rules: tuple[RuleKeys, ...]) -> tuple[RuleKeys, ...]:
        refuse_repeats((rule.name for rule in rules), "every rule under a name of its own")
        return rules

    @model_validator(mode="after")
    def _named_apart(self) -> GateParams:
        both = sorted({rule.name for rule in self.rules} & {each.name for each in self.behaviour})
        if both:
            raise ValueError(
                f"rules and behaviours under names of their own|{', '.join(both)} in both"
            )
        return self

    @model_validator(mode="after")
    def _waived_by_name(self) -> GateParams:
        # A model test is waived by its pytest node id, which cannot be checked here.
        known = [*self.names, CHAMPION_RULE]
        for waiver in self.waivers:
            if waiver.rule not in known and "::" not in waiver.rule:
                near = difflib.get_close_matches(waiver.rule, known)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise ValueError(
                    f"waivers of rules that there are|a waiver of '{waiver.rule}'{hint}"
                )
        return self

    @property
    def functions(self) -> tuple[str, ...]:
        """The project's own functions that decide rules."""
        return tuple(name for rule in self.rules for name in rule.own_code)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of rules and behaviours, in the order of params.yaml."""
        return tuple(each.name for each in (*self.rules, *self.behaviour))
