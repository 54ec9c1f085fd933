"""What README.md says of a table of one's own, done to the letter."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd

from assay.project import digests
from tests import projects

ROOT = Path(__file__).resolve().parents[1]
SAID = re.compile(r"^(assay init churn .*?) +#", re.MULTILINE)


def test_a_table_becomes_a_project_that_dvc_can_run(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    visits = rng.poisson(5, 400)
    table = {"customer": range(400), "visits": visits, "churned": visits + rng.normal(size=400) < 4}
    pd.DataFrame(table).to_csv(tmp_path / "customers.csv", index=False)
    (command,) = SAID.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    projects.call(tmp_path, *shlex.split(command))
    project = tmp_path / "churn"
    assert "ready for dvc repro" in projects.call(project, "assay", "check")
    stages = projects.call(project, "dvc", "stage", "list", "--name-only").split()
    assert {name.partition("@")[0] for name in stages} == {"code", *digests.STAGES}
    assert "data/customers.csv" in (project / "dvc.yaml").read_text(encoding="utf-8")
