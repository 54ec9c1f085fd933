"""Evaluate the behaviours of params.yaml. Unlike rules, they need the model and the holdout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import AssayError, BundleError
from assay.gate.pytest_run.findings_file import PytestFinding
from assay.project import layout, source_code

if TYPE_CHECKING:
    import pandas as pd

    from assay.columns.features import Floats
    from assay.gate.behaviour.result import BehaviourResult
    from assay.gate.behaviour.subject import ModelUnderTest
    from assay.model.bundle import Bundle
    from assay.project.params import Params
    from assay.project.params.behaviour import Behaviour

    # pytest loads the plugin in every project, so pydantic is imported only when needed.
    from assay.reports.verdict import Finding, Outcome


class BehaviourEvaluator:
    """The model and the holdout of a project, loaded once and only when needed."""

    def __init__(self, root: Path, params: Params) -> None:
        self.root = root
        self.params = params

    @cached_property
    def subject(self) -> ModelUnderTest:
        challenger = load_challenger(self.root, self.params)
        return make_score_function(self.root, self.params, challenger).subject

    @cached_property
    def holdout(self) -> pd.DataFrame:
        from assay.model.holdout import read

        return read(self.root)

    def evaluate(self, spec: Behaviour) -> PytestFinding:
        """The finding and its text for pytest. A behaviour that cannot run is FAIL."""
        from assay.gate.behaviour.result import format_result
        from assay.gate.behaviour.run import run
        from assay.reports.verdict import Outcome

        try:
            result = run(spec, self.subject, self.holdout, self.params.seed)
        except AssayError as error:
            finding = self._waived(_finding(spec, Outcome.FAIL, error.line()))
            return PytestFinding(finding, _told(finding, error.line()))
        outcome = Outcome.PASS if result.passed else Outcome.FAIL
        finding = self._waived(_finding(spec, outcome, _detail(result), result))
        return PytestFinding(finding, _told(finding, format_result(result)))

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


def load_challenger(root: Path, params: Params) -> Bundle:
    """The bundle that is being judged, loaded as in a scoring run, with the project's own code.

    Raises
    ------
    BundleError
        It is missing or cannot be loaded.
    """
    from assay.model.bundle import load

    return load(
        root / layout.BUNDLE,
        expected=None,
        allow_types=params.bundle.allow_types,
        code=source_code.file_reader(root),
    )


def load_champion(root: Path, params: Params) -> Bundle | str:
    """The champion's bundle as fetched by the stage ``champion``, or why there is none yet.

    Raises
    ------
    BundleError
        There is a champion, but its bundle could not be fetched.
    """
    from assay.model.bundle import load
    from assay.reports.champion import StageHolder

    found = StageHolder.read(root)
    if found.state == "none":
        return found.why or "nothing holds the stage"
    if found.state == "unreadable":
        raise BundleError("the champion cannot be read", where=layout.CHAMPION, found=found.why)
    return load(
        root / layout.CHAMPION_BUNDLE,
        expected=found.bundle,
        allow_types=params.bundle.allow_types,
        code=source_code.file_reader(root / layout.CHAMPION_CODE),
    )


def _finding(
    spec: Behaviour, outcome: Outcome, detail: str, result: BehaviourResult | None = None
) -> Finding:
    from assay.gate.rules.next_steps import BEHAVIOUR
    from assay.reports.verdict import Finding, Outcome

    return Finding(
        rule=spec.name,
        kind="behaviour",
        outcome=outcome,
        detail=detail,
        fix=BEHAVIOUR[spec.check] if result and outcome is Outcome.FAIL else None,
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


def _told(finding: Finding, text: str) -> str:
    lines = [f"{finding.outcome}: {text}", f"because: {finding.because}"]
    return "\n".join([*lines, f"owner: {finding.owner}"])
