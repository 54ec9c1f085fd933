"""``assay alert --issues``: one issue of the repository for each incident.

The repository's own issues are the memory: an issue is found again by a hidden marker in its body,
which says what it was last written about. So a call that failed half way is fixed by the next, and
two machines may call in turn.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from assay.errors import CodeHostFailed
from assay.hosting.client import MayNotWrite
from assay.hosting.hosts import Host, Issue, host_of
from assay.monitor.incidents import messages
from assay.monitor.incidents.alert import GONE, Alert, Change, IssuesReport
from assay.monitor.incidents.collect import AllNights
from assay.monitor.nights.night import Incident, Kind, Night
from assay.project.ci_run import read_environment
from assay.project.text import UNSEEN, one_line

LABEL = "assay"
KEPT = "This issue is kept up to date by `assay alert --issues`, and closed when it is over."
_MARKER = re.compile(
    r"<!-- assay:incident ([!-~]+) ([!-~]+) (drift|run) ([!-~]+) ([!-~]+) ([0-9a-f]{16}) -->"
)
_TITLES = {"drift": "drift", "run": "nothing published"}


@dataclass(frozen=True, slots=True)
class Marker:
    """What the marker of an issue says of its incident, when the issue was last written.

    Attributes
    ----------
    digest
        Of title, state and text, to see whether anything changed since. The issue itself is not
        compared: a person may have added to it.
    """

    project: str
    id: str
    kind: Kind
    first: str
    last: str
    digest: str

    @classmethod
    def parse(cls, body: str) -> Marker | None:
        """The marker in an issue's body; None if there is none, as in an issue of a person."""
        found = _MARKER.search(body)
        if found is None:
            return None
        project, name, kind, first, last, digest = (unquote(each) for each in found.groups())
        return cls(project, name, "drift" if kind == "drift" else "run", first, last, digest)

    def __str__(self) -> str:
        facts = (self.project, self.id, self.kind, self.first, self.last, self.digest)
        return f"<!-- assay:incident {' '.join(quote(each, safe='') for each in facts)} -->"


@dataclass(frozen=True, slots=True)
class IssueText:
    """What an issue should say; ``body`` begins with the marker."""

    title: str
    body: str
    marker: Marker


def keep_issues(name: str, every: AllNights, alerts: Sequence[Alert]) -> IssuesReport:
    """Keep the issues of the CI run's repository, as `assay.monitor.incidents.alert.run` calls it.

    Raises
    ------
    CodeHostFailed
        This is no run of CI, or some of it was not done; the next call goes on.
    """
    ci = read_environment()
    if ci is None:
        raise CodeHostFailed(
            "this is no run of GitHub Actions or GitLab CI",
            where="assay alert --issues",
            expected="GITHUB_REPOSITORY or CI_PROJECT_ID in the environment, and a token",
        )
    known = {each.incident.id: each.incident for each in alerts}
    # The alerts leave out what was over before anybody was told; its issue has to be closed.
    known |= {each.id: each for each in every.incidents}
    try:
        return mirror(host_of(ci), name, list(known.values()), every.nights, every.until)
    except MayNotWrite as error:
        may = "permissions: issues: write" if ci.kind == "github" else "the role Reporter"
        raise CodeHostFailed(
            f"the token may not write issues: {error.what}",
            where=error.where,
            fix=error.fix or f"Give it {may}.",
        ) from None


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
    there: dict[str, list[tuple[Issue, Marker]]] = {}
    for issue in host.issues(LABEL):
        marker = Marker.parse(issue.body)
        if marker is not None and marker.project == project:
            there.setdefault(marker.id, []).append((issue, marker))
    known = {each.id: each for each in incidents}
    unknown = []
    for name, found in sorted(there.items()):
        last = found[0][1]
        if name in known or not any(issue.open for issue, _ in found):
            continue
        if is_over(last, nights, until):
            over = GONE[last.kind]
            known[name] = Incident(name, last.kind, "recovered", last.first, last.last, (), over)
        else:
            unknown.append(name)
    changes: dict[str, Change] = {}
    for incident in sorted(known.values(), key=lambda each: (each.first, each.id)):
        text = render_issue(project, incident, nights)
        found = there.get(incident.id, [])
        if not found and incident.state == "open":
            host.open_issue(text.title, text.body, LABEL)
            changes[incident.id] = "opened"
        for place, (issue, marker) in enumerate(sorted(found, key=lambda each: each[0].number)):
            # A second one was opened by another call at the same time.
            keep = place == 0 and (incident.state == "open" or _snoozed(incident, issue))
            # What a person closed stays closed until there is something new to say.
            if (marker != text.marker or place) and (keep or issue.open):
                host.edit_issue(issue, text.title, text.body, open=keep)
                if place == 0:
                    changes[incident.id] = _change(issue.open, keep)
    return IssuesReport(changes, tuple(unknown))


def _snoozed(incident: Incident, issue: Issue) -> bool:
    return incident.state == "snoozed" and issue.open


def _change(before: bool, now: bool) -> Change:
    return "closed" if not now else "updated" if before else "reopened"


def is_over(last: Marker, nights: Sequence[Night], until: str | None) -> bool:
    """Whether an incident that is not listed is over, and not only unknown on this machine.

    Its first night has to be known here, or it was judged: a machine whose reports or whose store
    lack it knows nothing about it.
    """
    if last.kind == "run":
        first = next((each for each in nights if each.partition == last.first), None)
        return first is not None and first.state not in ("unfinished", "missing")
    return until is not None and last.last <= until


def render_issue(project: str, incident: Incident, nights: Sequence[Night]) -> IssueText:
    """The issue of an incident.

    Parameters
    ----------
    nights
        All nights; those of the incident are named with what can be done about them.
    """
    title = _title(f"{project}: {_TITLES[incident.kind]} since {incident.first}")
    text = "\n".join([*messages.describe(incident, nights), "", KEPT])
    digest = hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()[:16]
    marker = Marker(project, incident.id, incident.kind, incident.first, incident.last, digest)
    return IssueText(title, f"{marker}\n\n{text}\n", marker)


def _title(title: str) -> str:
    """A title, in which code hosts show no Markdown but mentions and references."""
    flat = re.sub(r"([@#!~%&$^])(?=\w)", rf"\1{UNSEEN}", one_line(title, 200))
    return flat.replace("`", "'")
