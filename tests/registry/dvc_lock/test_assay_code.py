"""Whether results come from the Assay that is installed, without git or DVC."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from assay.cli.__main__ import main
from assay.project import layout, stage_code
from assay.registry.dvc_lock import assay_code
from assay.registry.dvc_lock.compare import Pipeline, PipelineStage, StageFile
from tests.projects import PARCELS

MAKES = PipelineStage(
    "code", True, True, False, {}, {}, (), (StageFile(layout.CODE, "1"),), (), "assay code"
)
OTHER = "sha256:0"


def stage(command: str, digest: str | None, folder: str = "", **facts: bool) -> PipelineStage:
    """One that has the digest of its code in dvc.lock, or lacks it among its params."""
    path = f"{folder}/{layout.CODE}" if folder else layout.CODE
    found = {} if digest is None else {f"{path}: {command.split()[1]}": digest}
    kept = {"recorded": True, "frozen": False, **facts}
    return PipelineStage(
        "one", kept["recorded"], True, kept["frozen"], found, found, (), (), (), command
    )


def test_results_of_the_installed_code_are_current() -> None:
    now = stage_code.stage_digests()
    stages = (MAKES, *(stage(f"assay {name} rest", now[name]) for name in stage_code.STAGES))
    assert assay_code.outdated_stages(Pipeline(stages, {})) == ()


@pytest.mark.parametrize("name", stage_code.STAGES)
def test_results_of_other_code_are_not(name: str) -> None:
    (line,) = assay_code.outdated_stages(Pipeline((MAKES, stage(f"assay {name}", OTHER)), {}))
    assert line == "one: the installed Assay's code is not what made its results"


def test_a_stage_without_the_parameter_would_never_run_again() -> None:
    (line,) = assay_code.outdated_stages(Pipeline((MAKES, stage("assay gate", None)), {}))
    assert line == "one: its params lack reports/code.json: [gate]"


def test_a_file_that_was_cut_short_says_nothing_of_what_dvc_yaml_asks_for() -> None:
    now = stage_code.stage_digests()["gate"]
    whole = stage("assay gate", now)
    assert installed_now(replace(whole, params={})) == ()
    assert installed_now(replace(whole, params={}, recorded_params={})) != ()


def installed_now(one: PipelineStage) -> tuple[str, ...]:
    return assay_code.outdated_stages(Pipeline((MAKES, one), {}))


def test_without_the_stage_that_writes_digests_nothing_shows() -> None:
    (line,) = assay_code.outdated_stages(Pipeline((stage("assay gate", None),), {}))
    assert "no stage makes reports/code.json" in line and "assay code" in line


def test_a_project_below_dvcs_root_is_found() -> None:
    makes = PipelineStage(
        "code", True, True, False, {}, {}, (), (StageFile("sub/reports/code.json", "1"),)
    )
    now = stage_code.stage_digests()["gate"]
    found = assay_code.outdated_stages(
        Pipeline((makes, stage("assay gate", now, "sub")), {}, (), "sub")
    )
    assert found == ()


@pytest.mark.parametrize(
    "one",
    [
        stage("python gate.py", OTHER),
        stage("assay gate", OTHER, frozen=True),
        stage("assay gate", OTHER, recorded=False),
    ],
)
def test_others_are_left_to_others(one: PipelineStage) -> None:
    assert assay_code.outdated_stages(Pipeline((MAKES, one), {})) == ()


def test_the_command_leaves_a_digest_for_each_stage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / layout.PARAMS).write_bytes((PARCELS / layout.PARAMS).read_bytes())
    assert main(["code", "--json", "--root", str(tmp_path)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == {"schema": 1, **stage_code.stage_digests()}
    assert json.loads((tmp_path / layout.CODE).read_text()) == printed
    assert len(set(stage_code.stage_digests().values())) == len(stage_code.STAGES)
