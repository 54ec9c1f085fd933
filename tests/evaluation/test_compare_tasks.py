"""Comparing and rehearsing for what is not a yes or no: several classes, and numbers."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import assay.contract.stage
import assay.training.tables.ingest
import assay.training.tables.prepare
import assay.training.train.select
import assay.training.train.stage
from assay.columns.features import FrameFeatures
from assay.contract.loader import load_contract
from assay.evaluation import compare as stage
from assay.evaluation import nights
from assay.evaluation import rehearse as rehearsing
from assay.evaluation.nights import ScoringModel
from assay.evaluation.reasons import ExplainedRows, explain_rows
from assay.model import bundle, bundle_files, holdout
from assay.model.batch import score_frame
from assay.model.reasons import explainer_of
from assay.project import layout, params
from assay.project.document import write_json
from assay.project.tasks import METRICS, Task, orient_value
from assay.reports.comparison import Comparison
from tests import variants
from tests.evaluation.rehearsals import write_champion


@pytest.fixture(scope="module", params=["multiclass", "regression"])
def task(request: pytest.FixtureRequest) -> Task:
    return request.param


@pytest.fixture(scope="module")
def made(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of a task with its worst candidate as champion. Do not write to its inputs."""
    root = tmp_path_factory.mktemp("compared") / task
    variants.make(root, task)
    values = params.load(root)
    for one in (assay.training.tables.ingest, assay.contract.stage, assay.training.tables.prepare):
        one.run(root, values)
    for name in values.train.candidates:
        assay.training.train.stage.run(root, values, name)
    assay.training.train.select.run(root, values)
    shutil.copytree(root / layout.CANDIDATES / "prior", root / layout.CHAMPION_BUNDLE)
    facts = {"state": "found", "stage": "prod", "version": "v0.1.0", "commit": "c" * 40}
    digest = bundle_files.verified_digest(root / layout.CHAMPION_BUNDLE)
    told = {"schema": 1, **facts, "bundle": digest, "why": None}
    write_json(root / layout.CHAMPION_FACTS, told)
    return root


@pytest.fixture(scope="module")
def compared(made: Path) -> Comparison:
    stage.run(made, params.load(made))
    return Comparison.read(made)


def test_a_row_is_explained_for_the_class_it_is_predicted_to_be_of(task: Task, made: Path) -> None:
    loaded = bundle.load(made / layout.BUNDLE, expected=None, allow_types=())
    frame = holdout.read(made).head(200)
    scored = holdout.score(loaded, frame)
    found = explain_rows(loaded, frame, scored, 1)
    assert isinstance(found, ExplainedRows)
    every = explainer_of(loaded).contributions(FrameFeatures(frame)).values
    own = scored.scores.argmax(axis=1) if task == "multiclass" else np.zeros(200, int)
    assert len(set(own)) == (3 if task == "multiclass" else 1)
    assert all((found.values[row] == every[row, own[row]]).all() for row in range(200))


def test_every_row_has_another_reason_than_with_the_one_that_looks_at_nothing(
    compared: Comparison,
) -> None:
    assert compared.reasons is not None and compared.reasons.whole is not None
    assert compared.reasons.whole.changed.value == 1


def test_the_model_beats_the_one_that_looks_at_nothing(task: Task, compared: Comparison) -> None:
    assert (compared.state, compared.task, compared.why) == ("compared", task, None)
    assert compared.differences is not None
    assert tuple(compared.differences) == METRICS[task]
    for name in {"multiclass": ("log_loss", "brier"), "regression": ("rmse", "r2")}[task]:
        one = compared.differences[name]
        assert one.low is not None and one.high is not None
        assert min(orient_value(name, one.low), orient_value(name, one.high)) > 0


def test_only_classes_can_be_flipped(task: Task, compared: Comparison) -> None:
    assert compared.stability is not None and 0 < compared.stability.distance <= 1
    if task == "regression":
        assert (compared.stability.flipped, compared.stability.rows) == (None, None)
    else:
        flipped = compared.stability.flipped
        assert flipped is not None and flipped.value is not None
        assert compared.stability.rows == round(flipped.value * compared.rows)


def test_every_slice_has_every_metric(task: Task, compared: Comparison) -> None:
    assert {part.field for part in compared.slices} == {"depot"}
    for part in compared.slices:
        assert part.differences is not None and tuple(part.differences) == METRICS[task]


def test_the_page_draws_it(task: Task, made: Path, compared: Comparison) -> None:
    html = (made / layout.COMPARISON_PAGE).read_text()
    assert all(f'<th scope="row">{name}</th>' in html for name in METRICS[task])
    assert not re.search(r"(src|href)=[\"']https?:", html)


def test_both_carriers_score_as_training_does(
    task: Task, made: Path, tmp_path: Path, spark: Any
) -> None:
    given = params.load(made)
    both = {"rows": 300, "repeats": 1, "carriers": ("files", "dataframe"), "nights": 0}
    given = given.model_copy(update={"rehearse": given.rehearse.model_copy(update=both)})
    found = rehearsing.rehearse(made, given, tmp_path, lambda: spark)
    assert [(one.carrier, one.rows, one.differing) for one in found.parity] == [
        ("files", 300, 0),
        ("dataframe", 300, 0),
    ]


def test_a_real_night_beside_the_champion(
    task: Task, made: Path, tmp_path: Path, spark: Any
) -> None:
    root = Path(shutil.copytree(made, tmp_path / "project"))
    write_champion(root, "prior")
    given = params.load(root)
    day = (date(2024, 3, 1),)
    given = given.model_copy(
        update={"rehearse": given.rehearse.model_copy(update={"nights": day, "repeats": 1})}
    )
    nights.run(root, given)
    loaded, other = (
        bundle.load(place, expected=None, allow_types=())
        for place in (root / layout.BUNDLE, root / layout.CHAMPION_BUNDLE)
    )
    contract = load_contract(root / given.contract.file, root=root).without_label()
    asked = nights.prepare(root, given, ScoringModel(loaded, contract))
    (night,) = nights.rehearse(root, given, spark, asked).nights
    assert night.rows == 50
    frame = pd.read_parquet(next((root / "data/raw/day=2024-03-01").iterdir()))
    mine, theirs = score_frame(loaded, frame), score_frame(other, frame)
    if task == "regression":
        assert (night.flipped, night.slices) == (None, ())
    else:
        assert night.flipped == int((mine.argmax(axis=1) != theirs.argmax(axis=1)).sum())
        assert sum(part.flipped for part in night.slices) == night.flipped


def test_a_slice_of_one_class_has_no_number_and_says_why(
    task: Task, made: Path, tmp_path: Path
) -> None:
    root = tmp_path / "project"
    shutil.copytree(made, root)
    path = root / layout.HOLDOUT_TABLE
    frame = pd.read_parquet(path)
    if task == "regression":
        frame.loc[frame["depot"] == "west", "late"] = 1.5
    else:
        frame = frame[(frame["depot"] != "west") | (frame["late"] == "late")]
    frame.to_parquet(path)
    text = (root / layout.PARAMS).read_text().replace("min_slice_rows: 100", "min_slice_rows: 20")
    (root / layout.PARAMS).write_text(text)
    stage.run(root, params.load(root))
    west = next(part for part in Comparison.read(root).slices if part.value == "west")
    assert west.differences is not None
    one = west.differences["r2" if task == "regression" else "auc"]
    assert one.value is None and one.why
