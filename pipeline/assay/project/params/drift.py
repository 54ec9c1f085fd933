"""How drift is turned into alarms: part of the section ``monitor`` of params.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from assay.project.params.values import Day, Frozen, Positive, Section, Share, Text


class Budget(Section):
    """An alarm takes ``nights`` of the last ``of``; so many incidents a year may be false."""

    nights: Positive = 3
    of: Annotated[int, Field(ge=1, le=31)] = 5
    false_alarms: Annotated[float, Field(gt=0, le=52)] = 4.0

    @model_validator(mode="after")
    def _ordered(self) -> Budget:
        if self.nights > self.of:
            raise ValueError(f"nights at or under of|{self.nights} of {self.of}")
        return self


class Snooze(Section):
    """A column whose alarms are known about; from the day after ``until`` they count again."""

    column: Text
    because: Text
    owner: Text
    until: Day


class DriftParams(Section):
    """Baselines, limits set by hand, the budget of false alarms, and what is snoozed."""

    baseline: Literal["reference", "weekday"] = "reference"
    baseline_weeks: Annotated[int, Field(ge=1, le=52)] = 4
    limits: Annotated[Mapping[Text, Share], Frozen] = Field(
        default_factory=dict, validate_default=True
    )
    budget: Budget = Budget()
    snooze: tuple[Snooze, ...] = ()
