"""release.yml and ci.yml: what is built, listed and kept."""

from __future__ import annotations

import json
import zipfile

from tests.workflows.world import World


def test_a_release_is_wheel_sdist_and_what_they_bring(team: World) -> None:
    team.start_assay()
    done = team.run("release", "push", "main", {}, ref="refs/tags/v0.1.0")
    assert done.code == 0, done.output
    assert "attested dist/*" in done.output
    built = {path.name.partition("-")[2] or path.name: path for path in team.kept.rglob("assay*")}
    assert len(built) == 3
    (wheel,) = team.kept.rglob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "assay/cli/__main__.py" in names and not [n for n in names if n.startswith("tests/")]
    (listed,) = team.kept.rglob("*.cdx.json")
    bom = json.loads(listed.read_text())
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert bom["metadata"]["component"]["name"] == "assay"
    found = {each["name"]: each for each in bom["components"]}
    assert {"pyarrow", "dvc", "deltalake"} <= found.keys()


def test_by_hand_nothing_is_signed(team: World) -> None:
    team.start_assay()
    done = team.run("release", "workflow_dispatch", "main", {})
    assert done.code == 0, done.output
    assert "attested" not in done.output
    assert list(team.kept.rglob("*.whl"))


def test_ci_runs_what_a_laptop_runs_on_each_python(team: World) -> None:
    team.start_assay()
    done = team.run("ci", "push", "main", {})
    assert done.code == 0, done.output
    assert done.ran.count(".ci/run") == 3
    assert done.ran.count("make wheel") == 3
    assert (team.kept / "demo-reports" / "build" / "demo" / "reports" / "index.html").is_file()
