"""Estimators that break one law each, and one that keeps them all."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin


class Mean(RegressorMixin, BaseEstimator):
    """The mean of the label, moved by the first feature."""

    def fit(self, rows: Any, label: Any) -> Mean:
        self.mean_ = float(np.mean(label))
        return self

    def predict(self, rows: Any) -> Any:
        return self.mean_ + 0.1 * np.asarray(rows)[:, 0]


class Unseeded(Mean):
    def fit(self, rows: Any, label: Any) -> Mean:
        super().fit(rows, label)
        self.mean_ += float(np.random.default_rng().random())
        return self


class Batched(Mean):
    def predict(self, rows: Any) -> Any:
        moved = super().predict(rows)
        return moved - moved.mean()


class Ordered(Mean):
    def predict(self, rows: Any) -> Any:
        moved = super().predict(rows)
        return moved + (np.arange(len(moved)) if len(moved) > 1 else 0)


class Forgetful(Mean):
    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "mean_": 0.0}


class Silent(Mean):
    def predict(self, rows: Any) -> Any:
        moved = super().predict(rows)
        return np.where(np.abs(moved) > 1e4, np.nan, moved)


class Narrow(Mean):
    def predict(self, rows: Any) -> Any:
        moved = super().predict(rows)
        if np.abs(moved).max() > 1e4:
            raise KeyError("too far")
        return moved


class Infinite(Mean):
    def predict(self, rows: Any) -> Any:
        return np.full(len(rows), np.inf)


class Refusing(Mean):
    def fit(self, rows: Any, label: Any) -> Mean:
        raise RuntimeError("not today")


class Altered(Mean):
    def __init__(self, level: float = 1.0) -> None:
        self.level = level + 1


class Shares(ClassifierMixin, BaseEstimator):
    """The share of each class in training; the order of classes and their sum can be wrong."""

    def __init__(self, factor: float = 1.0, backwards: bool = False) -> None:
        self.factor = factor
        self.backwards = backwards

    def fit(self, rows: Any, label: Any) -> Shares:
        classes, counts = np.unique(label, return_counts=True)
        self.classes_ = classes[::-1] if self.backwards else classes
        self.shares_ = self.factor * counts / counts.sum()
        return self

    def predict(self, rows: Any) -> Any:
        return np.full(len(rows), self.classes_[0])

    def predict_proba(self, rows: Any) -> Any:
        return np.tile(self.shares_, (len(rows), 1))
