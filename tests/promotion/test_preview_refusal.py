"""Tags made by hand that a promotion could not get past: said before a tag is written."""

from __future__ import annotations

from typing import Any

import pytest

from assay.errors import NoChampion, PromotionRefused
from assay.promotion.promote import preview_refusal, promote
from assay.registry import tags, versions
from assay.registry.git import Tag
from assay.registry.versions import RegistryState, Version, fold

A, B = (f"sha256:{letter * 64}" for letter in "ab")
COMMIT = "1" * 40


def by_hand(project: Any, name: str, commit: str, body: str = "") -> None:
    project.git("tag", "--annotate", "--force", name, commit, "--message", f"by hand\n\n{body}")


def state_of(*names: str, bundle: str = A) -> RegistryState:
    made = [
        Tag(name, COMMIT, "Ada", second, "by hand", f"Bundle: {bundle}")
        for second, name in enumerate(names)
    ]
    return fold(tags.parse_tags(made, "m1"))


def version(number: str) -> Version:
    return Version("m1", number, COMMIT, A, A, "", "", "")


@pytest.mark.parametrize(
    ("known", "number", "words"),
    [
        (state_of(), "v0.1.0", None),
        (state_of("m1@v0.1.0", "m1#prod#1"), "v0.1.0", None),
        (
            state_of("m1@v0.1.0", bundle=B),
            "v0.1.0",
            "contradict each other, .*found sha256:b{12}, ",
        ),
        (state_of("m1@v0.1.0", "m1@v0.5.0"), "v0.5.0", r"one version, .*found v0\.1\.0, v0\.5\.0"),
        (state_of("m1@v0.1.0", "m1@v0.5.0"), "v0.1.0", r"v0\.5\.0 would hold it"),
        (state_of("m1@v0.1.0", "m1@v0.5.0", "m1@v0.5.0!#3"), "v0.1.0", "nothing would hold it"),
    ],
)
def test_who_would_hold_the_stage(known: RegistryState, number: str, words: str | None) -> None:
    found = preview_refusal(known, version(number), "prod")
    if words is None:
        assert found is None
    else:
        with pytest.raises(PromotionRefused, match=words):
            raise found or AssertionError


def test_a_version_whose_tags_contradict_each_other_gets_no_further_tag(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    promote(project.root, project.params)
    by_hand(project, "late-flights#prod#1", "HEAD", f"Bundle: {B}")
    before = project.tag_names()
    with pytest.raises(PromotionRefused, match=r"tags of v0\.1\.0 contradict .*git tag --list"):
        promote(project.root, project.params)
    assert project.tag_names() == before
    with pytest.raises(NoChampion, match=r"found sha256:\w+, sha256:\w+.*delete the tag"):
        versions.read_champion(project.root, "late-flights", "prod")


def test_with_two_versions_at_a_commit_no_tag_is_written(project: Any) -> None:
    promote(project.root, project.params, stage="beta")
    body = project.git("tag", "--list", "--format=%(contents:body)", "late-flights@v0.1.0")
    by_hand(project, "late-flights@v0.5.0", "HEAD", body)
    before = project.tag_names()
    with pytest.raises(PromotionRefused, match="this commit is more than one version"):
        promote(project.root, project.params)
    assert project.tag_names() == before
