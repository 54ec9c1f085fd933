"""The section ``card`` of params.yaml: what only people know about a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field

from assay.project.params.values import Dumped, Frozen, Section, Text

CardField = Literal["intended_use", "limits", "owner", "contact", "oversight", "ethics"]
CARD_FIELDS: tuple[CardField, ...] = get_args(CardField)
Point = Literal["1", "2", "3", "4", "5", "6", "7", "8", "9"]
POINTS: tuple[Point, ...] = get_args(Point)
"""The points of Annex IV of Regulation (EU) 2024/1689."""


class CardParams(Section):
    """``licence`` is of the model, by SPDX; ``annex`` has more text for points of Annex IV."""

    intended_use: Text | None = None
    limits: Text | None = None
    owner: Text | None = None
    contact: Text | None = None
    oversight: Text | None = None
    ethics: Text | None = None
    licence: Text | None = None
    annex: Annotated[Mapping[Point, Text], Frozen, Dumped] = Field(
        default_factory=dict, validate_default=True
    )
