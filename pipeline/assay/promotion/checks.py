"""Decides whether a commit may be promoted: from facts to a list of refusals. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from assay.errors import PromotionRefused
from assay.gate import waivers
from assay.project import layout
from assay.project.text import first_few
from assay.registry import git, git_contents
from assay.registry.verification import NOT_WRITTEN
from assay.registry.versions import UNKNOWN, Version
from assay.reports.verdict import Outcome, Verdict

_GATE = (
    "Run the gate again and commit what it writes: dvc repro (after an upgrade of Assay "
    "dvc repro --force --downstream evaluate), git commit."
)


@dataclass(frozen=True)
class FoundDigest:
    """A digest, or the reason why it could not be determined."""

    digest: str | None = None
    problem: str | None = None

    def __str__(self) -> str:
        return short_digest(self.digest) if self.digest else self.problem or "nothing"


@dataclass(frozen=True)
class PromotionFacts:
    """Everything that the decision depends on.

    Parameters
    ----------
    unclean
        Changed and untracked files.
    flagged
        Files marked assume-unchanged or skip-worktree in git.
    tracked
        Files in the commit that only DVC or the store may keep.
    links
        Symbolic links in the commit on paths that evidence is read from.
    locked
        dvc.lock is in the commit.
    artifact, artifact_problem
        The bundle's path according to dvc.yaml in the commit, or why there is none.
    stale
        Differences between the commit and its dvc.lock, one line each.
    verdict, verdict_problem
        The verdict in the commit, or why there is none.
    again
        Statements of the verdict that the commit's reports contradict, one line each.
    here, committed
        Digest of the bundle in the work tree, and of the one that DVC has for the commit.
    data, contract, policy, code, reports
        Digests computed now; all but the data's from the commit.
    today
        The date that waivers are checked against.
    champion, champion_bundle
        The version to compare the bundle with today, and its digest; nothing if there is no
        champion.
    head_version
        The version that this commit already is.
    dropped
        The version that this commit was before it was deregistered.
    holder
        The version that holds the stage now.
    """

    name: str
    stage: str
    unclean: tuple[str, ...]
    flagged: tuple[str, ...]
    tracked: Mapping[str, int]
    links: tuple[str, ...]
    locked: bool
    artifact: str | None
    artifact_problem: str | None
    stale: tuple[str, ...]
    verdict: Verdict | None
    verdict_problem: str | None
    again: tuple[str, ...]
    here: FoundDigest
    committed: FoundDigest
    data: FoundDigest
    contract: FoundDigest
    policy: FoundDigest
    code: FoundDigest
    reports: FoundDigest
    today: date
    champion: str | None
    champion_bundle: FoundDigest
    head_version: Version | None
    dropped: str | None
    holder: str | None


def refusals(facts: PromotionFacts, *, override: bool = False) -> list[PromotionRefused]:
    """Every reason against promotion, the one to fix first at the front; an empty list means yes.

    With ``override``, the reasons of :func:`overridable` are left out, and no others.
    """
    return [
        *_repository(facts),
        *_bundle(facts),
        *([] if override else _judged(facts)),
        *_registry(facts),
    ]


def overridable(facts: PromotionFacts) -> list[PromotionRefused]:
    """Reasons that a person may overrule: the gate did not pass this bundle, or did not judge it.

    It cannot be overruled that the bundle cannot be fetched: nobody could score with it.
    """
    return [*_judged(facts), *_unbound(facts)]


def _judged(facts: PromotionFacts) -> list[PromotionRefused]:
    """The reasons of `overridable` but one that is over with the gate's refusal."""
    return [*([] if _only_refused(facts) else _lock(facts)), *_verdict(facts)]


def _only_refused(facts: PromotionFacts) -> bool:
    """Whether nothing but the gate differs from dvc.lock, because the gate refused.

    A gate that refuses ends its stage with an error, so DVC leaves it out of dvc.lock however often
    it runs, or leaves the entry of an earlier run that passed. Then the verdict is the reason for
    both, and ``dvc repro`` alone fixes neither.
    """
    refused = facts.verdict is not None and facts.verdict.outcome is not Outcome.PASS
    return refused and all(line.startswith("gate: ") for line in facts.stale)


def verdict_applies(facts: PromotionFacts) -> bool:
    """Whether the verdict is the gate's, and about this bundle, data, policy and champion."""
    if facts.verdict is None or facts.again or list(_another(facts)):
        return False
    return not facts.stale or _only_refused(facts)


def _repository(facts: PromotionFacts) -> Iterator[PromotionRefused]:
    if facts.unclean:
        yield PromotionRefused(
            "the work tree differs from the commit",
            expected="nothing uncommitted",
            found=first_few(facts.unclean, 5),
            fix="Commit these files, or list in .gitignore what is no part of the project.",
        )
    if facts.flagged:
        yield PromotionRefused(
            "git was told not to look whether files differ from the commit",
            expected="no file marked assume-unchanged or skip-worktree",
            found=first_few(facts.flagged, 5),
            fix=f"{git.LOOK_AGAIN}; or git sparse-checkout disable.",
        )
    if facts.tracked:
        error = git_contents.tracked_data_error(facts.tracked)
        yield PromotionRefused(
            error.what, expected=error.expected, found=error.found, fix=error.fix
        )
    if facts.links:
        yield PromotionRefused(
            git_contents.LINK,
            expected="plain files",
            found=first_few(facts.links, 5),
            fix=git_contents.LINK_FIX,
        )
    if not facts.locked:
        yield PromotionRefused(
            "it is not in the commit",
            where=layout.DVC_LOCK,
            expected="the record of the run that made the bundle",
            fix="Run dvc repro, then git add dvc.lock and commit.",
        )
    if facts.artifact is None:
        yield PromotionRefused(
            f"no artifact '{facts.name}' is declared",
            where=layout.DVC_YAML,
            expected=f"artifacts: {{{facts.name}: {{path: {layout.BUNDLE}, type: model}}}}",
            found=facts.artifact_problem,
            fix="Declare it and commit.",
        )


def _bundle(facts: PromotionFacts) -> Iterator[PromotionRefused]:
    if facts.here.digest is None:
        yield PromotionRefused(
            "there is no whole bundle in the work tree",
            where=layout.BUNDLE,
            found=str(facts.here),
            fix="Run dvc repro, or dvc checkout.",
        )
    elif facts.committed.digest is None:
        yield PromotionRefused(
            "the bundle of this commit cannot be had from DVC",
            where=layout.BUNDLE,
            found=str(facts.committed),
            fix="Nobody could score with it: dvc fetch it, or run dvc repro and commit.",
        )
    elif facts.committed.digest != facts.here.digest:
        yield PromotionRefused(
            "the bundle here is not the one that the commit's dvc.lock points to",
            where=layout.BUNDLE,
            expected=str(facts.committed),
            found=str(facts.here),
            fix="Run dvc repro and commit dvc.lock, or dvc checkout to go back.",
        )


def _lock(facts: PromotionFacts) -> Iterator[PromotionRefused]:
    """What changed without ``dvc repro``, or was edited by hand after it."""
    if not facts.locked:
        return  # already reported
    if facts.stale:
        yield PromotionRefused(
            "it does not describe the commit",
            where=layout.DVC_LOCK,
            found=first_few(facts.stale, 5, "; "),
            fix="Run dvc repro and commit what it writes.",
        )


def _unbound(facts: PromotionFacts) -> Iterator[PromotionRefused]:
    """That no hash in dvc.lock holds the verdict of a gate that refused."""
    if facts.stale and _only_refused(facts):
        yield PromotionRefused(
            "DVC keeps no output of a gate that did not pass, so the verdict in the commit is not "
            "in dvc.lock",
            where=layout.DVC_LOCK,
        )


def _verdict(facts: PromotionFacts) -> Iterator[PromotionRefused]:
    verdict = facts.verdict
    if verdict is None:
        yield PromotionRefused(
            "there is no verdict on this bundle",
            where=layout.VERDICT,
            found=facts.verdict_problem,
            fix=_GATE,
        )
        return
    if verdict.outcome is not Outcome.PASS:
        bad = [each.title for each in verdict.blocking]
        why = f"{bad[0]}: {verdict.blocking[0].detail}. " if bad else ""
        yield PromotionRefused(
            "the gate did not let it pass",
            where=layout.VERDICT,
            expected=Outcome.PASS.value,
            found=f"{verdict.outcome.value}: {'; '.join(bad) or 'no finding decides'}",
            fix=f"{why}assay gate verdict says more. Fix the model, or the rule in params.yaml "
            "(gate), then run dvc repro and commit. If it may go out all the same: assay promote "
            "--override --because 'why it may'.",
        )
    yield from _waived(facts, verdict)
    yield from _another(facts)
    if facts.again:
        yield PromotionRefused(
            "it is not what the gate says of this commit",
            where=layout.VERDICT,
            found=first_few(facts.again, 5, "; "),
            fix="A verdict is never edited. " + _GATE,
        )


def _waived(facts: PromotionFacts, verdict: Verdict) -> Iterator[PromotionRefused]:
    """Waivers of the verdict that have ended, or that end too late."""
    for finding in verdict.findings:
        waiver = finding.waiver
        if waiver is None:
            continue
        until, last = date.fromisoformat(waiver.until), waivers.last_day(facts.today)
        if until > last:
            yield PromotionRefused(
                f"the waiver of '{finding.title}' ends too late",
                where=layout.VERDICT,
                expected=f"a day up to {last}, {waivers.MOST_DAYS} days from now",
                found=waiver.until,
                fix="Shorten until under gate.waivers, or change the rule. " + _GATE,
            )
        if facts.today > until:
            yield PromotionRefused(
                f"the waiver of '{finding.title}' has ended",
                where=layout.VERDICT,
                expected=f"a day up to {waiver.until}",
                found=str(facts.today),
                fix=_GATE,
            )


def _another(facts: PromotionFacts) -> Iterator[PromotionRefused]:
    """Differences between what the verdict is about and what is being promoted."""
    verdict = facts.verdict
    assert verdict is not None
    if verdict.name != facts.name:
        yield PromotionRefused(
            "the verdict is about another project",
            where=layout.VERDICT,
            expected=facts.name,
            found=verdict.name,
            fix=_GATE,
        )
    # An incomplete bundle is already reported; it has no digest to compare.
    bundle = [("bundle", verdict.bundle, facts.here)] if facts.here.digest else []
    judged = (
        *bundle,
        ("data", verdict.data, facts.data),
        ("contract", verdict.contract, facts.contract),
        ("policy", verdict.policy, facts.policy),
        ("code", verdict.code, facts.code),
        ("set of reports", verdict.reports, facts.reports),
        *_champion(facts, verdict),
    )
    if other := [each for each in judged if each[2].digest is None or each[2].digest != each[1]]:
        yield PromotionRefused(
            f"the verdict is about {', '.join(f'another {what}' for what, _, _ in other)}",
            where=layout.VERDICT,
            expected=", ".join(f"{what} {short_digest(told)}" for what, told, _ in other),
            found=", ".join(str(now) for _, _, now in other),
            fix=_GATE,
        )


def _champion(facts: PromotionFacts, verdict: Verdict) -> list[tuple[str, str | None, FoundDigest]]:
    """The two champion digests, if the verdict was not made against today's champion."""
    version = facts.head_version
    if version is not None and version.version == facts.champion:
        # It has become the champion itself: its verdict was about the previous one.
        return []
    told, now = verdict.champion, facts.champion_bundle
    nobody = facts.champion is None
    if told.bundle == now.digest and (told.state == "none") == nobody:
        return []
    return [("champion", told.bundle, now)]


def _registry(facts: PromotionFacts) -> Iterator[PromotionRefused]:
    version = facts.head_version
    if facts.dropped is not None:
        yield PromotionRefused(
            f"this commit was {facts.dropped}, which was deregistered",
            fix="Promote another commit.",
        )
    if version is None:
        return
    if version.outcome is None:
        yield PromotionRefused(
            f"this commit is {version.version}, but {NOT_WRITTEN}",
            where=f"tag {version.tag}",
            fix="Get the promotion's own: git fetch --tags --force. If there is none, delete the "
            "tags that git tag --points-at HEAD lists, and promote again.",
        )
        return
    if facts.here.digest and version.bundle not in (UNKNOWN, facts.here.digest):
        yield PromotionRefused(
            f"this commit is {version.version}, registered with another bundle",
            expected=short_digest(version.bundle),
            found=str(facts.here),
            fix="Run dvc checkout; a new bundle needs a new commit.",
        )
    if facts.holder == version.version and version.bundle != UNKNOWN:
        yield PromotionRefused(
            f"{version.version} already holds the stage {facts.stage}",
            fix="There is nothing to do.",
        )


def short_digest(digest: str | None) -> str:
    """Enough of a digest for a person to compare."""
    return digest[:19] if digest else "nothing"
