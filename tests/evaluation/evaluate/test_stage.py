from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assay.cli.__main__ import main
from assay.errors import BundleChanged, BundleMissing, LabelError, StageInputMissing
from assay.evaluation.evaluate import stage
from assay.project import layout
from assay.project import params as parameters
from assay.project.document import dumps
from assay.project.tasks import METRICS
from assay.training.train import stage as training

CONTRACT = """
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series


class Letter(pa.DataFrameModel):
    letter: Series[int] = pa.Field(metadata={"role": "key"})
    sent: Series[pd.Timestamp] = pa.Field(metadata={"role": "time"})
    town: Series[str] = pa.Field(metadata={"role": ["feature", "slice"]})
    weight: Series[float] = pa.Field(metadata={"role": "feature"})
    late: Series[bool] = pa.Field(nullable=True, metadata={"role": "label"})
"""

PARAMS = """
name: letters
seed: 3
ingest: {source: "data.source.letters", partition_by: day}
contract: {file: data/contract.py}
prepare:
  train: {from: "2024-01-01", to: "2024-01-31"}
  holdout: {from: "2024-02-01", to: "2024-02-29"}
train:
  select_by: log_loss
  folds: 3
  candidates:
    logistic: {class: sklearn.linear_model.LogisticRegression}
evaluate: {unit: sent, min_slice_rows: 100}
gate:
  tests: tests/model
  rules:
    - {name: ranks, metric: auc, min: 0.6, owner: post, because: a coin gives 0.5}
score: {input: data/raw}
"""


def letters(rows: int, first: str, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    weight = random.normal(size=rows)
    days = pd.to_timedelta(np.arange(rows) * 28 // rows, unit="D")
    return pd.DataFrame(
        {
            "letter": np.arange(rows),
            "sent": (pd.Timestamp(first) + days).astype("datetime64[us]"),
            "town": random.choice(["Aa", "By", "Sky"], rows, p=[0.5, 0.46, 0.04]),
            "weight": weight,
            "late": random.random(rows) < 1 / (1 + np.exp(-weight)),
        }
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("letters")
    for name, text in {"params.yaml": PARAMS, "data/contract.py": CONTRACT}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    (root / layout.PREPARED).mkdir(parents=True)
    letters(900, "2024-01-01", 1).to_parquet(root / layout.TRAIN_TABLE)
    letters(800, "2024-02-01", 2).to_parquet(root / layout.HOLDOUT_TABLE)
    training.run(root, parameters.load(root), "logistic")
    shutil.copytree(root / layout.CANDIDATES / "logistic", root / layout.BUNDLE)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "project"))


def run(root: Path) -> None:
    """Evaluate; what the stage returns is what it wrote."""
    found = stage.run(root, parameters.load(root))
    assert dumps(found.tree()) == (root / layout.EVALUATION).read_text()


def test_leaves_everything_and_the_same_bytes_twice(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--root", str(root)]) == 0
    assert "auc" in capsys.readouterr().out
    names = [layout.EVALUATION, layout.METRICS, layout.EVALUATION_PAGE]
    names += [f"{layout.PLOTS}/{path.name}" for path in sorted((root / layout.PLOTS).iterdir())]
    assert len(names) == 8
    assert (root / layout.EVALUATION_PAGE).stat().st_size < 5_000_000
    first = {name: (root / name).read_bytes() for name in names}
    assert main(["evaluate", "--json", "--root", str(root)]) == 0
    again = {name: (root / name).read_bytes() for name in names}
    assert [name for name in names if again[name] != first[name]] == []
    assert capsys.readouterr().out.encode() == first[layout.EVALUATION]


def test_evaluation_says_what_it_is_about(root: Path) -> None:
    run(root)
    found = json.loads((root / layout.EVALUATION).read_text())
    assert found["schema"] == 2
    assert (found["unit"], found["units"]) == ("sent", 28)
    assert (found["name"], found["candidate"], found["rows"]) == ("letters", "logistic", 800)
    for key in ("bundle", "data", "contract"):
        assert found[key].startswith("sha256:")
    assert tuple(found["metrics"]) == METRICS["binary"]
    assert 0.65 < found["metrics"]["auc"]["low"] < found["metrics"]["auc"]["high"] < 0.8
    sky = found["slices"][-1]
    assert (sky["field"], sky["value"], sky["metrics"]) == ("town", "Sky", None)
    assert "fewer than 100" in sky["why"]
    assert found["types"] == []
    relied_on = found["importance"]
    assert (relied_on["metric"], relied_on["rows"]) == ("log_loss", 800)
    assert [one["feature"] for one in relied_on["features"]] == ["weight", "town"]
    assert "by how much log_loss gets worse" in (root / layout.EVALUATION_PAGE).read_text()
    flat = json.loads((root / layout.METRICS).read_text())
    assert flat["auc"] == pytest.approx(found["metrics"]["auc"]["value"], abs=1e-6)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda root: (root / layout.HOLDOUT_TABLE).unlink(), StageInputMissing),
        (lambda root: (root / layout.HOLDOUT_TABLE).write_bytes(b"no"), StageInputMissing),
        (lambda root: shutil.rmtree(root / layout.BUNDLE), BundleMissing),
        (lambda root: (root / layout.BUNDLE / "card.md").write_text("better"), BundleChanged),
        (lambda root: _holdout(root, lambda frame: frame.iloc[:0]), LabelError),
        (lambda root: _holdout(root, lambda frame: frame[frame["late"]]), LabelError),
    ],
    ids=["no holdout", "torn holdout", "no bundle", "changed bundle", "empty", "one class"],
)
def test_refuses_and_writes_nothing(root: Path, spoil, error) -> None:
    spoil(root)
    with pytest.raises(error) as caught:
        run(root)
    assert "\n" not in caught.value.line()
    assert not (root / "reports").exists()


def _holdout(root: Path, change) -> None:
    change(pd.read_parquet(root / layout.HOLDOUT_TABLE)).to_parquet(root / layout.HOLDOUT_TABLE)
