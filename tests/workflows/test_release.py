"""release.yml and ci.yml: what is built, listed, signed, published and kept."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.code_host import REPOSITORY
from tests.workflows.act import ROOT
from tests.workflows.world import World

TAG = "refs/tags/v0.1.0"


@pytest.fixture
def version(tmp_path: Path) -> Callable[[str], Path]:
    """Copies of this tree, each a repository of its own that is version 0.1.0."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    def make(name: str) -> Path:
        root = tmp_path / name
        for path in listed.rstrip("\0").split("\0"):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / path).exists():
                shutil.copyfile(ROOT / path, root / path, follow_symlinks=False)
        for command in (
            ["git", "init", "--quiet"],
            ["git", "add", "--all"],
            ["git", "commit", "--quiet", "--message", "Start"],
            [sys.executable, "-m", "scripts.release", "0.1.0"],
            ["git", "commit", "--quiet", "--all", "--message", "Release 0.1.0"],
        ):
            subprocess.run(command, cwd=root, check=True)
        return root

    return make


def test_a_release_is_files_images_and_a_site_that_say_where_they_come_from(
    team: World, version: Callable[[str], Path]
) -> None:
    tree = version("tree")
    team.start_assay()
    done = team.run("release", "push", "main", {}, ref=TAG, env={"ASSAY_TREE": str(tree)})
    assert done.code == 0, done.output
    assert done.output.count("attested dist/*") == 1
    dist = team.kept / "dist" / "dist"
    built = {path.name: path for path in dist.iterdir()}
    assert [*sorted(built)] == [
        "assay-0.1.0-py3-none-any.whl",
        "assay-0.1.0.tar.gz",
        "assay.cdx.json",
    ]
    names = zipfile.ZipFile(built["assay-0.1.0-py3-none-any.whl"]).namelist()
    assert "assay/cli/__main__.py" in names and not [n for n in names if n.startswith("tests/")]
    bom = json.loads(built["assay.cdx.json"].read_text())
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert bom["metadata"]["component"]["name"] == "assay"
    found = {each["name"]: each for each in bom["components"]}
    assert {"pyarrow", "dvc", "deltalake"} <= found.keys()

    asked = (team.kept / "asked").read_text().splitlines()
    pushed = [line.split()[-1] for line in asked if line.startswith("podman push")]
    image = f"docker://ghcr.io/{REPOSITORY}"
    assert pushed == [f"{image}:0.1.0-score", f"{image}:0.1.0-full"]
    assert asked[-1].startswith("gh release create v0.1.0 dist/assay-0.1.0-py3-none-any.whl")
    assert done.output.count("attested ghcr.io/") == 2
    news = (team.kept / "published.md").read_text()
    assert news.startswith("### Added") and "Unreleased" not in news
    assert "deployed the site" in done.output

    # The same commit at another place and another time: the same bytes.
    again = version("again")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", "dist"]
    subprocess.run(command, cwd=again, check=True, capture_output=True)
    for path in (again / "dist").iterdir():
        assert path.read_bytes() == built[path.name].read_bytes(), path.name


def test_a_tag_of_another_version_builds_nothing(team: World) -> None:
    team.start_assay()
    done = team.run("release", "push", "main", {}, ref="refs/tags/v7.0.0")
    assert done.code != 0
    assert "pyproject.toml: version is 0.1.0, the tag says 7.0.0" in done.output
    assert "CHANGELOG.md: no section [7.0.0]" in done.output
    assert not team.kept.exists()


def test_by_hand_nothing_is_signed_or_published(team: World) -> None:
    team.start_assay()
    done = team.run("release", "workflow_dispatch", "main", {})
    assert done.code == 0, done.output
    assert "attested" not in done.output and "deployed" not in done.output
    assert list(team.kept.rglob("*.whl")) and not (team.kept / "asked").exists()


def test_ci_runs_what_a_laptop_runs_on_each_python(team: World) -> None:
    team.start_assay()
    done = team.run("ci", "push", "main", {})
    assert done.code == 0, done.output
    assert done.ran.count(".ci/run") == 4
    assert done.ran.count("make wheel") == 8
    assert (team.kept / "demo-reports" / "build" / "demo" / "reports" / "index.html").is_file()
