"""What a kind of rule is: one class in one file that answers whatever the house asks of it.

A project's own kind is such a class too, named by ``kind: module.Class`` in params.yaml
(docs/own-code.md); `assay.gate.rules.kinds` finds both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from pydantic import ConfigDict, PlainSerializer, WrapValidator

from assay.gate.rules import finding
from assay.project import layout
from assay.project.params.gate import GateParams, RuleKeys
from assay.project.params.values import check_function_name
from assay.project.tasks import Metric, OwnMetrics, Task, inapplicable_reason
from assay.reports.evaluation import SliceResult
from assay.reports.verdict import Finding, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from assay.contract.definition import Contract
    from assay.gate.inputs import GateInputs
    from assay.project.params import Params

ErrorRate = Literal["false_positive_rate", "false_negative_rate"]
"""What groups of people are compared by; measured by columns with the role sensitive."""
Rate = Literal["selection_rate", ErrorRate]
ERROR_RATES: tuple[str, ...] = get_args(ErrorRate)
RATES: tuple[str, ...] = get_args(Rate)
"""Shares of a binary model's answers, which fairness rules compare as they do metrics."""


def _own_or_ours(value: Any, ours: Callable[[Any], Any]) -> Any:
    """A name with a dot is a metric of the project's own, any other has to be one of Assay's."""
    if isinstance(value, str) and "." in value:
        return check_function_name(value)
    return ours(value)


# Without a serialiser of its own, pydantic warns of each name that is not among the literals.
_NAME = (WrapValidator(_own_or_ours), PlainSerializer(str, return_type=str))
if TYPE_CHECKING:
    RuleMetric = str
    Compared = str
else:
    RuleMetric = Annotated[Metric, *_NAME]
    Compared = Annotated[Literal[Metric, Rate], *_NAME]

FILES: Mapping[str, str] = MappingProxyType(
    {
        "evaluation": layout.EVALUATION,
        "comparison": layout.COMPARISON,
        "rehearsal": layout.REHEARSAL,
        "leakage": layout.LEAKAGE,
        "contract": layout.CONTRACT_RESULT,
    }
)
"""Report, as a property of `GateInputs` -> its file."""


class Rule(RuleKeys):
    """A rule of one kind; its fields are the kind's keys in params.yaml.

    Attributes
    ----------
    reads
        The reports that it is decided on, the main one first; names of `FILES`.
    more_holdout
        Whether a longer holdout decides what is INCONCLUSIVE.
    over
        What its findings are about if there are several.
    """

    model_config = ConfigDict(extra="forbid")

    reads: ClassVar[Sequence[str]] = ("evaluation",)
    more_holdout: ClassVar[bool] = False
    over: ClassVar[str] = "slices"

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """The findings, at least one. Pure: equal reports give equal findings.

        Raises
        ------
        AssayError
            A report is missing or malformed; that is a FAIL.
        """
        raise NotImplementedError

    def finding(self, outcome: Outcome, detail: str, **facts: Any) -> Finding:
        """A finding of this rule: what is so in a sentence, and fields of `Finding`."""
        return finding.make_finding(self, outcome, detail, **facts)

    def advice(self, found: Finding) -> str | None:
        """What its owner can do about a finding that is not PASS; None if nothing can be said."""
        if found.outcome is Outcome.INCONCLUSIVE:
            return self._longer_holdout(found) if self.more_holdout else None
        # What could not be measured has its reason in the detail.
        return None if found.observed is None else self.missed()

    def missed(self) -> str | None:
        """What its owner can do about a FAIL whose number is known."""
        return None

    def faults(self, params: Params, contract: Contract, task: Task) -> Iterator[str]:
        """Columns and metrics that it names and that there are not, a line each."""
        yield from self.early_faults(params, contract)

    def early_faults(self, params: Params, contract: Contract) -> Iterator[str]:
        """Faults for which nothing is trained."""
        yield from ()

    def check(self, root: Path) -> None:
        """Look at the project's own code that it names.

        Raises
        ------
        PluginError
            It cannot be imported, or asks for what there is not.
        """

    @property
    def source(self) -> str:
        """What it is decided from."""
        return FILES[self.reads[0]]

    def settings(self, gate: GateParams, own: OwnMetrics) -> Iterator[str]:
        """What applies to all of its findings, in sentences."""
        if self.severity == "warn":
            yield "it warns: whatever it finds does not decide"
        if self.inconclusive == "pass":
            yield "INCONCLUSIVE is let pass, by this rule's name"

    def groups(self, inputs: GateInputs) -> tuple[SliceResult, ...]:
        """The groups of people that it compares."""
        return ()

    @property
    def group_metric(self) -> str:
        """What its groups are compared by."""
        return ""

    @property
    def place(self) -> str:
        """Where it stands in params.yaml."""
        return f"gate.rules '{self.name}'"

    def _longer_holdout(self, found: Finding) -> str | None:
        if found.tolerated:
            return None
        size = "be longer" if found.units_needed is None else "have so many"
        looser = "ask for less in gate.rules"
        if found.slice is not None and found.observed is None:
            looser = "leave small slices out with min_rows in gate.rules"
        return f"Let the window holdout in params.yaml {size}, or {looser}."


def exactly_one(rule: Rule, *names: str) -> None:
    """Refuse a rule that has none or several of these keys.

    Raises
    ------
    ValueError
        It becomes a message of params.yaml.
    """
    given = [name for name in names if getattr(rule, name) is not None]
    if len(given) != 1:
        raise ValueError(f"exactly one of {' and '.join(names)}|{'both' if given else 'neither'}")


def metric_fault(rule: Rule, key: str, metric: str, params: Params, task: Task) -> Iterator[str]:
    """A line if the task of the label has no such metric."""
    reason = inapplicable_reason(metric, task, params.evaluate.metrics)
    if reason is not None:
        yield f"{layout.PARAMS}: {rule.place}: {key}: {reason}"
