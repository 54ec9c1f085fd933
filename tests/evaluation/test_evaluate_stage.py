"""The stage ``evaluate`` on the small project: what it leaves, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from assay.cli.__main__ import main
from assay.errors import BundleChanged, BundleMissing, LabelError, StageInputMissing
from assay.evaluation import evaluate as stage
from assay.project import layout
from assay.project import params as parameters
from assay.project.document import dumps
from assay.project.tasks import METRICS
from tests.evaluation.rehearsals import edit


def run(root: Path) -> None:
    """Evaluate; what the stage returns is what it wrote."""
    found = stage.run(root, parameters.load(root))
    assert dumps(found.tree()) == (root / layout.EVALUATION).read_text()


def test_leaves_everything_and_the_same_bytes_twice(
    parcels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stage", "evaluate", "--root", str(parcels)]) == 0
    assert "auc" in capsys.readouterr().out
    names = [layout.EVALUATION, layout.METRICS, layout.EVALUATION_PAGE]
    names += [f"{layout.PLOTS}/{path.name}" for path in sorted((parcels / layout.PLOTS).iterdir())]
    assert len(names) == 8
    assert (parcels / layout.EVALUATION_PAGE).stat().st_size < 300_000
    first = {name: (parcels / name).read_bytes() for name in names}
    assert main(["stage", "evaluate", "--json", "--root", str(parcels)]) == 0
    again = {name: (parcels / name).read_bytes() for name in names}
    assert [name for name in names if again[name] != first[name]] == []
    assert capsys.readouterr().out.encode() == first[layout.EVALUATION]


def test_evaluation_says_what_it_is_about(parcels: Path) -> None:
    edit(parcels, "params.yaml", "unit: row", "unit: day")
    frame = pd.read_parquet(parcels / layout.HOLDOUT_TABLE)
    rows, depots = len(frame), frame["depot"].value_counts()
    edit(parcels, "params.yaml", "min_slice_rows: 100", f"min_slice_rows: {depots.min() + 1}")
    run(parcels)
    found = json.loads((parcels / layout.EVALUATION).read_text())
    assert (found["unit"], found["units"], found["rows"]) == ("day", 20, rows)
    assert (found["name"], found["candidate"], found["types"]) == ("parcels", "logistic", [])
    for key in ("bundle", "data", "contract"):
        assert found[key].startswith("sha256:")
    assert tuple(found["metrics"]) == METRICS["binary"]
    assert 0.5 < found["metrics"]["auc"]["low"] < found["metrics"]["auc"]["high"] < 1
    small = [part["value"] for part in found["slices"] if part["metrics"] is None]
    assert depots.idxmin() in small and depots.idxmax() not in small
    assert "importance" not in found
    relied_on = found["reasons"]
    whole = relied_on["whole"]
    assert (relied_on["scale"], whole["rows"], whole["units"]) == ("log odds", rows, 20)
    drops = [one["value"] for one in whole["features"].values()]
    assert drops == sorted(drops, reverse=True) and drops[0] > 0
    html = (parcels / layout.EVALUATION_PAGE).read_text()
    assert "Mean absolute contribution" in html and "permutation importance" not in html
    part = html[html.index('id="features"') : html.index('id="slices"')]
    assert part.count("<figcaption>") == min(6, len(drops))
    flat = json.loads((parcels / layout.METRICS).read_text())
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
def test_refuses_and_writes_nothing(parcels: Path, spoil, error) -> None:
    spoil(parcels)
    with pytest.raises(error) as caught:
        run(parcels)
    assert "\n" not in caught.value.line()
    assert not (parcels / layout.EVALUATION).exists()


def _holdout(root: Path, change) -> None:
    change(pd.read_parquet(root / layout.HOLDOUT_TABLE)).to_parquet(root / layout.HOLDOUT_TABLE)
