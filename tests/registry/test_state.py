"""The fold over tags, without git; then the same tags given to GTO."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.registry import git, tags, versions
from assay.registry.git import Tag
from assay.registry.versions import UNKNOWN, RegistryState, fold

BUNDLE = {letter: f"sha256:{letter * 64}" for letter in "abc"}
VERDICT = f"sha256:{'e' * 64}"
COMMITS = {"one": "1" * 40, "two": "2" * 40, "three": "3" * 40}


LINES = {"Bundle": BUNDLE["a"], "Verdict": VERDICT, "Commit": COMMITS["one"]}


def tag(name: str, commit: str, second: int, **trailers: str) -> Tag:
    body = "\n".join(f"{key}: {value}" for key, value in trailers.items())
    return Tag(name, COMMITS[commit], "Ada <ada@example.com>", second, "by hand", body)


def state_of(*made: Tag, name: str = "m1") -> RegistryState:
    return fold(tags.parse_tags(made, name))


THREE = (
    tag("m1@v0.1.0", "one", 1, Bundle=BUNDLE["a"], Verdict=VERDICT, Because="first"),
    tag("m1#prod#1", "one", 2),
    tag("m1@v0.2.0", "two", 3, Bundle=BUNDLE["b"], Verdict=VERDICT),
    tag("m1#prod#2", "two", 4),
    tag("m1@v0.10.0", "three", 5, Bundle=BUNDLE["c"], Verdict=VERDICT),
    tag("m1#prod#3", "three", 6),
)


def test_versions_are_in_the_order_of_their_numbers_and_carry_their_facts() -> None:
    known = state_of(*THREE)
    assert [each.version for each in known.versions] == ["v0.1.0", "v0.2.0", "v0.10.0"]
    first = known.versions[0]
    assert (first.bundle, first.verdict, first.why) == (BUNDLE["a"], VERDICT, "first")
    assert first.at == "1970-01-01T00:00:01+00:00"
    assert first.by == "Ada <ada@example.com>"


@pytest.mark.parametrize(
    ("more", "holder", "before"),
    [
        ((), "v0.10.0", "v0.2.0"),
        ((tag("m1#prod#4", "two", 7, Kind="rollback"),), "v0.2.0", "v0.1.0"),
        ((tag("m1#prod#4", "one", 7, Kind="rollback"),), "v0.1.0", None),
        # By hand to an older one is a way back too.
        ((tag("m1#prod#4", "two", 7),), "v0.2.0", "v0.1.0"),
        # Promoted once more from its old commit: forth.
        ((tag("m1#prod#4", "one", 7, Kind="promote"),), "v0.1.0", "v0.10.0"),
        # Back, then forth again by name.
        (
            (
                tag("m1#prod#4", "one", 7, Kind="rollback"),
                tag("m1#prod#5", "three", 8, Kind="rollback"),
            ),
            "v0.10.0",
            "v0.1.0",
        ),
        ((tag("m1#prod!#4", "three", 7),), "v0.2.0", "v0.1.0"),
        ((tag("m1@v0.10.0!", "three", 7),), "v0.2.0", "v0.1.0"),
        ((tag("m1@v0.2.0!", "two", 7),), "v0.10.0", "v0.1.0"),
        (
            (tag("m1@v0.10.0!", "three", 7), tag("m1@v0.10.0#5", "three", 8)),
            "v0.10.0",
            "v0.2.0",
        ),
        ((tag("m1@deprecated", "three", 7),), None, "v0.10.0"),
        # Not of this artifact, not of this stage, not of GTO's form.
        ((tag("m2#prod#4", "one", 7),), "v0.10.0", "v0.2.0"),
        ((tag("m1#test#4", "one", 7),), "v0.10.0", "v0.2.0"),
        ((tag("m1#prod!4", "one", 7),), "v0.10.0", "v0.2.0"),
        ((tag("m1-v0.1.0", "one", 7),), "v0.10.0", "v0.2.0"),
    ],
)
def test_who_holds_the_stage_and_who_did_before(
    more: tuple[Tag, ...], holder: str | None, before: str | None
) -> None:
    known = state_of(*THREE, *more)
    assert known.holders.get("prod") == holder
    assert known.previous_holder("prod") == before


def test_a_version_made_by_hand_is_listed_without_a_digest() -> None:
    known = state_of(tag("m1@v1.0.0", "one", 1), tag("m1#prod#1", "one", 2))
    assert known.versions[0].bundle == UNKNOWN
    assert known.versions[0].why == "by hand"
    assert known.holders["prod"] == "v1.0.0"


def test_a_commit_that_is_no_version_holds_the_stage_under_its_hash() -> None:
    known = state_of(*THREE[:4], tag("m1#prod#3", "three", 6))
    assert known.holders["prod"] == COMMITS["three"]
    assert known.previous_holder("prod") == "v0.2.0"
    taken = state_of(*THREE[:4], tag("m1#prod#3", "three", 6), tag("m1#prod!#4", "three", 7))
    assert taken.holders["prod"] == "v0.2.0"


def test_its_promotion_later_names_the_digest() -> None:
    later = tag("m1#prod#1", "one", 2, Bundle=BUNDLE["a"])
    assert state_of(tag("m1@v1.0.0", "one", 1), later).versions[0].bundle == BUNDLE["a"]


def test_tags_that_contradict_each_other_name_no_digest() -> None:
    made = tag("m1@v1.0.0", "one", 1, Bundle=BUNDLE["a"])
    later = tag("m1#prod#1", "one", 2, Bundle=BUNDLE["b"])
    assert state_of(made, later).versions[0].bundle == UNKNOWN


@pytest.mark.parametrize("edited", ["m1@v1.0.0", "m1#prod#1"])
def test_any_tag_that_says_another_outcome_is_noticed(edited: str) -> None:
    made = [
        tag(name, "one", second, Outcome="FAIL" if name == edited else "PASS", **LINES)
        for second, name in enumerate(("m1@v1.0.0", "m1#prod#1", "m1#prod#2"), 1)
    ]
    assert {*str(state_of(*made).versions[0].outcome).split(" and ")} == {"PASS", "FAIL"}


@pytest.mark.parametrize("digest", ["", "sha256:", "sha256:abc", "md5:" + "a" * 64, "A" * 64])
def test_a_malformed_digest_is_none(digest: str) -> None:
    assert state_of(tag("m1@v1.0.0", "one", 1, Bundle=digest)).versions[0].bundle == UNKNOWN


@given(because=st.text(max_size=60))
def test_a_reason_cannot_pose_as_another_line(because: str) -> None:
    text = tags.write_message("m1 v1", {"Because": because, "Bundle": BUNDLE["a"]})
    body = text.split("\n", 1)[1]
    assert tags.read_trailers(body)["Bundle"] == BUNDLE["a"]
    assert set(tags.read_trailers(body)) <= {"Because", "Bundle"}


@given(st.lists(st.sampled_from(["major", "minor", "patch"]), max_size=12))
def test_the_next_number_is_always_a_higher_one(bumps: list[str]) -> None:
    known: list[str] = []
    for bump in bumps:
        known.append(tags.next_version(known, bump))  # type: ignore[arg-type]
    assert sorted(known, key=tags.version_sort_key) == known
    assert len(set(known)) == len(known)
    assert known[:1] in ([], ["v0.1.0"])


def test_a_pre_release_comes_before_its_release() -> None:
    assert (
        tags.version_sort_key("v1.0.0-rc.1")
        < tags.version_sort_key("v1.0.0")
        < tags.version_sort_key("v1.0.1-a")
    )


# --------------------------------------------------------------- the same, as GTO sees it


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    root = tmp_path_factory.mktemp("tags")
    run(root, "init", "--quiet")
    commits = []
    for number in range(3):
        run(root, "commit", "--quiet", "--allow-empty", "--message", str(number), second=number)
        commits.append(run(root, "rev-parse", "HEAD"))
    return root, commits


def run(root: Path, *arguments: str, second: int = 0) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    date = {"GIT_COMMITTER_DATE": f"{1_700_000_000 + second} +0000"}
    done = subprocess.run(
        ["git", *who, *arguments],
        cwd=root,
        env={**date, "PATH": os.environ["PATH"]},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


moves = st.lists(
    st.tuples(
        st.sampled_from(["#prod", "#prod!", "#test", "#test!", "@", "@!", "@deprecated"]),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(moves=moves, registered=st.sets(st.integers(0, 2)))
def test_gto_names_the_same_holders(
    repository: tuple[Path, list[str]], moves: list[tuple[str, int]], registered: set[int]
) -> None:
    import gto.api

    root, commits = repository
    for old in run(root, "tag").split():
        run(root, "tag", "--delete", old)
    for number in sorted(registered):
        run(root, "tag", "-a", f"m1@v0.{number}.0", commits[number], "-m", "x", second=number)
    for counter, (move, number) in enumerate(moves, start=10):
        # A commit that is no version is a new thing to GTO with each of its tags, so that a
        # stage can never be taken from it again: only versions are compared.
        if number not in registered and move != "@deprecated":
            continue
        number_part = f"@v0.{number}.0{move[1:]}" if move in ("@", "@!") else move
        name = f"m1{number_part}#{counter}"
        run(root, "tag", "-a", name, commits[number], "-m", "x", second=counter)

    known = versions.read_state(root, "m1")
    theirs = {
        stage: [each.version for each in found]
        for stage in ("prod", "test")
        if (found := _gto_holder(root, stage))
    }
    assert {stage: [label] for stage, label in known.holders.items()} == theirs
    if git.tags(root) and not known.deprecated:
        active = {each["version"] for each in gto.api.show(str(root), "m1", registered_only=True)}
        assert {each.version for each in known.versions} == {
            label for label in active if label.startswith("v")
        }


def _gto_holder(root: Path, stage: str) -> list[Any]:
    from gto.constants import VersionSort
    from gto.registry import GitRegistry

    with GitRegistry.from_url(str(root)) as registry:
        artifact = registry.find_artifact("m1", create_new=True)
        if not artifact.is_active:
            return []
        found: list[Any] = artifact.get_vstages(sort=VersionSort.Timestamp).get(stage, [])
        return found
