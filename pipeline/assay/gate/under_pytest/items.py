"""Gate rules as pytest items: ``params.yaml::ranks late flights first``.

A rule is decided when it is collected, since only the reports know which slices there are;
running the item reports that finding. So ``-k``, ``-x``, markers and JUnit work as for tests.
A finding that does not decide (a warning, one that is waived) is reported as xfailed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from assay.gate.under_pytest import behaviours

if TYPE_CHECKING:
    # pytest loads the plugin in every project: pydantic waits until a finding is made.
    from assay.reports.verdict import Finding


class RuleNotPassed(Exception):
    """Carries the finding to the report; a traceback would say nothing more."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(sentence(finding))


class RulesFile(pytest.File):
    """The project's params.yaml, of which every gate rule is an item."""

    def collect(self) -> Iterator[pytest.Item]:
        for finding in findings_of(self.path.parent):
            yield RuleItem.from_parent(self, name=finding.title, finding=finding)
        yield from behaviours.items(self, self.path.parent)


class RuleItem(pytest.Item):
    """One rule, overall or in one slice."""

    def __init__(self, *, finding: Finding, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.finding = finding

    def runtest(self) -> None:
        report(self.finding)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, RuleNotPassed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"rule: {self.name}"


def report(finding: Finding) -> None:
    """Pass, fail or xfail, as the finding says."""
    if finding.blocks:
        raise RuleNotPassed(finding)
    if finding.outcome.value != "PASS":
        pytest.xfail(f"{finding.standing}: {finding.outcome}: {finding.detail}")


def findings_of(root: Path) -> tuple[Finding, ...]:
    """Every rule of the project decided, in the order of params.yaml, with its waivers.

    Raises
    ------
    ParamsError
        params.yaml is not valid.
    """
    from assay.gate import waivers
    from assay.gate.inputs import Inputs
    from assay.gate.rules import decide as rules
    from assay.project import params

    gate = params.load(root).gate
    decided = rules.decide_all(Inputs.of(root), gate)
    return waivers.applied(decided, gate.waivers, waivers.today())


def sentence(finding: Finding) -> str:
    """The finding for a terminal: what, whose, and why it matters."""
    lines = [f"{finding.outcome}: {finding.detail}"]
    if finding.because:
        lines.append(f"because: {finding.because}")
    if finding.owner:
        lines.append(f"owner: {finding.owner}")
    return "\n".join(lines)
