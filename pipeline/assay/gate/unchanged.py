"""Is the model of a commit that of a promoted version? Then there is nothing to judge or promote.

Derived from the commit's tree and the versions' tags, without data. What the commit says of itself
can only speak against it: its dvc.lock and its verdict have to agree with the tree too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from assay.errors import AssayError
from assay.gate import provenance, waivers
from assay.gate.inputs import GateInputs
from assay.gate.rules import kinds
from assay.project import digests, layout, source_code
from assay.project.params import Params
from assay.registry import fetch, git, git_contents, verification, versions
from assay.registry.allowed import require_allowed
from assay.registry.dvc_lock import stale_lines
from assay.registry.dvc_pipeline import Pipeline, PipelineStage
from assay.registry.versions import RegistryState, Version
from assay.reports.raw_rows import lock_entries
from assay.reports.verdict import Outcome, Verdict, combine_outcomes

PACKAGES = "requirements"
"""The folder that names what is installed where a bundle is judged."""


@dataclass(frozen=True)
class Unchanged:
    """The promoted version that a commit's model is, and the one that holds the stage now."""

    stage: str
    version: str
    bundle: str
    holder: str | None

    def __str__(self) -> str:
        other = f", and {self.holder or 'no version'} holds {self.stage}"
        return f"the model is unchanged: {self.version}{'' if self.is_champion else other}"

    @property
    def is_champion(self) -> bool:
        return self.version == self.holder

    def document(self) -> dict[str, Any]:
        return {"schema": 1, "outcome": "unchanged", **asdict(self)}


@dataclass(frozen=True)
class ModelAnswer:
    """Which promoted version the model is; else what differs from the version that holds the stage.

    ``promoted`` states that dvc.lock names the bundle of that holder.
    """

    SCHEMA: ClassVar[int] = 1

    unchanged: Unchanged | None
    against: str | None
    differs: tuple[str, ...]
    promoted: bool


@dataclass(frozen=True)
class _Commit:
    """What a commit's tree says of its model; digests are computed from the tree.

    ``makers`` are the stages that the bundle and the holdout come from.
    """

    contract: str
    policy: str
    code: str
    packages: str
    entries: Mapping[str, Any]
    makers: Mapping[str, frozenset[str]]
    bundle_maker: str | None
    stale: tuple[str, ...]
    verdict: str
    passes: bool


def find(root: Path, params: Params) -> ModelAnswer:
    """The promoted version whose bundle, data, contract, policy and code HEAD has.

    Whatever cannot be told counts as a difference.
    """
    try:
        commit = git.head(root)
        known = versions.read_state(root, params.name)
        holder = known.holders.get(params.registry.stage)
        here = _read(root, commit)
    except (AssayError, UnicodeDecodeError) as error:
        return ModelAnswer(None, None, (str(error),), False)
    differs: dict[str, tuple[str, ...]] = {}
    promoted = False
    for version in _promoted(known, params.registry.stage):
        try:
            entries = lock_entries(git.show(root, version.commit, layout.DVC_LOCK))
            differs[version.version] = tuple(
                _differences(root, params, here, known, version, entries)
            )
        except (AssayError, UnicodeDecodeError) as error:
            differs[version.version] = (str(error),)
            continue
        if version.version == holder:
            promoted = _outputs(here.entries, here.bundle_maker) == _outputs(
                entries, here.bundle_maker
            )
        if not differs[version.version]:
            same = Unchanged(params.registry.stage, version.version, version.bundle, holder)
            return ModelAnswer(same, holder, (), promoted)
    return ModelAnswer(None, holder, differs.get(holder or "", ()), promoted)


def _promoted(known: RegistryState, stage: str) -> list[Version]:
    """The versions that hold the stage or held it: the holder first, then the newest."""
    held = {each.version for each in known.histories.get(stage, ()) if each.kind != "unassign"}
    promoted = [each for each in reversed(known.versions) if each.version in held]
    return sorted(promoted, key=lambda each: each.version != known.holders.get(stage))


def _read(root: Path, commit: str) -> _Commit:
    with fetch.export_commit(root, commit) as there:
        params = fetch.read_params(there)
        pipeline, problem = fetch.try_read_pipeline(there)
        text = git.show(root, commit, layout.VERDICT)
        declared = fetch.bundle_path_at(root, params.name, commit)
        makers = {
            part: _makers(pipeline, place)
            for part, place in (("bundle", layout.BUNDLE), ("data", layout.HOLDOUT_TABLE))
        }
        return _Commit(
            contract=digests.worktree_contract(there, params),
            policy=digests.policy(there, params),
            code=digests.code(there, params),
            packages=_packages(root, commit),
            entries=lock_entries(git.show(root, commit, layout.DVC_LOCK)),
            makers=makers,
            bundle_maker=pipeline.producer(layout.BUNDLE) if pipeline else None,
            stale=(
                *_stale(there, params, pipeline, problem),
                *([f"the artifact is {declared}"] if declared != layout.BUNDLE else []),
            ),
            verdict=text,
            passes=_passes(root, commit, params, there),
        )


def _stale(
    there: Path, params: Params, pipeline: Pipeline | None, problem: str | None
) -> tuple[str, ...]:
    """Why dvc.lock and git cannot be believed about the commit, one line each."""
    if pipeline is None:
        return (problem or layout.DVC_LOCK,)
    return (
        *stale_lines(there, params, pipeline),
        *(
            f"{path}: {git_contents.LINK}"
            for path in git_contents.find_symlinks(there, params, pipeline)
        ),
        *git_contents.find_tracked_data(there, params, pipeline.cached_outputs),
    )


def _passes(root: Path, commit: str, params: Params, there: Path) -> bool:
    """Whether the commit's verdict is PASS, and its rules are again on the commit's reports.

    Behaviours and model tests would need the data and the model, and the contract's report has rows
    of the table, so is not in git: of these the recorded findings count.
    """

    def text(name: str, stage: str) -> str:
        return git.show(root, commit, name)

    code = source_code.file_reader(there)
    policy = kinds.read_policy(params, read=code)
    try:
        recorded = Verdict.parse(text(layout.VERDICT, "gate"), layout.VERDICT)
        inputs = GateInputs(text, code, recorded.holdout.challenger)
        now = [*provenance.champion_findings(inputs)]
        for rule in policy.rules:
            if "contract" not in rule.reads:
                now += kinds.evaluate_rule(rule, inputs, policy)
    except AssayError:
        return False
    asked = {rule.name for rule in policy.rules if "contract" in rule.reads}
    now += [each for each in recorded.findings if each.kind != "rule" or each.rule in asked]
    decided = waivers.apply_waivers(now, policy.waivers, waivers.today())
    return recorded.outcome is combine_outcomes(decided) is Outcome.PASS


def _differences(
    root: Path,
    params: Params,
    here: _Commit,
    known: RegistryState,
    version: Version,
    entries: Mapping[str, Any],
) -> Iterator[str]:
    """What of the commit is not that of the version; nothing if the model is unchanged."""
    text = git.show(root, version.commit, layout.VERDICT)
    require_allowed(root, known, version)
    doubt = verification.verify_version(version, text)
    if doubt is not None or digests.digest_content(text) != version.verdict:
        yield doubt or "its tags name no verdict"
        return
    judged = Verdict.parse(text, layout.VERDICT)
    for part, stages in here.makers.items():
        # The whole entries: command, parameters, inputs and outputs.
        if not stages or any(_differ(here.entries, entries, each) for each in stages):
            yield part
    for part in ("contract", "policy", "code"):
        if getattr(here, part) != getattr(judged, part):
            yield part
    if here.packages != _packages(root, version.commit):
        yield PACKAGES
    if here.stale and here.stale != _overridden_stale(root, version):
        yield f"{layout.DVC_LOCK} ({here.stale[0]})"
    if here.verdict != text and not _about_the_same(here, judged):
        yield layout.VERDICT


def _about_the_same(here: _Commit, judged: Verdict) -> bool:
    """Whether the commit's own verdict is a PASS about what the version's verdict is about."""
    own = Verdict.parse(here.verdict, layout.VERDICT)
    names = ("name", "bundle", "data", "contract", "policy", "code")
    return here.passes and all(getattr(own, name) == getattr(judged, name) for name in names)


def _overridden_stale(root: Path, version: Version) -> tuple[str, ...]:
    """What dvc.lock lacked when a person overruled the gate: DVC keeps none that failed."""
    if not version.override:
        return ()
    with fetch.export_commit(root, version.commit) as there:
        params = fetch.read_params(there)
        return _stale(there, params, *fetch.try_read_pipeline(there))


def _makers(pipeline: Pipeline | None, path: str) -> frozenset[str]:
    """The stages that a path comes from, through all that they read."""
    if pipeline is None:
        return frozenset()
    makers: set[str] = set()
    wanted = [pipeline.path_from_dvc_root(path)]
    while wanted:
        for stage in _writers(pipeline, wanted.pop()):
            if stage.name not in makers:
                makers.add(stage.name)
                wanted += [file.path for file in stage.inputs]
    return frozenset(makers)


def _writers(pipeline: Pipeline, path: str) -> list[PipelineStage]:
    """The stages whose output is this path, or inside or above it."""
    asked = PurePosixPath(path)
    return [
        stage
        for stage in pipeline.stages
        if any(
            asked.is_relative_to(file.path) or PurePosixPath(file.path).is_relative_to(asked)
            for file in stage.outputs
        )
    ]


def _differ(here: Mapping[str, Any], then: Mapping[str, Any], stage: str) -> bool:
    return here.get(stage) is None or here.get(stage) != then.get(stage)


def _outputs(entries: Mapping[str, Any], stage: str | None) -> object:
    """The hashes of a stage's outputs; no two are equal where there is none."""
    entry = entries.get(stage) if stage else None
    outputs = entry.get("outs") if isinstance(entry, Mapping) else None
    return outputs if outputs else object()


def _packages(root: Path, commit: str) -> str:
    """Git's hash of the folder of requirements; "" without one."""
    done = git.run(root, "rev-parse", "--verify", "--quiet", f"{commit}:./{PACKAGES}")
    return done.stdout.decode().strip() if done.returncode == 0 else ""
