"""Checks that the tags of a version agree with its commit's verdict, and counts past verdicts.

Anyone who can push can make a tag by hand. Such a version is listed like any other, but shown as
unverified.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assay.errors import AssayError, NotARepository, PromotionRefused
from assay.project import digests, layout
from assay.project.params import Params
from assay.registry import access, fetch, git, signatures, tags, versions
from assay.registry.allowed import signature_doubt
from assay.registry.signatures import Proof
from assay.registry.versions import NONE, UNKNOWN, Assignment, RegistryState, Version
from assay.reports.verdict import Outcome, Verdict

NOT_WRITTEN = "no promotion wrote its tag, or it was moved since"


def read_past_verdict(root: Path, commit: str, bundle: str | None) -> Verdict | None:
    """The verdict at a commit, if it is about this bundle; None if there is none.

    Both the gate and promotion use it, to count the champion's tests. A version may have been
    promoted without a verdict.
    """
    try:
        verdict = Verdict.parse(git.show(root, commit, layout.VERDICT), layout.VERDICT)
    except (AssayError, UnicodeDecodeError):
        return None
    return verdict if verdict.bundle == bundle else None


def verify_version(version: Version, text: str | None) -> str | None:
    """Why a version is unverified; None if its tags and verdict agree.

    Parameters
    ----------
    text
        verdict.json at the version's commit, None if there is none.
    """
    if version.bundle == UNKNOWN:
        return "its tags name no bundle"
    if version.outcome is None:
        return NOT_WRITTEN
    if version.outcome == NONE:
        return None if version.override else "its tags say that there was no verdict"
    if text is None:
        return "no verdict can be had from its commit"
    if version.verdict != digests.digest_content(text):
        return "its tags name another verdict than its commit holds"
    try:
        verdict = Verdict.parse(text, layout.VERDICT)
    except PromotionRefused as error:
        return error.what
    if verdict.bundle != version.bundle:
        return "its verdict is about another bundle"
    if verdict.outcome.value != version.outcome:
        return f"its tags say {version.outcome}, its verdict {verdict.outcome}"
    if verdict.outcome is not Outcome.PASS and not version.override:
        return f"its verdict is {verdict.outcome}, and nobody overruled it"
    return None


def verify_assignment(move: Assignment, version: Version | None, problem: str | None) -> str | None:
    """Why a stage assignment is unverified, given the doubt about its version."""
    if move.kind == "unassign":
        return None
    if version is None:
        return "no version is at this commit"
    if move.outcome is None:
        return NOT_WRITTEN
    if (move.verdict or UNKNOWN) != version.verdict:
        return "its tag names another verdict than the version's"
    return problem


def verify_holder(
    known: RegistryState, version: Version, stage: str, text: str | None
) -> str | None:
    """Why the holder of a stage, or the tag that assigned the stage to it, is unverified."""
    given = last_assignment(known, version, stage)
    problem = verify_version(version, text)
    return problem if given is None else verify_assignment(given, version, problem)


def last_assignment(known: RegistryState, version: Version, stage: str) -> Assignment | None:
    """The last assignment of a stage to a version; None if there was none."""
    moves = reversed(known.histories.get(stage, ()))
    own = (each for each in moves if each.version == version.version and each.kind != "unassign")
    return next(own, None)


def find_doubt(
    root: Path, known: RegistryState, version: Version, stage: str | None = None
) -> str | None:
    """Why a version, or who gave it the stage that it holds, is unverified; None if it is not."""
    text = fetch.read_verdict(root, version)
    if stage is None:
        verified = verify_version(version, text)
    else:
        verified = verify_holder(known, version, stage, text)
    return verified or signature_doubt(root, known, version, stage)


def unverified_warning(version: str, doubt: str | None) -> str:
    """The warning text wherever an unverified version is shown."""
    return f"{version} is unverified: {doubt}."


@dataclass(frozen=True)
class Listing:
    """The versions of a model, and the history of one stage.

    ``doubts`` states for each version why it is unverified, None if it is verified; ``proofs`` for
    each tag who signed it.
    """

    name: str
    stage: str
    known: RegistryState
    doubts: Mapping[str, str | None]
    proofs: Mapping[str, Proof]

    def signed_by(self, tag: str) -> str | None:
        """Whose signature a tag has; None if who made it is only claimed."""
        return self.proofs[tag].by or None

    def verify_assignment(self, move: Assignment) -> str | None:
        """Why this assignment of the stage is unverified, None if it is verified."""
        version = self.known.find(move.version)
        return verify_assignment(move, version, self.doubts.get(move.version))

    def document(self) -> dict[str, object]:
        known = self.known
        return {
            "schema": 1,
            "name": self.name,
            "stage": self.stage,
            "holder": known.holders.get(self.stage),
            "versions": [
                {
                    **asdict(each),
                    "stages": list(known.stages_of(each.version)),
                    "unverified": self.doubts[each.version],
                    "signed_by": self.signed_by(each.tag),
                }
                for each in reversed(known.versions)
            ],
            "history": [
                {
                    **asdict(each),
                    "unverified": self.verify_assignment(each),
                    "signed_by": self.signed_by(each.tag),
                }
                for each in known.histories.get(self.stage, ())
            ],
        }


def list_versions(root: Path, params: Params, *, stage: str | None = None) -> Listing:
    """Every version, the newest first, and the history of the stage."""
    stage = tags.resolve_stage(stage, params.registry.stage)
    known = versions.read_state(root, params.name)
    doubts = {each.version: find_doubt(root, known, each) for each in known.versions}
    made = [each.tag for each in known.events if each.tag]
    proofs = signatures.verify(root, access.read_policy(root), made)
    return Listing(params.name, stage, known, doubts, proofs)


# ------------------------ which challengers were judged on a holdout: the verdicts in git's history
# A look at the holdout leaves a verdict, and git forgets none that it can reach: deleting the
# file in a later commit changes nothing. A merge that squashes a branch leaves its last verdict
# alone, but that says how many there were.


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
    if not everywhere and git.is_shallow(root):
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
    commit, objects = "", []
    for line in done.stdout.decode(errors="replace").splitlines():
        if line.startswith(":"):
            _, mode, _, name, _ = line.split(maxsplit=4)
            if mode != "000000":
                objects.append((commit, name))
        elif line:
            commit = line.split()[0]  # of a merge once for each parent
    return _parsed(root, objects)


def _parsed(root: Path, objects: Sequence[tuple[str, str]]) -> tuple[PastVerdict, ...]:
    """The verdicts of these objects by commit, without what is none."""
    names = list(dict.fromkeys(name for _, name in objects))
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
    return tuple(PastVerdict(commit, *known[name]) for commit, name in objects if name in known)


def _facts(text: bytes) -> tuple[str, str, int] | None:
    """Bundle, holdout and place; None if the text is no verdict."""
    try:
        tree: Any = json.loads(text)
        bundle, data = tree["bundle"], tree["data"]
        challenger = (tree.get("holdout") or {}).get("challenger", 1)
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None
    if not (isinstance(bundle, str) and isinstance(data, str)):
        return None
    return bundle, data, challenger if isinstance(challenger, int) and challenger > 0 else 1
