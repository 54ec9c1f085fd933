"""The promotion policy: the section ``gate`` of params.yaml without the keys of kinds of rules."""

from __future__ import annotations

import difflib
from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field, field_validator, model_validator

from assay.project.params.behaviour import Behaviours
from assay.project.params.values import Day, Section, Text, refuse_repeats

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
        said = {name: getattr(self, name) for name in self.model_fields_set & set(_COMMON)}
        return {**said, **(self.model_extra or {}), "kind": self.kind}

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
