"""What the rules look at: files that stages wrote, each read once and only if a rule asks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path

from assay.contract.result import ContractResult
from assay.project import jsonfile, layout
from assay.reports.comparison import Comparison
from assay.reports.evaluation import Evaluation
from assay.reports.leakage import Leakage
from assay.reports.rehearsal import Rehearsal

Source = Callable[[str, str], str]
"""From a file's name and the stage that writes it to its text; raises AssayError."""


class GateInputs:
    """Each property raises AssayError where its file is missing or makes no sense.

    An error is raised anew each time, so that every rule that asks fails for it.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    @classmethod
    def of(cls, root: Path) -> GateInputs:
        """Those of the project at ``root``."""
        return cls(partial(jsonfile.text_of, root))

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
