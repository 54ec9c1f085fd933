"""The report of the stage ``nights``: which nights the input holds last, or why none is known."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from assay.project import layout
from assay.project.document import Count, Document, Report, Text, find_duplicates


class ListedNight(Document):
    """A night of the input, found but not read.

    Attributes
    ----------
    fingerprint
        Changes when its input changes; empty if that cannot be detected.
    rows
        As its files say; None if they do not.
    why
        Why it cannot be scored; None if nothing is known against it.
    """

    day: Text
    fingerprint: str = ""
    rows: Count | None = None
    why: Text | None = None

    @model_validator(mode="after")
    def _found_or_not(self) -> Self:
        if self.why is not None and (self.fingerprint or self.rows is not None):
            raise ValueError("why stands beside a fingerprint or rows: it was found, or it was not")
        return self


class LastNights(Report):
    """nights.json: the nights that ``rehearse.nights`` asks for, in the order of days.

    ``why`` is the reason if there are none, else None.
    """

    SCHEMA: ClassVar = 1
    FILE: ClassVar = layout.LAST_NIGHTS
    STAGE: ClassVar = "nights"
    WHAT: ClassVar = "a list of nights"

    schema_number: Literal[1] = Field(default=1, alias="schema")
    input: Text
    nights: tuple[ListedNight, ...]
    why: Text | None

    @model_validator(mode="after")
    def _each_night_once(self) -> Self:
        if twice := find_duplicates(night.day for night in self.nights):
            raise ValueError(f"nights has {twice} more than once")
        return self

    @model_validator(mode="after")
    def _none_for_a_reason(self) -> Self:
        if (self.why is None) is not bool(self.nights):
            told = "missing: nights is empty" if self.why is None else "there beside nights"
            raise ValueError(f"why is {told}")
        return self
