"""Format an alert as Markdown for an issue, as a Slack message, and as plain JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from assay.monitor.incidents.alert_state import Alert
from assay.monitor.nights.night import Incident, night_path
from assay.project.text import counted, escape_all, escape_code, escape_controls

TITLES = {"open": "Open", "snoozed": "Snoozed", "recovered": "Recovered"}
SLACK_TEXT = 2900
"""Characters; Slack rejects a block of more than 3,000."""
FEW = 20
"""The most columns that a message names."""


def render_markdown(name: str, alerts: Sequence[Alert]) -> str:
    """The content of ``reports/incident.md``: open incidents first. Text from data is escaped.

    Its first line is a title, so it can be passed to ``gh issue create`` as it is.
    """
    by_state = {
        state: [each.incident for each in alerts if each.incident.state == state]
        for state in TITLES
    }
    count = len(by_state["open"])
    title = counted(count, "open incident") if count else "no open incident"
    parts = [f"# {escape_all(name)}: {title}\n"]
    for state, incidents in by_state.items():
        if incidents:
            parts.append(f"## {TITLES[state]}\n")
            parts += [_section(each) for each in incidents]
    return "\n".join(parts)


def _section(incident: Incident) -> str:
    lines = [f"### {escape_all(nights(incident))}", "", escape_all(incident.sentence), ""]
    if incident.columns:
        lines += [f"- columns: {escape_all(columns(incident))}"]
    if incident.kind == "drift":
        page = night_path(incident.last, ".html")
        lines += [f"- page: [{escape_all(page)}]({quote(page.removeprefix('reports/'))})"]
        lines += [f"- look again: `assay monitor --date {escape_code(incident.last)}`"]
    elif incident.state == "open":
        lines += [f"- try again: `assay score --date {escape_code(incident.last)}`"]
    lines += [f"- incident: `{escape_code(incident.id)}`", ""]
    return "\n".join(lines)


def generic(project: str, incident: Incident, key: str) -> dict[str, Any]:
    """The body for a webhook of the shape ``generic``."""
    return {
        "schema": 1,
        "project": project,
        "event": "opened" if incident.state == "open" else "recovered",
        "key": key,
        "text": text(project, incident),
        "incident": incident.to_plain(),
    }


def slack(project: str, incident: Incident) -> dict[str, Any]:
    """The body for a Slack incoming webhook: a line for the notification, and one block."""
    said = text(project, incident)
    lines = [f"*{_slack(_head(project, incident))}*", _slack(incident.sentence)]
    if incident.columns:
        lines.append(f"columns: {_slack(columns(incident))}")
    lines.append(f"incident {_slack(incident.id)}")
    block = {"type": "mrkdwn", "text": "\n".join(lines)[:SLACK_TEXT]}
    return {"text": _slack(said)[:SLACK_TEXT], "blocks": [{"type": "section", "text": block}]}


def text(project: str, incident: Incident) -> str:
    """The incident in one line."""
    return escape_controls(f"{_head(project, incident)}: {incident.sentence}")


def nights(incident: Incident) -> str:
    """The range of affected nights."""
    if incident.first == incident.last:
        return incident.first
    return f"{incident.first} to {incident.last}"


def columns(incident: Incident) -> str:
    """The names of the affected columns, at most `FEW`."""
    more = len(incident.columns) - FEW
    named = ", ".join(incident.columns[:FEW])
    return f"{named} and {more} more" if more > 0 else named


def _head(project: str, incident: Incident) -> str:
    state = "incident" if incident.state == "open" else "recovered"
    return f"{project}: {state}, {nights(incident)}"


def _slack(value: str) -> str:
    # Slack's three control characters; an unescaped <!channel> would notify everybody.
    return escape_controls(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
