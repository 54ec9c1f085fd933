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


def metric(name, y, p, threshold, weight=None) -> float:
    y, p = np.asarray(y, dtype=bool), np.asarray(p, dtype=float)
    table = BinaryEvaluator(y, p, threshold)
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    return float(table.metrics(*(weight[None, rows] for rows in table.strata))[name][0])


SCIKIT = {
    "auc": lambda y, p, w: theirs.roc_auc_score(y, p, sample_weight=w),
    "average_precision": lambda y, p, w: theirs.average_precision_score(y, p, sample_weight=w),
    "log_loss": lambda y, p, w: theirs.log_loss(y, p, sample_weight=w, labels=[0, 1]),
    "brier": lambda y, p, w: theirs.brier_score_loss(y, p, sample_weight=w),
    "brier_skill": lambda y, p, w: theirs.d2_brier_score(y, p, sample_weight=w),
    "accuracy": lambda y, p, w: theirs.accuracy_score(y, p >= THRESHOLD, sample_weight=w),
    "precision": lambda y, p, w: theirs.precision_score(y, p >= THRESHOLD, sample_weight=w),
    "recall": lambda y, p, w: theirs.recall_score(y, p >= THRESHOLD, sample_weight=w),
    "f1": lambda y, p, w: theirs.f1_score(y, p >= THRESHOLD, sample_weight=w),
}
# Few distinct probabilities make ties common; the ends of the range are among them.
TIED = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
ROW = st.tuples(
    st.booleans(),
    TIED | st.floats(0, 1, allow_subnormal=False),
    st.integers(0, 4) | st.floats(0.01, 10),
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y, p, w = zip(*draw(st.lists(ROW, min_size=2, max_size=40)), strict=True)
    return np.array(y), np.array(p), np.array(w, dtype=float)


@given(tables(), st.sampled_from(sorted(SCIKIT)), st.booleans())
@settings(max_examples=600, deadline=None)
def test_equals_scikit_learn_ties_and_weights_included(table, name, weighted) -> None:
    y, p, w = table
    counts = w if weighted else np.ones(len(y))
    assume(counts[y].sum() > 0 and counts[~y].sum() > 0 and counts[p >= THRESHOLD].sum() > 0)
    expected = SCIKIT[name](y, p, counts)
    found = metric(name, y, p, THRESHOLD, counts if weighted else None)
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(tables(), st.sampled_from(NAMES), st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_order_of_rows_and_scale_of_weights_do_not_matter(table, name, seed) -> None:
    y, p, w = table
    order = np.random.default_rng(seed).permutation(len(y))
    found = metric(name, y, p, THRESHOLD, w)
    moved = metric(name, y[order], p[order], THRESHOLD, 8 * w[order])
    assert moved == pytest.approx(found, rel=1e-12, abs=1e-12, nan_ok=True)


@given(tables())
@settings(max_examples=100, deadline=None)
def test_auc_is_the_share_of_pairs_ranked_rightly(table) -> None:
    y, p, w = table
    pairs = (np.sign(p[y][:, None] - p[~y][None, :]) + 1) / 2
    weights = w[y][:, None] * w[~y][None, :]
    assume(weights.sum() > 0)
    expected = (pairs * weights).sum() / weights.sum()
    assert metric("auc", y, p, THRESHOLD, w) == pytest.approx(expected, abs=1e-12)


@given(tables())
@settings(max_examples=200, deadline=None)
def test_calibration_error_is_the_weighted_gap_of_each_bin(table) -> None:
    y, p, w = table
    assume(w.sum() > 0)
    bins = calibration_bins(p)
    gaps = [abs((w * (p - y))[bins == one].sum()) for one in np.unique(bins)]
    expected = sum(gaps) / w.sum()
    assert metric("calibration_error", y, p, THRESHOLD, w) == pytest.approx(expected, abs=1e-12)


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


@pytest.mark.parametrize("name", NAMES)
def test_no_weight_at_all_gives_no_number(name: str) -> None:
    assert math.isnan(metric(name, [0, 1], [0.1, 0.9], 0.5, [0, 0]))


def test_a_probability_at_the_threshold_counts_as_positive() -> None:
    assert metric("recall", [1, 0], [0.35, 0.1], 0.35) == 1.0


def test_log_loss_of_a_certain_mistake_is_clipped() -> None:
    assert metric("log_loss", [0, 1], [1.0, 1.0], 0.5) == pytest.approx(-math.log(CLIP) / 2)
