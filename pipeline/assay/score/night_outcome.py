"""The outcome of scoring one night."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from assay.errors import AssayError
from assay.score.run import RunReport


@dataclass(frozen=True)
class NightOutcome:
    """The outcome of one night: ``published``, ``skipped``, ``held``, ``failed`` or ``absent``.

    ``unverified`` states why the version is unverified, None if it is verified.
    """

    partition: str
    outcome: str
    report: RunReport | None = None
    error: AssayError | None = None
    run_id: str | None = None
    unverified: str | None = None

    def document(self) -> dict[str, Any]:
        tree: dict[str, Any] = {"partition": self.partition, "outcome": self.outcome}
        if self.report is not None:
            tree |= asdict(self.report)
        if self.error is not None:
            tree |= {"error": self.error.line(), "exit_code": self.error.exit_code}
        if self.run_id is not None:
            tree["run_id"] = self.run_id
        return tree | {"unverified": self.unverified}
