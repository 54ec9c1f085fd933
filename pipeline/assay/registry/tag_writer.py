"""Writes tags through GTO. Their content is decided elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from assay.errors import PromotionRefused
from assay.registry import git, tag_errors, tags
from assay.registry.evidence import PromotionEvidence
from assay.registry.state import Kind, RegistryState, Version

_PATIENCE = 5


def register(
    root: Path, full: str, number: str, commit: str, *, facts: dict[str, str | None]
) -> None:
    """Register a commit as a version.

    Parameters
    ----------
    full
        The artifact's name with the project's folder, as in GTO.
    facts
        Trailer lines for the tag's message.
    """
    import gto.api

    name, address = git.identity(root)
    message = tags.write_message(f"{full} {number}", {**facts, "By": f"{name} <{address}>"})
    _through_gto(
        root,
        lambda: gto.api.register(
            str(root),
            full,
            commit,
            version=number,
            message=message,
            author=name,
            author_email=address,
        ),
        f"{_in_tags(full)}@{number}",
    )


def assign(
    root: Path,
    known: RegistryState,
    version: Version,
    stage: str,
    kind: Kind,
    *,
    because: str | None,
    evidence: PromotionEvidence,
) -> None:
    """Assign a stage to a version."""
    import gto.api

    name, address = git.identity(root)
    message = tags.write_message(
        f"{version.name} {stage}: {version.version}",
        {
            "Kind": kind,
            "Because": because,
            "Bundle": version.bundle,
            **evidence.trailers(),
            "By": f"{name} <{address}>",
        },
    )
    _wait_past(known.latest)
    # Forced, because GTO treats a stage as held until it is unassigned, and would refuse a
    # rollback. Whether the version may hold the stage was decided before.
    _through_gto(
        root,
        lambda: gto.api.assign(
            str(root),
            version.name,
            stage,
            version=version.version,
            message=message,
            force=True,
            author=name,
            author_email=address,
        ),
        f"{_in_tags(version.name)}#{stage}#",
    )


def _in_tags(full: str) -> str:
    """The artifact's name as used in tags."""
    return full.replace(":", "=")


def _wait_past(second: int) -> None:
    """Wait for a later second: git's tags, GTO and DVC order events by whole seconds."""
    ahead = second - int(time.time())
    if ahead > _PATIENCE:
        raise PromotionRefused(
            "this machine's clock is behind the newest tag, so a new one would seem older",
            expected=f"later than {ahead} s from now",
            fix="Set the clock.",
        )
    while int(time.time()) <= second:
        time.sleep(0.05)


def _through_gto(root: Path, act: Callable[[], object], wanted: str) -> None:
    from gto.exceptions import GTOException
    from pygit2 import GitError
    from scmrepo.exceptions import SCMError

    try:
        act()
    except (GTOException, SCMError, GitError, OSError) as error:
        raise tag_errors.diagnose_tag_error(root, error, wanted) from None
