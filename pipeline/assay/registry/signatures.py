"""Who signed a tag: git's own SSH and GPG signatures, by the keys that the policy's commit names.

``access.allowed_signers`` is a file of OpenSSH's ``allowed_signers`` format; public keys of GPG are
in a file of the same name that ends with ``.asc``. No other key counts, whatever keyrings this
machine has.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.errors import AssayError, VersionRefused
from assay.project.params.access import Act, address_of
from assay.registry import git
from assay.registry.access import Policy, expected, read_policy
from assay.registry.git import Tag
from assay.registry.tags import TagEvent
from assay.registry.versions import RegistryState, Version

_SSH = re.compile(r'^Good "git" signature for (.+) with \S+ key \S+$', re.MULTILINE)
_GPG = re.compile(r"^\[GNUPG:\] GOODSIG \S+ (.+)$", re.MULTILINE)
_KEY = re.compile(r"\S+ key SHA256:\S+|(?:RSA|EDDSA|ECDSA|DSA) key [0-9A-F]{16,}")
_AS_USUAL = (
    *("-c", "gpg.program=gpg", "-c", "gpg.ssh.program=ssh-keygen"),
    *("-c", "gpg.minTrustLevel=undefined"),
)
"""Whatever program a user signs with, these verify; being in the file is the trust."""


@dataclass(frozen=True)
class Proof:
    """The address that a signature proves, "" if it proves none, and then why not."""

    by: str
    why: str = ""


def verify(root: Path, policy: Policy, tags: Iterable[Tag]) -> dict[str, Proof]:
    """Who signed each tag, by its name."""
    proofs = {}
    with tempfile.TemporaryDirectory(prefix="assay-keys-") as folder:
        allowed, ring = Path(folder, "allowed"), {"GNUPGHOME": folder}
        allowed.write_text(_committed(root, policy, ""), encoding="utf-8")
        if armored := _committed(root, policy, ".asc"):
            Path(folder, "keys.asc").write_text(armored, encoding="utf-8")
            git.run_program(Path(folder), "gpg", "--batch", "--import", "keys.asc", more=ring)
        ask = (*_AS_USUAL, "-c", f"gpg.ssh.allowedSignersFile={allowed}", "verify-tag", "--raw")
        for tag in tags:
            if not tag.signed:
                proofs[tag.name] = Proof("", "no signature")
            elif tag.own_name != tag.name:  # a signature is of the tag, not of git's name for it
                proofs[tag.name] = Proof("", f"the tag {tag.own_name} under another name")
            else:
                done = git.run(root, *ask, tag.object, more=ring)
                text = done.stderr.decode(errors="replace")
                good = (_SSH.search(text) or _GPG.search(text)) if done.returncode == 0 else None
                proofs[tag.name] = _unknown(text) if good is None else Proof(address_of(good[1]))
    return proofs


def _committed(root: Path, policy: Policy, ending: str) -> str:
    try:
        return git.show(root, policy.ref or "HEAD", policy.access.allowed_signers + ending)
    except (AssayError, UnicodeDecodeError):
        return ""


def _unknown(told: str) -> Proof:
    key = _KEY.search(told)
    return Proof("", f"a signature by {key[0] if key else 'a key'} that is not allowed, or was not")


def makers(root: Path, tags: Sequence[Tag]) -> dict[str, str]:
    """Who made each tag: where signatures are required only those that are proven."""
    policy = read_policy(root)
    if not policy.access.require_signature:
        return {tag.name: tag.by for tag in tags}
    return {name: proof.by for name, proof in verify(root, policy, tags).items() if proof.by}


def check(
    root: Path, policy: Policy, known: RegistryState, version: Version, stage: str | None = None
) -> None:
    """Check the signatures of the tags that make a version what it is, if they are required.

    Parameters
    ----------
    stage
        Also of those that say that the version holds it.

    Raises
    ------
    VersionRefused
        One is not signed, or by nobody who may.
    """
    if not policy.access.require_signature:
        return
    events = list(deciding(known, version, stage))
    proofs = verify(root, policy, [each.tag for each in events if each.tag])
    for event in events:
        require_signed(policy, event, proofs)
    if version.bundle not in {each.digest("Bundle") for each in events}:
        raise VersionRefused(
            f"no signed tag says which bundle {version.version} is", where=policy.place
        )


def deciding(known: RegistryState, version: Version, stage: str | None) -> Iterator[TagEvent]:
    """The tags without which the version would not be it, or would not hold the stage.

    A tag that takes the stage from a later holder gives it back to this one, as does one that
    unregisters that holder, or one after the model was deprecated.
    """
    mine = [each for each in known.events if each.commit == version.commit]
    registered = [each for each in mine if each.version == version.version]
    yield from registered[-1:]
    if stage is None:
        return
    assigned = [each for each in mine if each.stage == stage and each.action == "assign"]
    yield from assigned[-1:]
    since = assigned[-1].when if assigned else (0, 0)
    moved = [each for each in known.events if each.stage == stage and each.when > since]
    yield from moved
    gone = {each.commit for each in moved}
    yield from (each for each in known.events if each.action == "deregister"
                and each.commit in gone)  # fmt: skip
    last = [place for place, each in enumerate(known.events) if each.action == "deprecate"]
    if last:
        yield from known.events[last[-1] + 1 :]


def require_signed(policy: Policy, event: TagEvent, proofs: dict[str, Proof]) -> None:
    """Check that whoever signed a tag may do what it states.

    Raises
    ------
    VersionRefused
        It is not signed, or they may not.
    """
    assert event.tag is not None, "what was read from git"
    proof = proofs[event.tag.name]
    for act in _acts(event):
        if not (proof.by and policy.access.allows(act, proof.by)):
            raise VersionRefused(
                "a tag is not signed by somebody who may make it",
                where=f"tag {event.tag.name}",
                expected=f"{expected(policy, act)} ({policy.place}: access.{act})",
                found=proof.why or f"a signature of {proof.by}",
                fix="Never use it before somebody knows who made it; docs/access.md says what to "
                "do about versions from before signatures were required.",
            )


def _acts(event: TagEvent) -> tuple[Act, ...]:
    back = event.action == "unassign" or event.trailers.get("Kind") == "rollback"
    # A rollback repeats what was once overruled to promote the version.
    override: tuple[Act, ...] = ("override",) if "Override" in event.trailers else ()
    return ("rollback",) if back else ("promote", *override)
