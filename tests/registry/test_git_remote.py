"""Tags here and in git's remote, and how far back a clone reaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import NotARepository
from assay.registry import remotes
from tests.builders.git_project import Project

NAME = "late-flights"


@pytest.fixture
def hub(project: Project, tmp_path: Path) -> Path:
    """A bare repository with everything of the project."""
    place = tmp_path / "hub.git"
    project.git("tag", "--annotate", f"{NAME}@v0.1.0", "--message", "x")
    project.git("tag", "--annotate", "other@v0.1.0", "--message", "x")
    project.git("tag", "light")
    project.git("clone", "--quiet", "--bare", str(project.root), str(place))
    return place


def test_tags_of_the_artifact_are_compared_by_their_objects(project: Project, hub: Path) -> None:
    assert remotes.remote_name(project.root) is None
    project.git("remote", "add", "up", str(hub))
    assert remotes.remote_name(project.root) == "up"
    here = remotes.local_tags(project.root, NAME)
    assert here.keys() == {f"{NAME}@v0.1.0"}
    assert remotes.remote_tags(project.root, "up", NAME) == here
    project.git("tag", "--annotate", "--force", f"{NAME}@v0.1.0", "--message", "y")
    assert remotes.remote_tags(project.root, "up", NAME) != remotes.local_tags(project.root, NAME)


def test_the_branchs_remote_comes_before_origin_before_the_first(project: Project) -> None:
    for name in ("a", "b"):
        project.git("remote", "add", name, f"/nowhere/{name}")
    assert remotes.remote_name(project.root) == "a"
    project.git("remote", "add", "origin", "/nowhere/origin")
    assert remotes.remote_name(project.root) == "origin"
    branch = project.git("symbolic-ref", "--short", "HEAD")
    project.git("config", f"branch.{branch}.remote", "b")
    assert remotes.remote_name(project.root) == "b"
    project.git("config", f"branch.{branch}.remote", "gone")
    assert remotes.remote_name(project.root) == "origin"


def test_a_remote_that_does_not_answer_is_told_without_its_password(project: Project) -> None:
    project.git("remote", "add", "up", "file://ada:secret@/nowhere")
    with pytest.raises(NotARepository) as caught:
        remotes.remote_tags(project.root, "up", NAME)
    assert "secret" not in caught.value.line() and "git ls-remote up" in caught.value.line()
