"""Acts on the store, and what uses a version: refused without the right, passing with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.cli.__main__ import main
from assay.errors import NotAllowed, RunUnknown
from assay.ops import forget
from assay.ops.doctor import checks
from assay.ops.doctor.finding import Project
from assay.score.operations.store_commands import release, retract
from tests import projects
from tests.keys import Keys
from tests.scorer import NIGHT, Scorer

DOCS = Path(__file__).parents[2] / "docs" / "access.md"


@pytest.fixture
def scorer(live: Path, monkeypatch: pytest.MonkeyPatch) -> Scorer:
    become(monkeypatch, "ada")
    return Scorer(live, None)


def become(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", name.title())
        monkeypatch.setenv(f"GIT_{role}_EMAIL", f"{name}@example.com")


def commit(root: Path, more: str) -> None:
    file = root / "params.yaml"
    file.write_text(file.read_text("utf-8") + more, "utf-8")
    projects.call(root, "git", "add", "--all")
    projects.call(root, "git", "commit", "--quiet", "--message", "Say who may")


def test_the_store_s_acts(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    root, params, store = scorer.root, scorer.params, scorer.store
    commit(
        root,
        "\naccess: {release: [ben@example.com], retract: [ben@example.com], "
        "forget: [ben@example.com]}\n",
    )
    run_id = scorer.score().run_id
    key = store.predictions(NIGHT)["parcel"][0].as_py()
    acts: dict[str, Callable[[], object]] = {
        "forget": lambda: forget.run(root, params, [f"parcel={key}"], None, "asked"),
        "retract": lambda: retract(root, params, run_id, "wrong"),
        "release": lambda: release(root, params, run_id, "right"),
    }
    before = store.predictions(NIGHT)
    for name, act in acts.items():
        with pytest.raises(NotAllowed, match=f"Ada <ada@example.com> may not {name}"):
            act()
    assert store.predictions(NIGHT).equals(before) and store.visible_run(NIGHT) == run_id
    become(monkeypatch, "ben")
    acts["forget"]()
    assert key not in store.predictions(NIGHT)["parcel"].to_pylist()
    acts["retract"]()
    assert store.visible_run(NIGHT) is None
    with pytest.raises(RunUnknown):  # there is nothing to release, which is not about rights
        acts["release"]()


def sign_again(root: Path) -> None:
    """What docs/access.md says to type about versions from before."""
    (block,) = re.findall(r"^```bash\n(for tag .*?)^```", DOCS.read_text("utf-8"), re.S | re.M)
    block = block.replace("late-flights@v0.2.0", "parcels@v0.1.0")
    block = block.replace("late-flights#prod#4", "parcels#prod#1")
    projects.call(root, "bash", "-euc", block.replace("git push", "true git push"))


def test_what_is_not_signed_is_not_used(
    scorer: Scorer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, keys = scorer.root, Keys(tmp_path / "keys")
    (root / "allowed_signers").write_text(keys.allowed("ada") + keys.allowed("ben"))
    keys.sign_as(root, "ada")
    at = ("--root", str(root))
    out = f"csv:{tmp_path / 'out.csv'}"
    assert main(["score", "--date", NIGHT, *at]) == 0
    commit(root, "\naccess: {promote: [ada@example.com], require_signature: true}\n")
    capsys.readouterr()
    uses = {
        "score": ["score", "--date", NIGHT, "--force", *at],
        "export": ["export", "--date", NIGHT, "--to", out, *at],
    }
    for name in ("score", "export"):
        assert main(uses[name]) == 46, name
        told = capsys.readouterr().err
        assert "tag parcels@v0.1.0: a tag is not signed" in told and "no signature" in told
    assert main(["stage", "champion", "--json", *at]) == 0
    assert '"state": "unreadable"' in capsys.readouterr().out
    assert main(["doctor", "--only", "access", *at]) == 7
    sign_again(root)
    assert main(uses["score"]) == main(uses["export"]) == 0
    assert main(["doctor", "--only", "access", *at]) == 0
    assert "the version in use is signed" in capsys.readouterr().out
    (root / "allowed_signers").write_text(keys.allowed("ben"))
    commit(root, "")
    assert main(uses["export"]) == 46


def test_the_doctor_says_which_commit_decides_and_what_is_other_here(scorer: Scorer) -> None:
    def told() -> tuple[str, str]:
        answer = checks.check_access(Project(scorer.root))
        return answer.status, answer.found

    def call(*arguments: str) -> str:
        return projects.call(scorer.root, "git", *arguments).strip()

    def at() -> str:
        return call("rev-parse", "HEAD")[:10]

    assert told() == (
        "ok", f"everybody may do all, as is said in params.yaml of HEAD ({at()}); names are only "
        "claimed (docs/access.md)",
    )  # fmt: skip
    commit(scorer.root, "\naccess: {promote: [ada@example.com]}\n")
    call("remote", "add", "origin", "https://example.invalid/x.git")
    call("update-ref", "refs/remotes/origin/trunk", "HEAD")
    call("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    place = f"params.yaml of origin/trunk ({at()})"
    assert told() == (
        "warning", f"promote: who may is said in {place}; names are only claimed",
    )  # fmt: skip
    file = scorer.root / "params.yaml"
    file.write_text(file.read_text("utf-8").replace("ada@", "ben@"))
    differs = f"access in params.yaml here is not that of {place}, which decides"
    assert told() == ("warning", differs)
