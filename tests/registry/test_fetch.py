from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.errors import BundleChanged, BundleMissing, PromotionRefused, VersionUnknown
from assay.model import bundle_files
from assay.project import layout
from assay.registry import fetch
from assay.registry.versions import UNKNOWN, Version


@pytest.fixture
def first(project: Any) -> Version:
    """The bundle of the first commit, as a version would name it."""
    digest = bundle_files.verified_digest(project.root / layout.BUNDLE)
    commit = project.git("rev-parse", "HEAD")
    return Version("late-flights", "v0.1.0", commit, digest, UNKNOWN, "Ada", "2013", "")


def cached(project: Any, text: str) -> Path:
    """The file of DVC's cache that holds ``text``."""
    files = (project.root / ".dvc/cache/files").rglob("*")
    found: Path
    (found,) = (each for each in files if each.is_file() and each.read_text() == text)
    found.chmod(0o644)
    return found


def test_it_gets_what_was_committed_and_not_the_work_tree(project: Any, first: Version) -> None:
    into = project.root / ".assay/bundles"
    (killed := into / ".fetch-killed").mkdir(parents=True)
    os.utime(killed, (1, 1))
    project.train("two")
    folder = fetch.fetch_bundle(project.root, first, into)
    assert folder == into / first.bundle.removeprefix("sha256:")
    assert (folder / "model.skops").read_text() == "model one"
    assert (project.root / layout.BUNDLE / "model.skops").read_text() == "model two"
    # Kept: the second time neither git nor DVC is asked.
    shutil.rmtree(project.root / ".dvc")
    assert fetch.fetch_bundle(project.root, first, into) == folder
    assert [each.name for each in into.iterdir() if each.name.startswith(".fetch")] == []


def test_a_damaged_copy_is_thrown_away_and_fetched_again(project: Any, first: Version) -> None:
    into = project.root / ".assay/bundles"
    folder = fetch.fetch_bundle(project.root, first, into)
    (folder / "model.skops").write_text("model onf")
    (folder / "more").touch()
    assert fetch.fetch_bundle(project.root, first, into) == folder
    assert (folder / "model.skops").read_text() == "model one"
    # The copy is no link into DVC's cache.
    assert cached(project, "model one").is_file()


@pytest.mark.parametrize("text", ["model one", "card one"])
def test_a_flipped_byte_in_dvc_s_cache_stops_it(
    project: Any, first: Version, tmp_path: Path, text: str
) -> None:
    place = cached(project, text)
    place.write_text(text[:-1] + "f")
    with pytest.raises(BundleChanged, match="DVC's copy is damaged") as caught:
        fetch.fetch_bundle(project.root, first, tmp_path / "bundles")
    assert str(place) in str(caught.value)
    assert "dvc fetch" in str(caught.value)
    assert not (tmp_path / "bundles" / first.bundle.removeprefix("sha256:")).exists()


def test_a_flipped_byte_in_the_manifest_too(project: Any, first: Version, tmp_path: Path) -> None:
    place = cached(project, (project.root / layout.BUNDLE / "manifest.json").read_text())
    # Still valid JSON, with all the right sums: only its own digest can tell.
    place.write_text(place.read_text().replace("late-flights", "late-flightz"))
    with pytest.raises(BundleChanged, match=r"manifest\.json.*DVC's copy is damaged"):
        fetch.fetch_bundle(project.root, first, tmp_path / "bundles")


def test_without_cache_or_remote_it_is_missing(project: Any, first: Version) -> None:
    shutil.rmtree(project.root / ".dvc/cache")
    with pytest.raises(BundleMissing, match="dvc fetch") as caught:
        fetch.fetch_bundle(project.root, first, project.root / ".assay/bundles")
    assert "\n" not in str(caught.value)


def test_a_remote_that_is_younger_than_the_version_gives_it(
    project: Any, first: Version, tmp_path: Path
) -> None:
    project.dvc("remote", "add", "--quiet", "--default", "far", str(tmp_path / "remote"))
    project.dvc("push", "--quiet")
    shutil.rmtree(project.root / ".dvc/cache")
    folder = fetch.fetch_bundle(project.root, first, project.root / ".assay/bundles")
    assert bundle_files.verified_digest(folder) == first.bundle


def test_a_digest_that_no_tag_names_passes_nothing(project: Any, first: Version) -> None:
    with pytest.raises(BundleChanged, match="do not say which bundle"):
        fetch.fetch_bundle(project.root, replace(first, bundle=UNKNOWN), project.root / "into")


def test_another_bundle_at_the_commit_is_refused(project: Any, first: Version) -> None:
    other = replace(first, bundle=f"sha256:{'0' * 64}")
    with pytest.raises(BundleChanged, match="another bundle"):
        fetch.fetch_bundle(project.root, other, project.root / ".assay/bundles")


def test_a_bundle_that_was_broken_when_it_was_committed(project: Any, tmp_path: Path) -> None:
    project.write("source/card.md", "not what the manifest says")
    project.dvc("repro", "--quiet", "train")
    commit = project.commit()
    with pytest.raises(BundleChanged, match="already broken when it was committed"):
        fetch.fetch_bundle_at(project.root, "late-flights", commit, tmp_path / "bundles")


def test_an_artifact_that_was_not_declared_then(project: Any, tmp_path: Path) -> None:
    with pytest.raises(PromotionRefused, match="declares no artifact 'other'"):
        fetch.fetch_bundle_at(project.root, "other", "HEAD", tmp_path / "bundles")


def test_text_of_a_file_at_a_commit_also_if_dvc_keeps_it(project: Any, first: Version) -> None:
    before = (project.root / "params.yaml").read_text()
    project.write("params.yaml", "changed\n")
    assert fetch.read_file_at(project.root, first.commit, "params.yaml") == before
    project.write(f"{layout.BUNDLE}/card.md", "changed")
    card = f"{layout.BUNDLE}/card.md"
    assert fetch.read_file_at(project.root, first.commit, card) == "card one"
    with pytest.raises(VersionUnknown, match="nowhere"):
        fetch.read_file_at(project.root, first.commit, "nowhere.txt")


def test_what_is_read_of_an_exported_commit_is_opened_once(
    project: Any, first: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvc.repo import Repo

    project.train("two")
    second, card = project.commit("two"), f"{layout.BUNDLE}/card.md"
    opened, real = [], Repo.__init__

    def counted(repo: Repo, *given: Any, **more: Any) -> None:
        opened.append(more.get("rev"))
        real(repo, *given, **more)

    monkeypatch.setattr(Repo, "__init__", counted)
    with fetch.export_commit(project.root, second):
        for _ in range(2):
            assert fetch.bundle_path_at(project.root, "late-flights", second) == layout.BUNDLE
            assert fetch.read_file_at(project.root, second, card) == "card two"
            assert opened == [second]
        assert fetch.read_file_at(project.root, first.commit, card) == "card one"
    assert fetch.read_file_at(project.root, second, card) == "card two"
    assert opened == [second, first.commit, second]
