"""How DVC's remotes are configured, and what their clients' errors mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import NotARepository
from assay.registry import remotes
from assay.registry.remotes import is_empty, limit_waiting, read_remotes, scheme_of
from tests.builders.git_project import Project


@pytest.mark.parametrize(
    ("url", "scheme"),
    [("s3://b/x", "s3"), ("/mnt/x", ""), ("../x", ""), ("ssh://ada@h:22/x", "ssh"), ("", "")],
)
def test_a_path_has_no_scheme(url: str, scheme: str) -> None:
    assert scheme_of(url) == scheme


def test_requests_to_s3_have_limits_unless_the_user_set_them() -> None:
    given = {"a": {"url": "s3://b"}, "b": {"url": "s3://b", "read_timeout": 99}, "c": {"url": "/x"}}
    assert limit_waiting(given) == {
        "a": {"url": "s3://b", "connect_timeout": 5, "read_timeout": 10},
        "b": {"url": "s3://b", "connect_timeout": 5, "read_timeout": 99},
        "c": {"url": "/x"},
    }
    assert given["a"] == {"url": "s3://b"}


def test_remotes_are_read_with_the_secrets_that_git_would_keep(project: Project) -> None:
    assert read_remotes(project.root).urls == {}
    project.dvc("remote", "add", "--default", "web", "https://ada:secret@host/x")
    project.dvc("remote", "add", "deep", "ssh://host/x")
    project.dvc("remote", "modify", "deep", "password", "secret")
    project.dvc("remote", "modify", "--local", "web", "password", "secret")
    found = read_remotes(project.root)
    assert (found.default, found.scheme, found.missing) == ("web", "https", None)
    assert found.urls["web"] == "https://ada:***@host/x"
    assert found.exposed == ("deep.password", "web.url")


def test_a_client_that_is_not_installed_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.dvc("remote", "add", "--default", "up", "gs://bucket/x")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert read_remotes(project.root).missing == "dvc-gs"


def test_a_folder_is_asked_whether_it_holds_anything(project: Project, tmp_path: Path) -> None:
    project.dvc("remote", "add", "--default", "disk", str(tmp_path / "up"))
    assert is_empty(project.root)
    (tmp_path / "up").mkdir()
    assert is_empty(project.root)
    (tmp_path / "up" / "files").mkdir()
    assert not is_empty(project.root)


def test_without_dvc_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(NotARepository, match="DVC does not know this project"):
        read_remotes(tmp_path)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError("Access Denied"), "refuses these credentials .found PermissionError: Acc"),
        (FileNotFoundError("x"), "no such bucket or folder"),
        (TimeoutError(), "does not answer .found TimeoutError."),
        (ValueError("a\nb"), "does not answer .found ValueError: a b."),
    ],
)
def test_what_a_client_raises_becomes_one_line(error: Exception, words: str) -> None:
    found = remotes._refusal("s3://b/x", error)
    assert found.line().startswith("s3://b/x: ") and "docs/remotes.md" in found.line()
    assert words.replace(".found", "(found").rstrip(".") in found.line()


def test_the_cause_of_an_error_tells_more_than_its_wrapper() -> None:
    wrapper = OSError("the client gave up")
    wrapper.__cause__ = PermissionError("InvalidAccessKeyId")
    found = remotes._refusal("s3://b/x", wrapper)
    assert found.what == "the remote refuses these credentials"
