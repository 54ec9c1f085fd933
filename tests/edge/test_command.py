"""`assay export-model`, as its users type it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import pandas as pd
import pytest

from assay.compiled import CompiledModel
from assay.errors import ModelNotExported
from assay.model import batch
from assay.project import layout, params
from assay.registry import versions
from assay.registry.pin import pin
from tests.edge.exported import COMPILER

DOCS = Path(__file__).resolve().parents[2] / "docs" / "edge.md"


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", " ".join(COMPILER))


@pytest.mark.usefixtures("compiler")
def test_the_program_in_the_documentation_prints_assays_own_score(
    promoted: Path, tmp_path: Path, call: Callable[..., str]
) -> None:
    said = json.loads(
        call(promoted, "assay", "export-model", "--to", "c", "--json", "--out", str(tmp_path / "c"))
    )
    assert said["version"] == "v0.1.0"
    assert said["left_out"] == ["express_is_light"]
    assert said["bundle"] in (tmp_path / "c" / "parcels.h").read_text()
    (program,) = re.findall(r"```c\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    given = params.load(promoted)
    pinned = pin(promoted, given, versions.read_version(promoted, given.name, "v0.1.0"))
    row = pd.DataFrame(
        {"weight": [2.5], "distance": [None], "express": [True], "depot": ["south"]}
    ).astype({"distance": float})
    (score,) = batch.score_frame(pinned.bundle, row)
    assert _run(tmp_path / "c", program) == f"v0.1.0: {score:.16f}\n"


def _run(folder: Path, program: str) -> str:
    """What a program prints that is compiled with the export."""
    (folder / "main.c").write_text(program)
    command = [*COMPILER, "-std=c99", "-O2", "-Wall", "main.c", "parcels.c", "-o", "main", "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    return subprocess.run([folder / "main"], capture_output=True, text=True, check=True).stdout


def test_onnx_gives_assays_own_score(
    promoted: Path, tmp_path: Path, call: Callable[..., str]
) -> None:
    out = str(tmp_path / "onnx")
    said = json.loads(
        call(promoted, "assay", "export-model", "prod", "--to", "onnx", "--json", "--out", out)
    )
    (file,) = said["files"]
    assert file["bytes"] == (tmp_path / "onnx" / "parcels.onnx").stat().st_size
    run = onnxruntime.InferenceSession(tmp_path / "onnx" / "parcels.onnx")
    assert run.get_modelmeta().custom_metadata_map["bundle"] == said["bundle"]


@pytest.mark.usefixtures("compiler")
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    promoted: Path, tmp_path: Path, call: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*more: str, code: int) -> str:
        line = call(promoted, "assay", "export-model", *more, code=code)
        assert line.count("\n") == 1
        return line

    full = tmp_path / "full"
    full.mkdir()
    (full / "mine").touch()
    to_c = ("--to", "c", "--out")
    assert "it is there already" in refused(*to_c, str(full), code=2)
    assert [path.name for path in full.iterdir()] == ["mine"]
    for missing in (full / "mine", tmp_path / "no"):
        below = str(missing / "below")
        assert f"--out: there is no folder {missing} " in refused(*to_c, below, code=2)
    assert not (tmp_path / "no").exists()
    long = str(tmp_path / ("l" * 250))  # the folder beside it, where it is made, has a longer name
    assert f"{long}: cannot be written" in refused(*to_c, long, code=2)
    new = str(tmp_path / "new")
    assert "no version of parcels holds the stage other" in refused("other", *to_c, new, code=41)
    assert "parcels has no version v9.0.0" in refused("v9.0.0", *to_c, new, code=43)
    assert "1 check of the contract cannot be made" in refused("--strict", *to_c, new, code=35)
    monkeypatch.setenv("CC", "false")
    assert "the export in C could not be compared" in refused(*to_c, new, code=36)
    monkeypatch.delenv("CC")
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("assay.project.extras.is_installed", lambda module: False)
    assert "install one as cc, or: pip install 'assay[edge]'" in refused(*to_c, new, code=9)
    assert not Path(new).exists()


def test_a_model_that_is_not_compiled_says_why(live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.edge import command

    given = params.load(live)
    real = pin(live, given, versions.read_champion(live, given.name, "prod"))
    assert isinstance(real.bundle.scorer, CompiledModel)
    real.bundle.__dict__["scorer"] = object()
    real.bundle.manifest.compiled["reason"] = "its categories are too many"  # type: ignore[index]
    monkeypatch.setattr("assay.registry.pin.pin", lambda *_: real)
    with pytest.raises(ModelNotExported, match=r"not compiled, .* found its categories are too"):
        command.run(live, given, None, "c", None, strict=False)


def test_an_unverified_version_is_refused(live: Path, call: Callable[..., str]) -> None:
    """Its tags name another verdict than its commit holds."""
    from assay.edge import command

    given = params.load(live)
    verdict = live / layout.VERDICT
    verdict.write_text(verdict.read_text() + "\n")
    call(live, "git", "commit", "--quiet", "--all", "--message", "Touch")
    tag = "parcels@v0.1.0"
    text = call(live, "git", "tag", "--list", "--format=%(contents)", tag)
    call(live, "git", "tag", "--force", "--annotate", "--message", text, tag)
    with pytest.raises(ModelNotExported, match="only a verified version"):
        command.run(live, given, "v0.1.0", "c", None, strict=False)
    assert not (live / "exports").exists()
    shutil.rmtree(live)
