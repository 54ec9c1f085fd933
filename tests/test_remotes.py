"""A project whose data, bundle and store lie in a bucket, over HTTP, by the commands of docs."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assay.ops.doctor.command import check
from assay.ops.doctor.finding import Project
from assay.project import layout, params
from assay.registry.remotes import is_empty, missing_objects
from assay.store import open_store
from tests import s3
from tests.projects import call

pytest.importorskip("moto.server", reason="needs moto[server], which pretends to be S3")

NIGHTS = ("2024-03-01", "2024-03-02")
DUE = ("assay", "score", "--due", "--json", "--to", NIGHTS[1])


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3.serving() as url:
        yield url


@pytest.fixture
def project(endpoint: str, live: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A promoted project that names a bucket for DVC and for the store; nothing is pushed."""
    s3.use(endpoint, "lake", monkeypatch)
    given = live / layout.PARAMS
    text = given.read_text(encoding="utf-8")
    given.write_text(f"{text}\nstore: s3://lake/store\n", encoding="utf-8")
    call(live, "dvc", "remote", "add", "--default", "lake", "s3://lake/dvc")
    call(live, "git", "commit", "--quiet", "--all", "--message", "Name the bucket")
    return live


def clone(project: Path) -> Path:
    """A fresh clone, as CI has one: its own DVC cache, nothing fetched."""
    call(project.parent, "git", "clone", "--quiet", str(project), "clone")
    return project.parent / "clone"


def outcomes(text: str) -> list[tuple[str, str]]:
    told = json.loads(text[text.index("[") : text.rindex("]") + 1])
    return [(each["partition"], each["outcome"]) for each in told]


def statuses(root: Path, *names: str) -> list[str]:
    return [check(name, Project(root)).status for name in names]


@contextmanager
def silent() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_clone_scores_from_a_bucket_into_the_same_bucket(project: Path) -> None:
    assert check("remote", Project(project)).fix == "dvc push"
    call(project, "dvc", "push", "--quiet")
    assert not is_empty(project) and missing_objects(project, ["0" * 32]) == ("0" * 32,)
    here = clone(project)
    names = ("dvc", "remote", "bundle", "store")
    assert statuses(here, *names) == ["ok"] * len(names)
    assert "and in the remote" in check("bundle", Project(here)).found
    assert open_store(here, params.load(here)).partitions() == []
    call(here, "dvc", "pull", "--quiet", "data/raw")
    assert outcomes(call(here, *DUE, "--from", NIGHTS[0])) == [(n, "published") for n in NIGHTS]
    assert outcomes(call(here, *DUE)) == []
    # Another machine sees the same store, and has nothing to do.
    assert outcomes(call(project, *DUE)) == []
    assert "2 published nights" in check("store", Project(project)).found
    call(here, "assay", "monitor", "--date", NIGHTS[0])


def test_credentials_that_are_refused_are_told(project: Path, endpoint: str) -> None:
    call(project, "dvc", "push", "--quiet")
    here = clone(project)
    s3.ask_for_keys(endpoint, "0")
    try:
        for name in ("remote", "store"):
            found = check(name, Project(here))
            assert found.status == "failed", found
            told = found.found.casefold().replace("_", "").replace(" ", "")
            assert "accesskeyid" in told, found
        assert "docs/remotes.md" in (check("remote", Project(here)).fix or "")
        said = call(here, "assay", "score", "--date", NIGHTS[0], code=30)
    finally:
        s3.ask_for_keys(endpoint, "inf")
    assert "Traceback" not in said


def test_credentials_that_are_missing_are_told(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in s3.KEYS:
        monkeypatch.delenv(name)
    # Nobody asks Amazon's own machines for credentials from here.
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(project.parent))
    found = check("remote", Project(project))
    assert found.status == "failed" and "credentials" in found.found


def test_a_bucket_that_is_not_there_is_told(project: Path) -> None:
    call(project, "dvc", "remote", "modify", "lake", "url", "s3://nowhere/dvc")
    found = check("remote", Project(project))
    assert found.status == "failed" and "no such bucket" in found.found


def test_a_remote_that_cannot_be_reached_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(project, "dvc", "push", "--quiet")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3.free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # the client's own, with growing pauses
    assert statuses(project, "remote", "store") == ["failed"] * 2
    # The bundle is here; nobody knows whether it is there.
    found = check("bundle", Project(project))
    assert found.status == "warning" and "is not known" in found.found
    shutil.rmtree(project / ".dvc" / "cache")
    shutil.rmtree(project / layout.WORK, ignore_errors=True)
    assert check("bundle", Project(project)).status == "failed"


def test_a_remote_that_never_answers_ends_no_other_check(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with silent() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        named = [f"--only={name}" for name in ("dvc", "remote", "store", "params")]
        said = call(project, "assay", "doctor", "--json", "--seconds=15", *named, code=7)
    tree: dict[str, Any] = json.loads(said[said.index("{") : said.rindex("}") + 1])
    found = {each["name"]: each for each in tree["checks"]}
    assert [found[name]["status"] for name in ("dvc", "params")] == ["ok"] * 2
    assert found["store"]["status"] == "failed"
    assert found["remote"]["found"] == "no answer within 15 s"
    assert "--only remote --seconds 75" in found["remote"]["fix"]


def test_without_its_client_the_remote_names_the_extra(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = check("dvc", Project(project))
    assert found.status == "failed" and "needs dvc-s3" in found.found
    assert "EXTRAS=s3" in (found.fix or "")
    assert statuses(project, "remote") == ["skipped"]
