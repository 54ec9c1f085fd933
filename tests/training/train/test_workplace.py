"""Training runs where the holdout is not: a class of the project's own cannot look it up."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import assay.training.train.stage
from assay.errors import PluginError
from assay.project import layout, params
from assay.training.train.workplace import apart_from_rows

MODELS = """\
from pathlib import Path

import pandas as pd
from sklearn.linear_model import LogisticRegression

HOME = {home}


class Peeks(LogisticRegression):
    def fit(self, rows, labels):
        self.steps_ = Path("data/steps.txt").read_text()
        self.known_ = len(pd.read_parquet(HOME / "{table}"))
        return super().fit(rows, labels)
"""


@pytest.mark.parametrize("table", [layout.HOLDOUT_TABLE, layout.RAW])
@pytest.mark.parametrize("home", ["Path()", "Path(__file__).parents[1]"])
def test_fit_finds_no_rows_but_those_that_it_is_given(
    trained: Path, tmp_path: Path, home: str, table: str
) -> None:
    root = tmp_path / "parcels"
    shutil.copytree(trained, root)
    (root / "data/steps.txt").write_text("3")
    (root / "data/models.py").write_text(MODELS.format(home=home, table=table))
    path = root / layout.PARAMS
    text = path.read_text().replace("allow_types: []", "allow_types: [data.models.Peeks]")
    own = "    own:\n      class: data.models.Peeks\n"
    path.write_text(text.replace("  candidates:\n", "  candidates:\n" + own))
    before = Path.cwd()
    with pytest.raises(PluginError, match=r"fitting failed: .*No such file or directory") as caught:
        assay.training.train.stage.run(root, params.load(root), "own")
    assert table in str(caught.value)
    assert "data/models.py" in str(caught.value)
    assert Path.cwd() == before
    assert (root / layout.HOLDOUT_TABLE).is_file()
    assert not list((root / layout.WORK).glob("train-*"))


def test_the_rest_of_the_project_is_there(tmp_path: Path) -> None:
    for name in ("a.txt", "data/steps.txt", "data/raw/x", "data/prepared/y", "kept/nights/z"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    with apart_from_rows(tmp_path, "kept/nights") as there:
        assert Path.cwd() == there
        found = {
            path.relative_to(there).as_posix() for path in there.rglob("*") if not path.is_dir()
        }
        assert found == {"a.txt", "data/steps.txt"}
        assert (there / "data/steps.txt").read_text() == "data/steps.txt"
