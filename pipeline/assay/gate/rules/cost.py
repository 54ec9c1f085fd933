"""``kind: cost``: what scoring costs, as the rehearsal measured it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from assay.gate.inputs import GateInputs
from assay.gate.rules.kind import Rule
from assay.project.params.behaviour import GateParams
from assay.reports.verdict import Finding

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
