"""Overviews: current status, the last nights, alerts, and what exit codes mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.cli.terminal import Line
from assay.project import layout
from assay.project.text import counted

if TYPE_CHECKING:
    from assay.errors.codes import ErrorCodes
    from assay.monitor.evidently.serve import ServedDashboard
    from assay.monitor.front.page import Front
    from assay.monitor.incidents.alert import AlertsReport
    from assay.monitor.status import Status
    from assay.ops.doctor.finding import Diagnosis


def status_lines(found: Status) -> Iterator[Line]:
    """Champion, last night, quarantine, drift and open incidents."""
    from rich.table import Table
    from rich.text import Text

    from assay.monitor.status_text import status_lines

    table = Table(title=found.name, title_justify="left", show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for number, (name, lines) in enumerate(status_lines(found)):
        if number:
            table.add_section()
        table.add_row(Text(name, style="bold"), Text("\n".join(lines)))
    yield table


def front_lines(found: Front) -> Iterator[Line]:
    """The number of nights by status, and the page's path."""
    counts = Counter(night.standing for night in found.nights)
    told = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    nights = counted(len(found.nights), "night")
    yield nights + (f": {told}" if told else "")
    yield f"page: {layout.FRONT}"


def alert_lines(found: AlertsReport) -> Iterator[Line]:
    """The open incidents, and the result of sending messages."""
    from assay.monitor.incidents import messages

    for each in found.alerts:
        yield f"{each.incident.state}: {messages.text(found.name, each.incident)}"
    sent = counted(len(found.delivery.sent), "message")
    yield f"{found.open} open, {sent} sent, {found.delivery.waiting} waiting"
    if found.issues is not None:
        counts = Counter(found.issues.changes.values())
        told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        yield f"issues: {told or 'all up to date'}"
        if found.issues.unknown:
            yield f"left open, nothing is known of them here: {', '.join(found.issues.unknown)}"
    yield f"files: {layout.ALERTS}, {layout.INCIDENT}"


def ui_lines(found: ServedDashboard) -> Iterator[Line]:
    """The dashboard's address."""
    first = "assay monitor --date DAY --evidently"
    none = "" if found.nights else f"; there is nothing to see before: {first}"
    yield f"{counted(found.nights, 'night')} at {found.url} (Ctrl-C ends it){none}"


def doctor_lines(found: Diagnosis) -> Iterator[str]:
    """Status, check, what was found, and what to type."""
    width = max((len(each.name) for each in found.checks), default=0)
    for each in found.checks:
        fix = "" if each.fix is None else f". Fix: {each.fix}"
        yield f"{each.status:<8} {each.name:<{width}}  {each.found}{fix}"


def error_lines(found: ErrorCodes) -> Iterator[Line]:
    """One code with all that is known of it, or a table of all codes."""
    from rich.table import Table

    if len(found.codes) == 1:
        (one,) = found.codes
        yield f"{one.code} {one.name}".strip() + f": {one.what}"
        yield f"  because of  {one.cause}"
        yield f"  what to do  {one.advice}"
        return
    table = Table("code", "error", "what happened", "what to do", box=None, pad_edge=False)
    for each in found.codes:
        table.add_row(str(each.code), each.name, each.what, each.advice)
    yield table
