"""The reports that rules are evaluated on, each read once and only when a rule needs it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path

from assay.contract.result import ContractResult
from assay.errors import AssayError
from assay.project import layout, source_code
from assay.project.document import read_stage_file
from assay.reports.comparison import Comparison
from assay.reports.evaluation import Evaluation
from assay.reports.leakage import Leakage
from assay.reports.rehearsal import Rehearsal

Source = Callable[[str, str], str]
"""Function from a file's name and the stage that writes it to its text; raises AssayError."""


class GateInputs:
    """Lazily loaded reports. A property raises AssayError if its file is missing or malformed.

    Errors are not cached: every rule that needs the file gets the error.

    Parameters
    ----------
    source
        Also reads the project's own code.
    own_code
        Reads that instead, if it is to come from elsewhere.
    """

    def __init__(self, source: Source, own_code: source_code.Reader | None = None) -> None:
        self._source = source
        self.own_code = own_code or self._read_code

    def _read_code(self, path: str) -> str | None:
        try:
            return self._source(path, "gate")
        except AssayError:
            return None

    @classmethod
    def of(cls, root: Path) -> GateInputs:
        """The reports of the project at ``root``."""
        return cls(partial(read_stage_file, root))

    @cached_property
    def evaluation(self) -> Evaluation:
        return Evaluation.parse(self._source(layout.EVALUATION, "evaluate"), layout.EVALUATION)

    @cached_property
    def comparison(self) -> Comparison:
        return Comparison.parse(self._source(layout.COMPARISON, "compare"), layout.COMPARISON)

    @cached_property
    def rehearsal(self) -> Rehearsal:
        return Rehearsal.parse(self._source(layout.REHEARSAL, "rehearse"), layout.REHEARSAL)

    @cached_property
    def leakage(self) -> Leakage:
        return Leakage.parse(self._source(layout.LEAKAGE, "leakage"), layout.LEAKAGE)

    @cached_property
    def contract(self) -> ContractResult:
        return ContractResult.parse(
            self._source(layout.CONTRACT_RESULT, "contract"), layout.CONTRACT_RESULT
        )
