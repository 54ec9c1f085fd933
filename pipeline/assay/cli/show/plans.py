"""A plan and what became of it, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.cli.result import table
from assay.cli.show.nights import score_lines
from assay.cli.terminal import Line
from assay.plan import page
from assay.project.text import counted

if TYPE_CHECKING:
    from assay.plan.apply import Applied
    from assay.plan.document import PlannedNight
    from assay.plan.stage import Planned


def plan_lines(found: Planned) -> Iterator[Line]:
    """What the plan changes, night by night, and where more is to be seen."""
    plan = found.plan
    yield f"plan: {page.headline(plan)}"
    yield from (f"  {each}" for each in page.sentences(plan))
    nights = [
        {
            "night": night.day,
            "readers see": night.by_version or "nothing",
            "scored": night.scored,
            "quarantined": night.quarantined,
            **({} if plan.task == "regression" else {DECIDED: _decided(night)}),
            "moved": night.changes.moved if night.changes else None,
            "mind": page.night_words(night),
        }
        for night in plan.nights
    ]
    yield from table(nights)
    for each in page.segment_words(plan):
        yield f"scores move where {each}"
    yield f"the rows that move most, with their reasons: {found.page}"
    if plan.plan:
        when = "" if plan.version == plan.champion else f", once {plan.version} is promoted"
        yield f"plan {plan.plan[:19]}; to publish it{when}: assay apply"


def _decided(night: PlannedNight) -> int | None:
    return night.changes.decided if night.changes else None


def apply_lines(found: Applied) -> Iterator[Line]:
    """What became of each planned night."""
    if not found.nights:
        yield f"apply: no planned night of {found.version} waits"
        return
    done = [each for each in found.nights if each.done == "applied"]
    if {each.done for each in found.nights} == {"applied before"}:
        yield f"apply: the plan of {found.version} was applied before, nothing has changed"
        return
    rows = sum(each.rows or 0 for each in done)
    yield (
        f"apply: {counted(len(done), 'night')} of {found.version} published as planned, "
        f"{counted(rows, 'row')}, none scored again"
    )
    for each in found.nights:
        if each.done != "applied":
            why = f": {'; '.join(each.why)}" if each.why else ""
            yield f"  {each.partition} {WORDS[each.done]}{why}"
    if found.scored is not None:
        yield from score_lines(found.scored)


DECIDED = "decided otherwise"
WORDS = {
    "applied before": "was applied before",
    "changed": "is scored again",
    "left": "is left as it is",
}
