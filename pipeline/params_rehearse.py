"""How a night is rehearsed: the section ``rehearse`` of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from pipeline.params_types import Positive, Section

Carrier = Literal["files", "dataframe"]


class Rehearse(Section):
    """``rows`` of the holdout through each carrier; ``repeats`` of what is timed."""

    rows: Positive = 20_000
    repeats: Positive = 5
    carriers: Annotated[tuple[Carrier, ...], Field(min_length=1)] = ("files",)

    @field_validator("carriers")
    @classmethod
    def _distinct(cls, carriers: tuple[Carrier, ...]) -> tuple[Carrier, ...]:
        if len(set(carriers)) != len(carriers):
            raise ValueError(f"each carrier once|{', '.join(carriers)}")
        return carriers
