"""The reports that rules are evaluated on, each read once and only when a rule needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from assay.contract.result import ContractResult
from assay.errors import AssayError
from assay.project import layout, params, source_code
from assay.project.document import Report, read_stage_file
from assay.project.params.card import CardParams
from assay.reports.champion import StageHolder
from assay.reports.comparison import Comparison
from assay.reports.evaluation import Evaluation
from assay.reports.rehearsal import Rehearsal
from assay.reports.verdict import Verdict
from assay.training.leakage.report import Leakage

Source = Callable[[str, str], str]
"""Function from a file's name and the stage that writes it to its text; raises AssayError."""


REPORTS: Mapping[str, type[Report]] = {
    "evaluation": Evaluation,
    "comparison": Comparison,
    "rehearsal": Rehearsal,
    "leakage": Leakage,
    "contract": ContractResult,
}
"""The reports that rules are decided on, each by the name of its property of `GateInputs`."""

AnyReport = TypeVar("AnyReport", bound=Report)


class GateInputs:
    """Lazily loaded reports. A property raises AssayError if its file is missing or malformed.

    Errors are not cached: every rule that needs the file gets the error.

    Parameters
    ----------
    source
        Also reads the project's own code.
    own_code
        Reads that instead, if it is to come from elsewhere.
    challenger
        Which challenger on its holdout the bundle is (`assay.gate.rules.kinds.hold`).
    """

    def __init__(
        self,
        source: Source,
        own_code: source_code.Reader | None = None,
        challenger: int = 1,
    ) -> None:
        self._source = source
        self.challenger = challenger
        self.own_code = own_code or self._read_code

    def _read_code(self, path: str) -> str | None:
        try:
            return self._source(path, "gate")
        except AssayError:
            return None

    @classmethod
    def of(cls, root: Path, challenger: int = 1) -> GateInputs:
        """The reports of the project at ``root``."""
        return cls(partial(read_stage_file, root), challenger=challenger)

    def _read(self, report: type[AnyReport]) -> AnyReport:
        return report.parse(self._source(report.FILE, report.STAGE), report.FILE)

    @cached_property
    def evaluation(self) -> Evaluation:
        return self._read(Evaluation)

    @cached_property
    def comparison(self) -> Comparison:
        return self._read(Comparison)

    @cached_property
    def rehearsal(self) -> Rehearsal:
        return self._read(Rehearsal)

    @cached_property
    def leakage(self) -> Leakage:
        return self._read(Leakage)

    @cached_property
    def contract(self) -> ContractResult:
        return self._read(ContractResult)

    @cached_property
    def card(self) -> CardParams:
        return params.parse(self._source(layout.PARAMS, "gate"), layout.PARAMS).card


def load_champion_verdict(root: Path, bundle: str | None) -> Verdict | None:
    """The verdict at the commit the champion was promoted at; None if not about ``bundle``.

    An unreadable champion is not an error here: the change rules report it.
    """
    from assay.registry import verification

    if bundle is None:
        return None
    try:
        commit = StageHolder.read(root).commit
    except AssayError:
        return None
    return None if commit is None else verification.read_past_verdict(root, commit, bundle)
