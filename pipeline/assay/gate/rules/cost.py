"""``kind: cost``: what scoring costs, as the rehearsal measured it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from assay.gate.inputs import GateInputs
from assay.gate.rules import finding
from assay.gate.rules.kind import Rule
from assay.project.params.gate import GateParams
from assay.reports.rehearsal import Rehearsal
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
        """One finding."""
        return evaluate(self, inputs.rehearsal)

    def missed(self) -> str:
        """What costs less."""
        return (
            "Take fewer features or a smaller model (candidates in params.yaml), or raise max in "
            "gate.rules."
        )


def evaluate(rule: Cost, rehearsal: Rehearsal) -> tuple[Finding, ...]:
    """The cost that was measured in the rehearsal."""
    values = {
        "latency_ms": rehearsal.cost.latency_ms,
        "memory_mb": rehearsal.cost.memory_mb,
        "bundle_mb": rehearsal.bundle_mb,
    }
    value = values[rule.of]
    if rule.of != "bundle_mb" and not rehearsal.cost.batch_rows:
        return (finding.fail(rule, f"{rule.of} was measured on no rows", metric=rule.of),)
    if value is None:
        reason = f"{rule.of} could not be measured: {rehearsal.why or 'no reason was given'}"
        return (finding.fail(rule, reason, metric=rule.of),)
    return (finding.at_most(rule, rule.of, value, rule.max, f"{UNITS[rule.of]}:", rehearsal.rows),)
