"""``assay alert --issues``: one issue of the repository for each incident.

The repository's own issues are the memory: nothing is kept here of what was written. So a call that
failed half way is fixed by the next, and two machines may call in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assay.errors import CodeHostFailed
from assay.monitor.incidents.alert_state import GONE
from assay.monitor.incidents.issue_text import (
    LABEL,
    OVER,
    IssueText,
    MarkedIncident,
    again_text,
    over_text,
    parse_marker,
    render_issue,
)
from assay.monitor.nights.night import Incident, Night
from assay.project.code_host.client import MayBeDone, Refused
from assay.project.code_host.hosts import Host, Issue
from assay.project.code_host.one_comment import own_comments

Change = Literal["opened", "reopened", "updated", "closed"]


@dataclass(frozen=True, slots=True)
class IssuesReport:
    """What became of the repository's issues.

    Attributes
    ----------
    changes
        Incident -> what was done to its issue. Unchanged issues are left out.
    unknown
        Open issues of incidents about which nothing is known here; they stay open.
    """

    changes: Mapping[str, Change]
    unknown: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        return {"changes": dict(self.changes), "unknown": list(self.unknown)}


def mirror(
    host: Host,
    project: str,
    incidents: Sequence[Incident],
    nights: Sequence[Night],
    until: str | None,
) -> IssuesReport:
    """Open, update and close issues until they say what the incidents say.

    Parameters
    ----------
    until
        The last night that was judged.

    Raises
    ------
    CodeHostFailed
        Some of it was not done; the next call goes on.
    """
    changes: dict[str, Change] = {}
    try:
        return _mirror(host, project, incidents, nights, until, changes)
    except MayBeDone:
        # An issue may be there all the same. Look again instead of opening a second one.
        return _mirror(host, project, incidents, nights, until, changes)


def _mirror(
    host: Host,
    project: str,
    incidents: Sequence[Incident],
    nights: Sequence[Night],
    until: str | None,
    changes: dict[str, Change],
) -> IssuesReport:
    known = {each.id: each for each in incidents}
    there = _ours(host, project)
    problems: list[Refused] = []
    unknown: list[str] = []

    def attempt(name: str, act: Callable[[], Change | None]) -> None:
        try:
            done = act()
        except Refused as error:  # of this issue alone; the others may well be taken
            problems.append(error)
            return
        if done is not None:
            changes[name] = done

    for incident in sorted(incidents, key=lambda each: (each.first, each.id)):
        text = render_issue(project, incident, nights)
        found = there.get(incident.id, [])
        attempt(incident.id, lambda: _keep(host, incident, text, found))  # noqa: B023 (called now)
    for name, found in sorted(there.items()):
        if name in known:
            continue
        marked = found[0][1]
        if not any(issue.open for issue, _ in found):
            continue
        if not is_over(marked, nights, until):
            unknown.append(name)
            continue
        attempt(name, lambda: _close(host, found, GONE[marked.kind]))  # noqa: B023 (called now)
    if problems:
        raise CodeHostFailed(
            problems[0].what,
            where=problems[0].where,
            found=f"{len(problems)} issues were not written",
            fix="The next assay alert --issues tries again.",
        )
    return IssuesReport(changes, tuple(unknown))


def is_over(marked: MarkedIncident, nights: Sequence[Night], until: str | None) -> bool:
    """Whether an incident that is in no list any more is over, and not only unknown here.

    A machine that lacks the reports or the store of an incident knows nothing about it.
    """
    if marked.kind == "run":
        first = next((each for each in nights if each.partition == marked.first), None)
        return first is not None and first.state not in ("unfinished", "missing")
    return until is not None and marked.last <= until


Found = list[tuple[Issue, MarkedIncident]]


def _ours(host: Host, project: str) -> dict[str, Found]:
    """Incident -> its issues, the oldest first; more than one if two calls met."""
    found: dict[str, Found] = {}
    for issue, marked in _marked(host):
        if marked.project == project:
            found.setdefault(marked.id, []).append((issue, marked))
    return {name: sorted(each, key=lambda one: one[0].number) for name, each in found.items()}


def _marked(host: Host) -> Iterator[tuple[Issue, MarkedIncident]]:
    for issue in host.issues(LABEL):
        if (marked := parse_marker(issue.body)) is not None:
            yield issue, marked


def _keep(host: Host, incident: Incident, text: IssueText, found: Found) -> Change | None:
    """Make the incident's issue say ``text``, and be open if the incident is."""
    if incident.state == "recovered":
        return _close(host, found, incident.sentence, text)
    if not found:
        if incident.state == "snoozed":
            return None
        host.open_issue(text.title, text.body, LABEL)
        return "opened"
    _close_others(host, found)
    issue, marked = found[0]
    same = parse_marker(text.body) == marked
    over = _last_said(host, issue).startswith(OVER)
    if not issue.open:
        # What a person closed stays closed until there is something new to say.
        if incident.state == "snoozed" or (same and not over):
            return None
        host.edit_issue(issue, title=text.title, body=text.body, open=True)
    elif not same:
        host.edit_issue(issue, title=text.title, body=text.body)
    if over:  # also where an earlier call failed before it said so
        host.thread(issue).add(again_text())
    if not issue.open:
        return "reopened"
    return None if same else "updated"


def _close(host: Host, found: Found, sentence: str, text: IssueText | None = None) -> Change | None:
    """Close the issues of an incident that is over, the first with a comment that says so."""
    if not any(issue.open for issue, _ in found):
        return None
    _close_others(host, found)
    first = found[0][0]
    if first.open:
        title, body = (first.title, first.body) if text is None else (text.title, text.body)
        _say_and_close(host, first, title, body, over_text(sentence))
    return "closed"


def _close_others(host: Host, found: Found) -> None:
    """Close what a second call opened at the same time."""
    for issue, _ in found[1:]:
        if issue.open:
            same = f"{OVER}\n\nThe same as #{found[0][0].number}.\n"
            _say_and_close(host, issue, issue.title, issue.body, same)


def _say_and_close(host: Host, issue: Issue, title: str, body: str, comment: str) -> None:
    # A call that failed between the two has said it already.
    if not _last_said(host, issue).startswith(OVER):
        host.thread(issue).add(comment)
    host.edit_issue(issue, title=title, body=body, open=False)


def _last_said(host: Host, issue: Issue) -> str:
    """The last of our own comments on an issue; empty if there is none."""
    said = own_comments(host.thread(issue).comments(), host.me(), "<!-- assay:")
    return said[-1].body.lstrip() if said else ""
