"""The report of the stage ``select``: the chosen candidate. ``dvc metrics`` reads it too.

It has no schema version, because DVC would show that as a metric.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, PlainSerializer, model_validator

from assay.project import layout
from assay.project.document import Report, Text

Scores = Annotated[
    Mapping[str, Mapping[str, float | None]],
    AfterValidator(MappingProxyType),
    PlainSerializer(
        lambda given: {name: dict(sorted(each.items())) for name, each in sorted(given.items())}
    ),
]
"""Candidate -> metric -> out-of-fold value."""


class Selection(Report):
    """selection.json."""

    SCHEMA: ClassVar = None
    FILE: ClassVar = layout.SELECTION
    STAGE: ClassVar = "select"
    WHAT: ClassVar = "a selection"

    by: Text
    candidates: Scores
    selected: Text

    @model_validator(mode="after")
    def _one_of_the_candidates(self) -> Self:
        if self.selected not in self.candidates:
            raise ValueError(
                f"selected is '{self.selected}', not one of {', '.join(self.candidates)}"
            )
        return self
