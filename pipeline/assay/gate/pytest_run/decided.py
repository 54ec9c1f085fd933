"""What is decided before pytest starts: the rules and behaviours of params.yaml, as findings.

In the pytest process each is an item like the model tests: it is counted, named and reported. The
reported outcome cannot change the verdict: the gate uses its own findings, and only checks that
every item ran. Behaviours, unlike rules, need the model and the holdout.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import AssayError, BundleError
from assay.project import layout, source_code

if TYPE_CHECKING:
    # pytest loads the plugin in every project, so pydantic is imported only when needed.
    import pandas as pd

    from assay.columns.features import Floats
    from assay.gate.behaviour.subject import ModelUnderTest
    from assay.gate.behaviour.trial import BehaviourResult
    from assay.model.bundle import Bundle
    from assay.project.params import Params
    from assay.project.params.behaviour import Behaviour

    # pytest loads the plugin in every project, so pydantic is imported only when needed.
    from assay.reports.verdict import Finding, Outcome


OPTION = "--assay-decided"

WHAT_TO_DO: Mapping[str, str] = {
    "invariance": "Take the column out of the features, or train on rows in which it decides "
    "nothing; if it should matter, take the behaviour out of gate.behaviour.",
    "direction": "Hold the model to it (monotonic_cst of boosted trees), or train on rows that "
    "show it; if it asks too much, raise max_failed in gate.behaviour.",
    "minimum": "Train on rows like these, or correct the expected answers in gate.behaviour.",
    "robustness": "Train on rows like these, or leave out what makes the answer jump; if it asks "
    "too much, raise max_failed in gate.behaviour.",
    "monotonicity": "Hold the model to it (monotonic_cst of boosted trees); if it asks too much, "
    "raise max_failed in gate.behaviour.",
}
"""What to do about a behaviour that the model does not show."""


@dataclass(frozen=True)
class PytestFinding:
    """The finding of a rule or behaviour, and the text that pytest shows if it did not pass."""

    finding: Finding
    told: str


def write_findings(path: Path, decided: Sequence[PytestFinding]) -> None:
    """Write the findings to ``path`` as JSON."""
    tree = [{"finding": each.finding.tree(), "told": each.told} for each in decided]
    path.write_text(json.dumps(tree), encoding="utf-8")


def read_findings(path: Path) -> tuple[PytestFinding, ...]:
    """Read the findings that `write_findings` wrote to ``path``."""
    from assay.reports.verdict import Finding

    tree = json.loads(path.read_text(encoding="utf-8"))
    return tuple(
        PytestFinding(Finding.of_tree(each["finding"], f"{path.name}[{at}]"), each["told"])
        for at, each in enumerate(tree)
    )


def evaluate_rules(root: Path, challenger: int | None = None) -> Iterator[PytestFinding]:
    """Evaluate all rules of the project, in the order of params.yaml, and apply waivers.

    Parameters
    ----------
    challenger
        Which one on its holdout the bundle is; by default what git's history says.
    """
    from assay.gate import holdout_history, waivers
    from assay.gate.inputs import GateInputs
    from assay.gate.rules import kinds
    from assay.project import params

    policy = kinds.read_policy(params.load(root), root)
    known = holdout_history.place_of_reports(root) if challenger is None else challenger
    findings = kinds.evaluate_rules(GateInputs.of(root, known), policy)
    for each in waivers.apply_waivers(findings, policy.waivers, waivers.today()):
        yield PytestFinding(each, format_finding(each, each.statement))


def format_finding(finding: Finding, text: str) -> str:
    """A finding as terminal text: outcome, ``text``, reason and owner."""
    lines = [f"{finding.outcome}: {text}"]
    lines += [f"because: {finding.because}"] if finding.because else []
    return "\n".join([*lines, *([f"owner: {finding.owner}"] if finding.owner else [])])


class BehaviourEvaluator:
    """The model and the holdout of a project, loaded once and only when needed."""

    def __init__(self, root: Path, params: Params) -> None:
        self.root = root
        self.params = params

    @cached_property
    def subject(self) -> ModelUnderTest:
        from assay.evaluation.champion import load_challenger

        challenger = load_challenger(self.root, self.params)
        return make_score_function(self.root, self.params, challenger).subject

    @cached_property
    def holdout(self) -> pd.DataFrame:
        from assay.model.holdout import read

        return read(self.root)

    def evaluate(self, spec: Behaviour) -> PytestFinding:
        """The finding and its text for pytest. A behaviour that cannot run is FAIL."""
        from assay.gate.behaviour.checks import run
        from assay.gate.behaviour.trial import format_result
        from assay.reports.verdict import Outcome

        try:
            result = run(spec, self.subject, self.holdout, self.params.seed)
        except AssayError as error:
            finding = self._waived(_finding(spec, Outcome.FAIL, error.line()))
            return PytestFinding(finding, format_finding(finding, error.line()))
        outcome = Outcome.PASS if result.passed else Outcome.FAIL
        finding = self._waived(_finding(spec, outcome, _detail(result), result))
        return PytestFinding(finding, format_finding(finding, format_result(result)))

    def _waived(self, finding: Finding) -> Finding:
        from assay.gate import waivers

        return waivers.apply_waivers((finding,), self.params.gate.waivers, waivers.today())[0]


def behaviour_evaluations(root: Path) -> Iterator[tuple[str, Callable[[], PytestFinding]]]:
    """The behaviours of ``root/params.yaml`` in order: name and a function that evaluates it."""
    from assay.project import params

    values = params.load(root)
    asked = BehaviourEvaluator(root, values)
    for spec in values.gate.behaviour:
        yield spec.name, partial(asked.evaluate, spec)


def evaluate_behaviours(root: Path, params: Params) -> tuple[PytestFinding, ...]:
    """Evaluate all behaviours, in the order of params.yaml.

    If the bundle or the holdout is unreadable, each is FAIL with the reason.
    """
    asked = BehaviourEvaluator(root, params)
    return tuple(asked.evaluate(spec) for spec in params.gate.behaviour)


@dataclass(frozen=True)
class ScoreFunction:
    """The value of the fixture ``score``: calls the scoring function of the nightly run."""

    bundle: Bundle
    subject: ModelUnderTest

    def __call__(self, frame: pd.DataFrame) -> Floats:
        from assay.model.batch import score_frame

        return score_frame(self.bundle, frame)


def make_score_function(root: Path, params: Params, bundle: Bundle) -> ScoreFunction:
    """A bundle ready for scoring, with the nullable features from the contract."""
    from assay.contract.loader import load_contract
    from assay.gate.behaviour.subject import model_under_test

    contract = load_contract(root / params.contract.file, params.contract.file, root=root)
    nullable = [field.name for field in contract.fields if field.nullable]
    return ScoreFunction(bundle, model_under_test(bundle, nullable))


def load_champion(root: Path, params: Params) -> Bundle | str:
    """The champion's bundle as fetched by the stage ``champion``, or why there is none yet.

    Raises
    ------
    BundleError
        There is a champion, but its bundle could not be fetched.
    """
    from assay.model.bundle import load
    from assay.reports.champion import StageHolder

    holder = StageHolder.read(root)
    if holder.state == "none":
        return holder.why or "nothing holds the stage"
    if holder.state == "unreadable":
        raise BundleError("the champion cannot be read", where=layout.CHAMPION, found=holder.why)
    return load(
        root / layout.CHAMPION_BUNDLE,
        expected=holder.bundle,
        allow_types=params.bundle.allow_types,
        code=source_code.file_reader(root / layout.CHAMPION_CODE),
    )


def _finding(
    spec: Behaviour, outcome: Outcome, detail: str, result: BehaviourResult | None = None
) -> Finding:
    from assay.reports.verdict import Finding, Outcome

    return Finding(
        rule=spec.name,
        kind="behaviour",
        outcome=outcome,
        detail=detail,
        fix=WHAT_TO_DO[spec.check] if result and outcome is Outcome.FAIL else None,
        metric="share of rows that fail" if result else None,
        severity=spec.severity,
        observed=result.share if result else None,
        limit=spec.max_failed,
        direction="max",
        rows=result.rows if result else None,
        owner=spec.owner,
        because=spec.because,
    )


def _detail(result: BehaviourResult) -> str:
    """The result as one sentence, with the worst row if one failed."""
    worst = f"; such as {result.examples[0].sentence()}" if result.examples else ""
    return result.detail + worst
