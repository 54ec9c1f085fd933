"""The offline cases of the conformance suite of OpenSSF Model Signing, by their names there.

Cases of the method ``sigstore`` are left out, for there is no such method here: it needs servers on
the Internet. One of its bundles is refused (sigstore-verify-as-key_fail).
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from assay.registry.signing.keys import TrustedKey, chain_material, hash_of, parse_trusted
from assay.registry.signing.statement import Envelope, Statement, hash_files

HERE = Path(__file__).parent / "model_signing"

SIMPLE = {"signme-1": b"signme-1\n", "signme-2": b"signme-2", "ignore-me": b""}
MODELS: Mapping[str, Mapping[str, bytes]] = {
    "simple": SIMPLE,
    "single-file": {"model.bin": b"\xef" * 256},
    "multi-file": {
        "config.json": b'{"model": "test", "version": "1.0"}',
        "weights.bin": b"\xab" * 1024,
        "subdir/adapter.bin": b"\xcd" * 512,
    },
    "binary-content": {
        "header.bin": bytes.fromhex("0001fffe000089504e47"),
        "weights.bin": bytes(range(256)) * 4,
    },
    "empty": {".gitignore": b".gitkeep\n"},
    "with-dotfiles": {".config": b"data", ".env.example": b"env", "model.bin": b"model"},
    "with-empty-file": {"empty.bin": b"", "signme-1": b"signme-1"},
    "with-git-dir": {
        ".gitattributes": b"",
        ".gitignore": b"",
        "model.bin": b"model data",
        ".git/HEAD": b"git object",
        ".github/ci.yml": b"workflow",
    },
    "hidden-subdir": {
        "model.bin": b"main model",
        ".cache/weights.bin": b"cached weights",
        ".local/share/data.bin": b"local data",
    },
    "with-nested-gitignore": {"model.bin": b"content\n", "subdir/.gitignore": b"nested\n"},
    "with-nested-ignore": {"ignore-me": b"top", "signme-1": b"me", "subdir/ignore-me": b"nested"},
    "unicode-names": {"weights.bin": b"weights", "模型.bin": b"model data"},
    "special-chars": {
        "file (copy).bin": b"file1",
        "normal.bin": b"file3",
        "path with spaces/model.bin": b"file2",
    },
    "deeply-nested": {"a/very/deep/directory/tree/weights.bin": b"deep"},
    "deeply-nested-with-git": {
        "a/very/deep/directory/tree/weights.bin": b"deep",
        ".git/HEAD": b"git object",
    },
    "multi-git-dirs": {
        "model.bin": b"main",
        ".git/HEAD": b"root",
        "submodule/model.bin": b"sub",
        "submodule/.git/HEAD": b"sub",
    },
    "multi-gitignore": {
        "model.bin": b"main",
        ".gitignore": b"",
        "subdir/data.bin": b"sub",
        "subdir/.gitignore": b"nested",
    },
    "with-git-and-ignore": {
        "model.bin": b"model",
        ".git/HEAD": b"git object",
        ".gitignore": b"",
        ".gitattributes": b"",
        "ignored-file.tmp": b"ignored",
    },
    "with-assets-subdir": {
        "weights.bin": b"weights",
        "config.json": b"{}",
        "assets/vocab.txt": b"words",
        "assets/tokenizer.bin": b"\xaa" * 128,
    },
}


@cache
def private(name: str) -> ec.EllipticCurvePrivateKey:
    curves = {"p256": ec.SECP256R1(), "self-signed": ec.SECP256R1(), "p521": ec.SECP521R1()}
    return ec.generate_private_key(curves.get(name, ec.SECP384R1()))


@cache
def certificate(
    name: str,
    by: str,
    authority: bool = False,
    days: tuple[int, int] = (-1, 365),
    code: bool = True,
) -> x509.Certificate:
    """``days`` from today that it is valid from and to."""
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(private(name).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
    )
    usage = ExtendedKeyUsageOID.CODE_SIGNING if code else ExtendedKeyUsageOID.EMAIL_PROTECTION
    if not authority or name == by == "self-signed":
        made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return made.sign(private(by), hashes.SHA256())


OLD = (-2000, -1000)


def chain(group: str) -> tuple[list[x509.Certificate], x509.Certificate]:
    """Leaf and intermediate certificates, and the root, of a group of keys of the suite."""
    if group == "self-signed":
        own = certificate(group, group, True)
        return [own], own
    root = OLD if group in ("expired-root", "all-expired") else (-1, 365)
    between = OLD if group in ("expired-intermediate", "all-expired") else (-1, 365)
    leaf = {"expired": OLD, "all-expired": OLD, "not-yet-valid": (365, 730)}.get(group, (-1, 365))
    return [
        certificate("leaf", "between", False, leaf, group != "no-code-signing"),
        certificate("between", "root", True, between),
    ], certificate("root", "root", True, root)


@dataclass
class Case:
    """One case: how a model is signed and changed, and whether it verifies then."""

    model: str = "simple"
    method: str = "key"
    keys: str = "certificate"
    holds: bool = True
    signs: bool = True
    ignore: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    unsigned: bool = False
    inside: bool = False
    verified_as: str = ""
    trusted: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    change: Callable[[Path], object] = lambda model: None
    mutate: Callable[[dict[str, Any]], object] = lambda tree: None
    payload: Callable[[dict[str, Any]], object] = lambda tree: None
    text: Callable[[bytes], bytes] = lambda text: text


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda model: (model / name).write_bytes(content)


def drop(name: str) -> Callable[[Path], object]:
    return lambda model: (model / name).unlink()


IGNORE = {"ignore": ("ignore-me",), "names": ("signme-1", "signme-2")}
FAILS: dict[str, Any] = {"holds": False, **IGNORE}
CERTIFICATE: dict[str, Any] = {"method": "certificate", **IGNORE}

ROUNDTRIP = {
    "certificate-multi-file": Case("multi-file", "certificate"),
    "certificate-self-signed": Case(**CERTIFICATE, keys="self-signed"),
    "certificate-simple": Case(**CERTIFICATE),
    "key-assets-subdir": Case("with-assets-subdir"),
    "key-binary-content": Case("binary-content"),
    "key-deeply-nested": Case("deeply-nested"),
    "key-deeply-nested-with-git": Case(
        "deeply-nested-with-git", names=("a/very/deep/directory/tree/weights.bin",)
    ),
    "key-default-ignores": Case("with-git-dir", names=("model.bin",)),
    "key-dotfile-included": Case("with-dotfiles", names=(".config", ".env.example", "model.bin")),
    "key-empty-file": Case("with-empty-file", names=("empty.bin", "signme-1")),
    "key-empty-model-rejected": Case("empty", signs=False),
    "key-files-in-hidden-dir": Case(
        "hidden-subdir", names=(".cache/weights.bin", ".local/share/data.bin", "model.bin")
    ),
    "key-git-and-ignore-combined": Case(
        "with-git-and-ignore", ignore=("ignored-file.tmp",), names=("model.bin",)
    ),
    "key-ignore-paths": Case(**IGNORE),
    "key-ignore-paths-exact-match": Case(
        "with-nested-ignore", ignore=("ignore-me",), names=("signme-1", "subdir/ignore-me")
    ),
    "key-ignore-unsigned": Case(**IGNORE, unsigned=True, change=write("injected.bin", b"more")),
    "key-multi-file": Case(
        "multi-file", names=("config.json", "subdir/adapter.bin", "weights.bin")
    ),
    "key-multi-git-dirs": Case(
        "multi-git-dirs", ignore=("submodule/.git",), names=("model.bin", "submodule/model.bin")
    ),
    "key-multi-gitignore": Case(
        "multi-gitignore", ignore=("subdir/.gitignore",), names=("model.bin", "subdir/data.bin")
    ),
    "key-nested-git-not-excluded": Case(
        "with-nested-gitignore", names=("model.bin", "subdir/.gitignore")
    ),
    "key-p256": Case(**IGNORE, keys="p256"),
    "key-p384": Case(**IGNORE, keys="p384"),
    "key-p521": Case(**IGNORE, keys="p521"),
    "key-sig-inside-model": Case(**IGNORE, inside=True),
    "key-simple": Case(**IGNORE),
    "key-simple-deterministic": Case(**IGNORE),
    "key-single-file": Case("single-file", names=("model.bin",)),
    "key-special-chars-path": Case("special-chars"),
    "key-symlink-cycle": Case(links={"cycle-link": "."}, signs=False),
    "key-symlink-default-rejected": Case(links={"link-to-signme": "signme-1"}, signs=False),
    "key-symlink-outside-root": Case(links={"outside-link": "/nonexistent"}, signs=False),
    "key-unicode-filename": Case("unicode-names", names=("weights.bin", "模型.bin")),
}

POSITIVE = {
    "verify-certificate-simple": Case(**CERTIFICATE),
    "verify-key-ignore-paths": Case(**IGNORE),
    "verify-key-multi-file": Case("multi-file"),
    "verify-key-simple": Case(**IGNORE),
    "key-simple-ignore-unsigned-files": Case(
        **IGNORE, unsigned=True, change=write("extra.bin", b"added after signing\n")
    ),
    "verify-key-single-file": Case("single-file"),
}

NEGATIVE = {
    **{
        f"certificate-{keys}_fail": Case(**{**CERTIFICATE, "holds": False}, keys=keys)
        for keys in (
            *("no-code-signing", "expired", "not-yet-valid", "expired-intermediate"),
            *("expired-root", "all-expired"),
        )
    },
    "certificate-simple-wrong-ca_fail": Case(**FAILS, method="certificate", trusted="self-signed"),
    "certificate-verify-as-key_fail": Case(**FAILS, method="certificate", verified_as="key"),
    "key-missing-file-with-ignore-unsigned_fail": Case(
        **FAILS, unsigned=True, change=drop("signme-2")
    ),
    "key-simple-corrupted-bundle_fail": Case(**FAILS, text=lambda text: b'{"garbage": true}'),
    "key-simple-empty-resources_fail": Case(
        **FAILS, payload=lambda tree: tree["predicate"].update(resources=[])
    ),
    "key-simple-extra-file_fail": Case(**FAILS, change=write("injected.bin", b"more\n")),
    "key-simple-missing-file_fail": Case(**FAILS, change=drop("signme-2")),
    "key-simple-missing-serialization_fail": Case(
        **FAILS, payload=lambda tree: tree["predicate"].pop("serialization")
    ),
    "key-simple-no-signature_fail": Case(
        **FAILS, mutate=lambda tree: tree["dsseEnvelope"].update(signatures=[])
    ),
    "key-simple-tampered-content_fail": Case(**FAILS, change=write("signme-1", b"TAMPERED\n")),
    "key-simple-truncated-bundle_fail": Case(**FAILS, text=lambda text: text[:100]),
    "key-simple-wrong-key_fail": Case(**FAILS, trusted="wrong"),
    "key-simple-wrong-mediatype_fail": Case(
        **FAILS, mutate=lambda tree: tree.update(mediaType="application/json")
    ),
    "key-simple-wrong-payload-type_fail": Case(
        **FAILS,
        mutate=lambda tree: tree["dsseEnvelope"].update(payloadType="application/octet-stream"),
    ),
    "key-simple-wrong-statement-type_fail": Case(
        **FAILS, payload=lambda tree: tree.update(_type="https://in-toto.io/Statement/v0.1")
    ),
    "key-tampered-with-ignore-unsigned_fail": Case(
        **FAILS, unsigned=True, change=write("signme-1", b"TAMPERED\n")
    ),
    "key-verify-as-certificate_fail": Case(**FAILS, verified_as="certificate"),
    "malformed-empty-bundle_fail": Case(**FAILS, text=lambda text: b""),
    "malformed-missing-envelope_fail": Case(**FAILS, mutate=lambda tree: tree.pop("dsseEnvelope")),
    "malformed-wrong-predicate_fail": Case(
        **FAILS, payload=lambda tree: tree.update(predicateType="https://example.com/wrong/v1.0")
    ),
}


def trusted_pem(keys: str, method: str) -> bytes:
    if method == "certificate":
        return chain(keys)[1].public_bytes(Encoding.PEM)
    name = "leaf" if keys == "certificate" else keys
    return TrustedKey(private(name).public_key()).pem


def sign(model: Path, case: Case, signature: Path) -> Envelope:
    name = "leaf" if case.method == "certificate" or case.keys == "certificate" else case.keys
    if case.keys == "self-signed":
        name = case.keys
    key = private(name)
    files = hash_files(model, case.ignore, signature)
    payload = Statement(files, case.ignore).payload(model.name)
    if case.method == "certificate":
        pem = b"".join(each.public_bytes(Encoding.PEM) for each in chain(case.keys)[0])
        _, material = chain_material(pem)
    else:
        material = TrustedKey(key.public_key()).material()
    envelope = Envelope(payload, b"", material)
    signed = key.sign(envelope.signed, ec.ECDSA(hash_of(key.public_key())))
    return Envelope(payload, signed, material)


def verify(
    model: Path, signature: Path, pem: bytes, ignore: tuple[str, ...], unsigned: bool
) -> Statement:
    envelope = Envelope.read(signature.read_bytes())
    parse_trusted(pem).check(envelope)
    found = Statement.parse(envelope.payload)
    found.compare(hash_files(model, {*ignore, *found.ignored}, signature), unsigned=unsigned)
    return found


@pytest.mark.parametrize("name", [*ROUNDTRIP, *POSITIVE, *NEGATIVE])
def test_case_of_the_conformance_suite(tmp_path: Path, name: str) -> None:
    case = {**ROUNDTRIP, **POSITIVE, **NEGATIVE}[name]
    model = tmp_path / "my-model"
    for path, content in MODELS[case.model].items():
        (model / path).parent.mkdir(parents=True, exist_ok=True)
        (model / path).write_bytes(content)
    for link, target in case.links.items():
        (model / link).symlink_to(target)
    if case.model == "single-file":
        model = model / "model.bin"
    signature = (model if case.inside else tmp_path) / "model.sig"
    if not case.signs:
        with pytest.raises(ValueError, match=r"symbolic link|without files"):
            sign(model, case, signature)
        return
    envelope = sign(model, case, signature)
    assert_conforms(envelope, model.name, case)
    if name == "key-simple-deterministic":
        assert sign(model, case, signature).payload == envelope.payload
    signature.write_bytes(case.text(mutated(envelope.json().encode(), case)))
    case.change(model)
    keys = case.trusted or case.keys
    pem = trusted_pem(keys, case.verified_as or case.method)
    if case.holds:
        found = verify(model, signature, pem, case.ignore, case.unsigned)
        assert not case.names or tuple(sorted(found.files)) == tuple(sorted(case.names))
    else:
        with pytest.raises(ValueError, match=r"\w"):
            verify(model, signature, pem, case.ignore, case.unsigned)


def mutated(text: bytes, case: Case) -> bytes:
    tree = json.loads(text)
    payload = json.loads(base64.b64decode(tree["dsseEnvelope"]["payload"]))
    before = json.dumps(payload)
    case.payload(payload)
    if json.dumps(payload) != before:
        # Signed anew: it must be refused for what it says, not for its signature alone.
        key = private("leaf")
        new = Envelope(json.dumps(payload).encode(), b"", tree["verificationMaterial"])
        signed = key.sign(new.signed, ec.ECDSA(hash_of(key.public_key())))
        tree = json.loads(Envelope(new.payload, signed, new.material).json())
    case.mutate(tree)
    return json.dumps(tree).encode()


def assert_conforms(envelope: Envelope, name: str, case: Case) -> None:
    """What the suite asks of each signature that a client makes."""
    tree = json.loads(envelope.json())
    statement = json.loads(base64.b64decode(tree["dsseEnvelope"]["payload"]))
    assert tree["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert tree["dsseEnvelope"]["payloadType"] == "application/vnd.in-toto+json"
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://model_signing/signature/v1.0"
    resources = statement["predicate"]["resources"]
    names = [each["name"] for each in resources]
    assert names == sorted(names) and all(each["algorithm"] == "sha256" for each in resources)
    joined = b"".join(bytes.fromhex(each["digest"]) for each in resources)
    assert statement["subject"] == [
        {"name": name, "digest": {"sha256": hashlib.sha256(joined).hexdigest()}}
    ]
    how = statement["predicate"]["serialization"]
    assert (how["method"], how["hash_type"], how["allow_symlinks"]) == ("files", "sha256", False)
    assert "shard_size" not in how and "model.sig" not in names
    if case.method == "key":
        assert len(tree["verificationMaterial"]["publicKey"]["hint"]) == 64


HISTORICAL = sorted(path.name for path in HERE.glob("v*-*[ye]") if "sigstore" not in path.name)


@pytest.mark.parametrize("name", [*HISTORICAL, "key.sig", "certificate.sig"])
def test_signature_of_another_implementation(tmp_path: Path, name: str) -> None:
    folder = HERE / ("v1.1.0-elliptic-key" if name.endswith(".sig") else name)
    model = tmp_path / "model"
    shutil.copytree(folder, model)
    signature = model / "model.sig"
    if name.endswith(".sig"):
        shutil.copy(HERE / name, signature)
    one = len(list(model.iterdir())) == 2
    pem = (HERE / ("ca-cert.pem" if "certificate" in name else "signing-key-pub.pem")).read_bytes()
    ignore = () if one else ("ignore-me",)
    target = model / "signme-1" if one else model
    verify(target, signature, pem, ignore, False)
    (model / "signme-1").write_bytes(b"tampered")
    with pytest.raises(ValueError, match="not what was signed"):
        verify(target, signature, pem, ignore, False)


def test_there_are_nine_signatures_of_older_versions() -> None:
    assert len(HISTORICAL) == 9


def test_keyless_signature_is_refused() -> None:
    folder = HERE / "v1.1.0-sigstore"
    for pem in ("ca-cert.pem", "signing-key-pub.pem"):
        with pytest.raises(ValueError, match=r"another key|no certificates"):
            verify(folder, folder / "model.sig", (HERE / pem).read_bytes(), ("ignore-me",), False)
