"""The Containerfile and how it is built, as far as that shows without building it.

`make test-image` builds it, and scores a night inside (tests/image/).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts import image
from tests import bare

ROOT = Path(__file__).resolve().parents[1]
TEXT = re.sub(
    r"^\s*#.*\n", "", (ROOT / "Containerfile").read_text(encoding="utf-8"), flags=re.MULTILINE
).replace("\\\n", " ")


def stages() -> dict[str, str]:
    """Name -> what follows its ``FROM``."""
    parts = re.split(r"^FROM (\S+) AS (\S+)$", TEXT, flags=re.MULTILINE)
    return {parts[at + 1]: parts[at + 2] for at in range(1, len(parts), 3)}


def copied() -> list[str]:
    """What comes from this repository."""
    lines = re.findall(r"^COPY (?!--from)(.*) \S+$", TEXT, re.MULTILINE)
    return [name for line in lines for name in line.split()]


def test_there_is_a_stage_for_each_target_and_the_last_one_scores() -> None:
    assert set(image.TARGETS) <= stages().keys()
    assert list(stages())[-1] == "score"


@pytest.mark.parametrize("target", image.TARGETS)
def test_an_image_runs_as_nobody(target: str) -> None:
    assert stages()[target].rstrip().endswith("\nUSER 65532:65532")


def test_extras_are_those_of_pyproject() -> None:
    asked = [Requirement(text) for text in re.findall(r"'(assay\[[^']*)'", TEXT)]
    assert len(asked) == len(image.TARGETS)
    declared = bare.PROJECT["optional-dependencies"].keys()
    assert {extra for each in asked for extra in each.extras} <= declared


def test_packages_come_from_the_lock_by_hash_or_from_what_it_gave() -> None:
    installs = re.findall(r"pip (?:--python \S+ )?(?:install|wheel) [^;\n]*", TEXT)
    assert len(installs) == 4
    assert all("--require-hashes" in each or "--no-index" in each for each in installs)


def test_what_is_copied_exists_and_is_all_that_the_builder_is_given() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    given = sorted(line[1:] for line in lines if line.startswith("!"))
    assert given == sorted(copied())
    assert [name for name in given if not (ROOT / name).exists()] == []
    assert "*" in lines


@pytest.mark.parametrize(("builder", "stated"), [("podman", True), ("docker", False)])
def test_an_image_states_the_commits_time_where_the_builder_can(builder: str, stated: bool) -> None:
    more = ["--build-arg", "BASE=x"]
    command = image.build_command([builder], "score", "assay:score", "17", more)
    assert ("--format oci --timestamp 17" in " ".join(command)) == stated
    assert command[-3:] == [*more, "."]


def test_the_time_is_the_commits_or_the_one_that_is_stated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "42")
    assert image.commit_time() == "42"
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert int(image.commit_time()) > 1_700_000_000
    monkeypatch.setattr(image, "ROOT", tmp_path)
    with pytest.raises(image.Failed, match="SOURCE_DATE_EPOCH"):
        image.commit_time()


def test_without_a_builder_one_line_says_so(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "image.py"
    done = subprocess.run(
        [sys.executable, script], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("image: images are built with one of podman, buildah, docker")


def test_a_build_that_fails_is_told_and_ends_so(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    builder = tmp_path / "podman"
    builder.write_text("#!/bin/sh\nexit 125\n")
    builder.chmod(0o755)
    assert image.main(["--target", "score", "--builder", str(builder)]) == 1
    assert "ended with exit code 125" in capfd.readouterr().err
