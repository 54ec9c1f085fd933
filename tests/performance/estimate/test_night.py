"""A night's estimate from its profile, for every task and slice."""

from __future__ import annotations

from datetime import UTC
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.columns.features import FrameFeatures
from assay.columns.night_effects import NightEffects
from assay.columns.profile_counter import compute_profile
from assay.model import prediction
from assay.model.prediction import LOSSES
from assay.performance.estimate.night import estimate_night, estimated_rows

CLASSES = ("a", "b", "c")


def bundle(task: Any, scores: np.ndarray) -> Any:
    """As much of a bundle as an estimate reads."""
    classes = CLASSES if task == "multiclass" else ()
    manifest = SimpleNamespace(
        task=task,
        classes=classes,
        threshold=0.35,
        label="y",
        rows=len(scores),
        loss_noise={},
    )
    grids = prediction.score_grids(task, classes, scores)
    sample = pd.DataFrame({"y": scores + 1, "prediction": scores}) if scores.ndim == 1 else None
    counted = prediction.profiled_scores(task, classes, scores)
    nothing = dict.fromkeys(grids, ())
    grids_beside = prediction.class_grids(task, classes, scores)
    reference = SimpleNamespace(
        grid=grids,
        counted={**grids, **grids_beside},
        beside={name: SimpleNamespace(grid=grid) for name, grid in grids_beside.items()},
        profile=compute_profile(
            FrameFeatures(pd.DataFrame(index=range(len(scores)))), grids, counted
        ),
        scores=tuple(grids),
        importance={},
        distances=nothing,
        null_changes=nothing,
        depends=0.0,
        effects=dict.fromkeys(
            [*grids, *grids_beside, "probability@origin=JFK"],
            NightEffects(0.0, 0.0, 0.0, 0.0, 1000),
        ),
    )
    return SimpleNamespace(manifest=manifest, reference=reference, sample=lambda: sample)


def profile(loaded: Any, scores: np.ndarray) -> dict[str, Any]:
    manifest = loaded.manifest
    return dict(
        compute_profile(
            FrameFeatures(pd.DataFrame(index=range(len(scores)))),
            loaded.reference.counted,
            {
                **prediction.profiled_scores(manifest.task, manifest.classes, scores),
                **prediction.class_probabilities(manifest.task, manifest.classes, scores),
            },
        )
    )


def test_a_binary_night_and_its_slices() -> None:
    random = np.random.default_rng(1)
    scores, few = random.beta(2, 5, 5000), random.beta(2, 5, 1200)
    loaded = bundle("binary", scores)
    counted = profile(loaded, scores)
    counted["probability@origin=JFK"] = profile(loaded, few)["probability"]
    counted["probability@origin=LGA"] = profile(loaded, few[:0])["probability"]
    found = estimate_night(loaded, counted, 0.95, ())
    assert [(part.slice, part.rows) for part in found.parts] == [("", 5000), ("origin=JFK", 1200)]
    assert found.parts[0].metrics["brier"].value == pytest.approx(
        (scores * (1 - scores)).mean(), abs=3e-4
    )
    rows = found.rows()
    assert len(rows) == 14 and all(row["estimated"] for row in rows)
    assert rows[7] == {
        "slice": "origin=JFK", "metric": "auc", "rows": 1200, "estimated": True,
        "trusted": True, "why": None,
        **{name: getattr(found.parts[1].metrics["auc"], name) for name in ("value", "low", "high")},
    }  # fmt: skip


def test_labels_of_earlier_nights_widen_a_metric_everywhere() -> None:
    scores = np.random.default_rng(1).beta(2, 5, 3000)
    loaded = bundle("binary", scores)
    counted = profile(loaded, scores)
    counted["probability@origin=JFK"] = profile(loaded, scores[:1000])["probability"]
    before = estimate_night(loaded, counted, 0.95, ())
    now = estimate_night(loaded, counted, 0.95, (), {"auc": 1.5, "log_loss": 2.0, "recall": 1.0})
    for old, new in zip(before.parts, now.parts, strict=True):
        odds = [np.log(x / (1 - x)) for x in (old.metrics["auc"].low, old.metrics["auc"].high)]
        wider = [np.log(x / (1 - x)) for x in (new.metrics["auc"].low, new.metrics["auc"].high)]
        assert np.ptp(wider) == pytest.approx(1.5 * np.ptp(odds))
        old_loss, new_loss = (each.metrics["log_loss"] for each in (old, new))
        assert new_loss.high - new_loss.value == pytest.approx(2 * (old_loss.high - old_loss.value))
        assert new_loss.value == old_loss.value and "2.00 times as wide" in str(new_loss.why)
        for name in set(new.metrics) - {"auc", "log_loss"}:
            assert new.metrics[name] == old.metrics[name]


def test_what_has_no_interval_stays_without_one() -> None:
    scores = np.random.default_rng(1).beta(2, 5, 3000)
    loaded = bundle("binary", scores)
    loaded.reference.effects = {}
    found = estimate_night(loaded, profile(loaded, scores), 0.95, (), {"auc": 1.5})
    assert found == estimate_night(loaded, profile(loaded, scores), 0.95, ())


def test_a_multiclass_night_is_right_as_often_as_it_says() -> None:
    scores = np.random.default_rng(1).dirichlet([3, 2, 1], 4000)
    loaded = bundle("multiclass", scores)
    (whole,) = estimate_night(loaded, profile(loaded, scores), 0.95, ()).parts
    accuracy = whole.metrics["accuracy"]
    assert accuracy.value == pytest.approx(scores.max(axis=1).mean())
    labels = scores.max(axis=1) * (1 - scores.max(axis=1))
    # To a good approximation: the interval is that of the labels alone.
    assert accuracy.high - accuracy.low == pytest.approx(
        2 * 1.96 * np.sqrt(labels.sum()) / 4000, rel=0.01
    )


def test_a_regression_night_errs_as_the_reference_did() -> None:
    scores = np.random.default_rng(1).normal(40, 10, 3000)
    loaded = bundle("regression", scores)
    labels = loaded.sample()["y"].astype("Float64")
    labels[5] = None  # not known yet
    loaded.sample = lambda: pd.DataFrame({"y": labels, "prediction": scores})
    (whole,) = estimate_night(loaded, profile(loaded, scores + 100), 0.95, ()).parts
    assert whole.metrics["mae"].value == pytest.approx(1)
    assert whole.metrics["bias"].value == pytest.approx(-1)


def test_loss_models_say_how_much_a_regression_errs_where_they_were_counted() -> None:
    scores = np.random.default_rng(1).normal(40, 10, 3000)
    loaded = bundle("regression", scores)
    loaded.reference.effects[LOSSES[0]] = NightEffects(0.0, 0.0, 0.0, 0.0, 1000)
    counted = profile(loaded, scores)
    every = counted["prediction"]
    counted |= dict.fromkeys(
        (*LOSSES, "prediction@origin=JFK", "prediction@origin=EWR", f"{LOSSES[0]}@origin=JFK"),
        every,
    )
    counted |= {f"{name}@origin=EWR": every for name in LOSSES}
    without = estimate_night(loaded, counted, 0.95, ()).parts[0]
    assert without.metrics["mae"].value == pytest.approx(1)  # no model of losses in the bundle
    loaded.manifest.loss_noise = dict.fromkeys(LOSSES, 0.1)
    parts = {one.slice: one.metrics for one in estimate_night(loaded, counted, 0.95, ()).parts}
    mean = every.total / every.rows
    for title in ("", "origin=EWR"):
        assert parts[title]["mae"].value == pytest.approx(mean)
        assert parts[title]["rmse"].value == pytest.approx(mean**0.5)
        assert parts[title]["rmse"].low is None  # how nights differ in it is not known
    assert parts[""]["mae"].low < mean < parts[""]["mae"].high
    assert parts["origin=EWR"]["mae"].low is None
    # Of this slice only one of both was counted: as the reference erred.
    assert parts["origin=JFK"]["mae"].value == pytest.approx(1)


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_night_of_no_rows(task: Any) -> None:
    scores = np.random.default_rng(1).beta(2, 5, 100)
    loaded = bundle(task, scores)
    found = estimate_night(loaded, profile(loaded, scores[:0]), 0.95, ())
    assert found.rows() == []
    assert {one.why for one in found.parts[0].metrics.values()} == {"no rows"}


def test_a_night_of_one_row() -> None:
    scores = np.random.default_rng(1).beta(2, 5, 100)
    loaded = bundle("binary", scores)
    (whole,) = estimate_night(loaded, profile(loaded, scores[:1]), 0.95, ()).parts
    assert whole.metrics["auc"].why == "every row has the same label for certain"
    assert "fewer than 10 of a label" in str(whole.metrics["accuracy"].why)


def test_a_multiclass_night_has_macro_metrics_where_classes_were_counted() -> None:
    scores = np.random.default_rng(1).dirichlet([3, 2, 1], 4000)
    loaded = bundle("multiclass", scores)
    counted = profile(loaded, scores)
    (whole,) = estimate_night(loaded, counted, 0.95, ()).parts
    assert list(whole.metrics) == [
        *("accuracy", "auc", "macro_precision", "macro_recall", "macro_f1"),
    ]
    assert all(one.low < one.value < one.high for one in whole.metrics.values())
    name = prediction.score_column("multiclass")
    sliced = counted | {f"{name}@origin=JFK": counted[name]}
    parts = estimate_night(loaded, sliced, 0.95, ()).parts
    assert [list(one.metrics) for one in parts] == [list(whole.metrics), ["accuracy"]]
    # A run of an earlier version did not count them.
    old = {name: column for name, column in counted.items() if "@" not in name}
    (whole,) = estimate_night(loaded, old, 0.95, ()).parts
    assert list(whole.metrics) == ["accuracy"]


def test_rows_without_a_score_count_nowhere() -> None:
    scores = np.random.default_rng(1).beta(2, 5, 300)
    loaded = bundle("binary", scores)
    counted = profile(loaded, np.append(scores, [np.nan] * 10))
    counted["probability@origin=JFK"] = profile(loaded, np.full(5, np.nan))["probability"]
    counted["probability@origin=EWR"] = profile(loaded, np.append(scores[:1], np.nan))[
        "probability"
    ]
    found = estimate_night(loaded, counted, 0.95, ())
    assert [(part.slice, part.rows) for part in found.parts] == [("", 300), ("origin=EWR", 1)]
    alone = estimate_night(loaded, profile(loaded, scores), 0.95, ())
    assert found.parts[0].metrics["brier"].value == alone.parts[0].metrics["brier"].value


def test_each_row_of_the_performance_table_names_its_run() -> None:
    scores = np.random.default_rng(1).beta(2, 5, 3000)
    loaded = bundle("binary", scores)
    counted = profile(loaded, scores)
    record: Any = SimpleNamespace(
        partition="2024-03-01", run_id="r1", version="v0.1.0", bundle="sha256:1"
    )
    rows = estimated_rows("day", record, loaded, counted, 0.8, (), {"auc": 2.0})
    found = estimate_night(loaded, counted, 0.8, (), {"auc": 2.0})
    assert found.parts[0].metrics["auc"].why == (
        "2.00 times as wide, as earlier nights with labels lay outside"
    )
    assert len({row["at"] for row in rows}) == 1 and rows[0]["at"].tzinfo is UTC
    about = {
        "day": "2024-03-01",
        "run_id": "r1",
        "model_version": "v0.1.0",
        "bundle": "sha256:1",
        "maturity_days": None,
        "at": rows[0]["at"],
    }
    assert rows == [{**about, **row} for row in found.rows()]


def test_a_regression_whose_predictions_have_no_grid_of_numbers_has_no_value() -> None:
    scores = np.random.default_rng(1).normal(40, 10, 3000)
    loaded = bundle("regression", scores)
    counted = profile(loaded, scores)
    loaded.reference.grid = {"prediction": None}
    assert estimate_night(loaded, counted, 0.95, ()).parts == ()
