"""A promotion killed at any of its steps is named and finished by the next one."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from assay.errors import BundleMissing, PromotionRefused
from assay.promotion.promote import promote
from assay.registry import fetch, git

TAGS = ("late-flights@v0.1.0", "late-flights#prod#1")


def lock_of(root: Path, tag: str) -> Path:
    return git.common_dir(root) / "refs" / "tags" / f"{tag}.lock"


@pytest.mark.parametrize("number", [0, 1])
def test_the_lock_of_a_killed_promotion_is_named_and_the_next_one_goes_on(
    project: Any, number: int
) -> None:
    lock = lock_of(project.root, TAGS[number])
    lock.touch()
    with pytest.raises(PromotionRefused) as caught:
        promote(project.root, project.params, because="first")
    line = caught.value.line()
    assert str(lock) in line and f"rm {shlex.quote(str(lock))}" in line and "\n" not in line
    # Stopped between the two tags, the version is there and holds nothing yet.
    assert project.tag_names() == set(TAGS[:number])
    lock.unlink()
    made = promote(project.root, project.params, because="first").version
    assert made.version == "v0.1.0"
    assert project.tag_names() == set(TAGS)


@pytest.mark.parametrize("name", [TAGS[0], f"{TAGS[0]}/x", f"{TAGS[1]}/x"])
def test_a_tag_that_is_in_the_way_is_told_as_git_tells_it(project: Any, name: str) -> None:
    project.git("tag", name)
    with pytest.raises(PromotionRefused) as caught:
        promote(project.root, project.params, because="first")
    line = caught.value.line()
    assert line.startswith("git would not write the tag") and "git tag --delete NAME" in line
    project.git("tag", "--delete", name)
    assert promote(project.root, project.params, because="first").version.version == "v0.1.0"


def test_what_is_no_lock_is_told_as_git_tells_it(project: Any) -> None:
    tags = git.common_dir(project.root) / "refs" / "tags"
    if tags.exists():
        tags.rmdir()
    tags.write_text("not a folder", encoding="utf-8")
    with pytest.raises(PromotionRefused, match="git would not write the tag"):
        promote(project.root, project.params, because="first")


def test_a_bundle_that_dvc_left_half_fetched_is_told_in_a_line(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fetch._download

    def cut(at: Any, path: str, target: Path) -> None:
        real(at, path, target)
        (target / "manifest.json").rename(target / ".dNXf.tmp")

    monkeypatch.setattr(fetch, "_download", cut)
    with pytest.raises(BundleMissing, match=r"did not write it whole \(found \.dNXf\.tmp\)"):
        fetch.fetch_bundle_at(project.root, "late-flights", "HEAD", project.root / fetch.BUNDLES)
    monkeypatch.undo()
    fetch.fetch_bundle_at(project.root, "late-flights", "HEAD", project.root / fetch.BUNDLES)
