"""A version is made only where the files that name it agree, and may be checked from its tag."""

from __future__ import annotations

import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest

from scripts import public_face, release

DAY = date(2026, 12, 1)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (release.PROJECT, release.CHANGELOG, "docs/public-face.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(release.ROOT / name, tmp_path / name)
    return tmp_path


def add(tree: Path, news: str) -> None:
    path = tree / release.CHANGELOG
    path.write_text(path.read_text().replace(release.UNRELEASED, release.UNRELEASED + news))


def test_the_first_and_the_next_version_are_what_their_tags_name(tree: Path) -> None:
    unsaid = "CHANGELOG.md: no section [0.1.0] with a day and something in it"
    assert unsaid in release.problems(tree, "v0.1.0")
    release.prepare(tree, "0.1.0", DAY)
    assert release.problems(tree, "v0.1.0") == []
    text = (tree / release.CHANGELOG).read_text()
    assert release.BEFORE_THE_FIRST not in text
    with pytest.raises(release.Refused, match="nothing under Unreleased"):
        release.prepare(tree, "0.1.1", DAY)
    add(tree, "\n### Fixed\n\n- A comma.\n")
    release.prepare(tree, "0.1.1", DAY)
    assert release.problems(tree, "v0.1.1") == []
    assert len(release.problems(tree, "v0.1.0")) == 2
    new = (tree / release.CHANGELOG).read_text()
    assert release.notes(new, "0.1.1") == "### Fixed\n\n- A comma."
    assert release.notes(new, "0.1.0") == release.notes(text, "0.1.0")
    with pytest.raises(release.Refused, match=r"0\.1\.0 is not later than 0\.1\.1"):
        release.prepare(tree, "0.1.0", DAY)


def test_the_first_version_is_not_earlier_than_what_the_tree_says(tree: Path) -> None:
    with pytest.raises(release.Refused, match=r"0\.0\.1 is not later than 0\.1\.0"):
        release.prepare(tree, "0.0.1", DAY)


@pytest.mark.parametrize("tag", ["", "0.1.0", 'v1"||touch x||"', "v0.1", "v1.0.0\n"])
def test_what_is_no_tag_of_a_version_is_one_line(tree: Path, tag: str) -> None:
    release.prepare(tree, "0.1.0", DAY)
    assert release.problems(tree, tag) == [
        f"'{tag}' is no tag of a version; expected one such as v0.2.0"
    ]


@pytest.mark.parametrize(
    "given", [("release", "VERSION=0.1; touch ran"), ("release-check", 'TAG=v1"||touch ran||"')]
)
def test_make_gives_a_shell_no_text_to_run(tmp_path: Path, given: tuple[str, str]) -> None:
    """Where there is nothing to set up, and Python is a program that says what it was given."""
    (tmp_path / "said").write_text('#!/bin/sh\nprintf "<%s>" "$@"\n')
    (tmp_path / "said").chmod(0o755)
    done = subprocess.run(
        [
            *("make", "--no-print-directory", f"--file={release.ROOT / 'Makefile'}"),
            *("--old-file=setup", f"PY={tmp_path / 'said'}", *given),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert not (tmp_path / "ran").exists()
    assert f"<{given[1].partition('=')[2]}>" in done.stdout, done.stderr


def test_a_version_that_breaks_more_than_its_number_may_is_not_made(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.prepare(tree, "0.1.0", DAY)
    add(tree, "\n### Removed\n\n- Reasons.\n")
    now = {part: dict(names) for part, names in public_face.face().items()}
    del now["commands"]["assay why"]
    monkeypatch.setattr(public_face, "face", lambda: now)
    with pytest.raises(
        release.Refused, match=r"may break nothing of 0\.1\.0, .* assay why is gone"
    ):
        release.prepare(tree, "0.1.1", DAY)
    release.prepare(tree, "0.2.0", DAY)
    assert release.problems(tree, "v0.2.0") == []


@pytest.mark.parametrize("name", ["1", "v0.2.0", "0.2", "00.2.0", "0.2.0-rc1", "9999999.0.0"])
def test_what_is_no_version_is_refused(tree: Path, name: str) -> None:
    with pytest.raises(release.Refused, match="is no version; expected three numbers"):
        release.prepare(tree, name, DAY)


def test_what_is_new_is_written_for_who_publishes_it(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--check", "v0.1.0", "--notes", str(tmp_path / "build" / "notes.md")]
    assert release.main(given, tree) == 1
    assert "no section [0.1.0]" in capsys.readouterr().err
    assert not (tmp_path / "build").exists()
    release.prepare(tree, "0.1.0", DAY)
    assert release.main(given, tree) == 0
    assert (tmp_path / "build" / "notes.md").read_text().startswith("### Added\n")
