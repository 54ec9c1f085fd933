from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from assay.metrics import binary
from assay.metrics.evaluator import FEWEST, calibration_bins
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.multiclass import MulticlassEvaluator
from assay.project.tasks import METRICS

CLASSES = ("a", "b", "c")
PLACES = range(3)
NAMES = METRICS["multiclass"]
SCIKIT = {
    "auc": lambda y, p: np.mean([theirs.roc_auc_score(y == k, p[:, k]) for k in PLACES]),
    "log_loss": lambda y, p: theirs.log_loss(y, p, labels=PLACES),
    "brier": lambda y, p: theirs.brier_score_loss(y, p, labels=PLACES),
    "brier_skill": lambda y, p: theirs.d2_brier_score(y, p, labels=PLACES),
    "accuracy": lambda y, p: theirs.accuracy_score(y, p.argmax(1)),
    "balanced_accuracy": lambda y, p: theirs.balanced_accuracy_score(y, p.argmax(1)),
    "macro_precision": lambda y, p: theirs.precision_score(
        y, p.argmax(1), average="macro", labels=PLACES
    ),
    "macro_recall": lambda y, p: theirs.recall_score(
        y, p.argmax(1), average="macro", labels=PLACES
    ),
    "macro_f1": lambda y, p: theirs.f1_score(y, p.argmax(1), average="macro", labels=PLACES),
}
# Halves and quarters, so that rows add up to 1 and ties are common.
SIMPLEX = st.sampled_from([(a / 4, b / 4, (4 - a - b) / 4) for a in range(5) for b in range(5 - a)])
ROW = st.tuples(st.sampled_from(PLACES), SIMPLEX)


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    y, p = zip(*draw(st.lists(ROW, min_size=3, max_size=40)), strict=True)
    return np.array(y), np.array(p)


@given(tables())
@settings(max_examples=100, deadline=None)
def test_equals_scikit_learn_ties_included(table) -> None:
    y, p = table
    assume(set(y) == set(PLACES) == set(p.argmax(1)))
    found = MulticlassEvaluator(y, p, CLASSES).metrics()
    assert set(found) == set(NAMES)
    for name, expected in SCIKIT.items():
        assert found[name] == pytest.approx(expected(y, p), rel=1e-12, abs=1e-12), name


@given(tables())
@settings(max_examples=100, deadline=None)
def test_calibration_error_is_the_gap_of_the_likeliest_class(table) -> None:
    y, p = table
    top, right = p.max(axis=1), p.argmax(axis=1) == y
    bins = calibration_bins(top)
    gaps = [abs((top - right)[bins == one].sum()) for one in np.unique(bins)]
    found = MulticlassEvaluator(y, p, CLASSES).metrics()["calibration_error"]
    assert found == pytest.approx(sum(gaps) / len(y), abs=1e-12)


def test_each_class_against_the_rest_is_the_binary_auc() -> None:
    random = np.random.default_rng(0)
    p = random.dirichlet([1, 1, 1], 200)
    y = np.array([random.choice(3, p=row) for row in p])
    each = [binary.BinaryEvaluator(y == k, p[:, k], 0.5).metrics()["auc"] for k in PLACES]
    found = MulticlassEvaluator(y, p, CLASSES).metrics()["auc"]
    assert found == pytest.approx(np.mean(each), abs=1e-12)


def test_a_class_that_does_not_occur_leaves_means_over_classes_without_a_value() -> None:
    y = np.array([0, 0, 1, 1])
    p = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.3, 0.6, 0.1]])
    table = MulticlassEvaluator(y, p, CLASSES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = table.metrics()
    for name in ("auc", "macro_recall", "macro_precision", "macro_f1"):
        assert math.isnan(found[name])
        assert "c" in table.why(name).split()[-1] or "class c" in table.why(name)
    assert found["balanced_accuracy"] == 0.75
    assert found["accuracy"] == 0.75


def test_rows_of_one_class_have_no_skill() -> None:
    p = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]])
    table = MulticlassEvaluator(np.array([0, 0]), p, CLASSES)
    assert math.isnan(table.metrics()["brier_skill"])
    assert table.why("brier_skill") == "one class only"


def test_a_class_that_does_not_occur_takes_no_interval_from_those_that_do() -> None:
    y = np.repeat([0, 1], FEWEST)
    assert (
        MulticlassEvaluator(y, np.full((len(y), 3), 1 / 3), CLASSES).few("balanced_accuracy")
        is None
    )


def test_a_class_that_is_never_predicted_has_no_precision_but_an_f1() -> None:
    y = np.array([0, 1, 2])
    p = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.2, 0.2]])
    table = MulticlassEvaluator(y, p, CLASSES)
    found = table.metrics()
    assert math.isnan(found["macro_precision"])
    assert table.why("macro_precision") == "no row is predicted c"
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_rare_classes_bar_means_over_classes_only() -> None:
    y = np.repeat([0, 1, 2], [50, FEWEST - 1, 3])
    p = np.full((len(y), 3), 1 / 3)
    table = MulticlassEvaluator(y, p, CLASSES)
    assert table.few("accuracy") is None
    assert table.few("auc") == "9 rows of class b, 3 rows of class c, fewer than 10"
    assert MulticlassEvaluator(y[:5], p[:5], CLASSES).few("accuracy") == "5 rows, fewer than 10"


@pytest.mark.parametrize(
    ("y", "p"),
    [
        ([], np.empty((0, 3))),
        ([0, 3], [[0.2, 0.3, 0.5]] * 2),
        ([0, -1], [[0.2, 0.3, 0.5]] * 2),
        ([0, 1], [[0.2, 0.3, 0.5], [0.2, float("nan"), 0.5]]),
        ([0, 1], [[0.2, 0.3, 0.5], [-0.2, 0.7, 0.5]]),
    ],
)
def test_bad_rows_never_give_a_number(y, p) -> None:
    scored = LabelledScores("multiclass", np.array(y, dtype=np.intp), np.array(p), CLASSES)
    assert set(scored.values()) == set(NAMES)
    assert all(math.isnan(value) for value in scored.values().values())


def test_a_probability_may_be_0_or_1() -> None:
    sure = LabelledScores("multiclass", np.array([0, 1]), np.eye(2), ("a", "b"))
    assert sure.is_valid_input()
    assert not LabelledScores(
        "multiclass", sure.truth, np.eye(2) * 1.01, ("a", "b")
    ).is_valid_input()
