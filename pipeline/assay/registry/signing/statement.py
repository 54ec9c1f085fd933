"""What a signed model states, in the format of OpenSSF Model Signing 1.0: its files' SHA-256.

An in-toto statement lies in a DSSE envelope, which lies with a hint of the key, or with the
certificates, in a Sigstore bundle: one JSON document. Nothing here trusts anybody: `Envelope.read`
and `Statement.parse` only say what is there, and `assay.registry.signing.keys` who signed it. Every
fault is a ValueError in plain words.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
OLD_PREDICATE_TYPE = "https://model_signing/Digests/v0.1"
"""Of model_signing 0.2, which named files as subjects; read, never written."""

IGNORED = (".git", ".gitattributes", ".github", ".gitignore")
"""What the format leaves out at the top of every model."""
MOST_BYTES = 16 << 20
"""A longer signature is not read: 100,000 files take less."""


@dataclass(frozen=True)
class Statement:
    """The files of a model: name -> SHA-256 in hexadecimal; and what was left out."""

    files: Mapping[str, str]
    ignored: Sequence[str] = ()

    def payload(self, name: str) -> bytes:
        """The statement as JSON, the same bytes for the same files.

        Parameters
        ----------
        name
            Of the model's folder or file.
        """
        if not self.files:
            raise ValueError("a model without files")
        resources = [
            {"name": each, "algorithm": "sha256", "digest": self.files[each]}
            for each in sorted(self.files)
        ]
        return _json(
            {
                "_type": STATEMENT_TYPE,
                "subject": [{"name": name, "digest": {"sha256": _root(resources)}}],
                "predicateType": PREDICATE_TYPE,
                "predicate": {
                    "resources": resources,
                    "serialization": {
                        "method": "files",
                        "hash_type": "sha256",
                        "allow_symlinks": False,
                        "ignore_paths": sorted({*IGNORED, *self.ignored}),
                    },
                },
            }
        )

    @classmethod
    def parse(cls, payload: bytes) -> Statement:
        """A statement whose signature holds."""
        tree = _load(payload)
        if tree.get("_type") != STATEMENT_TYPE:
            raise ValueError(f"a statement of type {tree.get('_type')!r}")
        kind, subject = tree.get("predicateType"), _list(tree, "subject")
        if kind == OLD_PREDICATE_TYPE:
            old = [{"name": _at(each, "name"), "digest": _digest(each)} for each in subject]
            return cls(_named(old))
        if kind != PREDICATE_TYPE:
            raise ValueError(f"a predicate of type {kind!r}")
        predicate = _at(tree, "predicate", dict)
        how = _at(predicate, "serialization", dict)
        for key, only in (("method", "files"), ("hash_type", "sha256"), ("allow_symlinks", False)):
            if how.get(key) != only:
                raise ValueError(f"{key} {how.get(key)!r}, where only {only!r} is understood")
        resources = _list(predicate, "resources")
        if any(each.get("algorithm") != "sha256" for each in resources):
            raise ValueError("a file with another hash than sha256")
        files = _named(resources)
        if len(subject) != 1 or not _at(subject[0], "name"):
            raise ValueError(f"{len(subject)} subjects instead of one with a name")
        if _digest(subject[0]) != _root(resources):
            raise ValueError("its subject is not the sum of its files")
        ignored = how.get("ignore_paths", [])
        if not isinstance(ignored, list) or not all(isinstance(each, str) for each in ignored):
            raise ValueError("ignore_paths that are no list of names")
        return cls(files, tuple(ignored))

    def compare(self, here: Mapping[str, str], *, unsigned: bool = False) -> None:
        """Raise ValueError unless the files that are here are those of the statement.

        Parameters
        ----------
        unsigned
            Let there be others.
        """
        signed = dict(self.files)
        if list(signed) == ["."] and len(here) == 1:
            signed = {next(iter(here)): signed["."]}  # a single file, as model_signing 1.0 has it
        for name, digest in signed.items():
            if name not in here:
                raise ValueError(f"{name} is missing")
            if here[name] != digest:
                raise ValueError(f"{name} is not what was signed")
        more = sorted(here.keys() - signed.keys())
        if more and not unsigned:
            raise ValueError(f"{more[0]} is not signed")


@dataclass(frozen=True)
class Envelope:
    """A payload and its signature; ``material`` says whose key or certificates."""

    payload: bytes
    signature: bytes
    material: Mapping[str, Any] = field(default_factory=dict)

    @property
    def signed(self) -> bytes:
        """The bytes that the signature is over: DSSE's pre-authentication encoding."""
        return b"DSSEv1 %d %b %d %b" % (
            len(PAYLOAD_TYPE),
            PAYLOAD_TYPE.encode(),
            len(self.payload),
            self.payload,
        )

    def json(self) -> str:
        """The Sigstore bundle, on one line and without a space."""
        envelope = {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(self.signature).decode(), "keyid": ""}],
        }
        return _json(
            {
                "mediaType": BUNDLE_TYPE,
                "verificationMaterial": {**self.material, "tlogEntries": []},
                "dsseEnvelope": envelope,
            }
        ).decode()

    @classmethod
    def read(cls, text: bytes) -> Envelope:
        """The envelope in a Sigstore bundle."""
        tree = _load(text)
        if tree.get("mediaType") != BUNDLE_TYPE:
            raise ValueError(f"a bundle of type {tree.get('mediaType')!r}")
        material, envelope = (
            _at(tree, "verificationMaterial", dict),
            _at(tree, "dsseEnvelope", dict),
        )
        if envelope.get("payloadType") != PAYLOAD_TYPE:
            raise ValueError(f"a payload of type {envelope.get('payloadType')!r}")
        signatures = _list(envelope, "signatures")
        if len(signatures) != 1:
            raise ValueError(f"{len(signatures)} signatures instead of one")
        return cls(decode(envelope, "payload"), decode(signatures[0], "sig"), material)


def hash_files(
    model: Path, ignore: Collection[str] = (), signature: Path | None = None
) -> dict[str, str]:
    """SHA-256 of each file of a model, by its path in it; of one file, by its name.

    An empty folder, which nothing signs, stands there with a slash at its end.

    Parameters
    ----------
    ignore
        Paths in the model that are left out, with all below them.
    signature
        Left out too, where it lies in the model.

    Raises
    ------
    ValueError
        There is a symbolic link, or what is no regular file, or a name that is no UTF-8.
    """
    if model.is_file() and not model.is_symlink():
        return {model.name: _sha256(model)}
    left, files = {*IGNORED, *ignore}, {}
    for folder, below, names in os.walk(model, onerror=_raise):
        inner = Path(folder).relative_to(model)
        kept = []
        if not below and not names and folder != str(model):
            files[f"{inner.as_posix()}/"] = ""
        for name in sorted([*below, *names]):
            path, own = Path(folder) / name, (inner / name).as_posix()
            if own in left or (signature is not None and path == signature):
                continue
            own.encode()
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise ValueError(f"{own} is a symbolic link, or no regular file")
            if path.is_dir():
                kept.append(name)
            else:
                files[own] = _sha256(path)
        below[:] = kept
    return files


def decode(tree: Mapping[str, Any], key: str) -> bytes:
    """The bytes of a key in Base64."""
    try:
        return base64.b64decode(_at(tree, key), validate=True)
    except ValueError:
        raise ValueError(f"{key} is no Base64") from None


def _raise(error: OSError) -> None:
    raise error


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _json(tree: object) -> bytes:
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()


def _load(text: bytes) -> dict[str, Any]:
    if len(text) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES:,} bytes")
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    if not isinstance(tree, dict):
        raise ValueError("it is no JSON object")
    return tree


def _at(tree: Any, key: str, kind: type = str) -> Any:
    value = tree.get(key) if isinstance(tree, dict) else None
    if not isinstance(value, kind):
        raise ValueError(f"no {key}, or none that can be understood")
    return value


def _list(tree: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    items = _at(tree, key, list)
    if not all(isinstance(each, dict) for each in items):
        raise ValueError(f"{key} that are no objects")
    return list(items)


def _digest(tree: dict[str, Any]) -> str:
    return str(_at(_at(tree, "digest", dict), "sha256"))


def _named(resources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The digest of each file, by a name that leads to nowhere else."""
    named: dict[str, str] = {}
    for each in resources:
        name, digest = _at(each, "name"), _at(each, "digest")
        path = PurePosixPath(name)
        if path.as_posix() != name or path.is_absolute() or ".." in path.parts or name in named:
            raise ValueError(f"the file {name!r}, twice or by a path that is not its own")
        if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise ValueError(f"a digest of {name} that is none")
        named[name] = digest
    if not named:
        raise ValueError("a model without files")
    return named


def _root(resources: Sequence[Mapping[str, Any]]) -> str:
    digests = b"".join(bytes.fromhex(each["digest"]) for each in resources)
    return hashlib.sha256(digests).hexdigest()
