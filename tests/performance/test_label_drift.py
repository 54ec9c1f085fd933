"""Truths that are spread otherwise than the reference's, and how many it takes to say so."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from assay.columns.distance import js_distance, learnt_limit
from assay.columns.reference import Reference, build_reference
from assay.model import prediction
from assay.performance import label_drift
from assay.performance.label_drift import LabelDrift, limit, measure_label_drift
from assay.performance.realized_metrics import KnownLabels
from assay.project.tasks import Task
from tests.monitored import ROWS, truths_of
from tests.performance.test_labels import at, take

NIGHT = "2013-02-01"


def known(values: np.ndarray) -> KnownLabels:
    return KnownLabels(np.arange(len(values)), values)


def test_the_distance_is_that_of_the_shares(project: Any) -> None:
    label = project.reference().label
    late = np.arange(100) < 80
    found = {each.metric: each for each in measure_label_drift(label, "binary", known(late), 400)}
    assert list(found) == [label_drift.DISTANCE, label_drift.PSI, label_drift.TOTAL_VARIATION]
    ours = js_distance(label.profile.counts, [20, 80, 0])
    assert found[label_drift.DISTANCE].value == pytest.approx(float(ours))
    assert {(each.rows, each.labelled_share) for each in found.values()} == {(100, 0.25)}


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_task_has_a_label_that_survives_json(empty_project: Any, task: Task) -> None:
    empty_project.task = task
    empty_project.promote()
    reference: Reference = empty_project.reference()
    assert Reference.from_json(reference.to_json(), "here").label == reference.label
    assert reference.label is not None and reference.label.profile.rows == 30 * ROWS
    calm, odd = (
        {
            each.metric: each.value
            for each in measure_label_drift(
                reference.label, task, known(truths_of(task, 77, shift)), ROWS
            )
        }
        for shift in (0.0, 2.0)
    )
    most = limit(reference.label, reference.nights, ROWS, 0.99)
    assert most is not None and calm[label_drift.DISTANCE] < most < odd[label_drift.DISTANCE]
    moved = (2 if task == "regression" else 0, label_drift.WASSERSTEIN in odd)
    assert moved in {(2, True), (0, False)}
    if task == "regression":
        # Truths moved by 40, of a deviation of the root of 10 squared and 5 squared.
        assert odd[label_drift.WASSERSTEIN] == pytest.approx(40 / 125**0.5, rel=0.1)


def test_without_truths_there_is_no_value_and_without_a_reference_no_number(project: Any) -> None:
    label = project.reference().label
    nothing = known(np.zeros(0, dtype=bool))
    assert {(n.value, n.rows) for n in measure_label_drift(label, "binary", nothing, 5)} == {
        (None, 0)
    }
    assert list(measure_label_drift(None, "binary", nothing, 5)) == []


def test_a_class_that_training_never_saw_is_far_away(empty_project: Any) -> None:
    empty_project.task = "multiclass"
    empty_project.promote()
    label = empty_project.reference().label
    values = np.array(["stolen"] * 50, dtype=object)
    assert next(measure_label_drift(label, "multiclass", known(values), 50)).value == pytest.approx(
        1.0
    )


def test_fewer_truths_have_a_wider_limit_and_very_few_none(project: Any) -> None:
    reference = project.reference()
    label, nights = reference.label, reference.nights
    learnt = learnt_limit(label.distances, 0.99)
    assert limit(label, nights, ROWS, 0.99) == limit(label, nights, 9 * ROWS, 0.99) == learnt
    assert limit(label, nights, ROWS // 4, 0.99) == pytest.approx(2 * learnt)
    assert limit(label, 1, 1, 0.99) is None and limit(label, nights, 0, 0.99) is None


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_few_truths_of_an_ordinary_night_are_seldom_over_the_limit(share: float) -> None:
    rng = np.random.default_rng(4)
    rate = rng.beta(30, 90, (1, 400))
    grid = prediction.truth_grid("binary", (), np.array([]))
    truths = prediction.truths("binary", (rng.random((ROWS, 400)) < rate).T.ravel())
    frame = pd.DataFrame({"probability": np.zeros(len(truths))})
    nights = pd.Series(np.repeat(np.arange(400), ROWS)).astype(str)
    grids = prediction.score_grids("binary", (), np.zeros(1))
    label = build_reference(frame, nights, [], [], grids, label=(grid, truths)).label
    rows = round(share * ROWS)
    over = []
    for rate in rng.beta(30, 90, 400):
        night = known(rng.random(rows) < rate)
        distance = next(measure_label_drift(label, "binary", night, ROWS)).value
        over.append(distance > limit(label, 400, rows, 0.99))
    # The limit is the fourth largest of 400: how many of 400 others are beyond it is known.
    assert sum(over) <= stats.betabinom.ppf(0.999, 400, 4, 397)


def late_rows(project: Any, share: float) -> pd.DataFrame:
    rows = project.store.predictions(NIGHT).to_pandas()
    return rows[["at", "flight"]].assign(late=np.arange(len(rows)) < share * len(rows))


def document(project: Any) -> dict[str, Any]:
    text = project.read(f"reports/nights/{NIGHT}.json")
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_night_is_shown_with_its_labels_once_they_are_there(project: Any) -> None:
    project.score(NIGHT, "run-1")
    project.monitor(NIGHT)
    page = project.root / f"reports/nights/{NIGHT}.html"
    assert document(project)["label"] is None and "The label" not in page.read_text()
    rows = late_rows(project, 0.9)
    take(project, rows.iloc[:149], at(2))
    take(project, rows, at(8))
    project.monitor(NIGHT)
    label = document(project)["label"]
    assert (label["maturity_days"], label["rows"], label["labelled_share"]) == (7, 298, 1.0)
    assert label["drifted"] is True and label["distance"] > label["limit"] > 0
    assert document(project)["crossed"] is False
    text = page.read_text(encoding="utf-8")
    assert "The label, on 100.0% of the scored" in text and "7 days after the night" in text
    project.monitor(NIGHT)
    assert document(project)["label"] == label


def test_only_the_visible_run_and_the_whole_night_count(project: Any) -> None:
    row = {"run_id": "r", "estimated": False, "slice": "", "metric": label_drift.DISTANCE}
    row |= {"maturity_days": 1, "value": 0.2, "rows": 30, "labelled_share": 0.1}
    others = [
        {**row, "run_id": "q"}, {**row, "slice": "c=a"}, {**row, "estimated": True},
        {**row, "maturity_days": 7, "value": None}, {**row, "maturity_days": 7, "metric": "auc"},
    ]  # fmt: skip
    reference = project.reference()
    assert label_drift.label_drift(others, "r", reference, 0.99) is None
    found = label_drift.label_drift([*others, row], "r", reference, 0.99)
    assert isinstance(found, LabelDrift)
    assert (found.maturity_days, found.distance, found.rows, found.psi) == (1, 0.2, 30, None)
