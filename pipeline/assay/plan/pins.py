"""What a planned run depends on, and what of it has changed since it was planned.

A plan is applied only where nothing that determines its rows has changed: the night's input, the
contract, the bundle, Assay's own code, and what params.yaml says of scoring. The version that held
the stage when the plan was made must be the one that the planned version follows, as the plan was
compared with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from assay.project import digests
from assay.project.params import Params
from assay.registry.pin import PinnedVersion
from assay.registry.versions import RegistryState
from assay.score.inputs.formats import open_input
from assay.store.plans import PlannedRun


@cache
def code() -> str:
    """Digest of the installed code that scores a night."""
    return digests.digest_files(digests.stage_files(digests.PACKAGE, ["rehearse"]))


def changed(
    root: Path,
    params: Params,
    planned: PlannedRun,
    pinned: PinnedVersion,
) -> Iterator[str]:
    """What is not as it was when a run was planned, one sentence each; none if all of it is.

    Parameters
    ----------
    pinned
        The version that nights are scored with now.

    Raises
    ------
    DataError
        The night's input cannot be looked at here.
    """
    run = planned.run
    for what, before, now in (
        ("the version", run.version, pinned.version.version),
        ("the bundle", run.bundle, pinned.bundle.digest),
        ("the contract", run.contract, pinned.contract_digest),
        ("the code of Assay", planned.code, code()),
        ("params.yaml (score, quarantine, publish)", planned.params, digests.scoring(params)),
    ):
        if before != now:
            yield f"{what} was {_short(before)} and is {_short(now)}"
    source = open_input(root, params)
    if not run.input:
        yield "changes of its input cannot be detected"
    elif source.fingerprint(run.partition) != run.input:
        # Another checkout has other times, and perhaps the same bytes.
        if not planned.content or source.content(run.partition) != planned.content:
            yield "the input has changed"


def _short(digest: str) -> str:
    return digest[:19] if digest.startswith("sha256:") else digest


def follows(known: RegistryState, stage: str, planned: PlannedRun) -> str:
    """Why a plan is not one of the step from its champion to the stage's holder; "" if it is."""
    holder, before = known.holders.get(stage), known.previous_holder(stage)
    expected = holder if planned.champion == planned.run.version else before
    if (expected or "") == planned.champion:
        return ""
    was, now = planned.champion or "no version", expected or "no version"
    return f"it was compared with {was}, and {holder} follows {now}"
