"""What the comparison with NannyML computes from what both said; nothing of NannyML's runs."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import estimate_peer, results


def described(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """With ten nights of the reference, and a feature that shows nothing."""
    count = len(rows["truth"])
    empty = {f"{prefix}feature:z": np.zeros(count) for prefix in ("", "reference_")}
    return {**rows, **empty, "reference_night": np.arange(count) * 10 // count}


def told(metric: str, value: float, error: float, chunks: int) -> dict[str, object]:
    return {"chunks": {metric: {"value": [value] * chunks, "error": [error] * chunks}}}


def test_a_comparison_of_a_method_with_itself(tmp_path) -> None:
    random = np.random.default_rng(1)
    score = random.beta(2, 5, 10_000)
    rows = {"truth": (random.random(10_000) < score).astype(float), "score": score}
    rows |= {"reference_score": score, "reference_truth": rows["truth"]}
    rows = described(rows)
    mean = float((1 - score).mean())
    found = list(estimate_peer.lines("same", rows, told("roc_auc", mean, 0.01, 2)))
    assert [line.metric for line in found] == ["auc", "auc"]
    assert found[0].apart == pytest.approx(abs(found[0].ours.value - mean) / 0.01)
    assert all(line.held for line in found)
    made = estimate_peer.entries("same", found, 10_000, 0.001)
    assert [one.target for one in made] == [1.0, None]
    assert made[0].ratio == pytest.approx(max(line.apart for line in found) / 0.5, abs=1e-4)
    assert made[1].details["chunks with an interval of ours"] == 2
    assert made[1].details["of these, with the truth in it"] == 2
    assert results.record(tmp_path, made) == made


def test_only_the_auc_of_scores_that_are_calibrated_first() -> None:
    random = np.random.default_rng(1)
    score = random.random(5000)
    truth = (random.random(5000) < score**2).astype(float)
    rows = {"truth": truth, "score": score, "reference_truth": truth, "reference_score": score}
    given = {**told("roc_auc", 0.8, 0.01, 1)["chunks"], **told("accuracy", 0.8, 0.01, 1)["chunks"]}
    (line,) = estimate_peer.lines("binary", described(rows), {"chunks": given})
    assert line.metric == "auc" and line.off[0] < 0.02


def test_regressions_and_classes() -> None:
    random = np.random.default_rng(1)
    score = random.normal(100, 10, 5000)
    truth = score + random.normal(0, 3, 5000)
    rows = {"truth": truth, "score": score, "reference_truth": truth, "reference_score": score}
    for prefix in ("feature:", "reference_feature:"):
        rows |= {prefix + "x": score, prefix + "kind": np.where(score > 100, "new", "old")}
    (line,) = estimate_peer.lines("regression", described(rows), told("rmse", 3.0, 0.1, 1))
    assert line.off[0] < 0.1
    each = random.dirichlet([2, 2, 1], 5000)
    truth = (random.random((5000, 1)) > each.cumsum(axis=1)).sum(axis=1).astype(float)
    right = {"truth": truth, "score": each, "reference_score": each}
    right = described({**right, "reference_truth": truth})
    for theirs in ("accuracy", "roc_auc", "precision", "recall", "f1"):
        (line,) = estimate_peer.lines("multiclass", right, told(theirs, 0.7, 0.01, 1))
        assert line.off[0] < 0.02 and line.held
