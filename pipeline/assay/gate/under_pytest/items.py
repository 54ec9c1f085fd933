"""Gate rules and behaviours as pytest items: ``params.yaml::ranks late flights first``.

So ``-k``, ``-x``, markers and JUnit work as for tests. A finding that does not decide (a warning,
one that is waived) is reported as xfailed. Under ``assay gate`` an item shows what the gate has
decided. Without it, rules are decided when they are collected, since only the reports know which
slices there are, and a behaviour when it runs, since it has to ask the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from assay.gate.under_pytest import behaviours, decided
from assay.gate.under_pytest.decided import OPTION, Decided

if TYPE_CHECKING:
    # pytest loads the plugin in every project: pydantic waits until a finding is made.
    from assay.reports.verdict import Finding


class NotPassed(Exception):
    """Carries what is told of the finding to the report; a traceback would say nothing more."""


class PolicyFile(pytest.File):
    """The project's params.yaml, of which every gate rule and behaviour is an item."""

    def collect(self) -> Iterator[pytest.Item]:
        given = self.config.getoption(OPTION, None)
        if given is not None:
            for each in decided.read(Path(given)):
                yield PolicyItem.of(self, each.finding.title, each.finding.kind, each)
            return
        root = self.path.parent
        for finding in findings_of(root):
            yield PolicyItem.of(self, finding.title, "rule", Decided(finding, sentence(finding)))
        for name, decide in behaviours.questions(root):
            yield PolicyItem.from_parent(self, name=name, kind="behaviour", decide=decide)


class PolicyItem(pytest.Item):
    """One rule, overall or in one slice, or one behaviour."""

    def __init__(self, *, kind: str, decide: Callable[[], Decided], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.decide = decide

    @classmethod
    def of(cls, parent: pytest.Collector, name: str, kind: str, known: Decided) -> PolicyItem:
        """An item that is decided already."""
        return cls.from_parent(parent, name=name, kind=kind, decide=lambda: known)

    def runtest(self) -> None:
        found = self.decide()
        finding = found.finding
        if finding.blocks:
            raise NotPassed(found.told)
        if finding.outcome.value != "PASS":
            # Neither green nor red: it is seen, and does not stop anybody.
            pytest.xfail(f"{finding.standing}: {finding.outcome}: {finding.detail}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, NotPassed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.kind}: {self.name}"


def findings_of(root: Path) -> tuple[Finding, ...]:
    """Every rule of the project decided, in the order of params.yaml, with its waivers.

    Raises
    ------
    ParamsError
        params.yaml is not valid.
    """
    from assay.gate import waivers
    from assay.gate.inputs import GateInputs
    from assay.gate.rules import decide as rules
    from assay.project import params

    gate = params.load(root).gate
    found = rules.decide_all(GateInputs.of(root), gate)
    return waivers.applied(found, gate.waivers, waivers.today())


def sentence(finding: Finding) -> str:
    """The finding for a terminal: what, whose, and why it matters."""
    lines = [f"{finding.outcome}: {finding.detail}"]
    if finding.because:
        lines.append(f"because: {finding.because}")
    if finding.owner:
        lines.append(f"owner: {finding.owner}")
    return "\n".join(lines)
