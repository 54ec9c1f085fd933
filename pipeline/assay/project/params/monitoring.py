"""How nights are watched, in params.yaml: the sections monitor, labels and alerts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from assay.project import layout
from assay.project.params.inputs import FileTable
from assay.project.params.values import (
    MOST_DAYS,
    Day,
    Frozen,
    FunctionName,
    Positive,
    Section,
    Share,
    Text,
    check_limits,
)
from assay.project.tasks import POOLABLE, Metric
from assay.project.text import counted


class Budget(Section):
    """False-alarm budget: an alarm takes ``nights`` of the last ``of`` nights.

    ``false_alarms`` is the accepted number of false incidents a year.
    """

    nights: Positive = 3
    of: Annotated[int, Field(ge=1, le=31)] = 5
    false_alarms: Annotated[float, Field(gt=0, le=52)] = 4.0

    @model_validator(mode="after")
    def _ordered(self) -> Budget:
        if self.nights > self.of:
            raise ValueError(f"nights at or under of|{self.nights} of {self.of}")
        return self


class Snooze(Section):
    """Mutes the alarms of one column until the day ``until``, included."""

    column: Text
    because: Text
    owner: Text
    until: Day


LEAST_POOLED = 5
"""Fewer nights show too little of how much nights differ."""


class LabelsParams(Section):
    """Labels by key. Without ``input`` they are loaded from files: ``assay labels --rows FILE``."""

    input: FileTable | None = None
    truth: Text | None = None
    arrived_at: Text | None = None
    known_after_days: Annotated[int, Field(ge=0, le=MOST_DAYS)] | None = None

    @model_validator(mode="after")
    def _one_clock(self) -> LabelsParams:
        if self.arrived_at is not None and self.known_after_days is not None:
            raise ValueError("arrived_at or known_after_days|both")
        return self


class RetrainRule(Section):
    """Retrain if a matured metric is past its limit.

    On ``nights`` of the last ``of`` nights, each by itself; or, with ``pool``, over so many nights
    together, with its whole interval.
    """

    metric: Metric
    min: float | None = None
    max: float | None = None
    maturity: Positive
    nights: Positive = 1
    of: Positive = 1
    pool: Annotated[int, Field(ge=LEAST_POOLED, le=MOST_DAYS)] | None = None
    slice: str = ""
    min_labelled: Share = 0.5

    @model_validator(mode="after")
    def _makes_sense(self) -> RetrainRule:
        check_limits(self.min, self.max)
        if self.pool is not None and self.model_fields_set & {"nights", "of"}:
            raise ValueError("pool, or nights and of|both")
        if self.pool is not None and self.metric not in POOLABLE:
            raise ValueError(
                f"with pool, a metric that is known over nights together: {', '.join(POOLABLE)}|"
                f"{self.metric}"
            )
        if self.nights > self.of:
            raise ValueError(f"nights at most of|nights {self.nights}, of {self.of}")
        return self

    @property
    def window(self) -> int:
        """How many matured nights it takes."""
        return self.pool or self.of

    @property
    def limit(self) -> str:
        """The accepted range, in words."""
        bounds = ((self.min, "at least"), (self.max, "at most"))
        return " and ".join(f"{word} {value:g}" for value, word in bounds if value is not None)

    @property
    def title(self) -> str:
        """Metric, slice and maturity, in words."""
        where = f" in {self.slice}" if self.slice else ""
        days = counted(self.maturity, "day")
        return f"{self.metric}{where} after {days}"

    def crossed(self, value: float) -> bool:
        """Whether a value is past the limit; NaN is."""
        low = self.min is None or value >= self.min
        high = self.max is None or value <= self.max
        return not (low and high)


def _ascending(days: tuple[int, ...]) -> tuple[int, ...]:
    if not days or list(days) != sorted(set(days)):
        raise ValueError(f"ascending days, each once|{', '.join(map(str, days)) or 'none'}")
    return days


Maturity = Annotated[int, Field(ge=1, le=MOST_DAYS)]
Maturities = Annotated[tuple[Maturity, ...], AfterValidator(_ascending)]
"""Label maturities: how many days after a night its labels are counted."""


class MeasureKeys(Section):
    """A measure of drift, whose keys it reads itself (`assay.monitor.drift.measures`)."""

    model_config = ConfigDict(extra="allow")

    measure: Text

    @property
    def keys(self) -> dict[str, Any]:
        """What params.yaml says of it, as it says it."""
        return {**(self.model_extra or {}), "measure": self.measure}


class Monitor(Section):
    """Baselines, limits, the false-alarm budget, snoozed columns, and when to train again."""

    baseline: Literal["reference", "weekday"] = "reference"
    baseline_weeks: Annotated[int, Field(ge=1, le=52)] = 4
    limits: Annotated[Mapping[Text, Share], Frozen] = Field(
        default_factory=dict, validate_default=True
    )
    measures: tuple[MeasureKeys, ...] = ()
    budget: Budget = Budget()
    snooze: tuple[Snooze, ...] = ()
    limit_quantile: Annotated[float, Field(gt=0.5, le=1)] = 0.99
    max_drifted_share: Share = 0.5
    max_null_share_change: Share = 0.1
    max_new_category_share: Share = 0.02
    sample_rows: Positive = 5000
    workspace: Text | None = f"{layout.WORK}/evidently"
    evidently: Literal["alarming", "always", "never"] = "alarming"
    maturities: Maturities = (1, 7, 30)
    retrain: tuple[RetrainRule, ...] = ()

    @model_validator(mode="after")
    def _measured(self) -> Monitor:
        unknown = sorted({rule.maturity for rule in self.retrain} - set(self.maturities))
        if unknown:
            raise ValueError(
                f"retrain rules of a maturity among {', '.join(map(str, self.maturities))}"
                f"|{', '.join(map(str, unknown))}"
            )
        return self


class Webhook(Section):
    """Where alerts are sent. The URL is only in the environment variable ``url_env``."""

    url_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    shape: Literal["slack", "generic"] = "generic"
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    retries: Annotated[int, Field(ge=0, le=10)] = 3


class Alerts(Section):
    """Whom messages go to: a webhook, or a function of the project's own."""

    webhook: Webhook | None = None
    function: FunctionName | None = None

    @model_validator(mode="after")
    def _one_receiver(self) -> Alerts:
        if self.webhook is not None and self.function is not None:
            raise ValueError("webhook or function|both")
        return self


# ------------ the schedule that ``assay deploy`` writes: when, where, as whom, and with which image

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_PASSWORD = re.compile(r"//[^/@\s]*:[^/@\s]*@")


def has_control_characters(text: str) -> bool:
    """Whether a text has line breaks or other control characters, which no schedule can hold."""
    return _CONTROL.search(text) is not None


def _one_line(text: str) -> str:
    if has_control_characters(text):
        raise ValueError(f"one line without control characters|{text!r}")
    return text


def _absolute(text: str) -> str:
    if not text.startswith("/") or "/../" in f"{text}/" or "\\" in text or not text.strip("/"):
        raise ValueError(f"an absolute path without '..' and backslashes|{text}")
    return text.rstrip("/")


def _public(text: str) -> str:
    if text.startswith("-") or _PASSWORD.search(text):
        raise ValueError(
            "the address of a git repository without a password"
            f"|{_PASSWORD.sub('//***:***@', text)}"
        )
    return text


Line = Annotated[Text, AfterValidator(_one_line)]
Folder = Annotated[Line, AfterValidator(_absolute)]
Repository = Annotated[Line, AfterValidator(_public)]
User = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,30}$")]
Branch = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Image = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$")]
Identity = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*@[A-Za-z0-9.-]+$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Databricks(Section):
    """The cluster that each night's job makes for itself."""

    runtime: Word = "17.3.x-scala2.13"
    node_type: Word = "m5d.large"
    workers: Positive = 2


class ScheduleParams(Section):
    """``at`` is in UTC. The time limit is one attempt's; ``retries`` come after failures only."""

    at: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "05:17"
    time_limit_minutes: Annotated[int, Field(ge=1, le=1440)] = 240
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    folder: Folder | None = None
    user: User = "assay"
    repository: Repository | None = None
    branch: Branch = "main"
    image: Image | None = None
    identity: Identity | None = None
    runtime: Word | None = None
    vault: Word | None = None
    databricks: Databricks = Databricks()

    @property
    def hour(self) -> int:
        return int(self.at[:2])

    @property
    def minute(self) -> int:
        return int(self.at[3:])
