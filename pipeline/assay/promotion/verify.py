"""The command ``assay verify``: whether a version is what its tags, verdict and signature say.

With ``--out`` it writes what was signed as a folder of OpenSSF Model Signing, which any client of
that format verifies without this project; ``--folder`` verifies such a folder.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from assay.errors import UsageError, VersionRefused
from assay.project import partitions
from assay.project.params import Params
from assay.registry import access, fetch, verification, versions
from assay.registry.pin import is_number
from assay.registry.signing import versions as signed_versions
from assay.registry.signing.statement import MOST_BYTES, Envelope, Statement, hash_files
from assay.registry.versions import Version

SIGNATURE = "model.sig"


@dataclass(frozen=True)
class Verified:
    """What was verified; ``key`` is that of the signature, None where no key is trusted."""

    version: str
    bundle: str | None
    outcome: str | None
    files: int
    key: str | None = None
    signed: str | None = None
    folder: str | None = None


def run(root: Path, params: Params, name: str | None, out: Path | None) -> Verified:
    """Verify a version: tags, verdict, bundle, and the signature if a key is trusted.

    Parameters
    ----------
    name
        A number or a stage; None stands for ``registry.stage``.
    out
        A new folder, for what was signed and its signature.

    Raises
    ------
    VersionRefused
        It is not what they say, or not signed; says why.
    BundleMissing, BundleChanged
        Its bundle cannot be had, or has other bytes.
    """
    policy = access.read_policy(root)
    if out is not None:
        if not policy.signing.trusted:
            raise UsageError("no key is trusted", where=f"{policy.place}: signing.trusted")
        partitions.check_parent(out, "--out")
    known, wanted = versions.read_state(root, params.name), name or params.registry.stage
    stage = None if is_number(wanted) else wanted
    find = versions.select_version if stage is None else versions.select_champion
    version = find(known, params.name, wanted)
    doubt = verification.find_doubt(root, known, version, stage)
    if doubt is not None:
        raise _refused(version, doubt)
    folder = fetch.fetch_bundle(root, version, root / fetch.BUNDLES)
    verified = Verified(
        version.version, version.bundle, version.outcome, len(list(folder.iterdir()))
    )
    if not policy.signing.trusted:
        return verified
    signature = signed_versions.find_signature(root, policy, known, version, stage)
    if out is not None:
        _write(out, folder, version, fetch.read_verdict(root, version), signature)
    return replace(
        verified,
        key=signature.key,
        signed=signature.at.isoformat(),
        files=len(signature.files),
        folder=None if out is None else str(out),
    )


def run_folder(root: Path, folder: Path, unsigned: bool) -> Verified:
    """Verify a folder that was signed, here or elsewhere, by a key that counts today.

    Parameters
    ----------
    unsigned
        There may be more files than were signed.

    Raises
    ------
    UsageError
        There is no such folder.
    VersionRefused
        It is not as it was signed, or not by such a key.
    """
    if not folder.is_dir():
        raise UsageError(
            "there is no such folder",
            where=str(folder),
            expected="a folder that assay verify --out, or another client of the format, wrote",
        )
    policy = access.read_policy(root)
    try:
        with (folder / SIGNATURE).open("rb") as stream:
            envelope = Envelope.read(stream.read(MOST_BYTES + 1))
        key = signed_versions.trusted_key(root, policy, envelope, date.today())
        statement = Statement.parse(envelope.payload)
        here = hash_files(folder, statement.ignored, folder / SIGNATURE)
        statement.compare(here, unsigned=unsigned)
    except (OSError, ValueError) as error:
        raise VersionRefused(
            "it is not as it was signed", where=str(folder), found=str(error)
        ) from None
    return Verified(folder.name, None, None, len(statement.files), key.key, folder=str(folder))


def _refused(version: Version, why: str) -> VersionRefused:
    return VersionRefused(f"{version.version} is not verified: {why}", where=version.name)


def _write(
    out: Path,
    folder: Path,
    version: Version,
    text: str | None,
    signature: signed_versions.Signature,
) -> None:
    """The folder that was signed, whole or not at all, and verified as it lies there."""
    if out.exists():
        raise UsageError("it exists already", where=str(out), expected="a new folder")
    event = signature.event
    facts = signed_versions.promotion(
        version.name, version.version, event.commit, signature.stage, event.trailers
    )
    statement = event.trailers[signed_versions.STATEMENT].encode()
    with partitions.replace_folder(out) as made:
        shutil.copytree(folder, made / signed_versions.BUNDLE)
        (made / signed_versions.PROMOTION).write_bytes(facts)
        if signed_versions.VERDICT in signature.files and text is not None:
            (made / signed_versions.VERDICT).write_bytes(text.encode())
        (made / SIGNATURE).write_bytes(statement)
        try:
            Statement(signature.files).compare(hash_files(made, (), made / SIGNATURE))
        except ValueError as error:
            raise _refused(version, str(error)) from None
