"""Advice on training again: ``reports/retrain.json``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from assay.errors import DataError
from assay.project import layout
from assay.project.document import Count, Document, Report, Text

AdviceState = Literal["retrain", "fine", "waiting"]
"""``waiting`` if too few nights have matured."""


class RetrainRow(Document):
    """A night that a rule looked at: a row of the performance table.

    Attributes
    ----------
    crossed
        Whether ``value`` is past the rule's limit.
    """

    night: Text
    value: float
    low: float | None
    high: float | None
    rows: Count
    labelled_share: float
    run_id: Text
    crossed: bool


class PooledMetric(Document):
    """A metric over nights together, with the interval that decides."""

    value: float
    low: float
    high: float


class RuleAdvice(Document):
    """A rule of ``monitor.retrain``, and its result.

    Attributes
    ----------
    sentence
        The result and the values behind it.
    looked_at
        In the order of nights.
    pool, pooled
        Of a rule that takes nights together: how many, and the metric over them.
    too_few_truths
        Matured nights that were skipped.
    """

    metric: Text
    min: float | None
    max: float | None
    maturity: Count
    nights: Count
    of: Count
    pool: Count | None = None
    pooled: PooledMetric | None = None
    slice: str
    min_labelled: float
    state: AdviceState
    sentence: Text
    looked_at: tuple[RetrainRow, ...]
    too_few_truths: tuple[Text, ...]


class RetrainAdvice(Report):
    """retrain.json.

    Attributes
    ----------
    version
        The version whose nights were looked at.
    until
        The last night that was considered.
    """

    SCHEMA: ClassVar = 1
    FILE: ClassVar = layout.RETRAIN
    STAGE: ClassVar = "monitor"
    WHAT: ClassVar = "advice on training"

    schema_number: Literal[1] = Field(default=1, alias="schema")
    advised: bool
    version: Text
    until: Text
    rules: tuple[RuleAdvice, ...]

    @model_validator(mode="after")
    def _advised_by_a_rule(self) -> Self:
        if self.advised is not bool(self.reasons):
            text = "true, but no rule says so" if self.advised else "false, but a rule says so"
            raise ValueError(f"advised is {text}")
        return self

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences of the rules that advise training; empty if none does."""
        return tuple(rule.sentence for rule in self.rules if rule.state == "retrain")


def read_advice(root: Path) -> RetrainAdvice | None:
    """The advice of the last ``assay monitor --retrain-if``; None if there is none.

    A file that cannot be read advises nothing: the next ``--retrain-if`` writes it anew, and what
    else a page or a pull request says must not be lost for it.
    """
    try:
        return RetrainAdvice.read(root)
    except DataError:
        return None
