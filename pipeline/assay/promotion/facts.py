"""Collects the facts for a promotion decision from the commit, never from the work tree.

Only the bundle and the holdout are read from the work tree, because git does not hold them. Their
digests are compared with those in the commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from assay.errors import AssayError, NotARepository, PromotionRefused
from assay.gate import holdout_history, provenance, verdict_verification
from assay.model import bundle_files
from assay.project import digests, layout
from assay.project.params import Params
from assay.promotion.checks import FoundDigest, PromotionFacts
from assay.registry import fetch, git, git_contents, tags, verification
from assay.registry.dvc_lock import stale_lines
from assay.registry.versions import UNKNOWN, RegistryState
from assay.reports.verdict import Verdict


def collect_facts(
    root: Path,
    there: Path,
    params: Params,
    stage: str,
    commit: str,
    known: RegistryState,
) -> tuple[PromotionFacts, str | None]:
    """The facts, and the text of the commit's verdict if there is one.

    Parameters
    ----------
    there
        The exported commit (`assay.registry.fetch.export_commit`).
    params
        The commit's own params.yaml.
    """
    path, path_problem = layout.BUNDLE, None
    declared: str | None = None
    try:
        path = declared = fetch.bundle_path_at(root, params.name, commit)
    except NotARepository:
        raise
    except AssayError as error:
        path_problem = error.found or error.what
    source = fetch.stage_output_reader(root, there, commit)
    verdict, verdict_problem, text = _verdict(source)
    # The gate compares with the holder of the stage in params.yaml, whatever stage is promoted to.
    champion = known.holders.get(params.registry.stage)
    head_version = known.at_commit(commit)
    dropped = [number for number, at in known.numbers.items() if at == commit]
    locked = (there / layout.DVC_LOCK).is_file()
    pipeline, problem = fetch.try_read_pipeline(there) if locked else (None, None)
    facts = PromotionFacts(
        name=params.name,
        stage=stage,
        unclean=_unclean(root),
        flagged=git.assume_unchanged_files(root),
        tracked=git_contents.find_tracked_data(
            there, params, pipeline.cached_outputs if pipeline else ()
        ),
        links=git_contents.find_symlinks(there, params, pipeline),
        locked=locked,
        artifact=declared,
        artifact_problem=path_problem,
        stale=(problem,) if problem else stale_lines(there, params, pipeline) if pipeline else (),
        verdict=verdict,
        verdict_problem=verdict_problem,
        again=tuple(
            verdict_verification.find_discrepancies(
                verdict,
                source,
                params,
                _former(root, known, verdict),
                partial(holdout_history.least_place, root, verdict),
            )
        )
        if verdict
        else (),
        here=_seen(lambda: bundle_files.verified_digest(root / path)),
        committed=_seen(
            lambda: fetch.fetch_bundle_at(root, params.name, commit, root / fetch.BUNDLES)[1]
        ),
        data=_seen(lambda: digests.data(root)),
        contract=_seen(lambda: digests.worktree_contract(there, params)),
        policy=_seen(lambda: digests.policy(there, params)),
        code=_seen(lambda: digests.code(there, params)),
        reports=_seen(lambda: provenance.reports_digest(source)),
        # If the clock was set back, an expired waiver must stay expired.
        today=datetime.fromtimestamp(max(time.time(), git.head_time(root)), UTC).date(),
        champion=champion,
        champion_bundle=_bundle_of(known, champion),
        head_version=head_version,
        dropped=max(dropped, key=tags.version_sort_key)
        if dropped and head_version is None
        else None,
        holder=known.holders.get(stage),
    )
    return facts, text


def _unclean(root: Path) -> tuple[str, ...]:
    """Files that differ from the commit according to git, except the front page and the runbook.

    Commands write them by themselves, and no version depends on them. A project may have forgotten
    to ignore them.
    """
    written = (f"/{layout.FRONT}", f"/{layout.RUNBOOK}")
    return tuple(path for path in git.uncommitted_files(root) if not f"/{path}".endswith(written))


def _verdict(source: Callable[[str, str], str]) -> tuple[Verdict | None, str | None, str | None]:
    try:
        text = source(layout.VERDICT, "gate")
    except AssayError:
        return None, "the commit holds none", None
    try:
        return Verdict.parse(text, layout.VERDICT), None, text
    except PromotionRefused as error:
        return None, error.what, text


def _former(root: Path, known: RegistryState, verdict: Verdict) -> Verdict | None:
    """The verdict on the champion that this verdict was compared with, from its commit."""
    against = verdict.champion
    version = known.find(against.version) if against.version else None
    return (
        None
        if version is None
        else verification.read_past_verdict(root, version.commit, against.bundle)
    )


def _bundle_of(known: RegistryState, label: str | None) -> FoundDigest:
    version = known.find(label) if label else None
    if version is not None and version.bundle != UNKNOWN:
        return FoundDigest(digest=version.bundle)
    return FoundDigest(problem=f"{label[:12]}, of which no tag names the bundle" if label else None)


def _seen(look: Callable[[], str]) -> FoundDigest:
    try:
        return FoundDigest(digest=look())
    except AssayError as error:
        return FoundDigest(problem=error.line())
