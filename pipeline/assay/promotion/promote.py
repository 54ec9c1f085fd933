"""Promote the bundle of this commit to a stage, or roll back to an earlier version.

The facts are collected in ``facts.py`` and evaluated in ``checks.py``. A
promotion writes two tags, one for the version and one for the stage. If it is stopped in between,
the stage is unchanged; promoting again finds the version and continues.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from assay.errors import AssayError, ParamsError, PromotionRefused, UsageError
from assay.gate import waivers
from assay.project import digests, layout
from assay.project.params import Params
from assay.project.params.access import address_of
from assay.promotion import approvals, checks
from assay.promotion.checks import PromotionFacts
from assay.promotion.facts import collect_facts
from assay.registry import access, fetch, git, signatures, tag_writer, tags, versions
from assay.registry.allowed import require_allowed
from assay.registry.tags import Action, TagEvent
from assay.registry.versions import (
    NONE,
    UNKNOWN,
    PromotionEvidence,
    RegistryState,
    Version,
    fold,
    format_override,
)


class PromotionRefusals(PromotionRefused):
    """All refusals at once; ``reasons`` holds an error for each."""

    def __init__(self, reasons: list[PromotionRefused]) -> None:
        self.reasons = list(reasons)
        super().__init__("; ".join(each.line() for each in reasons))

    def lines(self) -> list[str]:
        return [each.line() for each in self.reasons]


@dataclass(frozen=True)
class StageMove:
    """A promotion or rollback: what was done, and which version held the stage before."""

    done: Literal["promoted", "rolled back"]
    stage: str
    before: str | None
    version: Version

    def document(self) -> dict[str, Any]:
        tree = {"done": self.done, "stage": self.stage, "before": self.before}
        return {**tree, **asdict(self.version)}


def promote(
    root: Path,
    params: Params,
    *,
    because: str | None = None,
    stage: str | None = None,
    bump: Literal["major", "minor", "patch"] = "minor",
    override: bool = False,
    ask_host: Callable[[str], str | None] | None = None,
) -> StageMove:
    """Register the checked-out commit as a version and give it the stage.

    Parameters
    ----------
    params
        Of the work tree: only its name and stage are used, until the commit's own are read.
    because
        The reason, kept in the tags.
    stage
        Defaults to ``registry.stage`` of params.yaml.
    bump
        Which part of the last version's number to raise; the first version is v0.1.0.
    override
        Overrule the gate. The tags keep what was overruled, and it is shown from then on.
    ask_host
        Says who approved the commit on the code host, and is none of its authors; called only if
        ``registry.require_approval`` says so.

    Raises
    ------
    PromotionRefused
        With every reason at once.
    NotAllowed
        The person may not promote, or override; or one who may not has waived a rule.
    UsageError
        An override without a reason, or a blank reason.
    """
    if override and not (because or "").strip():
        raise UsageError(
            "an override needs a reason",
            fix="Add --because 'why it may go out all the same', which is kept for good.",
        )
    if because is not None and not because.strip():
        raise UsageError("--because gives no reason", fix="Say why, or leave it out.")
    commit = git.head(root)
    git.identity(root)
    with fetch.export_commit(root, commit) as there:
        params = fetch.read_params(there)
        stage = tags.resolve_stage(stage, params.registry.stage)
        known = versions.read_state(root, params.name)
        facts, text = collect_facts(root, there, params, stage, commit, known)
    reasons = checks.refusals(facts, override=override)
    try:
        access.require(root, "promote")
        if override:
            access.require(root, "override")
    except ParamsError:
        # A file that cannot be read as the policy may be among what is wrong with the commit.
        if not reasons:
            raise
    lacking = approvals.refusals(root, params, facts.here.digest or "", commit)
    if not override:
        reasons += lacking
    approved = None
    if params.registry.require_approval:
        asked = ask_host(commit) if ask_host else None
        if asked and not access.read_policy(root).access.allows("approve", asked):
            asked = None
        approved = asked or tagger(root, commit, text or "")
        if approved is None:
            reasons.append(refusal(commit))
    for refused in waivers.not_allowed(root, params.gate.waivers):
        raise refused
    if len(reasons) == 1:
        raise reasons[0]
    if reasons:
        raise PromotionRefusals(reasons)

    assert facts.here.digest is not None
    evidence = replace(_evidence(facts, text, lacking), approved=approved)
    bundle = facts.here.digest
    version = facts.head_version
    coming = version or versions.coming_version(root, params.name, known, commit, bundle, bump)
    in_its_way = preview_refusal(known, coming, stage)
    if in_its_way is not None:
        raise in_its_way
    message = tag_writer.stage_message(
        root, coming, stage, "promote", because=because, evidence=evidence
    )
    if version is None:
        trailers = {"Because": because, "Bundle": bundle, **evidence.trailers()}
        tag_writer.register(root, coming.name, coming.version, commit, facts=trailers)
        known = versions.read_state(root, params.name)
        version = versions.select_version(known, params.name, coming.version)
    tag_writer.assign(root, known, version, stage, message)
    held = versions.read_champion(root, params.name, stage)
    return StageMove("promoted", stage, facts.holder, held)


def rollback(
    root: Path,
    params: Params,
    *,
    to: str | None = None,
    because: str,
    stage: str | None = None,
) -> StageMove:
    """Give the stage back to the version that held it before, or to ``to``, which held it once.

    The bundle is fetched and verified first, so a stage never goes to one that cannot be fetched.

    Raises
    ------
    UsageError
        No reason was given.
    PromotionRefused
        There is no earlier version, or ``to`` never held the stage or holds it now.
    NotAllowed
        The person may not roll back.
    VersionRefused
        The version to go back to may not be used.
    """
    stage = tags.resolve_stage(stage, params.registry.stage)
    if not because.strip():
        raise UsageError(
            "a rollback needs a reason", fix="Add --because 'what went wrong', for the history."
        )
    known = versions.read_state(root, params.name)
    git.identity(root)
    access.require(root, "rollback")
    holder = known.holders.get(stage)
    version = _target(known, params.name, stage, to)
    require_allowed(root, known, version)
    fetch.fetch_bundle(root, version, root / fetch.BUNDLES)
    evidence = PromotionEvidence(
        verdict=version.verdict if version.verdict != UNKNOWN else None,
        outcome=version.outcome,
        champion=holder,
        override=version.override,
    )
    in_its_way = preview_refusal(known, version, stage)
    if in_its_way is not None:
        raise in_its_way
    message = tag_writer.stage_message(
        root, version, stage, "rollback", because=because, evidence=evidence
    )
    tag_writer.assign(root, known, version, stage, message)
    held = versions.read_champion(root, params.name, stage)
    return StageMove("rolled back", stage, holder, held)


def _evidence(
    facts: PromotionFacts, text: str | None, lacking: Sequence[PromotionRefused]
) -> PromotionEvidence:
    """The evidence for the tags; a verdict about something else does not count."""
    override = format_override([*checks.overridable(facts), *lacking])
    if facts.verdict is None or text is None or not checks.verdict_applies(facts):
        return PromotionEvidence(outcome=NONE, champion=facts.champion, override=override)
    return PromotionEvidence(
        verdict=digests.digest_content(text),
        outcome=facts.verdict.outcome.value,
        champion=facts.champion,
        override=override,
    )


def _target(known: RegistryState, name: str, stage: str, to: str | None) -> Version:
    holder = known.holders.get(stage)
    if to is None:
        before = known.previous_holder(stage)
        if before is None:
            # After a rollback: the version that it took the stage from.
            past = reversed([each.version for each in known.histories.get(stage, ())])
            later = next((each for each in past if each != holder and known.find(each)), None)
            raise PromotionRefused(
                f"there is no earlier version to give the stage {stage} of {name} back to",
                found=(f"only {holder}" if holder else "nothing that ever held it")
                + (f", and {later}, which held it later" if later else ""),
                fix=f"To give it back to {later}: assay rollback --to {later} --because WHY."
                if later
                else "Promote another commit: assay promote.",
            )
        return versions.select_version(known, name, before)
    version = versions.select_version(known, name, to)
    held = {each.version for each in known.histories.get(stage, ())}
    if version.version not in held:
        raise PromotionRefused(
            f"{version.version} never held the stage {stage}, so there is no way back to it",
            expected=", ".join(sorted(held)) or "a version that held it",
            found=version.version,
            fix="Check its commit out and run assay promote, which asks for its verdict.",
        )
    if version.version == holder:
        raise PromotionRefused(
            f"{version.version} already holds the stage {stage}", fix="There is nothing to do."
        )
    return version


def preview_refusal(known: RegistryState, version: Version, stage: str) -> PromotionRefused | None:
    """Why the version would not hold the stage after promotion; None if it would.

    Parameters
    ----------
    version
        With the bundle that its new tags would name; it need not be registered yet.
    """
    then = fold([*known.events, *_new(known, version, stage)])
    there = then.find(version.version)
    artifact = version.name.replace(":", "=")
    fix = (
        f"Look for one that was made by hand: git tag --list -n9 '{artifact}[@#]*'; delete it "
        "(git tag -d NAME), or promote another commit."
    )
    if there is not None and there.bundle == UNKNOWN:
        named = [digest[:19] for digest in then.bundle_digests(there)]
        return PromotionRefused(
            f"the tags of {version.version} contradict each other, and one more would not fix it",
            expected="one digest in their lines 'Bundle: sha256:…'",
            found=", ".join(named),
            fix=fix,
        )
    holder = then.holders.get(stage)
    if holder != version.version:
        return PromotionRefused(
            f"{version.version} would not hold the stage {stage}, whatever is written",
            expected="no other tag in its way",
            found=f"{holder or 'nothing'} would hold it",
            fix=fix,
        )
    several = [each.version for each in then.versions if each.commit == version.commit]
    if len(several) > 1:
        return PromotionRefused(
            "this commit is more than one version, which GTO and DVC cannot read",
            expected="one",
            found=", ".join(several),
            fix=fix,
        )
    return None


def _new(known: RegistryState, version: Version, stage: str) -> list[TagEvent]:
    """The tags to be written, as events."""
    given = TagEvent(
        artifact=version.name,
        action="assign",
        version=None,
        stage=stage,
        counter=known.next_counter,
        commit=version.commit,
        time=known.latest + 1,
        at="",
        by="",
        subject="",
        trailers={"Bundle": version.bundle},
    )
    if known.find(version.version) is not None:
        return [given]
    action: Action = "register"
    return [replace(given, action=action, version=version.version, stage=None), given]


# -------- who approved what is promoted, and is none of its authors (``registry.require_approval``)
# The code host is asked, which knows accounts (`assay.hosting.ci`). Everywhere a tag of git
# counts, which names its maker as git was told.

TAGS = "approved/"
"""How the names of tags of approval begin."""


def tagger(root: Path, commit: str, verdict: str) -> str | None:
    """Who made an annotated tag ``approved/...`` on a commit with this very verdict.

    The authors of the verdict, in that commit and in the one to promote, cannot approve it. People
    are told apart by their addresses.

    Parameters
    ----------
    verdict
        The text of verdict.json in the commit to promote.
    """
    tagged = [each for each in git.tags(root) if each.name.startswith(TAGS)]
    tagged = [each for each in tagged if _verdict_at(root, each.commit) == verdict]
    by, policy = signatures.makers(root, tagged), access.read_policy(root)
    for each in tagged:
        maker = by.get(each.name)
        if maker is None or not policy.access.allows("approve", maker):
            continue
        if address_of(maker) not in {_author(root, commit), _author(root, each.commit)}:
            return maker
    return None


def refusal(commit: str) -> PromotionRefused:
    """That nobody but its authors approved it, and what helps."""
    tag = f"{TAGS}{commit[:10]}"
    return PromotionRefused(
        "nobody but its authors approved what is promoted",
        where=f"{layout.PARAMS}: registry.require_approval",
        expected="an approving review of the pull request's newest commit, or a tag approved/... "
        "on a commit with this verdict, by somebody else",
        found="neither",
        fix=f"Somebody else types: git tag --annotate {tag} --message WHY {commit[:10]} && "
        f"git push origin {tag}; then promote again.",
    )


def _verdict_at(root: Path, commit: str) -> str | None:
    try:
        return git.show(root, commit, layout.VERDICT)
    except AssayError:
        return None


def _author(root: Path, commit: str) -> str:
    """The address of who last changed the verdict."""
    done = git.run(root, "log", "-1", "--format=%ae", commit, "--", layout.VERDICT)
    return address_of(done.stdout.decode(errors="replace"))
