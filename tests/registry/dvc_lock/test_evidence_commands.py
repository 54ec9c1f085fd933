"""Which commands may make what a verdict rests on, without git or DVC."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.project import layout
from assay.project.params import yaml_text
from assay.registry.dvc_lock.compare import Pipeline, PipelineStage, StageFile
from assay.registry.dvc_lock.evidence_commands import MAKERS, foreign_commands
from tests.projects import ROOT


def made(path: str, command: str, folder: str = "") -> tuple[str, ...]:
    whole = f"{folder}/{path}" if folder else path
    outputs = (StageFile(whole, "1"),)
    stage = PipelineStage("judge", True, True, False, {}, {}, (), outputs, command=command)
    return foreign_commands(Pipeline((stage,), {}, folder=folder))


@pytest.mark.parametrize(("path", "name"), MAKERS.items())
@pytest.mark.parametrize("options", ["", " --root sub/project", " --name=a-b"])
def test_assay_alone_is_evidence(path: str, name: str, options: str) -> None:
    assert made(path, f"assay {name}{options}") == ()
    assert made(path, f"assay {name}{options}", folder="sub") == ()


@pytest.mark.parametrize(
    "command",
    [
        "",
        "sh data/forge.sh",
        "assay gate || python forge.py",
        "assay gate; true",
        "assay gate\npython forge.py",
        "assay gate $(python forge.py)",
        "assay gate > out",
        "PATH=.:$PATH assay gate",
        "./assay gate",
        "assay gates",
        "assay evaluate",
    ],
)
@pytest.mark.parametrize("folder", ["", "sub"])
def test_anything_beside_it_is_named(command: str, folder: str) -> None:
    (line,) = made(layout.VERDICT, command, folder)
    assert line.startswith(f"judge: {layout.VERDICT} is made by `")
    assert line.endswith("where only `assay gate` alone is evidence") and "\n" not in line


def test_a_part_of_a_folder_is_asked_about_too_and_other_outputs_are_not() -> None:
    assert made(f"{layout.PREPARED}/holdout.parquet", "python split.py")
    assert made(layout.BUNDLE, "python train.py") == made("data/preparedness", "x") == ()


@pytest.mark.parametrize("root", [ROOT, ROOT / "tests" / "parcels"])
def test_the_stages_that_people_copy_judge_by_assay(root: Path) -> None:
    tree = yaml_text.load((root / layout.DVC_YAML).read_text(encoding="utf-8"))
    found = set()
    for stage in tree["stages"].values():
        body = stage.get("do", stage)
        outputs = [next(iter(each)) if isinstance(each, dict) else each for each in body["outs"]]
        for path in outputs:
            assert made(path, body["cmd"]) == ()
            found |= {name for kept, name in MAKERS.items() if path == kept}
    assert found == set(MAKERS.values())
