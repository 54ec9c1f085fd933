"""``kind: card``: people have said what only they know about the model."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from assay.gate.inputs import GateInputs
from assay.gate.rules.kind import Rule
from assay.project import layout
from assay.project.params.behaviour import GateParams
from assay.project.params.card import CARD_FIELDS, CardField
from assay.reports.verdict import Finding, Outcome


class Card(Rule):
    """Each of ``fields`` is stated under ``card`` in params.yaml."""

    fields: Annotated[tuple[CardField, ...], Field(min_length=1)] = CARD_FIELDS

    reads: ClassVar = ()
    over: ClassVar[str] = "fields"

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """A FAIL for each field that is missing, or one PASS."""
        card = inputs.card
        missing = [name for name in self.fields if getattr(card, name) is None]
        if not missing:
            told = ", ".join(self.fields)
            return (self.finding(Outcome.PASS, f"the card states {told}"),)
        return tuple(
            self.fail(f"the card does not state {name}", slice=f"card={name}") for name in missing
        )

    def advice(self, found: Finding) -> str:
        """Where to state it."""
        return f"Say it under card in {layout.PARAMS}; docs/card.md says what belongs there."

    @property
    def source(self) -> str:
        """What it is decided from."""
        return f"{layout.PARAMS}: card"
