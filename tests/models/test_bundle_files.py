"""A bundle's files: read when they are needed, if they are still those that were checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import BundleChanged
from assay.model import bundle
from assay.model.bundle_files import FolderFiles
from assay.model.manifest import MANIFEST
from assay.project import layout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b").write_bytes(b"two")
    (tmp_path / "a").write_bytes(b"one")
    return tmp_path


def test_files_are_named_by_their_paths_in_the_folder(folder: Path) -> None:
    files = FolderFiles(folder)
    assert dict(files) == {"a": b"one", "inner/b": b"two"}
    assert "inner/b" in files and "b" not in files
    assert files.get("b") is None


@pytest.mark.parametrize("first", ["digest", "bytes"])
def test_bytes_that_changed_since_they_were_first_looked_at_are_refused(
    folder: Path, first: str
) -> None:
    files = FolderFiles(folder)
    _ = files.sha256("a") if first == "digest" else files["a"]
    (folder / "a").write_bytes(b"six")
    for look in (files.sha256, files.__getitem__):
        with pytest.raises(BundleChanged, match=r"a: its bytes changed while"):
            look("a")
    (folder / "a").unlink()
    with pytest.raises(BundleChanged, match=r"a: .*cannot be read any more .*No such file"):
        _ = files["a"]


def test_scoring_reads_only_what_scores(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = FolderFiles.__getitem__

    def noting(files: FolderFiles, name: str) -> bytes:
        read.append(name)
        return real(files, name)

    monkeypatch.setattr(FolderFiles, "__getitem__", noting)
    loaded = bundle.load(trained / layout.BUNDLE, expected=None, allow_types=())
    _ = loaded.scorer, loaded.scoring_files, loaded.reference
    assert set(read) == {MANIFEST, bundle.COMPILED, bundle.REFERENCE}
    assert read.count(bundle.COMPILED) == 1
