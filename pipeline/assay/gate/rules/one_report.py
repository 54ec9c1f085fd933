"""Rules on what one report or the card says: ``contract``, ``cost``, ``parity`` and ``card``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from assay.gate.inputs import GateInputs
from assay.gate.rules.kind import Rule
from assay.project import layout
from assay.project.params.behaviour import GateParams
from assay.project.params.card import CARD_FIELDS, CardField
from assay.project.params.values import Share
from assay.reports import rehearsal as reports
from assay.reports.verdict import Finding, Outcome


class ContractKept(Rule):
    """The training table meets its contract, with at most ``max_bad_share`` bad rows."""

    max_bad_share: Share

    reads: ClassVar = ("contract",)

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """The result of the contract check on the training table."""
        report = inputs.contract
        if report.rows == 0:
            return (self.fail("the contract was checked on no rows"),)
        if not report.ok:
            broken = ", ".join(report.broken) or "its share of bad rows"
            return (self.fail(f"{report.where} breaks its contract: {broken}"),)
        share = report.bad_rows / report.rows
        words_for = f"{report.bad_rows:,} of {report.rows:,} rows break a row rule, a share of"
        return (self.at_most("bad share", share, self.max_bad_share, words_for, report.rows),)

    def advice(self, finding: Finding) -> str | None:
        """Where to see the broken rules, whatever was measured."""
        if finding.outcome is Outcome.INCONCLUSIVE:
            return None
        return (
            f"See the broken rules in {layout.CONTRACT_PAGE}; leave such rows out in "
            "data/source.py, or correct data/contract.py."
        )


UNITS = {
    "latency_ms": "milliseconds to score 1,000 rows",
    "memory_mb": "megabytes of memory to score",
    "bundle_mb": "megabytes of the bundle on disk",
}


class Cost(Rule):
    """Limits on latency per 1,000 rows, memory and bundle size."""

    of: Literal["latency_ms", "memory_mb", "bundle_mb"]
    max: Annotated[float, Field(gt=0)]

    reads: ClassVar = ("rehearsal",)

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """The cost that was measured in the rehearsal."""
        rehearsal = inputs.rehearsal
        values = {
            "latency_ms": rehearsal.cost.latency_ms,
            "memory_mb": rehearsal.cost.memory_mb,
            "bundle_mb": rehearsal.bundle_mb,
        }
        value = values[self.of]
        if self.of != "bundle_mb" and not rehearsal.cost.batch_rows:
            return (self.fail(f"{self.of} was measured on no rows", metric=self.of),)
        if value is None:
            reason = f"{self.of} could not be measured: {rehearsal.why or 'no reason was given'}"
            return (self.fail(reason, metric=self.of),)
        return (self.at_most(self.of, value, self.max, f"{UNITS[self.of]}:", rehearsal.rows),)

    def missed(self) -> str:
        """What costs less."""
        return (
            "Take fewer features or a smaller model (candidates in params.yaml), or raise max in "
            "gate.rules."
        )


class Parity(Rule):
    """The nightly scoring path gives the same scores as the training code, row by row."""

    tolerance: Annotated[float, Field(ge=0)] = 1e-9

    reads: ClassVar = ("rehearsal",)

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """One finding per rehearsed carrier."""
        rehearsal = inputs.rehearsal
        if not rehearsal.parity:
            return (self.fail("no carrier rehearsed the night"),)
        return tuple(_alike(self, each) for each in rehearsal.parity)

    def missed(self) -> str:
        """What to look for."""
        return (
            "Look for code of your own whose answer for a row depends on the rows around it, "
            "such as a mean over all rows that are scored at once."
        )


def _alike(rule: Parity, parity: reports.Parity) -> Finding:
    where = f"carrier={parity.carrier}"
    text = f"{parity.differing:,} of {parity.rows:,} rows differ on the nightly path"
    if parity.rows == 0 or parity.largest is None:
        return rule.fail("no row was scored on both paths", slice=where, rows=parity.rows)
    if parity.differing:
        return rule.fail(text, slice=where, rows=parity.rows)
    metric, words_for = "largest difference", f"{text}; the largest difference is"
    return rule.at_most(metric, parity.largest, rule.tolerance, words_for, parity.rows, where)


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
            text = ", ".join(self.fields)
            return (self.finding(Outcome.PASS, f"the card states {text}"),)
        return tuple(
            self.fail(f"the card does not state {name}", slice=f"card={name}") for name in missing
        )

    def advice(self, finding: Finding) -> str:
        """Where to state it."""
        return f"Say it under card in {layout.PARAMS}; docs/card.md says what belongs there."

    @property
    def source(self) -> str:
        """What it is decided from."""
        return f"{layout.PARAMS}: card"
