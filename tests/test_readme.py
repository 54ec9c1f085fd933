"""What README.md says of a project of one's own, done to the letter."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assay.project import layout, stage_code

ROOT = Path(__file__).resolve().parents[1]
SAID = "`dvc.yaml` stays as it is, but for the artifact, which gets your model's name."
FILES = ("dvc.yaml", "params.yaml")


def test_dvc_yaml_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dvc.repo import Repo

    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    assert SAID in " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    folder = tmp_path / "own"
    folder.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    # In a process of its own: DVC's log may hold a stream that an earlier test has closed.
    init = [sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"]
    subprocess.run(init, cwd=folder, check=True)
    with Repo(str(folder)) as repo:
        found = repo.stage.load_all(str(folder / "dvc.yaml"))
        deps = {dep.def_path for stage in found for dep in stage.deps}
    assert {stage.name.partition("@")[0] for stage in found} == {"code", *stage_code.STAGES}
    assert "data/source.py" in deps
    assert deps >= {layout.PARAMS, layout.CODE}
    assert not [path for path in deps if path.startswith("pipeline/")]
