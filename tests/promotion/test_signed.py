"""With ``access.require_signature`` only what people with the right have signed is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.errors import NotAllowed, PromotionRefused, VersionRefused
from assay.promotion.card import facts
from assay.promotion.promote import promote, rollback
from assay.registry import access, champion, git, signatures, versions
from assay.registry.allowed import require_allowed, signature_doubt
from assay.registry.verification import list_versions
from tests.keys import GPG, Keys, gpg_key

NAME = "late-flights"
POLICY = """
access:
  groups: {science: [ada@example.com, ben@example.com]}
  promote: [science]
  rollback: [science, cleo@example.com]
  require_signature: true
"""


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys")


@pytest.fixture
def signed(project: Any, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project that asks for signatures, whose first version Ada signed."""
    for role in ("AUTHOR", "COMMITTER"):  # restored after the test, whoever signs in it
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")
    everyone = "".join(keys.allowed(name) for name in ("ada", "ben", "cleo", "dan"))
    project.write("allowed_signers", everyone)
    project.write("params.yaml", (project.root / "params.yaml").read_text() + POLICY)
    project.commit()
    keys.sign_as(project.root, "ada")
    promote(project.root, project.params, because="the first")
    return project


def use(project: Any) -> str:
    """The version that may be used; raises if it may not."""
    known = versions.read_state(project.root, NAME)
    held = versions.select_champion(known, NAME, "prod")
    require_allowed(project.root, known, held, "prod")
    return held.version


def refused(project: Any) -> str:
    with pytest.raises(VersionRefused) as caught:
        use(project)
    assert "\n" not in caught.value.line()
    known = versions.read_state(project.root, NAME)
    held = versions.select_champion(known, NAME, "prod")
    doubt = signature_doubt(project.root, known, held, "prod")
    assert doubt and doubt in caught.value.line(), "verify, status and versions say it too"
    found = champion.find(project.root, project.params)[0]
    assert (found.state, found.why) == ("unreadable", caught.value.line())
    return caught.value.line()


def by_hand(project: Any, tag: str, commit: str, *options: str, message: str = "by hand") -> None:
    project.git("tag", *(options or ("--annotate",)), "--message", message, tag, commit)


def bundle(project: Any) -> str:
    return f"x\n\nBundle: {versions.read_state(project.root, NAME).versions[-1].bundle}"


def test_signed_tags_are_used_and_named(signed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert use(signed) == "v0.1.0"
    known = versions.read_state(signed.root, NAME)
    assert facts._signed_by(signed.root, known, known.versions[0]) == ("ada@example.com")
    assert champion.find(signed.root, signed.params)[0].state == "found"
    document = list_versions(signed.root, signed.params).document()
    assert document["versions"][0]["signed_by"] == "ada@example.com"  # type: ignore[index]
    assert document["history"][0]["signed_by"] == "ada@example.com"  # type: ignore[index]
    assert main(["versions", "--root", str(signed.root)]) == 0
    assert "only claimed" not in capsys.readouterr().out


def test_an_unsigned_tag_is_refused(signed: Any) -> None:
    by_hand(signed, f"{NAME}#prod#9", "HEAD", message=bundle(signed))
    line = refused(signed)
    assert line.startswith(f"tag {NAME}#prod#9: a tag is not signed by somebody who may make it")
    assert "one of science (ada@example.com, ben@example.com)" in line
    assert "found no signature" in line


def test_the_signature_of_a_stranger_is_refused(signed: Any, keys: Keys) -> None:
    keys.sign_as(signed.root, "ada", key="eve")
    by_hand(signed, f"{NAME}#prod#9", "HEAD", "--sign", message=bundle(signed))
    assert "a signature by ED25519 key SHA256:" in refused(signed)
    signed.another("two")
    with pytest.raises(PromotionRefused, match="your signature does not count here"):
        promote(signed.root, signed.params, because="second")
    assert f"{NAME}@v0.2.0" not in signed.tag_names()


def test_whoever_signs_must_also_be_allowed_to(signed: Any, keys: Keys) -> None:
    keys.sign_as(signed.root, "dan")
    by_hand(signed, f"{NAME}#prod#9", "HEAD", "--sign", message=bundle(signed))
    assert "found a signature of dan@example.com" in refused(signed)


def test_one_may_go_back_who_may_not_promote(signed: Any, keys: Keys) -> None:
    signed.another("two")
    promote(signed.root, signed.params, because="second")
    keys.sign_as(signed.root, "cleo")
    signed.another("three")
    signed.write("dvc.lock", "not committed")  # who may not is told that, and nothing else
    with pytest.raises(NotAllowed, match=r"Cleo <cleo@example\.com> may not promote"):
        promote(signed.root, signed.params, because="third")
    rollback(signed.root, signed.params, because="it erred")
    assert use(signed) == "v0.1.0"


def test_a_signed_tag_under_another_name_is_refused(signed: Any) -> None:
    first = signed.git("rev-parse", f"refs/tags/{NAME}#prod#1")
    signed.another("two")
    promote(signed.root, signed.params, because="second")
    signed.git("update-ref", f"refs/tags/{NAME}#prod#9", first)
    signed.git("update-ref", "-d", f"refs/tags/{NAME}#prod#1")
    known = versions.read_state(signed.root, NAME)
    version = versions.read_version(signed.root, NAME, "v0.1.0")
    with pytest.raises(VersionRefused, match=f"found the tag {NAME}#prod#1 under another name"):
        require_allowed(signed.root, known, version, "prod")


@pytest.mark.parametrize(
    "tag", [f"{NAME}#prod!#9", f"{NAME}@v0.2.0!"], ids=["unassigned", "deregistered"]
)
def test_an_unsigned_tag_does_not_give_the_stage_back(
    signed: Any, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed.another("two")
    second = promote(signed.root, signed.params, because="second").version
    assert use(signed) == "v0.2.0"
    by_hand(signed, tag, second.commit)
    assert versions.read_champion(signed.root, NAME, "prod").version == "v0.1.0"
    assert refused(signed).startswith(f"tag {tag}:")


def test_an_unsigned_tag_does_not_say_which_bundle_it_is(signed: Any) -> None:
    signed.another("two")
    commit, text = signed.git("rev-parse", "HEAD"), bundle(signed)
    by_hand(signed, f"{NAME}@v0.2.0", commit, "--sign")
    by_hand(signed, f"{NAME}#test#8", commit, message=text)
    by_hand(signed, f"{NAME}#prod#9", commit, "--sign")
    with pytest.raises(VersionRefused, match=r"no signed tag says which bundle v0\.2\.0 is"):
        use(signed)


def test_what_is_not_committed_does_not_decide(signed: Any) -> None:
    by_hand(signed, f"{NAME}#prod#9", "HEAD", message=bundle(signed))
    text = (signed.root / "params.yaml").read_text()
    signed.write("params.yaml", text.replace("require_signature: true", "require_signature: false"))
    refused(signed)
    signed.git("update-ref", "refs/remotes/origin/main", "HEAD")
    signed.git("remote", "add", "origin", "https://example.invalid/x.git")
    signed.commit("on a branch")
    refused(signed)
    signed.git("update-ref", "refs/remotes/origin/main", "HEAD")
    assert use(signed) == "v0.1.0"


def test_a_key_that_is_taken_out_counts_no_more(signed: Any, keys: Keys) -> None:
    signed.write("allowed_signers", keys.allowed("ben"))
    signed.commit()
    assert "that is not allowed, or was not" in refused(signed)
    keys.sign_as(signed.root, "ben")
    signed.another("two")
    promote(signed.root, signed.params, because="anew")
    assert use(signed) == "v0.2.0"
    with pytest.raises(VersionRefused):
        rollback(signed.root, signed.params, because="back", to="v0.1.0")


def test_a_key_counts_for_its_time(signed: Any, keys: Keys, monkeypatch: Any) -> None:
    """Rotation: the old key ends, the new one begins, and both are in the file."""
    for tag, year, key in (("a", 2021, "ada"), ("b", 2023, "ada"), ("c", 2023, "new")):
        keys.sign_as(signed.root, "ada", key=key)
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"{year}-03-01T12:00:00Z")
        by_hand(signed, tag, "HEAD", "--sign")
    old = keys.allowed("ada", 'valid-before="20220101"')
    new = keys.allowed("new", 'valid-after="20220101"').replace("new@", "ada@")
    signed.write("allowed_signers", old + new)
    signed.commit()
    policy = access.read_policy(signed.root)
    tags = [each for each in git.tags(signed.root) if each.name in "abc"]
    proofs = signatures.verify(signed.root, policy, tags)
    assert {name: proof.by for name, proof in proofs.items()} == {
        "a": "ada@example.com", "b": "", "c": "ada@example.com",
    }  # fmt: skip


def test_a_commit_s_author_cannot_approve_by_another_name(signed: Any, keys: Keys) -> None:
    text = (signed.root / "params.yaml").read_text() + "registry: {require_approval: true}\n"
    signed.write("params.yaml", text)
    signed.another("two")
    signed.git("-c", "user.name=Ben", "tag", "--annotate", "--message", "x", "approved/x", "HEAD")
    with pytest.raises(PromotionRefused, match="nobody but its authors approved"):
        promote(signed.root, signed.params, because="second")
    keys.sign_as(signed.root, "ben")
    by_hand(signed, "approved/y", "HEAD", "--sign")
    keys.sign_as(signed.root, "ada")
    promote(signed.root, signed.params, because="second")
    state = versions.read_state(signed.root, NAME)
    assert state.histories["prod"][-1].approved == "ben@example.com"


@pytest.mark.skipif(GPG is None, reason="gpg is not installed")
def test_keys_of_gpg_are_in_a_file_beside(
    signed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = gpg_key(tmp_path / "ben", "ben")
    stranger = gpg_key(tmp_path / "eve", "eve")
    signed.write("allowed_signers.asc", public)
    signed.another("two")
    signed.git("config", "gpg.format", "openpgp")
    signed.git("config", "user.signingkey", "ben@example.com")
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "ben"))
    promote(signed.root, signed.params, because="second")
    assert use(signed) == "v0.2.0"
    found = list_versions(signed.root, signed.params).document()
    assert found["versions"][0]["signed_by"] == "ben@example.com"  # type: ignore[index]
    assert stranger != public
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "eve"))
    signed.git("config", "user.signingkey", "eve@example.com")
    by_hand(signed, f"{NAME}#prod#9", "HEAD", "--sign", message=bundle(signed))
    assert "is not allowed" in refused(signed)


def test_names_without_signatures_are_only_claimed(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    promote(project.root, project.params, because="the first")
    assert main(["versions", "--root", str(project.root)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "who made v0.1.0 is only claimed, not signed: docs/access.md" in out
    assert (
        list_versions(project.root, project.params).document()["versions"][0][  # type: ignore[index]
            "signed_by"
        ]
        is None
    )
