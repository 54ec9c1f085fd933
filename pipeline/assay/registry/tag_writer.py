"""Writes tags of versions and stages, signed if need be. What they say is decided elsewhere.

Git writes them, which has the user's keys: GTO, whose form they have, signs nothing.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from pathlib import Path

from assay.errors import PromotionRefused, VersionRefused
from assay.registry import access, git, signatures, tags
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
    name, address = git.identity(root)
    lines = {**facts, "Commit": commit, "By": f"{name} <{address}>"}
    message = tags.write_message(f"{full} {number}", lines)
    _write(root, f"{full.replace(':', '=')}@{number}", commit, message)


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
            "Commit": version.commit,
            "Bundle": version.bundle,
            **evidence.trailers(),
            "By": f"{name} <{address}>",
        },
    )


def assign(root: Path, known: RegistryState, version: Version, stage: str, message: str) -> None:
    """Assign a stage to a version; ``message`` is that of its tag."""
    _wait_past(known.latest)
    name = f"{version.name.replace(':', '=')}#{stage}#{known.next_counter}"
    _write(root, name, version.commit, message)


def signing(root: Path) -> list[str]:
    """Options of ``git tag``. Without them git signs too if its own ``tag.gpgSign`` says so."""
    return ["--sign"] if access.read_policy(root).access.require_signature else ["--annotate"]


def _write(root: Path, tag: str, commit: str, message: str) -> None:
    if tags.artifact_of(tag) is None:
        raise PromotionRefused(
            "GTO and DVC know no artifact of this name",
            where=tag,
            expected="letters of ASCII, digits, - _ . and / in the path of the project's folder",
            fix="Rename the folder in its repository.",
        )
    options = [*signing(root), "--cleanup=verbatim"]
    done = git.run(root, "tag", *options, "--message", message, tag, commit)
    if done.returncode:
        raise diagnose_tag_error(root, git.complaint(done))
    written = next((each for each in git.tags(root) if each.name == tag), None)
    event = written and tags.parse_tag(written)
    policy = access.read_policy(root)
    if event and event.tag and policy.access.require_signature:
        try:
            signatures.require_signed(policy, event, signatures.verify(root, policy, [event.tag]))
        except VersionRefused as error:
            git.run(root, "tag", "--delete", tag)
            raise PromotionRefused(
                "your signature does not count here, so the tag was deleted again",
                where=error.where,
                expected=error.expected,
                found=error.found,
                fix=f"Have your key added to {policy.access.allowed_signers} in a commit.",
            ) from None


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


def diagnose_tag_error(root: Path, told: str) -> PromotionRefused:
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
        "git would not write the tag",
        found=told,
        fix="If somebody was faster: git fetch --tags, then try again. A tag of that name or below "
        "it that was made by hand: delete it with git tag --delete NAME. If it cannot sign: "
        "docs/access.md.",
    )


def _locks(root: Path) -> Iterator[Path]:
    folder = git.common_dir(root)
    yield from (path for path in (folder / "packed-refs.lock",) if path.exists())
    yield from (folder / "refs" / "tags").rglob("*.lock")
