"""``kind: reasons``: which features moved the scores, and whether they are the champion's.

``max`` limits the share of rows with another strongest feature than with the champion. ``never``
names features that must not be among the ``first`` n by mean absolute contribution. Both are
decided on the holdout as a limit on a metric is (`assay.gate.rules.limit`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeAlias

from pydantic import Field, model_validator

from assay.gate.inputs import REPORTS, GateInputs
from assay.gate.rules import change, limit
from assay.gate.rules.finding import unknown_name_message
from assay.gate.rules.kind import SlicedRule, exactly_one, select_slices
from assay.metrics.estimate import Estimate
from assay.metrics.sampling_units import SamplingUnits
from assay.project import layout
from assay.project.params.behaviour import GateParams
from assay.project.params.messages import unknown_name
from assay.project.params.values import Positive, Share, Text, refuse_repeats
from assay.project.tasks import OwnMetrics, Task
from assay.project.text import counted, ordinal
from assay.reports.comparison import Comparison
from assay.reports.evaluation import Evaluation
from assay.reports.verdict import Finding, Outcome

if TYPE_CHECKING:
    from assay.contract.definition import Contract
    from assay.project.params import Params

CHANGED = "share of rows with another strongest reason"
FIX = (
    "Train a model whose reasons are exact (docs/reasons.md). If only the champion's are not, "
    "waive the rule until it is replaced (gate.waivers)."
)

Parts: TypeAlias = Mapping[str, tuple[int, int, Estimate]]
"""Title of a slice, empty for all rows -> rows, units and what was measured."""


class Reasons(SlicedRule):
    """How many rows may have another strongest reason, or which features may not be strong.

    ``never`` are features that must not be among the ``first`` n by mean absolute contribution.
    """

    max: Share | None = None
    never: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    first: Positive | None = None

    reads: ClassVar = ("comparison", "evaluation")
    more_holdout: ClassVar = True

    @model_validator(mode="after")
    def _one_question(self) -> Reasons:
        exactly_one(self, "max", "never")
        if (self.first is None) is not (self.never is None):
            raise ValueError(f"never and first together|{'first' if self.first else 'never'} alone")
        refuse_repeats(self.never or (), "each feature once")
        return self

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """One finding, or one for each slice; of ``never`` one for each feature."""
        if self.never is None:
            return self._stay(inputs.comparison, gate)
        return self._stay_weak(inputs.evaluation, gate)

    def missed(self) -> str:
        """Where to look, and what accepts it."""
        if self.never is None:
            return (
                f"See whose part changed in {layout.COMPARISON} (reasons.parts); if that is right, "
                "raise max in gate.rules."
            )
        return (
            f"See in {layout.EVALUATION_PAGE} what the feature does. Take it out of the contract, "
            "or out of never in gate.rules."
        )

    def faults(self, params: Params, contract: Contract, task: Task) -> Iterator[str]:
        """A field that is not sliced, what is no feature, and a rule that nothing can pass."""
        yield from super().faults(params, contract, task)
        for name in self.never or ():
            yield from unknown_name(name, contract.features, f"{self.place}: never", "a feature")
        if self.first is not None and self.first >= len(contract.features):
            yield (
                f"{layout.PARAMS}: {self.place}: first: any feature is among the first "
                f"{self.first} of {len(contract.features)}. Name a smaller number"
            )

    @property
    def source(self) -> str:
        """What it is decided from."""
        return REPORTS["comparison" if self.never is None else "evaluation"].FILE

    def settings(self, gate: GateParams, own: OwnMetrics) -> Iterator[str]:
        """How it is decided."""
        yield from super().settings(gate, own)
        if self.never is None:
            yield "a row's strongest reason is the feature with the largest absolute contribution"
        else:
            yield (
                f"a feature is surely not among the first {self.first} if its interval lies below "
                f"those of {counted(self.first, 'other')}"
            )

    def _stay(self, comparison: Comparison, gate: GateParams) -> tuple[Finding, ...]:
        if comparison.state != "compared":
            return (change.no_champion_finding(self, comparison),)
        reasons = comparison.reasons
        if reasons is None or reasons.whole is None:
            return (self._unknown(None if reasons is None else reasons.why),)
        every = {"": reasons.whole, **reasons.slices}
        parts = {title: (one.rows, one.units, one.changed) for title, one in every.items()}
        assert self.max is not None
        return self._decided(CHANGED, self.max, parts, comparison, gate)

    def _stay_weak(self, evaluation: Evaluation, gate: GateParams) -> tuple[Finding, ...]:
        reasons = evaluation.reasons
        if reasons is None or reasons.whole is None:
            return (self._unknown(None if reasons is None else reasons.why),)
        assert self.never is not None and self.first is not None
        decided: list[Finding] = []
        for name in self.never:
            if name not in reasons.whole.features:
                reason = unknown_name_message("feature", name, reasons.whole.features, "the model")
                return (self.fail(reason),)
            if len(reasons.whole.features) <= self.first:
                return (self.fail(f"any feature of the model is among the first {self.first}"),)
            parts = {
                title: (one.rows, one.units, lead(one.features, name, self.first))
                for title, one in {"": reasons.whole, **reasons.slices}.items()
            }
            metric = f"lead of '{name}' over the {ordinal(self.first)} other feature"
            decided += self._decided(metric, 0.0, parts, evaluation, gate)
        return tuple(decided)

    def _unknown(self, why: str | None) -> Finding:
        reason = why or "the report has none"
        return self.finding(Outcome.INCONCLUSIVE, f"reasons are not known: {reason}", fix=FIX)

    def _decided(
        self,
        metric: str,
        most: float,
        parts: Parts,
        report: Evaluation | Comparison,
        gate: GateParams,
    ) -> tuple[Finding, ...]:
        """As a limit on the metric is decided."""
        asked = limit.at_most(self, metric, most)
        if self.slice is None:
            rows, units, measured = parts[""]
            every = SamplingUnits(report.unit, units)
            read = [limit.read_part(asked, {metric: measured}, rows, every, None)]
            return tuple(limit.decided(asked, read, report, gate))
        wanted, rest = select_slices(self, report.slices, "the report")
        read = []
        for part in wanted:
            if part.title in parts:
                rows, units, measured = parts[part.title]
                every = SamplingUnits(report.unit, units)
                read.append(limit.read_part(asked, {metric: measured}, rows, every, part.title))
            else:
                why = "too few of its rows were explained"
                read.append(self.unmeasured_slice(part.title, part.rows, why))
        return (*limit.decided(asked, read, report, gate), *rest)


def lead(features: Mapping[str, Estimate], name: str, first: int) -> Estimate:
    """By how much a feature's mean absolute contribution exceeds the n-th largest of the others.

    Above 0 it is among the first n. The interval is from its lower end less the n-th largest upper
    end of the others, to its upper end less their n-th largest lower end: it covers however the
    features' errors go together, as two intervals that do not overlap show a difference that a
    paired one would show too.
    """
    mine = features[name]
    others = [one for other, one in features.items() if other != name]

    def nth(*ends: float | None) -> float:
        return sorted((end for end in ends if end is not None), reverse=True)[first - 1]

    assert mine.value is not None
    value = mine.value - nth(*(one.value for one in others))
    if mine.low is None or mine.high is None:
        return Estimate(value, None, None, mine.why, few=mine.few, needed=mine.needed)
    return Estimate(
        value,
        mine.low - nth(*(one.high for one in others)),
        mine.high - nth(*(one.low for one in others)),
        degrees=min(one.degrees for one in features.values() if one.degrees is not None),
        needed=mine.needed,
        doubt=mine.doubt,
    )
