"""The document of a plan: counts only, no key and no value of a row."""

from __future__ import annotations

from functools import reduce
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from assay.project import layout
from assay.project.document import Count, Document, Finite, Report, Text, find_duplicates
from assay.project.tasks import Task
from assay.project.text import counted
from assay.score.operations.changes import Changes


class SliceChange(Document):
    """Rows of one slice and those with another decision; ``value`` None is all others' slice.

    ``up`` became true and ``down`` false; of several classes ``decided`` alone is known.
    """

    field: Text
    value: Text | None
    rows: Count
    decided: Count
    up: Count
    down: Count

    @property
    def title(self) -> str:
        return f"{self.field}={'(others)' if self.value is None else self.value}"


class Segment(Document):
    """Rows whose scores move in the same way: ``where`` are conditions on the contract's columns.

    ``rows`` and ``decided`` (rows with another decision) are of the sample that was looked at.
    """

    where: tuple[Text, ...]
    rows: Count
    decided: Count
    mean_change: Finite


class PlannedNight(Document):
    """What a plan does to one night.

    Attributes
    ----------
    run_id
        Of the planned run.
    readers_see, by_version
        The run that is published now, and the version that made it; None if the night has none.
    read, scored, quarantined
        Rows of the planned run.
    changes
        From what readers see to the planned run; None if one of the two is missing.
    held
        Why the night would be held back, so that it cannot be applied; empty if it can.
    alarms
        What monitoring would raise for it.
    why
        Why the night could not be planned; then nothing else is known of it.
    """

    day: Text
    run_id: Text | None = None
    readers_see: Text | None = None
    by_version: Text | None = None
    read: Count = 0
    scored: Count = 0
    quarantined: Count = 0
    changes: Changes | None = None
    held: tuple[Text, ...] = ()
    alarms: tuple[Text, ...] = ()
    why: Text | None = None

    @model_validator(mode="after")
    def _accounted_for(self) -> Self:
        if (self.why is None) is not (self.run_id is not None):
            raise ValueError("run_id and why disagree on whether the night was planned")
        if self.read != self.scored + self.quarantined:
            raise ValueError(
                f"read is {self.read}, scored {self.scored} and quarantined {self.quarantined}"
            )
        compared = self.why is None and self.readers_see is not None
        if (self.changes is not None) is not compared:
            raise ValueError("changes are there for a planned night that readers see, and no other")
        if self.changes and self.changes.both + self.changes.only_new != self.scored:
            raise ValueError(f"changes are not about the {counted(self.scored, 'scored row')}")
        return self


class Plan(Report):
    """plan.json: which rows another version, contract or input would change.

    Attributes
    ----------
    plan
        Its digest, which approvals name; None if no night could be planned or nothing was kept.
    version, bundle, commit
        What the nights were scored with; a version that does not exist yet has its coming number.
    champion
        The version that holds the stage; None if none does.
    threshold, old_threshold
        From which score on a binary model decides true; of the version and of the champion.
    by
        A score that changed by more than this counts as moved.
    slices
        Of the rows of all nights; empty if they cannot be read again, for ``unread``.
    sampled
        Rows that segments were looked for in.
    usual
        How far the share of rows that are decided true lies apart from one night to the next with
        what readers see now, as a standard deviation; None with fewer than three nights.
    """

    SCHEMA: ClassVar = 1
    FILE: ClassVar = layout.PLAN
    STAGE: ClassVar = "assay plan"
    WHAT: ClassVar = "a plan"

    schema_number: Literal[1] = Field(default=1, alias="schema")
    name: Text
    plan: Text | None
    version: Text
    bundle: Text
    commit: Text
    champion: Text | None
    task: Task
    threshold: Finite | None
    old_threshold: Finite | None
    by: Finite
    nights: tuple[PlannedNight, ...]
    slices: tuple[SliceChange, ...]
    segments: tuple[Segment, ...]
    sampled: Count
    unread: Text | None
    usual: Finite | None

    @property
    def planned(self) -> tuple[PlannedNight, ...]:
        """The nights that could be planned."""
        return tuple(night for night in self.nights if night.why is None)

    @property
    def changes(self) -> Changes | None:
        """Of all nights together; None if readers see none of them."""
        changes = [night.changes for night in self.planned if night.changes is not None]
        return reduce(Changes.merge, changes) if changes else None

    @model_validator(mode="after")
    def _each_night_once(self) -> Self:
        if twice := find_duplicates(night.day for night in self.nights):
            raise ValueError(f"nights has {twice} more than once")
        if self.plan is not None and not self.planned:
            raise ValueError("plan has a digest, and no night was planned")
        return self
