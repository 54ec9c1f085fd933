from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from assay.metrics.binary import BinaryEvaluator
from assay.metrics.evaluator import BINS, CLIP, calibration_bins
from assay.metrics.labelled_scores import LabelledScores
from assay.project.tasks import METRICS

NAMES = METRICS["binary"]
THRESHOLD = 0.5


def metric(name, y, p, threshold) -> float:
    table = BinaryEvaluator(np.asarray(y, dtype=bool), np.asarray(p, dtype=float), threshold)
    return table.metrics()[name]


SCIKIT = {
    "auc": theirs.roc_auc_score,
    "average_precision": theirs.average_precision_score,
    "log_loss": lambda y, p: theirs.log_loss(y, p, labels=[0, 1]),
    "brier": theirs.brier_score_loss,
    "brier_skill": theirs.d2_brier_score,
    "accuracy": lambda y, p: theirs.accuracy_score(y, p >= THRESHOLD),
    "precision": lambda y, p: theirs.precision_score(y, p >= THRESHOLD),
    "recall": lambda y, p: theirs.recall_score(y, p >= THRESHOLD),
    "f1": lambda y, p: theirs.f1_score(y, p >= THRESHOLD),
}
# Few distinct probabilities make ties common; the ends of the range are among them.
TIED = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
ROW = st.tuples(st.booleans(), TIED | st.floats(0, 1, allow_subnormal=False))


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    y, p = zip(*draw(st.lists(ROW, min_size=2, max_size=40)), strict=True)
    return np.array(y), np.array(p)


@given(tables(), st.sampled_from(sorted(SCIKIT)))
@settings(max_examples=600, deadline=None)
def test_equals_scikit_learn_ties_included(table, name) -> None:
    y, p = table
    assume(y.any() and not y.all() and (p >= THRESHOLD).any())
    expected = SCIKIT[name](y, p)
    assert metric(name, y, p, THRESHOLD) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(tables(), st.sampled_from(NAMES), st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_the_order_of_rows_does_not_matter(table, name, seed) -> None:
    y, p = table
    order = np.random.default_rng(seed).permutation(len(y))
    found = metric(name, y, p, THRESHOLD)
    moved = metric(name, y[order], p[order], THRESHOLD)
    assert moved == pytest.approx(found, rel=1e-12, abs=1e-12, nan_ok=True)


@given(tables())
@settings(max_examples=100, deadline=None)
def test_auc_is_the_share_of_pairs_ranked_rightly(table) -> None:
    y, p = table
    assume(y.any() and not y.all())
    pairs = (np.sign(p[y][:, None] - p[~y][None, :]) + 1) / 2
    assert metric("auc", y, p, THRESHOLD) == pytest.approx(pairs.mean(), abs=1e-12)


@given(tables())
@settings(max_examples=200, deadline=None)
def test_calibration_error_is_the_gap_of_each_bin(table) -> None:
    y, p = table
    bins = calibration_bins(p)
    gaps = [abs((p - y)[bins == one].sum()) for one in np.unique(bins)]
    expected = sum(gaps) / len(y)
    assert metric("calibration_error", y, p, THRESHOLD) == pytest.approx(expected, abs=1e-12)


def test_calibration_bins_hold_equal_counts_and_keep_ties_together() -> None:
    distinct = np.random.default_rng(1).permutation(1000) / 1000
    assert np.bincount(calibration_bins(distinct)).tolist() == [1000 // BINS] * BINS
    tied = np.repeat([0.2, 0.7], [950, 50])
    assert len(np.unique(calibration_bins(tied)[:950])) == 1
    assert calibration_bins(tied)[0] != calibration_bins(tied)[-1]


def test_calibration_error_knows_good_from_bad() -> None:
    p = np.repeat([0.2, 0.8], 100)
    y = np.tile(np.arange(100) < 20, 2) ^ np.repeat([False, True], 100)
    assert metric("calibration_error", y, p, 0.5) == pytest.approx(0, abs=1e-12)
    assert metric("calibration_error", ~y, p, 0.5) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("name", "y", "p"),
    [
        ("auc", [1, 1], [0.2, 0.9]),
        ("auc", [0, 0], [0.2, 0.9]),
        ("average_precision", [1, 1], [0.2, 0.9]),  # scikit-learn says 1.0
        ("average_precision", [0, 0], [0.2, 0.9]),
        ("brier_skill", [1, 1], [0.2, 0.9]),
        ("brier_skill", [0, 0], [0.0, 0.0]),
        ("precision", [0, 1], [0.1, 0.2]),
        ("recall", [0, 0], [0.1, 0.9]),
        ("f1", [0, 0], [0.1, 0.2]),
    ],
)
def test_what_has_no_value_is_nan(name: str, y: list[int], p: list[float]) -> None:
    assert math.isnan(metric(name, y, p, 0.5))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("y", "p"),
    [
        ([], []),
        ([0, 1, 1], [0.1, float("nan"), 0.9]),
        ([0, 1, 1], [0.1, float("inf"), 0.9]),
        ([0, 1, 1], [0.1, 1.2, 0.9]),
        ([0, 1, float("nan")], [0.1, 0.8, 0.9]),
        ([0, 1, 2], [0.1, 0.8, 0.9]),
    ],
)
def test_bad_rows_never_give_a_number(name: str, y: list[float], p: list[float]) -> None:
    assert math.isnan(LabelledScores("binary", np.array(y), np.array(p)).values()[name])


def test_a_probability_at_the_threshold_counts_as_positive() -> None:
    assert metric("recall", [1, 0], [0.35, 0.1], 0.35) == 1.0


def test_log_loss_of_a_certain_mistake_is_clipped() -> None:
    assert metric("log_loss", [0, 1], [1.0, 1.0], 0.5) == pytest.approx(-math.log(CLIP) / 2)
