"""What a label does to a metric, held to the metrics and influences of rows that have one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assay.metrics.label_effects import METRICS, label_effects
from assay.metrics.labelled_scores import LabelledScores


def rows(seed: int, count: int = 60) -> LabelledScores:
    random = np.random.default_rng(seed)
    scores = random.integers(1, 20, count) / 20  # with ties
    return LabelledScores("binary", random.random(count) < scores, scores, threshold=0.5)


@pytest.mark.parametrize("metric", METRICS)
@given(st.integers(0, 10_000))
def test_with_labels_it_is_the_metric_and_its_influences(metric: str, seed: int) -> None:
    scored = rows(seed)
    assume(0 < scored.truth.sum() < len(scored) and (scored.scores >= 0.5).any())
    labels = scored.truth.astype(np.float64)
    found = label_effects(metric, scored.scores, scored.threshold, labels)
    assert found.value == pytest.approx(scored.values()[metric])
    wanted = scored.evaluator().influences()[metric].rows
    if metric == "auc":  # DeLong divides by one less than the rows of either label
        for label in (True, False):
            count = int((scored.truth == label).sum())
            wanted = np.where(scored.truth == label, wanted * ((count - 1) / count) ** 0.5, wanted)
        assume(min(labels.sum(), (1 - labels).sum()) > 1)
    assert found.influence(labels).rows == pytest.approx(wanted)


@pytest.mark.parametrize("metric", METRICS)
def test_the_slope_is_what_a_label_moves(metric: str) -> None:
    scored = rows(3)
    labels, step = scored.truth.astype(np.float64), 1e-6
    slopes = label_effects(metric, scored.scores, 0.5, labels).slope / len(labels)
    for row in (0, 7, 30):
        # Of the rank metrics a row is no pair with itself, which only 0 and 1 show alike.
        at = [labels.copy(), labels.copy()]
        at[0][row], at[1][row] = labels[row] - step, labels[row] + step
        low, high = (label_effects(metric, scored.scores, 0.5, each).value for each in at)
        near = 2 / len(labels) if metric in ("auc", "average_precision") else 1e-7
        assert (high - low) / (2 * step) == pytest.approx(slopes[row], abs=near)


@pytest.mark.parametrize("metric", ["auc", "average_precision"])
def test_pairs_of_estimated_labels_are_right_on_average(metric: str) -> None:
    """Over all samples of rows that are drawn by themselves, each with its probability."""
    scores = np.array([0.1, 0.3, 0.3, 0.6, 0.8, 0.9])
    truth = np.array([0.0, 1.0, 0.0, 0.0, 1.0, 1.0])
    chances = np.array([0.3, 0.5, 0.4, 0.8, 0.6, 0.5])

    def pairs(labels: np.ndarray) -> float:
        value = label_effects(metric, scores, 0.5, labels).value * labels.sum()
        return float(value * (1 - labels).sum()) if metric == "auc" else float(value)

    mean = 0.0
    for drawn in product([False, True], repeat=6):
        chosen = np.array(drawn)
        weight = np.where(chosen, chances, 1 - chances).prod()
        mean += weight * pairs(scores + np.where(chosen, (truth - scores) / chances, 0))
    assert mean == pytest.approx(pairs(truth))


def test_a_row_that_no_label_can_move_has_no_slope() -> None:
    scored = rows(5)
    labels = scored.truth.astype(np.float64)
    slopes = label_effects("precision", scored.scores, 0.5, labels).slope
    assert (slopes[scored.scores < 0.5] == 0).all() and (slopes[scored.scores >= 0.5] > 0).all()
