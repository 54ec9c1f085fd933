"""Reports kept in a bucket: a machine that keeps nothing still knows what was told."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import RunHeld, StoreError
from assay.ops import nightly
from assay.project import layout
from tests import s3


def night(root: Path, address: str | None, text: str) -> str:
    """What a night on a new machine finds of the alerts; it then leaves ``text``."""
    path = root / layout.ALERTS
    with nightly.kept(root, address):
        found = path.read_text() if path.exists() else ""
        for name in (layout.ALERTS, f"{layout.NIGHTS}/{text}.json", "reports/gate/verdict.json"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
    return found


def test_the_next_machine_finds_what_the_last_one_left(tmp_path: Path) -> None:
    kept = str(tmp_path / "kept")
    assert night(tmp_path / "monday", kept, "one") == ""
    assert night(tmp_path / "tuesday", kept, "two") == "one"
    assert night(tmp_path / "wednesday", kept, "three") == "two"
    names = {path.name for path in (tmp_path / "wednesday" / layout.NIGHTS).iterdir()}
    assert names == {"one.json", "two.json", "three.json"}
    # What git keeps is not taken along.
    assert not (tmp_path / "kept" / "reports" / "gate").exists()


def test_they_are_kept_also_after_an_answer_or_a_failure(tmp_path: Path) -> None:
    kept, root = str(tmp_path / "kept"), tmp_path / "monday"
    (root / "reports").mkdir(parents=True)
    with pytest.raises(RunHeld), nightly.kept(root, kept):
        (root / layout.ALERTS).write_text("told")
        raise RunHeld("held")
    assert night(tmp_path / "tuesday", kept, "x") == "told"


def test_without_an_address_nothing_is_copied(tmp_path: Path) -> None:
    assert night(tmp_path / "monday", None, "one") == ""
    assert [path.name for path in tmp_path.iterdir()] == ["monday"]


def test_a_bucket_that_cannot_be_had_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**s3.KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match=r"s3://b/x-reports: reports cannot be kept there"):
        night(tmp_path, "s3://b/x-reports", "one")


def test_an_error_of_the_night_is_not_hidden_by_that_of_the_bucket(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = tmp_path / "kept"
    with pytest.raises(RunHeld), nightly.kept(tmp_path / "monday", str(kept)):
        (tmp_path / "monday" / "reports").mkdir(parents=True)
        (tmp_path / "monday" / layout.ALERTS).write_text("told")
        kept.write_text("a file where a folder is needed")
        raise RunHeld("held")
    assert "reports cannot be kept there" in caplog.text


def test_in_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3.serving() as endpoint:
        s3.use(endpoint, "nights", monkeypatch)
        address = "s3://nights/store-reports"
        assert night(tmp_path / "monday", address, "one") == ""
        assert night(tmp_path / "tuesday", address, "two") == "one"
