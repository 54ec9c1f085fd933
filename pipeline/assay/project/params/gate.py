"""The promotion policy: the schema of the section ``gate`` of params.yaml."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    WrapValidator,
    field_validator,
    model_validator,
)

from assay.project.params.behaviour import Behaviours, Scalar
from assay.project.params.values import (
    Day,
    Dumped,
    Frozen,
    FunctionName,
    Positive,
    Section,
    Share,
    Text,
    check_function_name,
)
from assay.project.tasks import Metric

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


EVERY_SLICE = "*"
"""The ``slice`` of a rule of kind ``change`` on all slices that were measured."""

ErrorRate = Literal["false_positive_rate", "false_negative_rate"]
"""What groups of people are compared by; measured by columns with the role sensitive."""
Rate = Literal["selection_rate", ErrorRate]
ERROR_RATES: tuple[str, ...] = get_args(ErrorRate)
RATES: tuple[str, ...] = get_args(Rate)
"""Shares of a binary model's answers, which fairness rules compare as they do metrics."""


def _own_or_ours(value: Any, ours: Callable[[Any], Any]) -> Any:
    """A name with a dot is a metric of the project's own, any other has to be one of Assay's."""
    if isinstance(value, str) and "." in value:
        return check_function_name(value)
    return ours(value)


if TYPE_CHECKING:
    RuleMetric = str
    Compared = str
else:
    # Without a serialiser of its own, pydantic warns of each name that is not among the literals.
    _NAME = (WrapValidator(_own_or_ours), PlainSerializer(str, return_type=str))
    RuleMetric = Annotated[Metric, *_NAME]
    Compared = Annotated[Literal[Metric, Rate], *_NAME]


class RuleBase(Section):
    """Keys of every rule: name, owner, reason, and whether it can block."""

    name: Text
    owner: Text
    because: Text
    severity: Literal["block", "warn"] = "block"
    inconclusive: Literal["block", "pass"] = "block"


class SlicedRule(RuleBase):
    """A rule on all rows, or on each value of a slice field with at least ``min_rows`` rows."""

    slice: Text | None = None
    min_rows: Positive | None = None

    @model_validator(mode="after")
    def _sliced(self) -> SlicedRule:
        if self.min_rows is not None and self.slice is None:
            raise ValueError("a slice beside min_rows|none")
        if self.slice == EVERY_SLICE and not isinstance(self, ChangeRule):
            kind = getattr(self, "kind", "")
            raise ValueError(f"kind: change beside slice: '{EVERY_SLICE}'|kind: {kind}")
        return self


class LimitRule(SlicedRule):
    """One limit on one metric."""

    kind: Literal["limit"]
    metric: RuleMetric
    min: float | None = None
    max: float | None = None
    decide: Literal["interval", "value"] = "interval"

    @model_validator(mode="after")
    def _one_limit(self) -> LimitRule:
        _exactly_one(self, "min", "max")
        return self


class ChangeRule(SlicedRule):
    """Challenger against champion: worse by at most ``margin``, or better by at least ``gain``.

    With ``slice: "*"`` no slice may lose more than ``margin`` beyond chance, over all slices.
    """

    kind: Literal["change"]
    metric: RuleMetric
    margin: Annotated[float, Field(ge=0)] | None = None
    gain: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one_limit(self) -> ChangeRule:
        _exactly_one(self, "margin", "gain")
        if self.slice == EVERY_SLICE and self.margin is None:
            raise ValueError(f"a margin beside slice: '{EVERY_SLICE}'|gain")
        return self

    @property
    def worst(self) -> float:
        """The smallest accepted difference, where higher is better."""
        return self.gain if self.gain is not None else 0.0 - (self.margin or 0.0)  # never -0


class FairnessRule(RuleBase):
    """A metric or a rate of answers, compared across the groups of a slice field."""

    kind: Literal["fairness"]
    of: Compared
    across: Text
    max_difference: Annotated[float, Field(ge=0)] | None = None
    min_ratio: Annotated[float, Field(gt=0, le=1)] | None = None
    min_rows: Positive | None = None

    @model_validator(mode="after")
    def _one_limit(self) -> FairnessRule:
        _exactly_one(self, "max_difference", "min_ratio")
        return self


class StabilityRule(RuleBase):
    """How far the challenger's scores may be from the champion's on the same rows."""

    kind: Literal["stability"]
    max_distance: Share | None = None
    max_flipped: Share | None = None

    @model_validator(mode="after")
    def _one_limit(self) -> StabilityRule:
        _exactly_one(self, "max_distance", "max_flipped")
        return self


class ParityRule(RuleBase):
    """The nightly scoring path gives the same scores as the training code, row by row."""

    kind: Literal["parity"]
    tolerance: Annotated[float, Field(ge=0)] = 1e-9


class CostRule(RuleBase):
    """Limits on latency per 1,000 rows, memory and bundle size."""

    kind: Literal["cost"]
    of: Literal["latency_ms", "memory_mb", "bundle_mb"]
    max: Annotated[float, Field(gt=0)]


NightsMeasure = Literal[
    "flipped", "newly_quarantined", "quarantined", "score_distance", "held", "slower"
]


class NightsRule(SlicedRule):
    """A limit on what the challenger did with the last real nights, mostly beside the champion.

    Only ``flipped`` can be decided for each value of a slice field.
    """

    kind: Literal["nights"]
    of: NightsMeasure
    max: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _only_flips_have_slices(self) -> NightsRule:
        if self.slice is not None and self.of != "flipped":
            raise ValueError(f"a slice beside 'of: flipped' only|of: {self.of}")
        return self

    @model_validator(mode="after")
    def _shares_end_at_one(self) -> NightsRule:
        if self.of not in ("held", "slower") and self.max > 1:
            raise ValueError(f"a max of at most 1, because {self.of} is a share|{self.max:g}")
        return self


class ContractRule(RuleBase):
    """The training table meets its contract, with at most ``max_bad_share`` bad rows."""

    kind: Literal["contract"]
    max_bad_share: Share


class LeakageRule(RuleBase):
    """No leakage check is suspect, except those in ``allow``.

    ``max_shuffled_error``: how many times the error of always saying the same may be added when a
    feature is shuffled;
    ``max_error_jump``: how many times less it may leave unexplained than the best feature alone and
    the champion do.
    """

    kind: Literal["leakage"]
    allow: tuple[Literal[LeakageCheck, ModelLeakageCheck], ...] = ()
    max_shuffled_error: Annotated[float, Field(gt=0)] = 2.0
    max_error_jump: Annotated[float, Field(gt=1)] = 5.0


class OwnRule(RuleBase):
    """A function of the project's own decides, from reports and its arguments."""

    kind: Literal["own"]
    function: FunctionName
    args: Annotated[Mapping[Text, Scalar], Frozen, Dumped] = Field(
        default_factory=dict, validate_default=True
    )


def _exactly_one(rule: Section, *names: str) -> None:
    given = [name for name in names if getattr(rule, name) is not None]
    if len(given) != 1:
        raise ValueError(f"exactly one of {' and '.join(names)}|{'both' if given else 'neither'}")


def _kinded(item: Any) -> Any:
    """A rule without ``kind`` is a limit."""
    return {"kind": "limit", **item} if isinstance(item, Mapping) else item


Rule = Annotated[
    Annotated[
        LimitRule
        | ChangeRule
        | FairnessRule
        | StabilityRule
        | ParityRule
        | CostRule
        | NightsRule
        | ContractRule
        | LeakageRule
        | OwnRule,
        Field(discriminator="kind"),
    ],
    BeforeValidator(_kinded),
]


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
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    behaviour: Behaviours = ()
    waivers: tuple[WaiverParams, ...] = ()

    @field_validator("rules")
    @classmethod
    def _distinct(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        names = [rule.name for rule in rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"every rule under a name of its own|{', '.join(twice)} more than once"
            )
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
        return tuple(rule.function for rule in self.rules if isinstance(rule, OwnRule))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of rules and behaviours, in the order of params.yaml."""
        return tuple(each.name for each in (*self.rules, *self.behaviour))
