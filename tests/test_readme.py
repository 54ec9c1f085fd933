"""What README.md says of a project of one's own, done to the letter."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SAID = (
    "In `dvc.yaml` the lines with `pipeline/` go, and the line `deps:` of the stage `champion`, "
    "which has no others;"
)


def loaded(folder: Path, lines: list[str]) -> dict[str, set[str]]:
    """The stages as DVC itself reads them, and what each depends on."""
    from dvc.repo import Repo

    (folder / "dvc.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copy(ROOT / "params.yaml", folder)
    # In a process of its own: DVC's log may hold a stream that an earlier test has closed.
    init = [sys.executable, "-m", "dvc", "init", "--no-scm", "--force", "--quiet"]
    subprocess.run(init, cwd=folder, check=True)
    with Repo(str(folder)) as repo:
        found = repo.stage.load_all(str(folder / "dvc.yaml"))
        return {stage.name: {dep.def_path for dep in stage.deps} for stage in found}


def test_dvc_yaml_without_the_lines_that_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvc.exceptions import DvcException

    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    assert SAID in " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    whole = (ROOT / "dvc.yaml").read_text(encoding="utf-8").splitlines()
    before = loaded(tmp_path, whole)
    left = [line for line in whole if "pipeline/" not in line]
    with pytest.raises(DvcException, match="validation failed"):
        loaded(tmp_path, left)
    champion = left.index("  champion:")
    del left[left.index("    deps:", champion)]
    after = loaded(tmp_path, left)
    assert after == {
        name: {path for path in deps if not path.startswith("pipeline/")}
        for name, deps in before.items()
    }
    assert after["champion"] <= {"params.yaml"}
    assert "data/source.py" in after["ingest"]
