"""Why a row got its score: a waterfall in letters, and what else would have been decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.cli.result import table
from assay.cli.terminal import Line, wrapped
from assay.pages.letters import signed_bar
from assay.project.text import counted
from assay.score.operations.why import before_words, change_words, score_words, sum_words

if TYPE_CHECKING:
    from assay.score.operations.why import Why


def why_lines(found: Why, top: int) -> Iterator[Line]:
    """The score, the strongest features, and the nearest changes."""
    yield wrapped(score_words(found))
    yield wrapped(sum_words(found))
    yield f"scored by {found.version} in run {found.run_id}"
    yield ""
    reach = max((abs(each.contribution) for each in found.reasons), default=0.0)
    yield from table(
        [
            {
                "feature": each.words,
                "value": "none" if each.value is None else str(each.value),
                "added": f"{each.contribution:+.4f}",
                "less or more": signed_bar(each.contribution, reach),
                "share": f"{each.share:.1%}",
            }
            for each in found.reasons[:top]
        ]
    )
    rest = found.reasons[top:]
    if rest:
        added = sum(each.contribution for each in rest)
        yield f"{counted(len(rest), 'other feature')} added {added:+.4f}"
    if found.changes:
        yield ""
        yield "another decision, if one feature alone were another:"
        yield from (wrapped(f"  {change_words(each)}") for each in found.changes[:top])
    elif found.score is not None:
        yield ""
        yield "no value of one feature alone that the contract allows gives another decision"
    yield ""
    yield wrapped(before_words(found.before))
