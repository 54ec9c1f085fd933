"""Which candidate select chose, and by what: also what ``dvc metrics`` shows of it.

The file says no number of its form: DVC would show it among the metrics.
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
"""Candidate -> metric -> what it came to on rows that it was not trained on."""


class Selection(Report):
    """All of selection.json."""

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
