"""What is expected of a calibrated model is what comes out, as often as stated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.metrics.labelled_scores import LabelledScores
from assay.performance.estimate import binary
from assay.performance.estimate.metric_estimate import variances
from assay.performance.estimate.score_cells import ScoreCells, cells_from_histogram

EDGES = {
    cells: (*(k / cells for k in range(cells)), float(np.nextafter(1, 2))) for cells in (20, 200)
}


def cells(p: np.ndarray, number: int = 200) -> ScoreCells:
    place = np.searchsorted(EDGES[number], p, side="right")
    counts = np.bincount(place, minlength=number + 2)
    inside = np.bincount(place, p, number + 2)
    return cells_from_histogram(EDGES[number], counts.tolist(), inside.tolist(), p @ p)


def by_row(p: np.ndarray, threshold: float) -> dict[str, float]:
    """The expected metrics from every row alone, as the textbook has them."""
    said = p >= threshold
    true, positives, called = p[said].sum(), p.sum(), said.sum()
    order = np.argsort(p)
    sorted_p = p[order]
    below = np.concatenate([[0], np.cumsum(1 - sorted_p)[:-1]])
    return {
        "auc": sorted_p @ below / (positives * (1 - p).sum() - p @ (1 - p)),
        "log_loss": -(p * np.log(p) + (1 - p) * np.log(1 - p)).mean(),
        "brier": (p * (1 - p)).mean(),
        "accuracy": np.where(said, p, 1 - p).mean(),
        "precision": true / called,
        "recall": true / positives,
        "f1": 2 * true / (called + positives),
    }


@pytest.mark.parametrize(("number", "within"), [(200, 2e-5), (20, 5e-4)])
@pytest.mark.parametrize("shape", [(2, 5), (0.5, 0.5), (20, 60)])
def test_counts_give_what_rows_give(number: int, within: float, shape: tuple[float, float]) -> None:
    p = np.clip(np.random.default_rng(1).beta(*shape, 50_000), 1e-6, 1 - 1e-6)
    found = binary.estimate(cells(p, number), 0.35, 0.95)
    for name, value in by_row(p, 0.35).items():
        assert found[name].value == pytest.approx(
            value, abs=within * (20 if name == "log_loss" else 1)
        )


@pytest.mark.parametrize("rows", [300, 3000])
@pytest.mark.parametrize("shape", [(2, 5), (1, 12), (0.4, 0.4)])
def test_intervals_hold_the_realized_metric_as_often_as_they_say(
    rows: int, shape: tuple[float, float]
) -> None:
    trials, random = 400, np.random.default_rng(2)
    p = random.beta(*shape, rows)
    found = binary.estimate(cells(p), 0.35, 0.9)
    inside = {name: 0 for name, one in found.items() if one.low is not None}
    few = {"precision", "recall", "f1"} if shape == (1, 12) and rows == 300 else set()
    assert set(found) - set(inside) == few
    for _ in range(trials):
        realized = LabelledScores("binary", random.random(rows) < p, p, (), 0.35).values()
        for name in inside:
            inside[name] += found[name].low <= realized[name] <= found[name].high
    for name, count in inside.items():
        assert count / trials == pytest.approx(0.9, abs=0.05), name


def test_the_error_is_how_far_nights_of_one_kind_differ() -> None:
    random, realized = np.random.default_rng(3), []
    for _ in range(400):
        p = random.beta(2, 5, 1000)
        realized.append(LabelledScores("binary", random.random(1000) < p, p, (), 0.35).values())
    found = binary.estimate(cells(random.beta(2, 5, 1000)), 0.35, 0.95)
    for name in binary.METRICS:
        spread = np.std([one[name] for one in realized])
        assert found[name].error == pytest.approx(spread, rel=0.15), name


@settings(max_examples=150, deadline=None)
@given(
    p=st.lists(st.floats(0, 1), min_size=1, max_size=60),
    threshold=st.floats(0.01, 0.99),
)
def test_any_scores_give_values_in_range_or_a_reason(p: list[float], threshold: float) -> None:
    found = binary.estimate(cells(np.array(p), 20), threshold, 0.95)
    assert tuple(found) == binary.METRICS
    for name, one in found.items():
        if one.value is None:
            assert one.why and one.low is None and one.high is None
            continue
        assert name == "log_loss" or -1e-9 <= one.value <= 1 + 1e-9
        if one.low is None:
            assert one.high is None and "fewer than 10" in one.why
            continue
        assert one.low <= one.value + 1e-9 and one.value <= one.high + 1e-9
        if name != "log_loss":
            assert one.low >= -1e-9 and one.high <= 1 + 1e-9


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=60), st.floats(0.05, 0.95))
def test_influences_have_no_mean(p: list[float], threshold: float) -> None:
    split, _ = cells(np.array(p), 200).split(threshold)
    influences: dict[str, Any] = binary.decision_metrics(split, (split.low >= threshold) * 1.0)
    for name, one in influences.items():
        mean = split.counts @ (split.means * one.positive + (1 - split.means) * one.negative)
        assert mean == pytest.approx(0, abs=1e-9), name
        assert min(variances(one, split.counts, split.means)) >= 0


@pytest.mark.parametrize("most", [None, True, False])
@settings(max_examples=50, deadline=None)
@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=60), threshold=st.floats(0.01, 0.99))
def test_a_cell_that_is_cut_keeps_its_rows_and_their_mean(
    most: bool | None, p: list[float], threshold: float
) -> None:
    whole = cells(np.array(p), 20)
    split, exact = whole.split(threshold, most)
    assert split.rows == pytest.approx(whole.rows)
    assert split.counts @ split.means == pytest.approx(whole.counts @ whole.means)
    assert exact == (not ((whole.low < threshold) & (threshold < whole.high)).any())
    assert ((split.low >= threshold) | (split.high <= threshold)).all()


def test_a_threshold_between_edges_widens_the_interval_over_what_is_not_known() -> None:
    p = np.random.default_rng(1).beta(2, 5, 1_000_000)
    found = binary.estimate(cells(p), 0.3525, 0.95)
    exact = by_row(p, 0.3525)
    for name in ("accuracy", "precision", "recall", "f1"):
        assert found[name].low < exact[name] < found[name].high
        assert found[name].value == pytest.approx(exact[name], abs=2e-4)


def test_one_score_for_all_ranks_nothing() -> None:
    found = binary.estimate(cells(np.full(1000, 0.2375), 20), 0.5, 0.95)
    assert found["auc"].value == pytest.approx(0.5)
    assert found["brier"].value == pytest.approx(0.2375 * 0.7625)
    assert found["precision"].why == "no row is predicted positive"
    assert found["accuracy"].value == pytest.approx(0.7625)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_certain_labels_leave_no_pairs(p: float) -> None:
    found = binary.estimate(cells(np.full(10, p)), 0.5, 0.95)
    assert found["auc"].why == "every row has the same label for certain"
    assert found["accuracy"].value == 1
    assert found["recall"].value == (None if p == 0 else 1)


def test_no_rows_say_nothing() -> None:
    found = binary.estimate(cells(np.array([])), 0.5, 0.95)
    assert {one.why for one in found.values()} == {"no rows"}
    assert found["auc"].plain() == {
        "value": None, "low": None, "high": None, "error": None, "why": "no rows",
    }  # fmt: skip


def test_counts_outside_of_the_grid_are_no_probabilities() -> None:
    with pytest.raises(ValueError, match="outside"):
        cells_from_histogram(EDGES[20], [1] + [0] * 21, [0.5] + [0] * 21, 0.25)
