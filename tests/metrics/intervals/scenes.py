"""Two models on the same rows, for tests of what tells them apart."""

from __future__ import annotations

import numpy as np

from assay.metrics.labelled_scores import LabelledScores

CLASSES = ("a", "b", "c")


def binary(rows: int, seed: int, *, ties: bool = False) -> tuple[LabelledScores, LabelledScores]:
    random = np.random.default_rng(seed)
    truth = random.random(rows) < 0.3
    truth[:2] = [True, False]
    scores = 1 / (1 + np.exp(-(random.normal(size=(2, rows)) + 1.5 * truth - 1)))
    scores[1] = (scores[0] + scores[1]) / 2
    if ties:
        scores = np.round(scores, 1)
    return (
        LabelledScores("binary", truth, scores[0], threshold=0.45),
        LabelledScores("binary", truth, scores[1], threshold=0.5),
    )


def multiclass(rows: int, seed: int) -> tuple[LabelledScores, LabelledScores]:
    random = np.random.default_rng(seed)
    truth = random.choice(3, size=rows, p=[0.5, 0.3, 0.2])
    truth[:3] = [0, 1, 2]
    raw = random.normal(size=(2, rows, 3)) + 1.5 * (truth[:, None] == np.arange(3))
    raw[1] = (raw[0] + raw[1]) / 2
    scores = np.exp(raw) / np.exp(raw).sum(axis=2, keepdims=True)
    return tuple(LabelledScores("multiclass", truth, one, CLASSES) for one in scores)  # type: ignore


def regression(rows: int, seed: int) -> tuple[LabelledScores, LabelledScores]:
    random = np.random.default_rng(seed)
    truth = random.gamma(3, size=rows)
    shared = random.normal(size=rows)
    old = truth + shared + random.normal(size=rows) + 0.5
    new = truth + shared + 0.7 * random.normal(size=rows) + 0.3
    return LabelledScores("regression", truth, old), LabelledScores("regression", truth, new)


SCENES = {"binary": binary, "multiclass": multiclass, "regression": regression}
