"""Promotion, rollback and their refusals, under real git and DVC."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.cli.show.versions import stage_move_lines
from assay.errors import (
    BundleMissing,
    NoChampion,
    NotARepository,
    PromotionRefused,
    RemoteFailed,
    UsageError,
    VersionUnknown,
)
from assay.model import bundle_files
from assay.project import digests, layout
from assay.promotion.facts import collect_facts
from assay.promotion.promote import PromotionRefusals, promote, rollback
from assay.registry import fetch, git, tag_writer, versions
from assay.registry.fetch import BUNDLES
from assay.registry.verification import list_versions
from assay.reports.verdict import Outcome
from tests import projects

NAME = "late-flights"


def up(project: Any, **options: Any) -> Any:
    return promote(project.root, project.params, **options).version


def back(project: Any, **options: Any) -> Any:
    return rollback(project.root, project.params, **{"because": "it erred", **options}).version


def refused(project: Any) -> str:
    """Why it is refused; nothing may have been written."""
    before = project.tag_names()
    with pytest.raises(PromotionRefused) as caught:
        up(project)
    assert project.tag_names() == before
    assert all("\n" not in line for line in caught.value.lines())
    return str(caught.value)


def test_promote_registers_the_commit_and_gives_it_the_stage(project: Any) -> None:
    because = "the first\nof all: Bundle: none"
    move = promote(project.root, project.params, because=because)
    made = move.version
    digest = bundle_files.verified_digest(project.root / layout.BUNDLE)
    assert (made.version, made.bundle) == ("v0.1.0", digest)
    assert made.commit == project.git("rev-parse", "HEAD")
    assert made.verdict == digests.digest_file(project.root / layout.VERDICT)
    assert made.why == "the first of all: Bundle: none"
    assert made.by == "Ada <ada@example.com>"
    assert versions.read_champion(project.root, NAME, "prod") == made
    assert project.tag_names() == {f"{NAME}@v0.1.0", f"{NAME}#prod#1"}
    assert project.git("status", "--porcelain") == ""
    (kept,) = versions.read_state(project.root, NAME).histories["prod"]
    assert (kept.version, kept.kind, kept.why) == ("v0.1.0", "promote", made.why)
    assert list(stage_move_lines(move)) == [
        f"promoted: {NAME} v0.1.0 ({digest[:19]}) holds prod",
        "next, so that others get it: dvc push && git push --follow-tags origin HEAD",
    ]
    assert len([*stage_move_lines(move, push=True)]) == 1


def test_a_push_brings_the_bundle_before_the_tags_and_leaves_nothing_to_do(
    project: Any, tmp_path: Path
) -> None:
    origin, shelf = tmp_path / "origin.git", tmp_path / "shelf"
    project.git("init", "--quiet", "--bare", str(origin))
    project.git("remote", "add", "origin", str(origin))
    project.git("push", "--quiet", "origin", "HEAD")
    project.dvc("remote", "add", "--quiet", "--local", "--default", "shelf", str(shelf))
    shelf.touch()  # where no folder can be
    command = ("assay", "promote", "--because", "the first", "--push")
    projects.call(project.root, *command, code=RemoteFailed.exit_code)
    assert project.git("ls-remote", "--tags", "origin") == ""

    project.git("tag", "--delete", *project.tag_names())
    shelf.unlink()
    told = projects.call(project.root, *command)
    assert "files pushed (shelf)" in told and "next" not in told
    assert project.git("ls-remote", "--tags", "origin") != ""
    project.another("two")
    project.git("push", "--quiet", "origin", "HEAD")
    projects.call(project.root, "assay", "promote", "--push")
    back = ("assay", "rollback", "--because", "it erred", "--push")
    assert "next" not in projects.call(project.root, *back)


def test_the_way_forth_and_back(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    first = up(project)
    with pytest.raises(PromotionRefused, match=r"no earlier version.*\(found only v0\.1\.0\)"):
        back(project)
    assert "already holds the stage prod" in refused(project)
    project.another("two")
    second = up(project, because="better")
    project.another("three")
    third = up(project, bump="major")
    assert [first.version, second.version, third.version] == ["v0.1.0", "v0.2.0", "v1.0.0"]

    assert back(project) == second
    assert back(project) == first
    with pytest.raises(PromotionRefused, match="no earlier version") as none:
        back(project)
    assert "only v0.1.0, and v0.2.0, which held it later" in none.value.line()
    assert "assay rollback --to v0.2.0 --because" in none.value.line()
    assert back(project, to="1.0.0") == third
    with pytest.raises(PromotionRefused, match="already holds"):
        back(project, to="v1.0.0")
    with pytest.raises(VersionUnknown, match=r"expected one of v0\.1\.0, v0\.2\.0, v1\.0\.0"):
        back(project, to="v9.0.0")
    with pytest.raises(UsageError, match="needs a reason"):
        back(project, because=" \n")
    with pytest.raises(PromotionRefused, match=r"never held the stage test"):
        back(project, to="v0.1.0", stage="test")

    kinds = [
        (each.version, each.kind)
        for each in versions.read_state(project.root, NAME).histories["prod"]
    ]
    assert kinds[3:] == [("v0.2.0", "rollback"), ("v0.1.0", "rollback"), ("v1.0.0", "rollback")]
    # GTO and DVC name the same champion.
    import gto.api
    from dvc.repo import Repo

    (holder,) = gto.api.show(str(project.root), f"{NAME}#prod")
    assert holder["version"] == "v1.0.0"
    with Repo(str(project.root)) as repo:
        assert repo.artifacts.get_rev(NAME, stage="prod") == third.commit

    capsys.readouterr()
    root = ("--root", str(project.root))
    assert main(["versions", "--json", *root]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["holder"] == "v1.0.0"
    assert [(each["version"], each["stages"]) for each in told["versions"]] == [
        ("v1.0.0", ["prod"]),
        ("v0.2.0", []),
        ("v0.1.0", []),
    ]
    assert len(told["history"]) == 6
    assert main(["versions", *root]) == 0
    shown = capsys.readouterr().out
    assert "rollback" in shown
    assert "better" in shown


def test_a_stage_of_its_own_and_one_json_document(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["promote", "--stage", "shadow", "--json", "--root", str(project.root)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["stage"], told["before"]) == ("v0.1.0", "shadow", None)
    with pytest.raises(NoChampion, match=r"assay promote\."):
        versions.read_champion(project.root, NAME, "prod")
    up(project)
    assert versions.read_champion(project.root, NAME, "prod").version == "v0.1.0"
    with pytest.raises(UsageError, match="no name for a stage"):
        up(project, stage="prod-")


def test_stopped_between_its_two_tags_it_goes_on_where_it_was(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tag_writer, "assign", stop)
        with pytest.raises(KeyboardInterrupt):
            up(project)
    assert project.tag_names() == {f"{NAME}@v0.1.0"}
    with pytest.raises(NoChampion):
        versions.read_champion(project.root, NAME, "prod")
    assert up(project).version == "v0.1.0"
    assert project.tag_names() == {f"{NAME}@v0.1.0", f"{NAME}#prod#1"}


def test_tags_made_by_hand_are_listed_and_are_in_the_way_of_a_promotion(project: Any) -> None:
    import gto.api

    gto.api.register(str(project.root), NAME, "HEAD", version="v3.0.0")
    gto.api.assign(str(project.root), NAME, "prod", version="v3.0.0")
    (made,) = versions.read_versions(project.root, NAME)
    assert (made.version, made.bundle) == ("v3.0.0", versions.UNKNOWN)
    with pytest.raises(NoChampion, match="do not say which bundle"):
        versions.read_champion(project.root, NAME, "prod")
    assert "this commit is v3.0.0, but no promotion wrote its tag" in refused(project)
    project.git("tag", "--delete", *project.git("tag", "--points-at", "HEAD").split())
    made = up(project)
    assert (made.version, made.bundle) == (
        "v0.1.0",
        bundle_files.verified_digest(project.root / layout.BUNDLE),
    )
    assert versions.read_champion(project.root, NAME, "prod") == made


def _unlocked(project: Any) -> None:
    project.git("rm", "--quiet", "--cached", "dvc.lock")
    project.write(".gitignore", "/dvc.lock\n")


def _undeclared(project: Any) -> None:
    text = (project.root / "dvc.yaml").read_text()
    project.write("dvc.yaml", text.replace("late-flights", "other"))


def _ignored(project: Any) -> None:
    project.git("rm", "--quiet", "-r", "--cached", "reports")
    project.write(".gitignore", "/reports\n")


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (_unlocked, "dvc.lock: it is not in the commit"),
        (_undeclared, "no artifact 'late-flights' is declared"),
        (_ignored, "there is no verdict on this bundle (found the commit holds none)"),
        (
            lambda project: project.write(layout.VERDICT, '{"outcome": "PASS"}'),
            "there is no verdict on this bundle (found not a verdict",
        ),
        (
            lambda project: project.write(layout.HOLDOUT_TABLE, "changed\n"),
            "the verdict is about another data",
        ),
    ],
)
def test_refused_for_what_the_commit_holds_or_lacks(
    project: Any, act: Callable[[Any], None], why: str
) -> None:
    act(project)
    project.commit()
    assert why in refused(project)


def test_refused_when_dvc_knows_another_bundle_at_the_commit(project: Any) -> None:
    project.write(f"{layout.BUNDLE}/card.md", "x")
    shutil.rmtree(project.root / layout.BUNDLE)
    (project.root / layout.BUNDLE).mkdir()
    project.write("source/model.skops", "model two")
    for name, text in (("model.skops", "model two"), ("card.md", "card one")):
        project.write(f"{layout.BUNDLE}/{name}", text)
    import hashlib

    sums = {
        name: hashlib.sha256((project.root / layout.BUNDLE / name).read_bytes()).hexdigest()
        for name in ("model.skops", "card.md")
    }
    project.write(f"{layout.BUNDLE}/manifest.json", json.dumps({"name": NAME, "files": sums}))
    project.judged()
    assert "not the one that the commit's dvc.lock points to" in refused(project)


@pytest.mark.parametrize("bad", [{"because": ""}, {"because": " "}, {"stage": ""}, {"stage": "-"}])
def test_an_empty_reason_or_stage_is_a_usage_error_everywhere(project: Any, bad: Any) -> None:
    for act in (up, back):
        with pytest.raises(UsageError, match=r"reason|no name for a stage"):
            act(project, **bad)
    if "stage" in bad:
        with pytest.raises(UsageError, match="no name for a stage"):
            list_versions(project.root, project.params, **bad)
    assert project.tag_names() == set()


def test_refused_outside_a_repository(project: Any) -> None:
    shutil.rmtree(project.root / ".git")
    with pytest.raises(NotARepository, match="not a git work tree"):
        up(project)


def test_refused_without_dvc(project: Any) -> None:
    shutil.rmtree(project.root / ".dvc")
    with pytest.raises(NotARepository, match="dvc init"):
        up(project)


def test_refused_without_a_name_to_sign_with(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GIT_COMMITTER_NAME")
    monkeypatch.delenv("GIT_COMMITTER_EMAIL")
    assert "git config user.name" in refused(project)


def test_all_reasons_come_at_once(project: Any) -> None:
    project.judged(Outcome.FAIL, policy=f"sha256:{'0' * 64}")
    project.write("new.py", "")
    with pytest.raises(PromotionRefusals) as caught:
        up(project)
    assert len(caught.value.lines()) == 3  # unclean, FAIL, other policy
    assert caught.value.exit_code == PromotionRefused.exit_code


def test_a_stage_never_goes_back_to_a_bundle_that_cannot_be_had(project: Any) -> None:
    up(project)
    project.another("two")
    second = up(project)
    for kept in (".dvc/cache", BUNDLES):
        shutil.rmtree(project.root / kept)
    with pytest.raises(BundleMissing):
        back(project)
    assert versions.read_champion(project.root, NAME, "prod") == second


@pytest.mark.parametrize("dvc_in", [".", "sub"])
def test_a_project_in_a_subfolder_is_named_as_gto_and_dvc_name_it(
    template: Path, fresh: Callable[[str], Any], dvc_in: str
) -> None:
    whole, inner = fresh("whole"), fresh("whole/sub")
    whole.git("init", "--quiet", "--initial-branch=main")
    for each in template.iterdir():
        if each.name in (".git", ".dvc"):
            continue
        (shutil.copytree if each.is_dir() else shutil.copy)(each, inner.root / each.name)
    where = whole if dvc_in == "." else inner
    where.dvc("init", "--quiet", *(["--subdir"] if dvc_in == "sub" else []))
    shutil.copytree(template / ".dvc/cache", where.root / ".dvc/cache")
    inner.commit()

    made = up(inner)
    assert (made.name, made.version) == ("sub:late-flights", "v0.1.0")
    assert whole.tag_names() == {"sub=late-flights@v0.1.0", "sub=late-flights#prod#1"}
    shutil.rmtree(inner.root / BUNDLES)
    folder = fetch.fetch_bundle(inner.root, made, inner.root / BUNDLES)
    assert bundle_files.verified_digest(folder) == made.bundle
    assert git.show(inner.root, made.commit, "dvc.yaml").startswith("stages:")


def test_a_clock_that_was_set_back_does_not_bring_a_waiver_back(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = project.git("rev-parse", "HEAD")
    made = project.git("log", "-1", "--format=%ct")
    monkeypatch.setattr("time.time", lambda: 0.0)
    known = versions.read_state(project.root, NAME)
    with fetch.export_commit(project.root, head) as there:
        facts, _ = collect_facts(project.root, there, project.params, "prod", head, known)
    assert facts.today == datetime.fromtimestamp(int(made), UTC).date()
