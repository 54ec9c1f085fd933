"""Gate rules and behaviours as pytest items: ``params.yaml::ranks late flights first``.

So ``-k``, ``-x``, markers and JUnit work as for tests. A finding that does not count (a warning or
a waived one) is reported as xfailed. Under ``assay gate`` an item shows the finding that the gate
already made. Otherwise, rules are evaluated at collection, because only the reports know the
slices, and behaviours when they run, because they need the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from assay.gate.pytest_run import behaviours, findings_file
from assay.gate.pytest_run.findings_file import OPTION, PytestFinding

if TYPE_CHECKING:
    # pytest loads the plugin in every project, so pydantic is imported only when needed.
    from assay.reports.verdict import Finding


class NotPassed(Exception):
    """Carries the finding's text to the pytest report, which shows it without a traceback."""


class PolicyFile(pytest.File):
    """The project's params.yaml; its items are the gate rules and behaviours."""

    def collect(self) -> Iterator[pytest.Item]:
        given = self.config.getoption(OPTION, None)
        if given is not None:
            for each in findings_file.read_findings(Path(given)):
                yield PolicyItem.of(self, each.finding.title, each.finding.kind, each)
            return
        root = self.path.parent
        for finding in evaluate_project_rules(root):
            yield PolicyItem.of(
                self, finding.title, "rule", PytestFinding(finding, format_finding(finding))
            )
        for name, decide in behaviours.behaviour_evaluations(root):
            yield PolicyItem.from_parent(self, name=name, kind="behaviour", decide=decide)


class PolicyItem(pytest.Item):
    """One rule (on all rows or on one slice), or one behaviour."""

    def __init__(self, *, kind: str, decide: Callable[[], PytestFinding], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.decide = decide

    @classmethod
    def of(cls, parent: pytest.Collector, name: str, kind: str, known: PytestFinding) -> PolicyItem:
        """An item whose finding is already known."""
        return cls.from_parent(parent, name=name, kind=kind, decide=lambda: known)

    def runtest(self) -> None:
        found = self.decide()
        finding = found.finding
        if finding.blocks:
            raise NotPassed(found.told)
        if finding.outcome.value != "PASS":
            # Visible, but neither passed nor failed.
            pytest.xfail(f"{finding.exemption_reason}: {finding.outcome}: {finding.detail}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, NotPassed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.kind}: {self.name}"


def evaluate_project_rules(root: Path) -> tuple[Finding, ...]:
    """Evaluate all rules of the project, in the order of params.yaml, and apply waivers."""
    from assay.gate import waivers
    from assay.gate.inputs import GateInputs
    from assay.gate.rules import kinds
    from assay.project import params

    policy = kinds.read_policy(params.load(root), root)
    found = kinds.evaluate_rules(GateInputs.of(root), policy)
    return waivers.apply_waivers(found, policy.waivers, waivers.today())


def format_finding(finding: Finding) -> str:
    """The finding as terminal text: outcome, detail, reason and owner."""
    lines = [f"{finding.outcome}: {finding.detail}"]
    if finding.because:
        lines.append(f"because: {finding.because}")
    if finding.owner:
        lines.append(f"owner: {finding.owner}")
    return "\n".join(lines)
