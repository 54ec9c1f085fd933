"""Everything that a comment says, read beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assay.gate.comment.changes import Changes
from assay.gate.verdict_command import GateAnswer
from assay.reports.comparison import Comparison
from assay.reports.evaluation import Evaluation
from assay.reports.leakage import Leakage
from assay.reports.rehearsal import Rehearsal
from assay.reports.verdict import Verdict

Format = Literal["github", "gitlab"]


@dataclass(frozen=True)
class CommentFacts:
    """What a comment is about. A report that cannot be read is None.

    Attributes
    ----------
    name
        The project.
    answer
        What the check says, and the verdict.
    commit
        The commit that was judged; "" if unknown.
    page
        Where all reports can be had; "" if unknown.
    """

    name: str
    answer: GateAnswer
    evaluation: Evaluation | None = None
    comparison: Comparison | None = None
    rehearsal: Rehearsal | None = None
    leakage: Leakage | None = None
    changes: Changes | None = None
    commit: str = ""
    page: str = ""

    @property
    def verdict(self) -> Verdict | None:
        """The verdict on what is here; None if there is none."""
        return None if self.answer.problems else self.answer.verdict
