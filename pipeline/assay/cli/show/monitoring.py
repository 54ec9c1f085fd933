"""How nights and tables differ from the reference and from each other, and the project's state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from assay.cli.result import lines, table, to_tree
from assay.cli.terminal import Line
from assay.columns.break_limits import EXPLAINED
from assay.project import layout
from assay.project.text import counted, first_few, format_short, mark_blanks

if TYPE_CHECKING:
    from assay.monitor.drift.drift import DriftFinding
    from assay.monitor.explain.command import ExplainedChange
    from assay.monitor.incidents.alert import AlertsReport
    from assay.monitor.incidents.document import IncidentHistory
    from assay.monitor.monitor_nights import MonitoringResult
    from assay.monitor.status import Status
    from assay.monitor.table_drift import TableDrift
    from assay.ops.doctor.finding import Diagnosis
    from assay.reports.retrain import RetrainAdvice

BREAK_LIMITS = f"a break limit is {EXPLAINED}; what is beyond one is in alarm at once"
AT_LEAST = 5
"""The least number of a night's columns that is shown, even if none crossed a limit."""
ROWS_CHANGED = 0.2
"""From this change of the number of rows on, the sentence says it."""
NAMED = 3
"""The most columns that a sentence names."""


def monitor_lines(result: MonitoringResult | RetrainAdvice) -> Iterator[Line]:
    """One night, several, or whether to train again."""
    from assay.reports.retrain import RetrainAdvice

    if isinstance(result, RetrainAdvice):
        yield from (f"retrain: {each.sentence}" for each in result.rules)
    elif result.alone:
        yield from night_lines(result)
    else:
        yield from nights_lines(result)


def night_lines(result: MonitoringResult) -> Iterator[Line]:
    """The columns over a limit, filled up to `AT_LEAST` columns, and facts about the night."""
    from assay.monitor.drift.drift import drifted_words

    summary = result.summaries[-1]
    record, decision = summary.record, summary.decision
    shown = [f for f in decision.findings if f.crossed]
    shown += [f for f in decision.findings if not f.crossed][: max(0, AT_LEAST - len(shown))]
    drifted = drifted_words(
        len(decision.drifted), decision.features, summary.limits.max_drifted_share
    )
    some = f", {drifted}" if decision.drifted and not decision.crossed else ""
    yield from finding_lines(summary.headline() + some, shown)
    yield from summary.status.incidents
    yield (
        f"{record.name} {record.version}, run {record.run_id}: "
        f"{counted(record.rows_scored or 0, 'row')} scored, "
        f"{record.rows_quarantined or 0:,} quarantined; "
        f"{drifted}"
    )
    yield f"limits are the {decision.quantile:g} quantile of {decision.nights} reference nights"
    yield BREAK_LIMITS
    if decision.power_words:
        yield decision.power_words
    if decision.reasons_shift is not None:
        yield decision.reasons_shift.words
    yield f"page: {summary.page}"


def nights_lines(result: MonitoringResult) -> Iterator[Line]:
    """The incidents, and the status of the requested nights."""
    book = result.book
    incidents = [
        {
            "incident": each.id,
            "state": each.state,
            "first": each.first,
            "last": each.last,
            "nights": each.nights,
            "columns": first_few(each.columns, 6),
        }
        for each in book.incidents
    ]
    if incidents:
        yield from table(incidents, title=f"{book.name}, nights {book.first} to {book.last}")
    counts = Counter(night.status.words for night in result.nights if night.state != "missing")
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
    yield from _caveats(book)
    yield f"incidents: {layout.INCIDENTS}"


def _caveats(book: IncidentHistory) -> Iterator[str]:
    if book.blind:
        yield (
            f"on {counted(len(book.blind), 'night')} no distance of "
            f"{first_few(book.blind_columns, NAMED)} alone could raise an alarm, but for a break: "
            "too few nights are known to be ordinary, or they are too clustered (docs/drift.md)"
        )
    for night, why in book.left_out.items():
        yield f"{night} is left out: {why}"
    for each in book.snoozes:
        if each.state != "active":
            yield f"the snooze of {each.snooze.column} by {each.snooze.owner} is void: {each.state}"


def table_lines(drift: TableDrift) -> Iterator[Line]:
    """Every feature of a table, the most important first."""
    decision = drift.decision
    yield from finding_lines(drift.headline(), decision.findings)
    against = drift.version or f"bundle {drift.bundle[:19]}"
    yield (f"{counted(decision.rows, 'row')} against {against}; {drift.drifted_words}")
    yield (
        f"limits are the {decision.quantile:g} quantile of {decision.nights} reference nights"
        if decision.nights > 1
        else "limits are what sampling alone explains: the reference has no two nights"
    )
    yield BREAK_LIMITS
    if decision.power_words:
        yield decision.power_words


def finding_lines(title: str, findings: Sequence[DriftFinding]) -> Iterator[Line]:
    """A row of numbers per finding, in order, then the crossed limits."""
    columns = ("column", "effect", "distance", "limit", "break_limit", "null_share")
    rows = [to_tree(f) for f in findings]
    yield from table(rows, (*columns, "null_share_change", "new_category_share"), title=title)
    for f in findings:
        if f.reasons:
            # As a table column it would be too narrow on a small terminal.
            yield f"{mark_blanks(f.column)}: {'; '.join(f.reasons)}"


def explain_lines(change: ExplainedChange) -> Iterator[Line]:
    """The first outcome as a sentence, then what each part adds to every outcome."""
    yield _sentence(change)
    tree: dict[str, Any] = to_tree(change)
    outcomes: dict[str, Any] = tree["outcomes"]

    def row(part: str, values: Sequence[float], signed: bool = True) -> dict[str, str]:
        shown = (f"{each:+.4f}" if signed else format_short(each) for each in values)
        return {"part": part, **dict(zip(outcomes, shown, strict=True))}

    def of(key: str) -> list[float]:
        return [one[key] for one in outcomes.values()]

    columns = [one["columns"] for one in outcomes.values()]
    nights = tree["against"], tree["night"]
    before, after = (f"{night['partition']} ({night['version']})" for night in nights)
    fields = ", ".join(change.after.loaded.manifest.slices) or "no slice field"
    yield from table(
        [
            row(before, of("before"), signed=False),
            row("model", of("model")),
            row(f"mix of rows ({fields})", of("mix")),
            *(
                row(name, [each[name] for each in columns])
                for name in sorted(columns[0], key=lambda name: -abs(columns[0][name]))
            ),
            row("rows not looked at", of("unseen")),
            row(after, of("after"), signed=False),
        ]
    )
    if change.reasons:
        days = [night["partition"] for night in nights]  # a dot would be a key within a key
        moved = [
            {"feature": name, days[0]: one, days[1]: other, "change": f"{other - one:+.4f}"}
            for name, (one, other) in [*change.reasons.items()][:AT_LEAST]
        ]
        yield from table(moved, title="what moved scores, up or down")
    yield from table(nights, title="nights")


def _sentence(explained: ExplainedChange) -> str:
    """Whether the nights differ by more than nights do, and what parts that is from."""
    before, after = float(explained.before.published[0]), float(explained.after.published[0])
    change, usual = after - before, explained.usual
    moved = (
        f"{explained.names[0]}: {format_short(before)} on {explained.before.record.partition}, "
        f"{format_short(after)} on {explained.after.record.partition} "
        f"({change:+.4f}{_rows(explained)})"
    )
    if usual is None:
        few = "this version has too few nights before them to say how much nights usually differ"
        return f"{moved}, {_parts(explained, change)}; {few}"
    usually = (
        f"what nights do ({usual.low:+.4f} to {usual.high:+.4f} by "
        f"{counted(usual.changes, 'change')} before, {usual.confidence:.0%})"
    )
    if usual.holds(change):
        return f"{moved}, within {usually}"
    return f"{moved}, beyond {usually}, {_parts(explained, change)}"


def _rows(explained: ExplainedChange) -> str:
    before, after = (each.record.rows_scored or 0 for each in (explained.before, explained.after))
    share = after / before - 1 if before else 0.0
    if abs(share) < ROWS_CHANGED:
        return ""
    return f", with {abs(share):.0%} {'more rows' if share > 0 else 'fewer rows'}"


def _parts(explained: ExplainedChange, change: float) -> str:
    parts = explained.parts
    named = {"the model": parts.model, "the mix of rows": parts.mix, **parts.columns}
    named["rows not looked at"] = explained.unseen
    sizes = {name: float(part[0]) for name, part in named.items()}
    one, other, *more = sorted(sizes, key=lambda name: -abs(sizes[name]))
    if sizes[one] * sizes[other] < 0 and abs(sizes[other]) > abs(change):
        both = f"{one} {sizes[one]:+.4f} and {other} {sizes[other]:+.4f}"
        return f"from parts that nearly cancel: {both}"
    return "mostly " + ", ".join(f"{name} {sizes[name]:+.4f}" for name in (one, other, *more[:1]))


def status_lines(status: Status) -> Iterator[Line]:
    """Champion, last night, quarantine, drift and open incidents."""
    from assay.monitor.status_text import status_lines

    parts = status_lines(status)
    yield from table([{status.name: part, "status": words} for part, words in parts])


def alert_lines(report: AlertsReport) -> Iterator[Line]:
    """The open incidents, and the result of sending messages."""
    from assay.monitor.incidents import messages

    for each in report.alerts:
        yield f"{each.incident.state}: {messages.text(report.name, each.incident)}"
    yield from lines(to_tree(report), "open delivery.sent? delivery.waiting issue?")
    yield f"files: {layout.ALERTS}, {layout.INCIDENT}"


def doctor_lines(diagnosis: Diagnosis) -> Iterator[Line]:
    """Status, check, what was found, and what to type, whole to be copied."""
    width = max((len(each.name) for each in diagnosis.checks), default=0)
    for each in diagnosis.checks:
        fix = "" if each.fix is None else f". Fix: {each.fix}"
        yield f"{each.status:<8} {each.name:<{width}}  {each.found}{fix}"
