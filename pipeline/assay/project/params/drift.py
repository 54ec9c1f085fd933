"""Drift alarms: part of the section ``monitor`` of params.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from assay.project.params.values import Day, Frozen, Positive, Section, Share, Text


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


class DriftParams(Section):
    """Baselines, manual limits, the false-alarm budget, and snoozed columns."""

    baseline: Literal["reference", "weekday"] = "reference"
    baseline_weeks: Annotated[int, Field(ge=1, le=52)] = 4
    limits: Annotated[Mapping[Text, Share], Frozen] = Field(
        default_factory=dict, validate_default=True
    )
    budget: Budget = Budget()
    snooze: tuple[Snooze, ...] = ()
