"""The dress rehearsal in a comment: the last real nights, scored by both models. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from assay.gate.comment.bars import share_bar
from assay.gate.comment.facts import CommentFacts
from assay.gate.comment.words import NAME, details, several, table
from assay.project.code_host.host_markdown import code, prose
from assay.project.text.number_format import counted, format_percent, format_short
from assay.reports.rehearsal import Rehearsal
from assay.reports.rehearsed_nights import (
    ModelNight,
    NightChange,
    RehearsedNight,
    RehearsedNights,
)

MOST = 60
"""The most rows of a table, and the most nights that are named."""
REASONS = 3
"""The most nights whose reason is told."""


def dress_rehearsal(facts: CommentFacts) -> str:
    """What the last nights would have been, in a few lines; empty if none were asked for."""
    rehearsal = facts.rehearsal
    if rehearsal is None or rehearsal.nights is None:
        return ""
    found = rehearsal.nights
    lines = ["### Dress rehearsal", ""]
    if found.why is not None:
        return "\n".join([*lines, f"No night was rehearsed: {prose(found.why)}"])
    lines += [f"- {each}" for each in _sentences(rehearsal, found)]
    return "\n".join(lines)


def all_nights(facts: CommentFacts) -> str:
    """A row for each night, and the slices in which decisions flip; empty without nights."""
    found = None if facts.rehearsal is None else facts.rehearsal.nights
    if found is None or not found.scored:
        return ""
    parts = [_by_night(found)]
    flips = _by_slice(found)
    if flips:
        parts.append(flips)
    return details(f"Dress rehearsal by night ({len(found.nights):,})", "\n\n".join(parts))


def _sentences(rehearsal: Rehearsal, found: RehearsedNights) -> Iterator[str]:
    yield _verdict_like(found)
    if found.champion.why is not None:
        yield f"without a champion: {prose(found.champion.why)}"
    told = _cost(rehearsal, found)
    if told:
        yield told
    held = [night for night in found.scored if night.challenger and night.challenger.held]
    if held:
        shown, more = several([prose(night.day, NAME) for night in held], REASONS)
        named = ", ".join([*shown, *([more.rstrip(".")] if more else [])])
        too = sum(night.champion is not None and bool(night.champion.held) for night in held)
        yield f"{counted(len(held), 'night')} would be held ({too} also with the champion): {named}"
    bad = [(night.day, night.why or night.champion_why) for night in found.nights]
    reasons = [f"{prose(day, NAME)}: {prose(why)}" for day, why in bad if why]
    shown, more = several(reasons, REASONS)
    yield from (f"❔ {each}" for each in shown)
    if more:
        yield more


def _verdict_like(found: RehearsedNights) -> str:
    """The nights, their rows, and what the challenger would have changed."""
    scored, compared = found.scored, found.compared
    if not scored:
        return f"❔ none of {counted(len(found.nights), 'night')} could be scored"
    rows = sum(night.rows or 0 for night in scored)
    first, last = prose(scored[0].day, NAME), prose(scored[-1].day, NAME)
    span = first if len(scored) == 1 else f"{first} to {last}"
    told = [f"{counted(len(scored), 'real night')} ({span}), {counted(rows, 'row')}"]
    if not compared:
        refused = sum(night.challenger.quarantined for night in scored if night.challenger)
        return ", ".join([*told, f"{counted(refused, 'row')} refused ({_part(refused, rows)})"])
    changes = [night.change for night in compared if night.change is not None]
    both = sum(one.rows for one in changes)
    if all(one.flipped is not None for one in changes):
        told.append(
            f"**{_part(sum(one.flipped or 0 for one in changes), both)} decided otherwise**"
        )
    newly = sum(one.newly_quarantined for one in changes)
    told.append(f"{counted(newly, 'row')} refused that the champion takes")
    return ", ".join([*told, *_shift(changes)])


def _shift(changes: Sequence[NightChange]) -> Iterator[str]:
    """How far the scores of both models are apart; nothing without rows."""
    known = [one for one in changes if one.rows]
    rows = sum(one.rows for one in known)
    if not rows:
        return

    def mean(each: Callable[[NightChange], float | None]) -> float:
        return sum((each(one) or 0.0) * one.rows for one in known) / rows

    before, after = mean(lambda one: one.champion_mean), mean(lambda one: one.challenger_mean)
    yield f"mean score {format_short(before)} → {format_short(after)}"
    if any(one.absolute_change is not None for one in known):
        yield f"mean change {format_short(mean(lambda one: one.absolute_change))}"
    yield f"score distance up to {max(one.distance or 0.0 for one in known):.3f}"


def _cost(rehearsal: Rehearsal, found: RehearsedNights) -> str:
    """Time and memory beside the champion's; empty without one."""
    told = []
    mine, theirs = _milliseconds(found)
    if mine is not None and theirs is not None:
        told.append(f"{mine:,.1f} ms for 1,000 rows in the workers, the champion {theirs:,.1f} ms")
    if rehearsal.memory_mb is not None and found.champion.memory_mb is not None:
        told.append(
            f"{rehearsal.memory_mb:,.0f} MB of memory, the champion "
            f"{found.champion.memory_mb:,.0f} MB"
        )
    if found.champion.cost_why is not None:
        told.append(f"the champion's cost: {prose(found.champion.cost_why)}")
    return "; ".join(told)


def _milliseconds(found: RehearsedNights) -> tuple[float | None, float | None]:
    """Milliseconds for 1,000 rows of the nights that both scored."""
    rows = sum(night.rows or 0 for night in found.compared)
    if not rows:
        return None, None
    mine = sum(night.challenger.seconds for night in found.compared if night.challenger)
    theirs = sum(night.champion.seconds for night in found.compared if night.champion)
    return mine / rows * 1e6, theirs / rows * 1e6


def _by_night(found: RehearsedNights) -> str:
    head = ("night", "rows", "refused", "newly refused", "decided otherwise", "mean score", "held")
    rows = [_row(night) for night in found.nights[:MOST]]
    more = len(found.nights) - MOST
    listed = table(head, rows, right=(1, 2, 3, 4, 5))
    return listed + (f"\n\n…and {more:,} more." if more > 0 else "")


def _row(night: RehearsedNight) -> tuple[str, ...]:
    mine, change = night.challenger, night.change
    if mine is None:
        return (code(night.day, NAME, cell=True), "", "", "", "", "", prose(night.why or "", 120))
    return (
        code(night.day, NAME, cell=True),
        f"{night.rows:,}",
        f"{mine.quarantined:,}",
        "" if change is None else _refused(change),
        "" if change is None or change.flipped is None else _part(change.flipped, change.rows),
        _means(mine, change),
        prose("; ".join(mine.held), 120) if mine.held else "no",
    )


def _refused(change: NightChange) -> str:
    if not change.newly_quarantined:
        return "0"
    rules = ", ".join(
        f"{code(rule, NAME, cell=True)} {rows:,}"
        for rule, rows in list(change.newly_refused_by.items())[:REASONS]
    )
    return f"{change.newly_quarantined:,} ({rules})"


def _means(mine: ModelNight, change: NightChange | None) -> str:
    if change is None:
        return format_short(mine.mean)
    return f"{format_short(change.champion_mean)} → {format_short(change.challenger_mean)}"


def _by_slice(found: RehearsedNights) -> str:
    """Flips by slice over all nights, the largest share first."""
    totals: dict[str, tuple[int, int]] = {}
    for night in found.compared:
        for part in night.change.slices if night.change is not None else ():
            rows, flipped = totals.get(part.title, (0, 0))
            totals[part.title] = (rows + part.rows, flipped + part.flipped)
    known = sorted(
        ((title, rows, hits) for title, (rows, hits) in totals.items() if rows),
        key=lambda each: (-each[2] / each[1], each[0]),
    )
    if not known:
        return ""
    cells = [
        (
            code(title, NAME, cell=True),
            f"{rows:,}",
            _part(hits, rows),
            f"`{share_bar(hits / rows)}`",
        )
        for title, rows, hits in known[:MOST]
    ]
    more = len(known) - MOST
    listed = table(("slice", "rows", "decided otherwise", "0 to 1"), cells, right=(1, 2))
    return listed + (f"\n\n…and {more:,} more, with smaller shares." if more > 0 else "")


def _part(hits: int, rows: int) -> str:
    return format_percent(hits / rows, none="") if rows else "none"
