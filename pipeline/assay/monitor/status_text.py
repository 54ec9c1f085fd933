"""The project's current state as lines of text, for the terminal and the front page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from assay.monitor.drift.drift import drifted_words
from assay.monitor.status import (
    ChampionStatus,
    DriftStatus,
    IncidentsStatus,
    MissingPart,
    NightStatus,
    Part,
    PerformanceStatus,
    QuarantineStatus,
    RetrainStatus,
    Status,
    WaitingRun,
)
from assay.project.text import counted, format_count, format_digits, one_line
from assay.registry.verification import unverified_warning
from assay.score.due import DECIDED

SHOWN = 5
"""The most nights that one line names, the last ones."""
LONGEST = 240
"""Characters of a reason; the night's page has all of it."""


def status_lines(status: Status) -> Iterator[tuple[str, list[str]]]:
    """Each part's name and its lines of text."""
    yield f"champion ({status.stage})", _lines(status.champion, champion_lines)
    yield "last night", _lines(status.night, night_lines)
    yield "quarantine", _lines(status.quarantine, quarantine_lines)
    yield "drift", _lines(status.drift, drift_lines)
    yield "performance", _lines(status.performance, performance_lines)
    if status.retrain is not None:
        yield "training", [retrain_words(status.retrain)]
    yield "incidents", _lines(status.incidents, incident_lines)


def _lines(part: Part | MissingPart, words: Callable[[Part], list[str]]) -> list[str]:
    return [part.none] if isinstance(part, MissingPart) else words(part)


def champion_lines(facts: ChampionStatus) -> list[str]:
    """The champion, and any verdict that a person overruled to promote it."""
    overridden, doubt = facts.override, facts.unverified
    # The reason of a rollback speaks of the version that was left, not of this one.
    moved = "rolled back to, " if facts.rolled_back else ""
    return [
        f"{facts.version}, verdict {facts.verdict}" + (", unverified" if doubt else ""),
        *([unverified_warning(facts.version, doubt)] if doubt else []),
        *([f"OVERRIDDEN by a person: {overridden}"] if overridden else []),
        f"since {facts.since} by {facts.by}",
        f"{moved}because {facts.because or 'nobody said why'}",
        f"bundle {facts.bundle}",
    ]


def night_lines(facts: NightStatus) -> list[str]:
    """The last night and the last published one, and a later run that published nothing."""
    latest = facts.latest
    published = f"by {facts.version}, published {facts.published_at or 'at an unknown time'}"
    if latest.partition != facts.partition:
        published = f"the last published is {facts.partition}, {published}"
    # The reasons of a monitored night are listed under drift.
    reasons = latest.reasons if latest.partition != facts.partition else []
    reasons = [*(one_line(f"{each}.", LONGEST) for each in reasons[:-1]), *reasons[-1:]]
    lines = [
        f"{latest.partition}: {latest.words}",
        *reasons,
        published,
        f"{counted(facts.rows_read, 'row')} read, "
        f"{format_count(facts.rows_scored, 'unknown')} scored, "
        f"{format_count(facts.rows_quarantined, 'unknown')} quarantined",
        f"run {facts.run_id}",
    ]
    other = facts.unpublished_run
    if other is not None and other.partition != latest.partition:
        detail = f": {other.detail}" if other.detail else ""
        lines.append(
            f"the latest run published nothing: {other.run_id} of {other.partition} "
            f"({other.event}{detail})"
        )
    return [*lines, *_waiting_lines(facts.waiting)]


def _waiting_lines(waiting: Sequence[WaitingRun]) -> Iterator[str]:
    for state, how in DECIDED.items():
        nights = [
            f"{each.partition} (run {each.run_id})" for each in waiting if each.state == state
        ]
        if nights:
            more = f" and {len(nights) - SHOWN:,} more" if len(nights) > SHOWN else ""
            yield f"{state}, so a person decides ({how}): {', '.join(nights[-SHOWN:])}{more}"


def quarantine_lines(facts: QuarantineStatus) -> list[str]:
    """The last night's quarantined rows, one line per rule."""
    return [
        f"{counted(facts.rows, 'row')} on {facts.partition}, "
        f"{format_count(facts.last_nights_rows, 'unknown')} in all "
        "over the last nights published "
        f"({facts.last_nights})",
        *(f"{rows:,} broke '{rule}'" for rule, rows in facts.rules.items()),
    ]


def drift_lines(facts: DriftStatus) -> list[str]:
    """The last monitored night."""
    lines = [
        f"{facts.headline} ({facts.version}), "
        + drifted_words(facts.drifted, facts.features, facts.max_drifted_share),
        *facts.reasons[:3],
    ]
    top = facts.top
    if top is not None and not facts.crossed:
        # A column may be over another limit than that of its distance.
        if top.reasons or top.distance is None or top.limit is None:
            lines.append(f"furthest: {top.column}: {'; '.join(top.reasons)}")
        else:
            lines.append(
                f"furthest: {top.column}, distance {top.distance:.3f}, limit {top.limit:.3f}"
            )
    return [*lines, f"page {facts.page}"]


def performance_lines(facts: PerformanceStatus) -> list[str]:
    """The headline metric as it turned out, beside what the model led to expect."""
    metric = facts.metric
    interval = ""
    if facts.low is not None and facts.high is not None:
        interval = f" ({format_digits(facts.low)} to {format_digits(facts.high)})"
    after = f"with the labels after {counted(facts.maturity_days, 'day')}"
    lines = [
        f"{metric} {format_digits(facts.realized)}{interval} on {facts.partition}, {after}; "
        f"{_expected(facts.estimated)}"
    ]
    if facts.nights > 1 and facts.mean_realized is not None:
        nights = counted(facts.nights, "night")
        lines.append(
            f"{metric} {format_digits(facts.mean_realized)} in the mean of the last {nights} "
            f"with labels; {_expected(facts.mean_estimated)}"
        )
    return lines


def _expected(value: float | None) -> str:
    return "nothing was estimated" if value is None else f"{format_digits(value)} was estimated"


def retrain_words(facts: RetrainStatus) -> str:
    """The advice to train again as one line: why, and the next step."""
    return (
        f"{'; '.join(facts.reasons)}, looked at up to {facts.until}. Next: train a "
        "challenger: dvc repro, then see what the gate says: assay gate verdict"
    )


def incident_lines(facts: IncidentsStatus) -> list[str]:
    """The open incidents, one line each."""
    snoozed = f", {facts.snoozed} snoozed" if facts.snoozed else ""
    until = f"; nights were looked at together up to {facts.to}" if facts.to else ""
    return [
        f"{len(facts.open) or 'none'} open{snoozed}{until}",
        *(f"{each.id}: {one_line(each.sentence, LONGEST)}" for each in facts.open),
    ]
