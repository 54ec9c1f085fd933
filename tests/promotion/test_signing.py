"""Signed versions: whose signature counts, and that no byte of what was signed can be changed."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from assay.cli.__main__ import main
from assay.errors import BundleChanged, UsageError, VersionRefused
from assay.promotion.promote import promote, rollback
from assay.promotion.verify import run as verify
from assay.promotion.verify import run_folder
from assay.registry import versions
from assay.registry.allowed import require_allowed
from assay.registry.fetch import BUNDLES
from assay.registry.pin import pin_named
from assay.registry.signing.keys import TrustedKey
from assay.registry.signing.statement import Envelope, Statement
from assay.registry.verification import list_versions

NAME = "late-flights"
TODAY = datetime.now(UTC).date()


def make_key(root: Path, name: str, curve: ec.EllipticCurve | None = None) -> None:
    """``keys/NAME.pem`` in the project, and the private key beside it, outside."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    (root / "keys").mkdir(exist_ok=True)
    (root / "keys" / f"{name}.pem").write_bytes(TrustedKey(key.public_key()).pem)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (root.parent / f"{name}.key").write_bytes(private)


def section(by: str, *trusted: str, require: bool = True) -> str:
    lines = ["signing:", f"  require: {str(require).lower()}", f"  by: {{{by}}}", "  trusted:"]
    return "\n".join([*lines, *(f"    - {{{each}}}" for each in trusted)]) + "\n"


USUAL = section("key: keys/a.pem, file: ../a.key", "key: keys/a.pem")


@pytest.fixture
def signing(project: Any) -> Any:
    """A project with a key ``a``, by which versions have to be signed."""
    make_key(project.root, "a")
    configure(project, USUAL)
    return project


def configure(project: Any, text: str) -> None:
    path = project.root / "params.yaml"
    old = path.read_text().partition("signing:")[0]
    path.write_text(old + text)
    project.commit("keys")


def up(project: Any) -> Any:
    return promote(project.root, project.params).version


def check(project: Any, stage: str | None = "prod", version: str = "v0.1.0") -> None:
    known = versions.read_state(project.root, NAME)
    found = versions.select_version(known, NAME, version)
    require_allowed(project.root, known, found, stage)


def refused(project: Any, why: str, stage: str | None = "prod", version: str = "v0.1.0") -> None:
    with pytest.raises(VersionRefused, match=why):
        check(project, stage, version)


def retag(project: Any, change: Callable[[str], str], name: str = f"{NAME}#prod#1") -> None:
    """Make a tag anew with another message, as anybody who may push can."""
    message = project.git("tag", "--list", "--format=%(contents)", name)
    commit = project.git("rev-parse", f"{name}^{{commit}}")
    project.git("tag", "--force", "--annotate", name, "--message", change(message), commit)


def statement(project: Any) -> tuple[str, dict[str, Any]]:
    message = project.git("tag", "--list", "--format=%(contents)", f"{NAME}#prod#1")
    line = next(each for each in message.splitlines() if each.startswith("Statement: "))
    return line, json.loads(line.removeprefix("Statement: "))


def test_a_signed_version_is_used_and_an_unsigned_one_refused(signing: Any) -> None:
    up(signing)
    check(signing)
    check(signing, None)
    retag(signing, lambda text: text.replace(statement(signing)[0], ""))
    refused(signing, "it is not signed")
    refused(signing, "it is not signed", None)
    with pytest.raises(VersionRefused, match="not signed"):
        pin_named(signing.root, signing.params, None)
    configure(signing, USUAL.replace("require: true", "require: false"))
    check(signing)
    (doubt,) = list_versions(signing.root, signing.params).doubts.values()
    assert doubt == "it is not signed"


def test_an_edit_of_the_work_tree_switches_no_signature_off(signing: Any) -> None:
    up(signing)
    key = signing.root / "keys" / "a.pem"
    committed = key.read_bytes()
    key.write_bytes(b"no key")
    check(signing)
    key.write_bytes(committed)
    retag(signing, lambda text: text.replace(statement(signing)[0], ""))
    params = signing.root / "params.yaml"
    for text in (params.read_text().replace("require: true", "require: false"), ""):
        params.write_text(text or params.read_text().partition("signing:")[0])
        refused(signing, "it is not signed")
        with pytest.raises(VersionRefused, match="not signed"):
            pin_named(signing.root, signing.params, None)


def test_what_cannot_be_signed_leaves_no_tag(signing: Any) -> None:
    (signing.root.parent / "a.key").unlink()
    with pytest.raises(UsageError, match="cannot be signed, so nothing was promoted"):
        up(signing)
    configure(signing, section("key: keys/a.pem, command: ['false']", "key: keys/a.pem"))
    with pytest.raises(UsageError, match="false ended with 1"):
        up(signing)
    configure(signing, USUAL.replace("  by: {key: keys/a.pem, file: ../a.key}\n", ""))
    with pytest.raises(VersionRefused, match="nothing signs what is promoted"):
        up(signing)
    assert signing.tag_names() == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Outcome: PASS", "Outcome: FAIL"),
        ("By: Ada", "By: Eve"),
        ("Champion: none", "Champion: v0.0.1"),
        ("Kind: promote", "Kind: rollback"),
        ("Kind: promote\n", "Kind: promote\nOverride: none needed\n"),
        ("Signed: 20", "Signed: 19"),
    ],
)
def test_no_fact_of_the_tag_can_be_edited(signing: Any, old: str, new: str) -> None:
    up(signing)
    retag(signing, lambda text: text.replace(old, new))
    refused(signing, "over another promotion.json")


def test_verdict_bundle_and_version_cannot_be_exchanged(signing: Any) -> None:
    up(signing)
    message = signing.git("tag", "--list", "--format=%(contents)", f"{NAME}#prod#1")
    verdict = next(line for line in message.splitlines() if line.startswith("Verdict: "))
    with signing_copy(signing) as copy:
        for name in (f"{NAME}#prod#1", f"{NAME}@v0.1.0"):
            retag(copy, lambda text: text.replace(verdict, f"Verdict: sha256:{'0' * 64}"), name)
        refused(copy, "over another")
    with signing_copy(signing) as copy:
        # The same commit, by another number.
        copy.git("tag", f"{NAME}@v9.9.9", f"{NAME}@v0.1.0^{{}}", "-a", "-m", "v9")
        copy.git("tag", "--delete", f"{NAME}@v0.1.0")
        refused(copy, "over another promotion.json", version="v9.9.9")
    with signing_copy(signing) as copy:
        # The statement of another version, in the tag of this one.
        line, _ = statement(copy)
        copy.another("two")
        second = up(copy)
        name = f"{NAME}#prod#2"
        text = copy.git("tag", "--list", "--format=%(contents)", name)
        own = next(each for each in text.splitlines() if each.startswith("Statement: "))
        check(copy, "prod", second.version)
        retag(copy, lambda text: text.replace(own, line), name)
        refused(copy, "over another promotion.json", version=second.version)
    with signing_copy(signing) as copy:
        # Another stage, by the statement of this one.
        copy.git("tag", f"{NAME}#live#2", f"{NAME}@v0.1.0^{{}}", "-a", "-m", message)
        refused(copy, "over another promotion.json", "live")
        check(copy, None)


class signing_copy:
    """A copy of a project for one attack."""

    def __init__(self, project: Any) -> None:
        self._project, self._root = project, project.root.parent / "attacked"

    def __enter__(self) -> Any:
        shutil.copytree(self._project.root, self._root, symlinks=True)
        return type(self._project)(self._root)

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._root)


def test_every_byte_of_the_statement_counts(signing: Any) -> None:
    up(signing)
    line, tree = statement(signing)
    payload = tree["dsseEnvelope"]["payload"]
    signature = tree["dsseEnvelope"]["signatures"][0]["sig"]
    known = versions.read_state(signing.root, NAME)
    version = versions.select_version(known, NAME, "v0.1.0")
    edits = [
        ("{", "{{"),
        (
            payload,
            base64.b64encode(base64.b64decode(payload).replace(b"v0.1.0", b"v0.2.0")).decode(),
        ),
        (payload, payload[:-8]),
        (payload, "*" + payload[1:]),
        (signature, base64.b64encode(base64.b64decode(signature)[:-1]).decode()),
        (signature, base64.b64encode(b"\x30\x06\x02\x01\x00\x02\x01\x00").decode()),
        ('"signatures":[', '"signatures":[null,'),
        ("v0.3+json", "v9+json"),
        ("vnd.in-toto+json", "json"),
        ('"publicKey":{"hint"', '"publicKey":{"rawBytes"'),
        ('"publicKey"', '"certificate"'),
        ('"dsseEnvelope"', '"other"'),
        (line[12:], "[" * 100_000),
        (line[12:], '{"a":"' + "x" * (17 << 20) + '"}'),
    ]
    for old, new in edits:
        wrong = line.replace(old, new, 1)
        assert wrong != line
        events = tuple(
            replace(
                each, trailers={**each.trailers, "Statement": wrong.removeprefix("Statement: ")}
            )
            for each in known.events
        )
        with pytest.raises(VersionRefused):
            require_allowed(signing.root, replace(known, events=events), version, "prod")


def test_a_bundle_that_was_edited_added_to_or_taken_from_is_refused(signing: Any) -> None:
    made = up(signing)
    folder = signing.root / BUNDLES / made.bundle.removeprefix("sha256:")
    cache = signing.root / ".dvc" / "cache" / "files" / "md5"

    def card() -> Path:
        return next(
            each for each in cache.rglob("*") if each.is_file() and each.read_bytes() == b"card one"
        )

    # What was fetched is fetched again if it differs; what DVC holds is not.
    verify(signing.root, signing.params, None, None)
    for harm in (
        lambda: (folder / "card.md").write_bytes(b"card two"),
        lambda: (folder / "more.txt").write_bytes(b"more"),
        lambda: (folder / "card.md").unlink(),
        lambda: (folder / "manifest.json").write_bytes(b"[" * 100_000),
    ):
        for each in (folder, *folder.iterdir()):
            each.chmod(0o755)
        harm()
        verify(signing.root, signing.params, None, None)
        assert {each.name for each in folder.iterdir()} == {
            "model.skops",
            "card.md",
            "manifest.json",
        }
    shutil.rmtree(folder)
    target = card()
    target.chmod(0o644)
    target.write_bytes(b"card two")
    with pytest.raises(BundleChanged):
        verify(signing.root, signing.params, None, None)


def test_a_folder_is_verified_without_the_project(signing: Any, tmp_path: Path) -> None:
    made = up(signing)
    out = tmp_path / "late-flights-v0.1.0"
    found = verify(signing.root, signing.params, "v0.1.0", out)
    assert (found.key, found.files, found.bundle) == ("keys/a.pem", 5, made.bundle)
    assert run_folder(signing.root, out, False).files == 5
    (out / "more.txt").write_text("more")
    assert run_folder(signing.root, out, True).files == 5
    with pytest.raises(VersionRefused, match=r"more\.txt is not signed"):
        run_folder(signing.root, out, False)
    (out / "more.txt").unlink()
    (out / "more").mkdir()
    assert run_folder(signing.root, out, True).files == 5
    with pytest.raises(VersionRefused, match="more/ is not signed"):
        run_folder(signing.root, out, False)
    (out / "more").rmdir()
    with pytest.raises(UsageError, match="no such folder"):
        run_folder(signing.root, tmp_path / "elsewhere", False)
    (out / "bundle" / "card.md").unlink()
    with pytest.raises(VersionRefused, match=r"card\.md is missing"):
        run_folder(signing.root, out, False)
    (tmp_path / "card.md").write_text("card one")
    (out / "bundle" / "card.md").symlink_to(tmp_path / "card.md")
    with pytest.raises(VersionRefused, match="symbolic link"):
        run_folder(signing.root, out, False)
    with pytest.raises(UsageError, match=f"--out: there is no folder {tmp_path / 'no'} "):
        verify(signing.root, signing.params, "v0.1.0", tmp_path / "no" / "new")
    assert not (tmp_path / "no").exists()
    with pytest.raises(UsageError, match="exists already"):
        verify(signing.root, signing.params, "v0.1.0", out)


def test_keys_are_rotated_end_and_are_revoked(signing: Any) -> None:
    up(signing)
    make_key(signing.root, "b", ec.SECP521R1())
    by_b = "key: keys/b.pem, file: ../b.key"
    yesterday, tomorrow = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
    rotated = (f"key: keys/a.pem, until: '{TODAY}'", f"key: keys/b.pem, from: '{TODAY}'")
    configure(signing, section(by_b, *rotated))
    check(signing)
    signing.another("two")
    second = up(signing)
    check(signing, "prod", second.version)
    for trusted, why in (
        (("key: keys/a.pem, revoked: a laptop was stolen",), "was revoked: a laptop was stolen"),
        ((f"key: keys/a.pem, until: '{yesterday}'",), "after the last day of its key"),
        ((f"key: keys/a.pem, from: '{tomorrow}'",), "before its key keys/a.pem counts"),
        (("key: keys/b.pem",), "signed by a key that is not under signing.trusted"),
    ):
        configure(signing, section(by_b, *trusted))
        refused(signing, why)
        with pytest.raises(VersionRefused, match=r"v0\.1\.0 may not be used"):
            rollback(signing.root, signing.params, because="it erred")
    for trusted in (f"key: keys/b.pem, until: '{yesterday}'", "key: keys/b.pem, revoked: lost"):
        configure(signing, section(by_b, trusted))
        signing.another(f"three {trusted}")
        before = signing.tag_names()
        with pytest.raises(VersionRefused, match="the key that signs does not count here"):
            up(signing)
        assert signing.tag_names() == before


def test_a_rollback_is_signed_too(signing: Any) -> None:
    up(signing)
    signing.another("two")
    up(signing)
    rollback(signing.root, signing.params, because="it erred")
    check(signing)
    retag(signing, lambda text: text.replace("it erred", "it was time"), f"{NAME}#prod#3")
    refused(signing, "over another promotion.json")
    check(signing, None)


def test_no_old_version_is_brought_back_without_a_signature(signing: Any) -> None:
    up(signing)
    time.sleep(1)  # signatures are of a second
    signing.another("two")
    second = up(signing)
    with signing_copy(signing) as copy:
        message = copy.git("tag", "--list", "--format=%(contents)", f"{NAME}#prod#1")
        time.sleep(1)
        copy.git("tag", f"{NAME}#prod#3", f"{NAME}#prod#1^{{}}", "-a", "-m", message)
        assert versions.read_champion(copy.root, NAME, "prod").version == "v0.1.0"
        refused(copy, r"v0\.2\.0 was given the stage after it")
    with signing_copy(signing) as copy:
        copy.git("tag", f"{NAME}#prod!#3", second.commit, "-a", "-m", "away")
        assert versions.read_champion(copy.root, NAME, "prod").version == "v0.1.0"
        refused(copy, r"v0\.2\.0 was given the stage after it")
    rollback(signing.root, signing.params, because="it erred")
    check(signing)


def test_an_ssh_agent_signs(signing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for curve, name in (
        (ec.SECP256R1(), "p256"),
        (ec.SECP384R1(), "p384"),
        (ec.SECP521R1(), "p521"),
    ):
        make_key(signing.root, name, curve)
    said = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    told = dict(each.split("=", 1) for each in said.replace(";", "\n").split() if "=" in each)
    monkeypatch.setenv("SSH_AUTH_SOCK", told["SSH_AUTH_SOCK"])
    try:
        for number, name in enumerate(("p256", "p384", "p521"), start=1):
            private = signing.root.parent / f"{name}.key"
            private.chmod(0o600)
            agent = "agent: true"
            configure(signing, section(f"key: keys/{name}.pem, {agent}", f"key: keys/{name}.pem"))
            signing.another(name)
            with pytest.raises(UsageError, match="does not hold the key"):
                up(signing)
            subprocess.run(["ssh-add", "-q", str(private)], check=True, capture_output=True)
            made = up(signing)
            assert made.version == f"v0.{number}.0"
            check(signing, "prod", made.version)
    finally:
        subprocess.run(["kill", told["SSH_AGENT_PID"]], check=True)


@pytest.mark.parametrize("form", ["der", "base64", "raw"])
def test_a_command_signs_a_digest(signing: Any, form: str) -> None:
    key = signing.root.parent / "a.key"
    pkey = f"openssl pkeyutl -sign -inkey {key}"
    then = {"der": "", "base64": "| base64", "raw": f"| {sys.executable} {__file__}"}[form]
    (signing.root.parent / "kms").write_text(f"#!/bin/sh\n{pkey} {then}\n")
    (signing.root.parent / "kms").chmod(0o755)
    configure(signing, section("key: keys/a.pem, command: [../kms]", "key: keys/a.pem"))
    up(signing)
    check(signing)


def write_r_and_s() -> None:
    """DER on standard input to r and s of one length each, as some services give them."""
    r, s = decode_dss_signature(sys.stdin.buffer.read())
    sys.stdout.buffer.write(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def test_a_key_with_a_password(signing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = signing.root.parent / "a.key"
    key = load_pem_private_key(path.read_bytes(), None)
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open"))
    )
    with pytest.raises(UsageError, match="assword"):
        up(signing)
    monkeypatch.setenv("ASSAY_SIGNING_PASSWORD", "open")
    up(signing)
    check(signing)


def test_it_takes_less_than_fifty_milliseconds(signing: Any) -> None:
    up(signing)
    known = versions.read_state(signing.root, NAME)
    version = versions.select_version(known, NAME, "v0.1.0")

    def seconds() -> Iterator[float]:
        for _ in range(5):
            began = time.perf_counter()
            require_allowed(signing.root, known, version, "prod")
            yield time.perf_counter() - began

    assert min(seconds()) < 0.05


def test_the_command_says_who_signed_or_why_it_is_refused(
    signing: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(signing.root)
    up(signing)
    assert main(["verify", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["key"], told["outcome"]) == ("v0.1.0", "keys/a.pem", "PASS")
    retag(signing, lambda text: text.replace("By: Ada", "By: Eve"))
    assert main(["verify"]) == 46
    assert "over another promotion.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("signing: {require: true}\n", "a key under trusted"),
        (section("key: k", "key: k"), "one of file, agent: true and command"),
        (section("key: k, file: f, agent: true", "key: k"), "one of file, agent: true and command"),
        (section("key: k, file: f", "key: k", "key: k"), "each trusted key once"),
        (
            section("key: k, file: f", "key: k, from: '2026-02-01', until: '2026-01-01'"),
            "'until' on or after 'from'",
        ),
    ],
)
def test_a_section_that_makes_no_sense(project: Any, text: str, why: str) -> None:
    from assay.errors import ParamsError

    configure(project, text)
    with pytest.raises(ParamsError, match=why):
        _ = project.params


def test_a_payload_of_another_kind_is_refused_though_it_is_signed(signing: Any) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    trusted = TrustedKey(key.public_key())
    for payload in (b"{}", b"[]", b"null", b'{"_type": 1}', b"\xff"):
        from cryptography.hazmat.primitives.hashes import SHA256

        unsigned = Envelope(payload, b"", trusted.material())
        signed = key.sign(unsigned.signed, ec.ECDSA(SHA256()))
        envelope = Envelope(payload, signed, trusted.material())
        trusted.check(Envelope.read(envelope.json().encode()))
        with pytest.raises(ValueError, match=r"no JSON|type"):
            Statement.parse(envelope.payload)


if __name__ == "__main__":
    write_r_and_s()
