"""``kind: parity``: the nightly path gives the scores of the training code, row by row."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from assay.gate.inputs import GateInputs
from assay.gate.rules.kind import Rule
from assay.project.params.behaviour import GateParams
from assay.reports import rehearsal as reports
from assay.reports.verdict import Finding


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


def _alike(rule: Parity, found: reports.Parity) -> Finding:
    where = f"carrier={found.carrier}"
    told = f"{found.differing:,} of {found.rows:,} rows differ on the nightly path"
    if found.rows == 0 or found.largest is None:
        return rule.fail("no row was scored on both paths", slice=where, rows=found.rows)
    if found.differing:
        return rule.fail(told, slice=where, rows=found.rows)
    metric, words_for = "largest difference", f"{told}; the largest difference is"
    return rule.at_most(metric, found.largest, rule.tolerance, words_for, found.rows, where)
