"""``kind: parity``: the nightly path gives the scores of the training code, row by row."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from assay.gate.inputs import GateInputs
from assay.gate.rules import finding
from assay.gate.rules.kind import Rule
from assay.project.params.gate import GateParams
from assay.reports import rehearsal as reports
from assay.reports.rehearsal import Rehearsal
from assay.reports.verdict import Finding


class Parity(Rule):
    """The nightly scoring path gives the same scores as the training code, row by row."""

    tolerance: Annotated[float, Field(ge=0)] = 1e-9

    reads: ClassVar = ("rehearsal",)

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """One finding for each rehearsed carrier."""
        return evaluate(self, inputs.rehearsal)

    def missed(self) -> str:
        """What to look for."""
        return (
            "Look for code of your own whose answer for a row depends on the rows around it, "
            "such as a mean over all rows that are scored at once."
        )


def evaluate(rule: Parity, rehearsal: Rehearsal) -> tuple[Finding, ...]:
    """One finding per rehearsed carrier."""
    if not rehearsal.parity:
        return (finding.fail(rule, "no carrier rehearsed the night"),)
    return tuple(_alike(rule, each) for each in rehearsal.parity)


def _alike(rule: Parity, found: reports.Parity) -> Finding:
    where = f"carrier={found.carrier}"
    told = f"{found.differing:,} of {found.rows:,} rows differ on the nightly path"
    if found.rows == 0 or found.largest is None:
        return finding.fail(rule, "no row was scored on both paths", slice=where, rows=found.rows)
    if found.differing:
        return finding.fail(rule, told, slice=where, rows=found.rows)
    metric, words_for = "largest difference", f"{told}; the largest difference is"
    return finding.at_most(
        rule, metric, found.largest, rule.tolerance, words_for, found.rows, where
    )
