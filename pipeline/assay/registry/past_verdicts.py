"""Which challengers were judged on a holdout: the verdicts in git's history.

A look at the holdout leaves a verdict, and git forgets none that it can reach: deleting the file in
a later commit changes nothing. A merge that squashes a branch leaves its last verdict alone, but
that says how many there were.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import NotARepository
from assay.project import layout
from assay.registry import git


@dataclass(frozen=True)
class PastVerdict:
    """A verdict in git, and the commit that brought it.

    ``challenger`` is the place that it gives its bundle on this holdout.
    """

    commit: str
    bundle: str
    data: str
    challenger: int


def place(
    root: Path,
    bundle: str,
    data: str,
    champion: str | None,
    *,
    everywhere: bool,
    also: Iterable[Path] = (),
) -> int:
    """Which challenger on its holdout a bundle is, 1 for the first.

    A bundle that was judged before keeps its place, whatever was judged since. The champion does
    not count: if it had no right to pass, the false PASS is its own.

    Parameters
    ----------
    bundle, data
        Digests of the bundle and the holdout.
    champion
        Digest of the champion's bundle, None if there is none.
    everywhere
        Count what any ref of this clone reaches; else what HEAD reaches, which is the least that
        the place can be.
    also
        Other repositories whose verdicts count, such as the one that an experiment is part of.

    Raises
    ------
    NotARepository
        Git fails, or lacks the text of a verdict, or the history.
    """
    if not everywhere and is_shallow(root):
        raise NotARepository(
            "the clone lacks older commits, so the challengers on this holdout cannot be counted",
            fix="Get the whole history: git fetch --unshallow --tags (in CI fetch-depth: 0).",
        )
    if not git.is_in_work_tree(root):
        return 1  # nothing was ever committed
    try:
        head = ("HEAD",) if git.head(root) else ()
    except NotARepository:
        head = ()
    reached = _read(root, *head) if head else ()
    mine = [each for each in reached if (each.bundle, each.data) == (bundle, data)]
    if mine:
        first = mine[0].commit
        before = [each for each in _read(root, first) if each.commit != first]
        return max(least_place(before, bundle, data, champion), min(e.challenger for e in mine))
    if everywhere:
        reached = _read(root, "--all", *head)
        reached += tuple(each for folder in also for each in _read(folder, "--all"))
    return least_place(reached, bundle, data, champion)


def least_place(past: Iterable[PastVerdict], bundle: str, data: str, champion: str | None) -> int:
    """The place of a bundle after these verdicts: one more than there are, or than they count."""
    places: dict[str, int] = {}
    before = 0
    for each in past:
        if each.data != data or each.bundle == bundle:
            continue
        if each.bundle == champion:
            before = max(before, each.challenger - 1)
        else:
            known = places.get(each.bundle, each.challenger)
            places[each.bundle] = min(known, each.challenger)
    return 1 + max(len(places), max(places.values(), default=0), before)


def is_shallow(root: Path) -> bool:
    """Whether the clone lacks older commits, so that challengers cannot be counted."""
    return git.run(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"


def _read(root: Path, *revisions: str) -> tuple[PastVerdict, ...]:
    """The verdicts that commits brought, those of ancestors first.

    Both sides of a merge are looked at, though one of them may have left no trace in its result.
    """
    done = git.run(
        root,
        *("-c", "log.showRoot=true", "log", "--full-history", "--diff-merges=separate"),
        *("--topo-order", "--reverse", "--raw", "--no-abbrev", "--no-renames"),
        *("--relative", "--format=%H", *revisions, "--", layout.VERDICT),
    )
    if done.returncode:
        raise NotARepository(
            "git cannot read its history", where=str(root), found=git.complaint(done)
        )
    commit, found = "", []
    for line in done.stdout.decode(errors="replace").splitlines():
        if line.startswith(":"):
            _, mode, _, name, _ = line.split(maxsplit=4)
            if mode != "000000":
                found.append((commit, name))
        elif line:
            commit = line.split()[0]  # of a merge once for each parent
    return _parsed(root, found)


def _parsed(root: Path, found: Sequence[tuple[str, str]]) -> tuple[PastVerdict, ...]:
    """The verdicts of these objects by commit, without what is none."""
    names = list(dict.fromkeys(name for _, name in found))
    known: dict[str, tuple[str, str, int]] = {}
    for name, text in zip(names, git.read_objects(root, names), strict=True):
        if text is None:
            raise NotARepository(
                "git cannot read a verdict of its history, so challengers cannot be counted",
                where=layout.VERDICT,
                found=f"no object {name[:10]}",
                fix="In a partial clone get it first: git fetch --refetch.",
            )
        if (facts := _facts(text)) is not None:
            known[name] = facts
    return tuple(PastVerdict(commit, *known[name]) for commit, name in found if name in known)


def _facts(text: bytes) -> tuple[str, str, int] | None:
    """Bundle, holdout and place; None if the text is no verdict."""
    try:
        tree: Any = json.loads(text)
        bundle, data = tree["bundle"], tree["data"]
        told = (tree.get("holdout") or {}).get("challenger", 1)
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None
    if not (isinstance(bundle, str) and isinstance(data, str)):
        return None
    return bundle, data, told if isinstance(told, int) and told > 0 else 1
