from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.evaluate import bootstrap
from pipeline.evaluate.bootstrap import draw, resampled
from pipeline.metrics.binary import Ranking
from pipeline.metrics.regression import Errors
from pipeline.metrics.scored import Scored
from pipeline.metrics.table import FEWEST, calibration_bins, values
from pipeline.tasks import METRICS

NAMES = METRICS["binary"]


def estimates(y: np.ndarray, p: np.ndarray, threshold: float, **how):
    return bootstrap.estimates(Ranking(y, p, threshold), **how)


def table(rows: int, seed: int, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    p = random.beta(2, 3, rows)
    y = random.random(rows) < p
    return y, np.round(p, 1) if ties else p


def test_counts_as_weights_equal_resampled_rows() -> None:
    y, p = table(300, 1, ties=True)
    ranking = Ranking(y, p, 0.4)
    found = resampled(ranking, 25, seed=7)
    bins = calibration_bins(p)
    random = np.random.default_rng(7)
    for turn in range(25):
        rows = np.concatenate([np.repeat(of, draw(random, len(of))) for of in ranking.strata])
        again, scores = y[rows], p[rows]
        found_again = values(Ranking(again, scores, 0.4))
        for name in NAMES:
            expected = found_again[name]
            if name == "calibration_error":  # its bins stay those of the table
                gap = np.bincount(bins[rows], weights=scores - again)
                expected = np.abs(gap).sum() / len(rows)
            assert found[name][turn] == pytest.approx(expected, abs=1e-12), name
        assert found["auc"][turn] == pytest.approx(roc_auc_score(again, scores), abs=1e-12)


def test_resamples_keep_the_count_of_each_label() -> None:
    random = np.random.default_rng(3)
    counts = draw(random, 50)
    assert counts.sum() == 50
    assert len(counts) == 50
    assert counts.max() > 1


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    y, p = table(200, 2)
    whole = estimates(y, p, 0.4, replicates=100, confidence=0.9, seed=5)
    monkeypatch.setattr(bootstrap, "CHUNK_CELLS", 1)
    parts = estimates(y, p, 0.4, replicates=100, confidence=0.9, seed=5)
    for name in NAMES:
        for end in ("value", "low", "high"):
            assert getattr(parts[name], end) == pytest.approx(getattr(whole[name], end), abs=1e-12)


def test_seed_decides() -> None:
    y, p = table(200, 2)
    first, again, other = (
        estimates(y, p, 0.4, replicates=100, confidence=0.9, seed=seed) for seed in (5, 5, 6)
    )
    assert first == again
    assert first["auc"] != other["auc"]
    assert first["auc"].value == other["auc"].value


@pytest.mark.parametrize("seed", range(5))
def test_an_interval_holds_its_value(seed: int) -> None:
    y, p = table(400, seed)
    for one in estimates(y, p, 0.4, replicates=100, confidence=0.9, seed=seed).values():
        assert one.low is not None and one.value is not None and one.high is not None
        assert one.low <= one.value <= one.high
        assert one.low < one.high


def test_more_confidence_is_wider_and_more_rows_are_narrower() -> None:
    def width(rows: int, confidence: float) -> float:
        y, p = table(rows, 4)
        found = estimates(y, p, 0.4, replicates=300, confidence=confidence, seed=1)["auc"]
        assert found.low is not None and found.high is not None
        return found.high - found.low

    assert width(500, 0.99) > width(500, 0.8)
    # Sixteen times the rows make a quarter of the width.
    assert 2.5 < width(500, 0.95) / width(8000, 0.95) < 6.5


def test_about_nine_in_ten_intervals_hold_the_truth() -> None:
    # Two normal distributions one apart: the true AUC is Phi(1 / sqrt 2) = 0.76025. Of 200
    # intervals at 0.9, a sound method puts 166 to 194 over it in 999 of 1000 suites.
    random = np.random.default_rng(2013)
    hits = 0
    for _ in range(200):
        y = np.repeat([True, False], [120, 200])
        score = random.normal(size=320) + y
        found = estimates(y, 1 / (1 + np.exp(-score)), 0.5, replicates=200, confidence=0.9, seed=1)
        low, high = found["auc"].low, found["auc"].high
        assert low is not None and high is not None
        hits += low <= 0.76025 <= high
    assert 163 <= hits <= 196


def test_no_value_in_one_resample_means_no_interval() -> None:
    # One row of a hundred is above the threshold: many resamples predict nothing positive.
    y = np.repeat([True, False], 50)
    p = np.full(100, 0.2)
    p[0] = 0.9
    found = estimates(y, p, 0.5, replicates=200, confidence=0.95, seed=1)
    assert found["precision"].value == 1.0
    assert found["precision"].low is None
    assert found["precision"].high is None
    assert "of 200 resamples" in (found["precision"].why or "")
    assert found["recall"].low is not None


def test_no_value_at_all_says_why() -> None:
    y = np.repeat([True, False], 50)
    found = estimates(y, np.full(100, 0.2), 0.5, replicates=100, confidence=0.95, seed=1)
    assert found["precision"].value is None
    assert found["precision"].why == "no row is predicted positive"
    assert found["auc"].value == 0.5


@pytest.mark.parametrize("positives", [0, 1, FEWEST - 1])
def test_too_few_of_a_label_means_no_interval(positives: int) -> None:
    y, p = np.arange(500) < positives, np.linspace(0.9, 0.1, 500)
    found = estimates(y, p, 0.5, replicates=100, confidence=0.95, seed=1)
    for one in found.values():
        assert one.low is None and one.high is None
        assert one.why
    assert (found["auc"].value is None) == (positives == 0)


def test_five_hundred_resamples_of_thirty_thousand_rows_hold_little_memory() -> None:
    import tracemalloc

    y, p = table(30_000, 1)
    ranking = Ranking(y, p, 0.4)

    def peak(replicates: int) -> int:
        tracemalloc.start()
        resampled(ranking, replicates, seed=1)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few, many = peak(20), peak(200)
    assert many < 1.2 * few
    assert many < 60e6


def several(rows: int, seed: int) -> Scored:
    random = np.random.default_rng(seed)
    p = random.dirichlet([3, 2, 1], rows)
    y = (random.random(rows)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    return Scored("multiclass", y, p, ("a", "b", "c"))


def number(rows: int, seed: int) -> Scored:
    random = np.random.default_rng(seed)
    y = random.gamma(2, 10, rows)
    return Scored("regression", y, y + random.normal(1, 5, rows))


@pytest.mark.parametrize("made", [several, number])
def test_counts_as_weights_equal_resampled_rows_of_other_tasks(made) -> None:
    scored = made(300, 1)
    table = scored.table()
    found = resampled(table, 10, seed=7)
    random = np.random.default_rng(7)
    for turn in range(10):
        rows = np.concatenate([np.repeat(of, draw(random, len(of))) for of in table.strata])
        again = values(scored.rows(rows).table())
        for name in METRICS[scored.task]:
            if name != "calibration_error":  # its bins stay those of the table
                assert found[name][turn] == pytest.approx(again[name], abs=1e-9), name


@pytest.mark.parametrize("made", [several, number])
def test_intervals_of_other_tasks_hold_their_values_and_narrow(made) -> None:
    def found(rows: int):
        return bootstrap.estimates(made(rows, 3).table(), replicates=100, confidence=0.9, seed=1)

    few, many = found(200), found(3200)
    for name, one in few.items():
        assert one.low is not None and one.value is not None and one.high is not None
        assert one.low <= one.value <= one.high
        other = many[name]
        assert other.high - other.low < one.high - one.low


def test_about_nine_in_ten_intervals_hold_the_true_mean_error() -> None:
    # Of 200 intervals at 0.9, a sound method puts 166 to 194 over the truth in 999 of 1000
    # suites; percentiles of 150 rows are a little too narrow.
    random = np.random.default_rng(2013)
    hits = 0
    for _ in range(200):
        error = random.normal(0.5, 2, 150)
        table = Errors(np.zeros(150), error)
        one = bootstrap.estimates(table, replicates=200, confidence=0.9, seed=1)["bias"]
        assert one.low is not None and one.high is not None
        hits += one.low <= 0.5 <= one.high
    assert 163 <= hits <= 196


def test_a_rare_class_has_no_interval_on_means_over_classes_only() -> None:
    scored = several(400, 2)
    truth = np.where(scored.truth == 2, 0, scored.truth)
    truth[:4] = 2
    rare = Scored("multiclass", truth, scored.scores, scored.classes)
    found = bootstrap.estimates(rare.table(), replicates=100, confidence=0.9, seed=1)
    assert found["macro_f1"].low is None
    assert found["macro_f1"].why == "4 rows of class c, fewer than 10"
    assert found["macro_f1"].value is not None
    assert found["accuracy"].low is not None
