"""What a comment says, and that it is under the limit of every code host. Pure.

Equal facts give equal bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from assay.gate.comment.changes import Changes
from assay.gate.comment.numbers import metric_rows, moved_slices, total_nights
from assay.gate.verdict_command import GateAnswer
from assay.gate.verdict_text import render_parts
from assay.project import digests
from assay.reports.comparison import Comparison
from assay.reports.evaluation import Evaluation
from assay.reports.leakage import Leakage
from assay.reports.rehearsal import Rehearsal
from assay.reports.verdict import Verdict

Format = Literal["github", "gitlab"]

LIMIT = 60_000
"""Characters. GitHub refuses more than 65,536, GitLab more than 1,000,000."""
LONGEST_NAME = 300
SHOWN = 6
"""The most slices that are shown unfolded."""
ALL = 200


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


def marker(name: str) -> str:
    """The hidden first line that a comment is found again by."""
    quoted = quote(name, safe="")
    if len(quoted) > LONGEST_NAME:
        quoted = digests.digest_texts(name)
    return f"<!-- assay:gate:{quoted} -->"


def compose(facts: CommentFacts, form: Format, limit: int = LIMIT) -> str:
    """The comment as Markdown.

    Parameters
    ----------
    limit
        Whole parts are left out, the least important first, until it is shorter than this.
    """
    kept = list(render_parts(facts.verdict, form, **_shown(facts)))
    cut: list[str] = []
    while True:
        texts = [marker(facts.name), *(each.text for each in kept)]
        if cut:
            told = f"Left out, as a comment has room for {LIMIT:,} characters: {', '.join(cut)}."
            texts.insert(-1, told)
        text = "\n\n".join(texts) + "\n"
        if len(text) < limit:
            return text
        least = max(kept, key=lambda each: each.weight)
        if least.weight == 0:
            # Parts of weight 0 have bounds that keep them far below any limit of a code host.
            return text[: limit - 1]
        kept.remove(least)
        cut.append(least.title)


def _shown(facts: CommentFacts) -> dict[str, Any]:
    """What the template shows of the facts.

    What compares with the champion is left out where the model is the champion's own.
    """
    verdict, compared = facts.verdict, facts.comparison
    shown: dict[str, Any] = {
        "project": facts.name,
        "answer": facts.answer,
        "compared": compared,
        "evaluation": facts.evaluation,
        "rehearsal": facts.rehearsal,
        "leakage": facts.leakage,
        "changes": facts.changes,
        "commit": facts.commit,
        "page": facts.page,
    }
    if verdict is None or verdict.bundle == verdict.champion.bundle:
        return shown
    if (measured := compared or facts.evaluation) is not None:
        shown |= {
            "metrics": metric_rows(compared, facts.evaluation),
            "confidence": f"{measured.confidence * 100:.4g}%",
        }
    if compared is not None and compared.differences is not None:
        stability = compared.stability
        flipped = None if stability is None else stability.flipped
        shown |= {
            "slices": moved_slices(compared, SHOWN),
            "all_slices": moved_slices(compared, ALL) if len(compared.slices) > SHOWN else None,
            "flipped": None
            if stability is None or flipped is None or flipped.value is None
            else {"share": flipped.value, "rows": stability.rows},
        }
    nights = None if facts.rehearsal is None else facts.rehearsal.nights
    if facts.rehearsal is not None and nights is not None:
        shown |= {"nights": nights, "totals": total_nights(facts.rehearsal, nights)}
    return shown
