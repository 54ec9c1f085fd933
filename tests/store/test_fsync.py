"""Files whose sync began early: synced once, unless they were replaced, and no error is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assay.errors import StoreError
from assay.store.delta import fsync
from assay.store.delta.files import StagedFile

DAY = "date=2013-07-01"


@pytest.fixture
def file(tmp_path: Path) -> StagedFile:
    path = tmp_path / DAY / "r1-0.parquet"
    path.parent.mkdir()
    path.write_bytes(b"rows")
    return StagedFile(f"{DAY}/{path.name}", 4, 1, "2013-07-01")


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is synced."""
    found: list[str] = []
    real = os.fsync

    def noted(opened: int) -> None:
        found.append(Path(f"/proc/self/fd/{opened}").readlink().name)
        real(opened)

    monkeypatch.setattr(os, "fsync", noted)
    return found


def test_a_file_is_synced_once(tmp_path: Path, file: StagedFile, synced: list[str]) -> None:
    fsync.begin_sync(str(tmp_path), [file])
    fsync.sync_files(str(tmp_path), [file])
    assert synced.count("r1-0.parquet") == 1
    assert DAY in synced
    fsync.sync_files(str(tmp_path), [file])
    assert synced.count("r1-0.parquet") == 2  # nothing had begun


def test_a_file_that_was_replaced_is_synced_again(
    tmp_path: Path, file: StagedFile, synced: list[str]
) -> None:
    fsync.begin_sync(str(tmp_path), [file])
    other = tmp_path / "other"
    other.write_bytes(b"rest")
    other.rename(tmp_path / file.path)
    fsync.sync_files(str(tmp_path), [file])
    assert synced.count("r1-0.parquet") == 2


def test_an_error_in_the_background_is_raised_when_it_matters(
    tmp_path: Path, file: StagedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def fails(opened: int) -> None:
            raise OSError(5, "Input/output error")

        patch.setattr(os, "fsync", fails)
        fsync.begin_sync(str(tmp_path), [file])
        for _, begun in fsync._BEGUN.values():
            begun.exception()  # it has failed
    with pytest.raises(StoreError, match="cannot be synced"):
        fsync.sync_files(str(tmp_path), [file])


def test_what_was_deleted_meanwhile_is_left(tmp_path: Path, file: StagedFile) -> None:
    (tmp_path / file.path).unlink()
    fsync.begin_sync(str(tmp_path), [file])
    fsync.sync_files(str(tmp_path), [file])


def test_a_bucket_has_nothing_to_sync(synced: list[str], file: StagedFile) -> None:
    fsync.begin_sync("s3://bucket/store", [file])
    assert not fsync._BEGUN
    assert not synced
