"""``assay alert --issues``: one issue of the repository, open as long as an incident is.

The issue is its own memory: it is found again by a hidden marker in its body, which says what it
was last written about. So a call that failed half way is fixed by the next, and two machines may
call in turn.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from urllib.parse import quote, unquote

from assay.errors import CodeHostFailed
from assay.hosting.client import MayNotWrite
from assay.hosting.hosts import Host, host_of
from assay.monitor.incidents import messages
from assay.monitor.incidents.alert import IssueChange
from assay.monitor.incidents.collect import AllNights
from assay.monitor.nights.night import Incident
from assay.project.ci_run import read_environment
from assay.project.text import UNSEEN, counted, one_line

LABEL = "assay"
KEPT = "This issue is kept up to date by `assay alert --issues`, and closed when it is over."
SHOWN = 20
"""The most incidents that are described, the last ones: a code host limits what an issue holds."""
_MARKER = re.compile(r"<!-- assay:incidents ([!-~]+) ([0-9a-f]{16}) -->")


def keep_issue(name: str, every: AllNights) -> IssueChange:
    """Keep the issue of the CI run's repository, as `assay.monitor.incidents.alert.run` calls it.

    Raises
    ------
    CodeHostFailed
        This is no run of CI, or it was not done; the next call goes on.
    """
    ci = read_environment()
    if ci is None:
        raise CodeHostFailed(
            "this is no run of GitHub Actions or GitLab CI",
            where="assay alert --issues",
            expected="GITHUB_REPOSITORY or CI_PROJECT_ID in the environment, and a token",
        )
    try:
        return mirror(host_of(ci), name, every)
    except MayNotWrite as error:
        may = "permissions: issues: write" if ci.kind == "github" else "the role Reporter"
        raise CodeHostFailed(
            f"the token may not write issues: {error.what}",
            where=error.where,
            fix=error.fix or f"Give it {may}.",
        ) from None


def mirror(host: Host, project: str, every: AllNights) -> IssueChange:
    """Open, update or close the project's issue until it says what the incidents say.

    What a person closed stays closed until there is something new to say. A machine that knows of
    no night closes nothing.

    Raises
    ------
    CodeHostFailed
        It was not done; the next call goes on.
    """
    if not every.nights:
        return "unknown"
    ours = [each for each in host.issues(LABEL) if _written(each.body)[0] == project]
    opened = [each for each in every.incidents if each.state == "open"]
    if not ours and not opened:
        return "unchanged"
    title, body = render_issue(project, opened, every)
    if not ours:
        host.open_issue(title, body, LABEL)
        return "opened"
    first, *others = sorted(ours, key=lambda each: each.number)
    for each in others:  # opened by another call at the same time
        if each.open:
            host.edit_issue(each, each.title, each.body, open=False)
    if not opened and not first.open:
        return "unchanged"
    if opened and _written(first.body) == _written(body):
        return "unchanged"
    host.edit_issue(first, title if opened else first.title, body, open=bool(opened))
    return "closed" if not opened else "updated" if first.open else "reopened"


def render_issue(project: str, incidents: Sequence[Incident], every: AllNights) -> tuple[str, str]:
    """Title and body of the issue; the body begins with the marker.

    Parameters
    ----------
    incidents
        Those that are open.
    """
    since = min((each.first for each in incidents), default="")
    title = _title(f"{project}: {counted(len(incidents), 'open incident')} since {since}")
    shown = messages.render_markdown(project, incidents[-SHOWN:], every.nights)
    text = f"{shown.partition(chr(10))[2].strip() or 'No incident is open.'}\n\n{KEPT}\n"
    digest = hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()[:16]
    return title, f"<!-- assay:incidents {quote(project, safe='')} {digest} -->\n\n{text}"


def _written(body: str) -> tuple[str, str]:
    """The project of an issue, and the digest of what was last written; empty if it is none.

    The issue itself is not compared: a person may have added to it.
    """
    match = _MARKER.search(body)
    return (unquote(match[1]), match[2]) if match else ("", "")


def _title(title: str) -> str:
    """A title, in which code hosts show no Markdown but mentions and references."""
    flat = re.sub(r"([@#!~%&$^])(?=\w)", rf"\1{UNSEEN}", one_line(title, 200))
    return flat.replace("`", "'")
