"""The whole flow for what is not a yes or no: several classes, and numbers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable

from assay.columns.features import FrameFeatures
from assay.columns.grid import CategoryGrid, NumberGrid
from assay.compiled import CompiledModel
from assay.errors import ContractFileError, GateNotPassed, ParamsError, PluginError
from assay.model import bundle, bundle_files, prediction
from assay.model.batch import new_counter
from assay.project import layout, params
from assay.project.tasks import METRICS, Task
from tests import projects, variants

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TASKS: tuple[Task, ...] = ("multiclass", "regression")
PLOTS = {
    "multiclass": ["calibration", "classes", "confusion", "score_histogram"],
    "regression": ["error_histogram", "predicted_actual"],
}
JUDGE = ("compare", "gate")
NIGHTS = ("--from", "2024-03-01", "--to", "2024-03-02")


def run(root: Path, *names: str) -> None:
    """Stages by name, in this process; ``train`` is every candidate."""
    import assay.contract.stage
    import assay.evaluation.compare
    import assay.evaluation.evaluate
    import assay.evaluation.nights
    import assay.gate.stage
    import assay.registry.champion
    import assay.training.leakage.stage
    import assay.training.tables.ingest
    import assay.training.tables.prepare
    import assay.training.train.select
    import assay.training.train.stage

    values = params.load(root)
    stages = {
        "ingest": assay.training.tables.ingest.run,
        "contract": assay.contract.stage.run,
        "prepare": assay.training.tables.prepare.run,
        "leakage": assay.training.leakage.stage.run,
        "select": assay.training.train.select.run,
        "evaluate": assay.evaluation.evaluate.run,
        "champion": assay.registry.champion.run,
        "compare": assay.evaluation.compare.run,
        "nights": assay.evaluation.nights.run,
        "gate": assay.gate.stage.run,
    }
    for name in names:
        if name == "train":
            for candidate in values.train.candidates:
                assay.training.train.stage.run(root, values, candidate)
        else:
            stages[name](root, values)


@pytest.fixture(scope="module", params=TASKS)
def task(request: pytest.FixtureRequest) -> Task:
    return request.param


@pytest.fixture(scope="module")
def gated(task: Task, tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Path:
    """The project of a task, run as far as a verdict. Do not write to it."""
    import assay.evaluation.rehearse

    root = tmp_path_factory.mktemp("gated") / task
    variants.make(root, task)
    projects.call(root, "git", "init", "--quiet")  # no tag in it: there is no champion yet
    run(root, "ingest", "contract", "prepare", "leakage", "train", "select", "evaluate")
    scratch = tmp_path_factory.mktemp("rehearsed")
    run(root, "champion", "nights")
    given = params.load(root)
    found = assay.evaluation.rehearse.rehearse(root, given, scratch, lambda: spark)
    found.write(root)
    run(root, *JUDGE)
    return root


@pytest.fixture
def project(gated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(gated, tmp_path / "project"))


def edit(root: Path, name: str, old: str, new: str) -> None:
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new))


def test_the_label_makes_the_task_and_the_best_candidate_passes(task: Task, gated: Path) -> None:
    loaded = bundle.load(gated / layout.BUNDLE, expected=None, allow_types=())
    manifest = loaded.manifest
    assert manifest.task == task
    assert manifest.classes == (variants.FATES if task == "multiclass" else ())
    assert manifest.calibration == ("sigmoid" if task == "multiclass" else "none")
    assert manifest.candidate == ("logistic" if task == "multiclass" else "linear")
    assert set(manifest.out_of_fold) == set(METRICS[task])
    assert manifest.positives is None
    label = loaded.reference.label
    assert label is not None and label.profile.rows == manifest.rows and not label.profile.nulls
    assert isinstance(label.grid, CategoryGrid if task == "multiclass" else NumberGrid)
    classes = [
        name for pair in prediction.class_columns(manifest.classes).values() for name in pair
    ]
    beside = classes if task == "multiclass" else [*prediction.LOSSES]
    assert [*loaded.losses] == [*manifest.loss_noise] == beside[: 2 * (task == "regression")]
    assert [*loaded.reference.beside] == beside
    assert {*beside} <= {*new_counter(loaded.reference).profile()}
    assert all(isinstance(each, CompiledModel) for each in loaded.losses.values())
    rows = FrameFeatures(loaded.sample())
    np.testing.assert_allclose(loaded.scorer.scores(rows), loaded.model.scores(rows), atol=1e-11)
    verdict = json.loads((gated / layout.VERDICT).read_text())
    assert verdict["outcome"] == "PASS"


def test_what_evaluate_leaves(task: Task, gated: Path) -> None:
    found = json.loads((gated / layout.EVALUATION).read_text())
    assert (found["task"], tuple(found["metrics"])) == (task, METRICS[task])
    assert all(one["low"] <= one["value"] <= one["high"] for one in found["metrics"].values())
    assert {part["value"] for part in found["slices"]} == {"north", "south", "west"}
    assert set(json.loads((gated / layout.METRICS).read_text())) == {*METRICS[task], "rows"}
    plots = sorted(path.stem for path in (gated / layout.PLOTS).iterdir())
    assert plots == PLOTS[task]
    assert (gated / layout.EVALUATION_PAGE).stat().st_size < 5_000_000


def test_the_card_says_what_the_model_answers(task: Task, gated: Path) -> None:
    card = (gated / layout.BUNDLE / bundle.CARD).read_text()
    told = {
        "multiclass": ["each value of `late` for one row: early, late, lost.", "highest prob"],
        "regression": ["Estimates the number `late`", "Calibration: none"],
    }[task]
    assert all(words in card for words in told)
    assert "true" not in card.split("## ")[0].split("| metric |")[0]


def test_the_same_inputs_give_the_same_digest(project: Path) -> None:
    before = bundle_files.verified_digest(project / layout.BUNDLE)
    shutil.rmtree(project / layout.CANDIDATES)
    run(project, "train", "select")
    assert bundle_files.verified_digest(project / layout.BUNDLE) == before


def test_a_rule_about_another_tasks_metric_fails_at_the_gate(task: Task, project: Path) -> None:
    metric = {"multiclass": "average_precision", "regression": "accuracy"}[task]
    old = {"multiclass": "metric: auc", "regression": "metric: r2"}[task]
    edit(project, "params.yaml", old, f"metric: {metric}")
    with pytest.raises(GateNotPassed):
        run(project, "gate")
    verdict = (project / layout.GATE_REPORT / "verdict.md").read_text(encoding="utf-8")
    verdict = verdict.replace("\\", "")  # before what Markdown would take for a sign
    assert f"{metric} is no metric of a {task} model; those are" in verdict
    assert METRICS[task][-1] in verdict


def test_selecting_by_another_tasks_metric_stops_training(task: Task, project: Path) -> None:
    old = {"multiclass": "log_loss", "regression": "rmse"}[task]
    edit(project, "params.yaml", f"select_by: {old}", "select_by: f1")
    before = bundle_files.verified_digest(project / layout.BUNDLE)
    with pytest.raises(
        ParamsError, match=rf"select_by: f1 is no metric of a {task} model"
    ) as found:
        run(project, "train")
    assert "'late' is declared as a" in found.value.line()
    assert bundle_files.verified_digest(project / layout.BUNDLE) == before


def test_a_candidate_of_another_task_stops_training(task: Task, project: Path) -> None:
    old, new = {
        "multiclass": ("linear_model.LogisticRegression", "linear_model.Ridge"),
        "regression": ("linear_model.LinearRegression", "linear_model.LogisticRegression"),
    }[task]
    edit(project, "params.yaml", old, new)
    with pytest.raises(PluginError, match=r"train\.candidates\.\w+\.class"):
        run(project, "train")


def test_a_feature_may_not_be_called_what_the_answer_is_called(project: Path) -> None:
    edit(project, "data/contract.py", "weight: Series", "prediction: Series")
    edit(project, "data/contract.py", 'rows["weight"]', 'rows["prediction"]')
    with pytest.raises(ContractFileError, match=r"data/contract\.py.*found prediction"):
        run(project, "train")


@pytest.fixture(scope="module")
def live(task: Task, gated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of a task with its model promoted and two nights scored, by commands."""
    root = Path(shutil.copytree(gated, tmp_path_factory.mktemp("live") / task))
    projects.call(root, "dvc", "init", "--quiet")
    # What ran in this process is what `dvc repro` would have run, without a process a stage.
    projects.call(root, "assay", "stage", "code")
    projects.call(root, "dvc", "commit", "--quiet", "--force")
    projects.promote(root)
    projects.call(root, "assay", "score", *NIGHTS)
    return root


def test_a_night_is_published_with_the_models_own_scores(
    task: Task, live: Path, call: Callable[..., str]
) -> None:
    table = DeltaTable(str(live / "store" / "predictions")).to_pandas()
    assert table.groupby("day").size().to_dict() == {"2024-03-01": 50, "2024-03-02": 47}
    loaded = bundle.load(live / layout.BUNDLE, expected=None, allow_types=())
    raw = pd.read_parquet(live / "data" / "raw" / "day=2024-03-01")
    rows = raw.merge(table[table["day"] == "2024-03-01"], on="parcel", validate="1:1")
    expected = loaded.model.scores(FrameFeatures(rows))
    if task == "regression":
        assert rows["prediction"].to_numpy() == pytest.approx(expected, abs=1e-9)
        return
    assert np.stack(rows["probabilities"]) == pytest.approx(expected, abs=1e-9)
    best = expected.argmax(axis=1)
    assert rows["prediction"].tolist() == [variants.FATES[place] for place in best]
    assert rows["probability"].to_numpy() == pytest.approx(expected.max(axis=1), abs=1e-9)


def test_a_night_is_monitored_and_told(task: Task, live: Path, call: Callable[..., str]) -> None:
    call(live, "assay", "monitor", "--date", "2024-03-02", "--evidently")
    found: dict[str, Any] = json.loads((live / layout.NIGHTS / "2024-03-02.json").read_text())
    assert found["crossed"] is False
    judged = {finding["column"] for finding in found["findings"]}
    scores = {"probability", "prediction"} if task == "multiclass" else {"prediction"}
    assert judged == {"weight", "distance", "express", "depot", *scores}
    assert found["features"] == 4
    assert "v0.1.0" in call(live, "assay", "status")


def test_both_carriers_publish_the_same(
    live: Path, call: Callable[..., str], tmp_path: Path
) -> None:
    project = Path(shutil.copytree(live, tmp_path / "live", symlinks=True))

    def published() -> list[dict[str, Any]]:
        table = DeltaTable(str(project / "store" / "predictions")).to_pyarrow_table()
        own = {"run_id", "scored_at"}
        rows = table.select([name for name in table.column_names if name not in own])
        return sorted(rows.to_pylist(), key=lambda row: row["parcel"])

    local = published()
    call(project, "assay", "score", *NIGHTS, "--force", "--carrier", "files")
    assert published() == local
    runs = DeltaTable(str(project / "store" / "runs")).to_pandas()
    # A start is recorded before the input is opened, which decides the carrier.
    assert set(runs[runs["event"] == "published"]["carrier"]) == {"local", "files"}


def test_dvc_draws_what_the_guide_says_of_the_task(
    task: Task, live: Path, call: Callable[..., str]
) -> None:
    assert "index.html" in call(live, "dvc", "plots", "show", "--out", "plots")
    html = (live / "plots" / "index.html").read_text()
    drawn = {
        "multiclass": ["Calibration", "Confusion per 1,000 rows", "F1 by class", "Scores"],
        "regression": ["Predicted against actual", "Errors"],
    }
    assert [name for name in drawn[task] if f'"{name}"' not in html] == []
    named = variants.documented_plots(task)
    tables = [f"{name}.csv" for name in PLOTS[task]]
    assert [name for name in tables if f"/{name}:" not in named] == []
