"""Monitoring results of one night, of many nights, and of a table before scoring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from assay.cli.terminal import Line
from assay.columns.break_limits import EXPLAINED
from assay.project import layout
from assay.project.text import counted, format_fixed, format_percent, mark_blanks

if TYPE_CHECKING:
    from assay.monitor.drift.drift import DriftFinding
    from assay.monitor.incidents.document import IncidentHistory
    from assay.monitor.monitor_nights import MonitoredNights
    from assay.monitor.table_drift import TableDrift
    from assay.reports.retrain import RetrainAdvice

COLUMNS = ("column", "effect", "distance", "limit", "break limit", "nulls", "change", "new")
BREAK_LIMITS = f"a break limit is {EXPLAINED}; what is beyond one is in alarm at once"
AT_LEAST = 5
"""The least number of a night's columns that is shown, even if none crossed a limit."""


def lines(found: MonitoredNights | RetrainAdvice) -> Iterator[Line]:
    """One night, several, or whether to train again."""
    from assay.reports.retrain import RetrainAdvice

    if isinstance(found, RetrainAdvice):
        yield from retrain_lines(found)
    elif found.alone:
        yield from night_lines(found)
    else:
        yield from nights_lines(found)


def retrain_lines(found: RetrainAdvice) -> Iterator[Line]:
    """The result of each rule."""
    for each in found.rules:
        yield f"retrain: {each.sentence}"


def night_lines(found: MonitoredNights) -> Iterator[Line]:
    """The columns over a limit, filled up to `AT_LEAST` columns, and facts about the night."""
    from assay.monitor.drift.drift import drifted_words

    summary = found.summaries[-1]
    record, decision = summary.record, summary.decision
    told = [f for f in decision.findings if f.crossed]
    told += [f for f in decision.findings if not f.crossed][: max(0, AT_LEAST - len(told))]
    drifted = drifted_words(
        len(decision.drifted), decision.features, summary.limits.max_drifted_share
    )
    some = f", {drifted}" if decision.drifted and not decision.crossed else ""
    yield from finding_lines(summary.headline() + some, told)
    yield from summary.stand.incidents
    yield (
        f"{record.name} {record.version}, run {record.run_id}: "
        f"{counted(record.rows_scored or 0, 'row')} scored, "
        f"{record.rows_quarantined or 0:,} quarantined; "
        f"{drifted}"
    )
    yield f"limits are the {decision.quantile:g} quantile of {decision.nights} reference nights"
    yield BREAK_LIMITS
    yield f"page: {summary.page}"


def nights_lines(found: MonitoredNights) -> Iterator[Line]:
    """The incidents, and the status of the requested nights."""
    from rich.table import Table

    book = found.book
    table = Table(title=f"{book.name}, nights {book.first} to {book.last}", title_justify="left")
    for name in ("incident", "state", "first", "last", "nights", "columns"):
        table.add_column(name, no_wrap=name != "columns")
    for each in book.incidents:
        columns = ", ".join(each.columns[:6])
        more = f" and {len(each.columns) - 6} more" if len(each.columns) > 6 else ""
        table.add_row(each.id, each.state, each.first, each.last, str(each.nights), columns + more)
    if book.incidents:
        yield table
    counts = Counter(night.stand.words for night in found.nights if night.state != "missing")
    yield "nights: " + ", ".join(f"{count} {words}" for words, count in counts.most_common())
    rule = book.limits.budget
    alarms = sum(bool(night.alarms.alarms) for night in book.nights)
    yield (
        f"drift: {counted(len(book.nights), 'night')} judged, {alarms} in alarm; "
        f"{len(book.open)} of {len(book.incidents)} incidents open"
    )
    yield (
        f"an alarm takes {rule.nights} of {rule.of} nights; "
        f"{counted(rule.false_alarms, 'false incident')} a year may be, at most"
    )
    yield from _notes(book)
    yield f"incidents: {layout.INCIDENTS}"


def _notes(book: IncidentHistory) -> Iterator[str]:
    """Caveats about the result."""
    if book.blind:
        names = book.blind_columns
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield (
            f"on {counted(len(book.blind), 'night')} no distance of {', '.join(names[:3])}{more} "
            "alone could raise an alarm, but for a break: too few nights are known to be ordinary, "
            "or they hang together too much (docs/drift.md)"
        )
    for night, why in book.left_out.items():
        yield f"{night} is left out: {why}"
    for each in book.snoozes:
        if each.state != "active":
            yield f"the snooze of {each.snooze.column} by {each.snooze.owner} is void: {each.state}"


def table_lines(found: TableDrift) -> Iterator[Line]:
    """Every feature of a table, the most important first."""
    decision = found.decision
    yield from finding_lines(found.headline(), decision.findings)
    against = found.version or f"bundle {found.bundle[:19]}"
    yield (f"{counted(decision.rows, 'row')} against {against}; {found.drifted_words}")
    yield (
        f"limits are the {decision.quantile:g} quantile of {decision.nights} reference nights"
        if decision.nights > 1
        else "limits are what sampling alone explains: the reference has no two nights"
    )
    yield BREAK_LIMITS


def finding_lines(title: str, findings: Sequence[DriftFinding]) -> Iterator[Line]:
    """A row of numbers per finding, in order, then the crossed limits."""
    from rich.table import Table

    made = Table(title=title, title_justify="left")
    for name in COLUMNS:
        right = name != "column"
        made.add_column(name, justify="right" if right else "left", no_wrap=right)
    for f in findings:
        made.add_row(
            mark_blanks(f.column),
            format_fixed(f.effect),
            format_fixed(f.distance),
            format_fixed(f.limit),
            format_fixed(f.break_limit),
            format_percent(f.null_share),
            format_percent(f.null_share_change),
            format_percent(f.new_category_share),
        )
    yield made
    for f in findings:
        if f.reasons:
            # As a table column it would be too narrow on a small terminal.
            yield f"{mark_blanks(f.column)}: {'; '.join(f.reasons)}"
