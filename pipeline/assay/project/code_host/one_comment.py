"""Keep one comment up to date: written anew where it is, and never a second one for good."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from assay.project.code_host.client import Gone, MayBeDone
from assay.project.code_host.hosts import Comment, Host, Thread

Done = Literal["written", "updated", "unchanged"]


def keep_one_comment(host: Host, number: int, marker: str, body: str) -> Done:
    """Make ``body`` the one comment of ours with ``marker`` on a pull request.

    If two runs at once have each written one, the oldest stays and the others are removed. May be
    called again after any error.

    Parameters
    ----------
    marker
        A line that ``body`` begins with.

    Raises
    ------
    assay.project.code_host.client.MayNotWrite
        The token may not write here.
    CodeHostFailed
        The code host did not do it.
    """
    thread, me = host.pull_request(number), host.me()
    try:
        return _keep(thread, me, marker, body)
    except (MayBeDone, Gone):
        # The comment may be there all the same, or somebody deleted it meanwhile. Look again.
        return _keep(thread, me, marker, body)


def _keep(thread: Thread, me: str | None, marker: str, body: str) -> Done:
    mine = own_comments(thread.comments(), me, marker)
    if not mine:
        thread.add(body)
        return "written"
    first, *others = mine
    changed = plain(first.body) != plain(body)
    if changed:
        thread.edit(first, body)
    for each in others:
        try:
            thread.remove(each)
        except Gone:  # another run was quicker
            continue
    return "updated" if changed or others else "unchanged"


def own_comments(comments: Iterable[Comment], me: str | None, marker: str) -> list[Comment]:
    """Our comments that begin with ``marker``, the oldest first.

    Where the token may not ask who it is, as that of a workflow, no person's comment is ours: a
    person could write the marker and edit the verdict that we then put there.
    """
    found = [
        each
        for each in comments
        if each.body.lstrip().startswith(marker)
        and (each.by_bot if me is None else each.author == me)
    ]
    return sorted(found, key=lambda each: each.id)


def plain(body: str) -> str:
    """A body without what code hosts change: line ends, and blanks at the ends of lines."""
    return "\n".join(line.rstrip() for line in body.strip().splitlines())
