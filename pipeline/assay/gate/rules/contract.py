"""``kind: contract``: the training table kept its contract."""

from __future__ import annotations

from typing import ClassVar

from assay.gate.inputs import GateInputs
from assay.gate.rules.kind import Rule
from assay.project import layout
from assay.project.params.behaviour import GateParams
from assay.project.params.values import Share
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

    def advice(self, found: Finding) -> str | None:
        """Where to see the broken rules, whatever was measured."""
        if found.outcome is Outcome.INCONCLUSIVE:
            return None
        return (
            f"See the broken rules in {layout.CONTRACT_PAGE}; leave such rows out in "
            "data/source.py, or correct data/contract.py."
        )
