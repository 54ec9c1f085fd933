"""Writes tags through GTO. Their content is decided elsewhere."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from assay.errors import PromotionRefused
from assay.registry import git, tags
from assay.registry.versions import Kind, PromotionEvidence, RegistryState, Version

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
    )


def stage_message(
    root: Path,
    version: Version,
    stage: str,
    kind: Kind,
    *,
    because: str | None,
    evidence: PromotionEvidence,
) -> str:
    """The message of the tag that assigns a stage to a version."""
    name, address = git.identity(root)
    return tags.write_message(
        f"{version.name} {stage}: {version.version}",
        {
            "Kind": kind,
            "Because": because,
            "Bundle": version.bundle,
            **evidence.trailers(),
            "By": f"{name} <{address}>",
        },
    )


def assign(root: Path, known: RegistryState, version: Version, stage: str, message: str) -> None:
    """Assign a stage to a version; ``message`` is that of its tag."""
    import gto.api

    name, address = git.identity(root)
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
    )


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


def _through_gto(root: Path, act: Callable[[], object]) -> None:
    from gto.exceptions import GTOException
    from pygit2 import GitError
    from scmrepo.exceptions import SCMError

    try:
        act()
    except (GTOException, SCMError, GitError, OSError) as error:
        raise diagnose_tag_error(root, error) from None


def diagnose_tag_error(root: Path, error: Exception) -> PromotionRefused:
    """The error for a tag that could not be written; names a lock in the way, and the fix.

    Git creates ``NAME.lock`` before it writes ``NAME``, and a process that is killed in between
    leaves it. Only the user knows whether another git is running, so only the user may delete it.
    """
    held = sorted(str(path) for path in _locks(root))
    if held:
        return PromotionRefused(
            "another git command is writing tags, or one that was killed left its lock",
            where=held[0],
            expected="no lock",
            found=f"{len(held)}: {', '.join(held)}" if len(held) > 1 else None,
            fix="If no git and no assay is at work in this repository, delete it and run the "
            f"same command again, which goes on where it stopped: rm {shlex.join(held)}",
        )
    return PromotionRefused(
        "GTO would not write the tag",
        found=" ".join(str(error).split()) or type(error).__name__,
        fix="If somebody was faster: git fetch --tags, then try again. A tag of that name or below "
        "it that was made by hand: delete it with git tag --delete NAME.",
    )


def _locks(root: Path) -> Iterator[Path]:
    folder = git.common_dir(root)
    yield from (path for path in (folder / "packed-refs.lock",) if path.exists())
    yield from (folder / "refs" / "tags").rglob("*.lock")
