"""Give a stage to the bundle of this commit, or give it back to an earlier version.

The facts are collected here and weighed in ``decide.py``. A promotion writes two tags, the
version and the stage; if it is stopped in between, the stage is still where it was, and
promoting again finds the version and goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pipeline import bundle, digests, layout, verdict_json
from pipeline.errors import AssayError, NotARepository, PromotionRefused, UsageError
from pipeline.params import Params
from pipeline.registry import decide, fetch, git, tags, versions, write
from pipeline.registry.decide import Facts, Seen, short
from pipeline.registry.evidence import NONE, Evidence, overruled
from pipeline.registry.state import UNKNOWN, State, Version
from pipeline.verdict import Verdict


class Refused(PromotionRefused):
    """All reasons at once; ``reasons`` holds an error for each."""

    def __init__(self, reasons: list[PromotionRefused]) -> None:
        self.reasons = list(reasons)
        super().__init__("; ".join(each.line() for each in reasons))

    def lines(self) -> list[str]:
        return [each.line() for each in self.reasons]


def promote(
    root: Path,
    params: Params,
    *,
    because: str | None = None,
    stage: str | None = None,
    bump: Literal["major", "minor", "patch"] = "minor",
    override: bool = False,
    as_json: bool = False,
) -> Version:
    """Register the commit that is checked out and give it the stage.

    Parameters
    ----------
    because
        The reason, kept in the tags.
    stage
        ``registry.stage`` of params.yaml when None.
    bump
        Which part of the last version's number to raise; the first version is v0.1.0.
    override
        Overrule the gate. What was overruled is kept in the tags and shown for good.

    Raises
    ------
    PromotionRefused
        With every reason at once.
    UsageError
        An override without a reason, or no name for a stage.
    NotARepository
    """
    if override and not (because or "").strip():
        raise UsageError(
            "an override needs a reason",
            mend="Add --because 'why it may go out all the same', which is kept for good.",
        )
    stage = _stage(stage or params.registry.stage)
    commit = git.head(root)
    git.identity(root)
    known = versions.state(root, params.name)
    facts = collect(root, params, stage, commit, known)
    reasons = decide.refusals(facts, override=override)
    if len(reasons) == 1:
        raise reasons[0]
    if reasons:
        raise Refused(reasons)

    assert facts.here.digest is not None
    evidence = _evidence(root, facts)
    version = facts.head_version
    if version is None:
        full = versions.artifact(root, params.name)
        number = tags.following(known.numbers, bump)
        told = {"Because": because, "Bundle": facts.here.digest, **evidence.trailers()}
        write.register(root, full, number, commit, facts=told)
        known = versions.state(root, params.name)
        version = versions.pick(known, params.name, number)
    if version.bundle == UNKNOWN:
        # Registered by hand: the tag of the stage says what the version's own does not.
        version = replace(version, bundle=facts.here.digest)
    write.assign(root, known, version, stage, "promote", because=because, evidence=evidence)
    held = versions.champion(root, params.name, stage)
    _tell("promoted", held, stage, before=facts.holder, as_json=as_json)
    return held


def rollback(
    root: Path,
    params: Params,
    *,
    to: str | None = None,
    because: str,
    stage: str | None = None,
    as_json: bool = False,
) -> Version:
    """Give the stage back to the version that held it before, or to ``to``, which once did.

    The bundle is fetched and checked first: a stage never goes to one that cannot be had.

    Raises
    ------
    UsageError
        No reason was given.
    VersionUnknown
        There is no version ``to``.
    PromotionRefused
        Nothing to go back to, or ``to`` never held the stage or holds it now.
    BundleMissing, BundleChanged, NotARepository
    """
    stage = _stage(stage or params.registry.stage)
    if not because.strip():
        raise UsageError(
            "a rollback needs a reason", mend="Add --because 'what went wrong', for the history."
        )
    known = versions.state(root, params.name)
    git.identity(root)
    holder = known.holders.get(stage)
    version = _target(known, params.name, stage, to)
    fetch.fetch_bundle(root, version, root / fetch.BUNDLES)
    evidence = Evidence(
        verdict=version.verdict if version.verdict != UNKNOWN else None,
        outcome=version.outcome,
        champion=holder,
        override=version.override,
    )
    write.assign(root, known, version, stage, "rollback", because=because, evidence=evidence)
    held = versions.champion(root, params.name, stage)
    _tell("rolled back", held, stage, before=holder, as_json=as_json)
    return held


def collect(root: Path, params: Params, stage: str, commit: str, known: State) -> Facts:
    """Look up everything that a promotion's decision rests on."""
    path, path_problem = layout.BUNDLE, None
    declared: str | None = None
    try:
        path = declared = fetch.declared_at(root, params.name, commit)
    except NotARepository:
        raise
    except AssayError as error:
        path_problem = error.found or error.what
    verdict, verdict_problem, text = _verdict(root)
    # What the gate compares with holds the stage of params.yaml, whatever is promoted to.
    champion = known.holders.get(params.registry.stage)
    head_version = known.at_commit(commit)
    dropped = [number for number, at in known.numbers.items() if at == commit]
    return Facts(
        name=params.name,
        stage=stage,
        unclean=git.unclean(root),
        locked=git.is_tracked_and_committed(root, layout.DVC_LOCK),
        artifact=declared,
        artifact_problem=path_problem,
        verdict=verdict,
        verdict_problem=verdict_problem,
        verdict_committed=text is not None and _text_at(root, commit) == text,
        here=_seen(lambda: bundle.digest_of(root / path)),
        committed=_seen(lambda: fetch.snapshot(root, params.name, commit, root / fetch.BUNDLES)[1]),
        data=_seen(lambda: digests.data(root)),
        contract=_seen(lambda: digests.contract_at(root, params)),
        policy=_seen(lambda: digests.policy(root, params)),
        code=_seen(digests.code),
        # A clock that was set back does not bring a waiver back.
        today=datetime.fromtimestamp(max(time.time(), git.head_time(root)), UTC).date(),
        champion=champion,
        champion_bundle=_bundle_of(known, champion),
        head_version=head_version,
        dropped=max(dropped, key=tags.order) if dropped and head_version is None else None,
        holder=known.holders.get(stage),
    )


def _evidence(root: Path, facts: Facts) -> Evidence:
    """What the tags are to say: a verdict about something else is no evidence."""
    override = overruled(decide.overridable(facts))
    if facts.verdict is None or not decide.on_this(facts):
        return Evidence(outcome=NONE, champion=facts.champion, override=override)
    return Evidence(
        verdict=digests.file(root / layout.VERDICT),
        outcome=facts.verdict.outcome.value,
        champion=facts.champion,
        override=override,
    )


def _bundle_of(known: State, label: str | None) -> Seen:
    version = known.find(label) if label else None
    if version is not None and version.bundle != UNKNOWN:
        return Seen(digest=version.bundle)
    return Seen(problem=f"{label[:12]}, of which no tag names the bundle" if label else None)


def _target(known: State, name: str, stage: str, to: str | None) -> Version:
    holder = known.holders.get(stage)
    if to is None:
        before = known.before(stage)
        if before is None:
            raise PromotionRefused(
                f"there is no earlier version to give the stage {stage} of {name} back to",
                found=f"only {holder}" if holder else "nothing that ever held it",
                mend="Promote another commit: assay promote.",
            )
        return versions.pick(known, name, before)
    version = versions.pick(known, name, to)
    held = {each.version for each in known.histories.get(stage, ())}
    if version.version not in held:
        raise PromotionRefused(
            f"{version.version} never held the stage {stage}, so there is no way back to it",
            expected=", ".join(sorted(held)) or "a version that held it",
            found=version.version,
            mend="Check its commit out and run assay promote, which asks for its verdict.",
        )
    if version.version == holder:
        raise PromotionRefused(
            f"{version.version} already holds the stage {stage}", mend="There is nothing to do."
        )
    return version


def _stage(stage: str) -> str:
    if not tags.is_stage(stage):
        raise UsageError(
            "no name for a stage",
            expected="letters, digits, - and _, a letter or digit at both ends",
            found=repr(stage),
        )
    return stage


def _verdict(root: Path) -> tuple[Verdict | None, str | None, str | None]:
    path = root / layout.VERDICT
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None, "no such file", None
    except (OSError, UnicodeDecodeError) as error:
        return None, f"it cannot be read: {error}", None
    try:
        return verdict_json.loads(text, layout.VERDICT), None, text
    except PromotionRefused as error:
        return None, error.what, text


def _text_at(root: Path, commit: str) -> str | None:
    try:
        return fetch.text_at(root, commit, layout.VERDICT)
    except AssayError:
        return None


def _seen(look: Callable[[], str]) -> Seen:
    try:
        return Seen(digest=look())
    except AssayError as error:
        return Seen(problem=error.line())


def _tell(done: str, version: Version, stage: str, *, before: str | None, as_json: bool) -> None:
    if as_json:
        told = {"done": done, "stage": stage, "before": before, **asdict(version)}
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    print(
        f"{done}: {version.name} {version.version} ({short(version.bundle)}) holds {stage}"
        + (f", before it {before}" if before else "")
    )
    if version.override:
        print(f"overridden: {version.override}")
    # The bundle before the tag: nobody is to see a champion that cannot be fetched.
    share = "dvc push && git push --follow-tags" if done == "promoted" else "git push --tags"
    print(f"next, so that others get it: {share}")
