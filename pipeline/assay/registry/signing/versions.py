"""The signature of a version: one statement over its bundle, its verdict and its promotion.

It stands in the tag that gives the stage, so it goes where the tag goes. The statement's files are
those of the bundle, ``verdict.json``, and ``promotion.json``: the tag's own facts (which version of
which commit got which stage, by whom, why, on what outcome). A signature therefore counts for that
tag alone, and nothing in the tag can be changed without it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from assay.errors import AssayError, VersionRefused
from assay.model import bundle_files
from assay.model.manifest import MANIFEST, listed_files
from assay.project.params.signing import SigningKey
from assay.registry import tags
from assay.registry.access import Policy
from assay.registry.signing import keys, signers
from assay.registry.signing.statement import Envelope, Statement
from assay.registry.tags import TagEvent
from assay.registry.versions import RegistryState, Version

SIGNED, STATEMENT = "Signed", "Statement"
"""Trailers of a tag: when, and the statement as one line of JSON."""
BUNDLE, VERDICT, PROMOTION = "bundle/", "verdict.json", "promotion.json"
"""The files of a statement; those of the bundle lie in a folder."""


@dataclass(frozen=True)
class Signature:
    """A signature that holds: by which key, when it says that it was made, over which files."""

    key: str
    at: datetime
    stage: str
    event: TagEvent
    files: Mapping[str, str]


def sign_message(
    root: Path, policy: Policy, version: Version, stage: str, message: str, folder: Path
) -> str:
    """The message of a tag that gives ``version`` the stage, with its statement.

    Parameters
    ----------
    folder
        Of the bundle, which was verified.

    Raises
    ------
    UsageError
        It cannot be signed with what ``signing.by`` names.
    VersionRefused
        The key that signs does not count here today.
    """
    if policy.signing.by is None:
        if policy.signing.require:
            raise VersionRefused(
                "nothing signs what is promoted, and here nothing unsigned is used",
                where=f"{policy.place}: signing.by",
                fix="Name the key and what holds it: docs/signing.md.",
            )
        return message
    now = datetime.now(UTC).replace(microsecond=0)
    message = f"{message}{SIGNED}: {now.isoformat()}\n"
    facts = tags.read_trailers(message)
    listed = listed_files(bundle_files.read(folder), str(folder), code=False)
    files = {BUNDLE + name: digest for name, digest in listed.items()}
    files[BUNDLE + MANIFEST] = _hex(version.bundle)
    files[PROMOTION] = _sha256(
        promotion(version.name, version.version, version.commit, stage, facts)
    )
    if "Verdict" in facts:
        files[VERDICT] = _hex(facts["Verdict"])
    payload = Statement(files).payload(folder_name(version))
    envelope = signers.sign(root, policy.signing.by, payload)
    try:
        trusted_key(root, policy, envelope, now.date())
    except ValueError as error:
        raise VersionRefused(
            "the key that signs does not count here",
            where=f"{policy.place}: signing",
            found=str(error),
            fix="Sign with a key of signing.trusted, or add this one to it.",
        ) from None
    return f"{message}{STATEMENT}: {envelope.json()}\n"


def find_signature(
    root: Path, policy: Policy, known: RegistryState, version: Version, stage: str | None
) -> Signature:
    """The signature of a version, as the holder of a stage or as any.

    Nothing of the bundle is read, and nothing of the statement before its signature holds.

    Parameters
    ----------
    stage
        The newest tag that gave the stage to the version has to be signed; None asks for any tag
        that gave it one.

    Raises
    ------
    ValueError
        Why there is none.
    """
    given = [
        event
        for event in reversed(known.events)
        if event.action == "assign"
        and event.commit == version.commit
        and (stage is None or event.stage == stage)
    ]
    if not given:
        raise ValueError("no tag gave it a stage")
    if stage is not None:
        signature = _check(root, policy, version, given[0])
        _refuse_older(root, policy, known, signature)
        return signature
    faults = []
    for event in given:
        try:
            return _check(root, policy, version, event)
        except ValueError as error:
            faults.append(str(error))
    raise ValueError(faults[0])


def _refuse_older(root: Path, policy: Policy, known: RegistryState, signature: Signature) -> None:
    """Raise ValueError if the stage was given later, by a signature that counts.

    So an old tag that is made anew, or a tag that takes the stage away, brings no old version back.
    """
    for event in known.events:
        version = known.at_commit(event.commit)
        if event.action != "assign" or event.stage != signature.stage or version is None:
            continue
        try:
            later = _time(event) > signature.at and _check(root, policy, version, event)
        except ValueError:
            continue
        if later:
            raise ValueError(f"{version.version} was given the stage after it, on {later.at}")


def promotion(name: str, version: str, commit: str, stage: str, facts: Mapping[str, str]) -> bytes:
    """What a tag states, as a file: the same bytes for the same tag."""
    tag = {"name": name, "version": version, "commit": commit, "stage": stage}
    own = {key: value for key, value in facts.items() if key != STATEMENT}
    return json.dumps({**tag, "facts": own}, ensure_ascii=False, sort_keys=True, indent=2).encode()


def folder_name(version: Version) -> str:
    """The name of a version's folder, in its statement and where it is written."""
    return f"{version.name.rpartition(':')[2]}-{version.version}"


def _check(root: Path, policy: Policy, version: Version, event: TagEvent) -> Signature:
    if STATEMENT not in event.trailers:
        raise ValueError("it is not signed")
    envelope = Envelope.read(event.trailers[STATEMENT].encode())
    at = _time(event)
    key = trusted_key(root, policy, envelope, at.date())
    files = Statement.parse(envelope.payload).files
    assert event.stage is not None
    statement = promotion(version.name, version.version, event.commit, event.stage, event.trailers)
    expected = {PROMOTION: _sha256(statement), BUNDLE + MANIFEST: _hex(version.bundle)}
    if "Verdict" in event.trailers:
        expected[VERDICT] = _hex(event.trailers["Verdict"])
    for name, digest in expected.items():
        if files.get(name) != digest:
            why = ", so the tag was changed" if name == PROMOTION else ""
            raise ValueError(f"its signature is over another {name}{why}")
    more = sorted(name for name in files if not name.startswith(BUNDLE) and name not in expected)
    if more:
        raise ValueError(f"its signature is over {more[0]} too, which the tag does not name")
    return Signature(key.key, at, event.stage, event, files)


def _time(event: TagEvent) -> datetime:
    try:
        at = datetime.fromisoformat(event.trailers.get(SIGNED, ""))
    except ValueError:
        raise ValueError("its tag does not say when it was signed") from None
    return at.astimezone(UTC)


def trusted_key(root: Path, policy: Policy, envelope: Envelope, day: date) -> SigningKey:
    """The trusted key that signed, and counts for that day; raises ValueError if there is none."""
    for each, key in _keys(root, policy):
        if key.names(envelope):
            fault = each.fault_on(day)
            if fault is not None:
                raise ValueError(fault)
            key.check(envelope)
            return each
    raise ValueError("it is signed by a key that is not under signing.trusted")


def _keys(root: Path, policy: Policy) -> Iterator[tuple[SigningKey, keys.Trusted]]:
    for each in policy.signing.trusted:
        try:
            yield each, keys.parse_trusted(policy.read(root, each.key))
        except (AssayError, OSError, ValueError) as error:
            raise VersionRefused(
                "a trusted key cannot be read",
                where=f"{policy.place}: signing.trusted: {each.key}",
                expected=keys.PUBLIC_KEY,
                found=str(error),
            ) from None


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
