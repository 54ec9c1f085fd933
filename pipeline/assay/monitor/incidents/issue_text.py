"""An incident as an issue of the repository: title, body and the marker it is found by. Pure."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from assay.monitor.incidents import messages
from assay.monitor.nights.night import UNPUBLISHED, Incident, Kind, Night, night_path
from assay.project.code_host.host_markdown import code, one_line, prose
from assay.project.text import UNSEEN, counted
from assay.score.due import held_steps

LABEL = "assay"
OVER = "<!-- assay:over -->"
AGAIN = "<!-- assay:again -->"
NIGHTS = 14
"""The most nights that a body names one by one."""
_MARKER = re.compile(
    r"<!-- assay:incident ([!-~]+) ([!-~]+) (drift|run) ([!-~]+) ([!-~]+) ([0-9a-f]{16}) -->"
)
_TITLES = {"drift": "drift", "run": "nothing published"}


@dataclass(frozen=True, slots=True)
class IssueText:
    """What an issue should say; ``body`` begins with the marker."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class MarkedIncident:
    """What the marker of an issue says of its incident, when the issue was last written.

    Attributes
    ----------
    digest
        Of the title and the body without the marker, to see whether anything changed since. The
        issue itself is not compared: a person may have added to it.
    """

    project: str
    id: str
    kind: Kind
    first: str
    last: str
    digest: str


def render_issue(project: str, incident: Incident, nights: Sequence[Night]) -> IssueText:
    """The issue of an incident.

    Parameters
    ----------
    nights
        All nights; those of the incident are named with what can be done about them.
    """
    title = _plain(f"{project}: {_TITLES[incident.kind]} since {incident.first}")
    text = "\n".join(_lines(incident, nights))
    facts = (project, incident.id, incident.kind, incident.first, incident.last)
    fields = " ".join(quote(each, safe="") for each in facts)
    digest = hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()[:16]
    return IssueText(title, f"<!-- assay:incident {fields} {digest} -->\n\n{text}\n")


def parse_marker(body: str) -> MarkedIncident | None:
    """The marker in an issue's body; None if there is none, as in an issue of a person."""
    found = _MARKER.search(body)
    if found is None:
        return None
    project, name, kind, first, last, digest = (unquote(each) for each in found.groups())
    return MarkedIncident(project, name, "drift" if kind == "drift" else "run", first, last, digest)


def over_text(sentence: str) -> str:
    """The comment that an issue is closed with."""
    return f"{OVER}\n\nIt is over: {prose(sentence)}\n"


def again_text() -> str:
    """The comment that an issue is opened with once more."""
    return f"{AGAIN}\n\nIt is open again.\n"


def _plain(title: str) -> str:
    """A title, in which code hosts show no Markdown but mentions and references."""
    flat = re.sub(r"([@#!~%&$^])(?=\w)", rf"\1{UNSEEN}", one_line(title, 200))
    return flat.replace("`", "'")


def _lines(incident: Incident, nights: Sequence[Night]) -> list[str]:
    span = prose(messages.nights(incident))
    lines = [f"**{span}**: {prose(incident.sentence, 1000)}", ""]
    if incident.state == "snoozed":
        lines += ["It is snoozed in params.yaml.", ""]
    if incident.columns:
        lines += [f"- columns: {prose(messages.columns(incident), 1000)}"]
    if incident.kind == "drift":
        last = code(f"assay monitor --date {shlex.quote(incident.last)}")
        lines += [f"- look again: {last}, which writes {code(night_path(incident.last, '.html'))}"]
    else:
        within = [each for each in nights if incident.first <= each.partition <= incident.last]
        bad = [each for each in within if each.state in UNPUBLISHED]
        lines += [_night(each) for each in bad[-NIGHTS:]]
        if len(bad) > NIGHTS:
            lines.append(f"- and {counted(len(bad) - NIGHTS, 'night')} before")
    lines += [
        "",
        "This issue is kept up to date by `assay alert --issues`, and closed when it is over.",
    ]
    return lines


def _night(night: Night) -> str:
    told = f"- {prose(night.partition)}: {prose(night.note or night.state)}"
    if night.held:
        steps = held_steps(night.partition, night.held, night.held_refused)
        return "; ".join((told, *(f"{each.words}: {code(each.command)}" for each in steps)))
    return f"{told}; try again: {code(f'assay score --date {shlex.quote(night.partition)}')}"
