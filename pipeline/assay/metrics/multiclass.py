"""The ten metrics of a classifier with several classes.

==================  ==================================================================
``auc``             mean over classes of the AUC of one class against the rest
``log_loss``        mean of minus the logarithm of the true class's probability
``brier``           mean of the squared distance of the probabilities from the truth,
                    summed over classes (0 to 2)
``brier_skill``     the share of the Brier score of always saying the rows' own shares of
                    the classes that the model saves (`assay.metrics.skill`)
``calibration_error``  as in the binary case, of the likeliest class's probability
                    against how often that class is the true one ("top label")
``accuracy``        share of rows whose likeliest class is the true one
``balanced_accuracy``  mean recall of the classes that occur
``macro_*``         mean over all classes, each of which has to have a value
==================  ==================================================================

With rare classes, means over rows still have an interval, but means over classes have none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from assay.metrics.binary import OneVsRestRanking
from assay.metrics.evaluator import (
    CLIP,
    FEWEST,
    NO_NUMBER,
    Floats,
    Ints,
    calibration_bins,
    cumulative_weights,
)
from assay.metrics.skill import compute_skill
from assay.project.text import counted

OVER_CLASSES = frozenset(
    {"auc", "balanced_accuracy", "macro_precision", "macro_recall", "macro_f1"}
)


def is_valid_input(truth: Ints, p: Floats) -> bool:
    """Whether there are rows, each with a class and with probabilities from 0 to 1."""
    known = (truth >= 0) & (truth < p.shape[1])
    return bool(len(truth) and known.all() and ((p >= 0) & (p <= 1)).all())


class GroupSums:
    """Sums of the columns of each group, for many rows at once.

    Parameters
    ----------
    group
        The group of each column, ``(columns,)``.
    groups
        Number of groups.
    """

    def __init__(self, group: Ints, groups: int) -> None:
        self._order = np.argsort(group, kind="stable")
        ordered = group[self._order]
        self._starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        self._found, self._groups = ordered[self._starts], groups

    def of(self, values: Floats) -> Floats:
        """From ``(r, columns)`` to ``(r, groups)``."""
        sums = np.zeros((len(values), self._groups))
        if len(self._starts):
            sums[:, self._found] = np.add.reduceat(
                np.take(values, self._order, axis=1), self._starts, axis=1
            )
        return sums


class MulticlassEvaluator:
    """The confusion matrix of rows, and each class ranked against the rest.

    Parameters
    ----------
    truth
        Indices of the true classes in ``classes``, ``(n,)``.
    p
        Probabilities ``(n, classes)``.
    classes
        Class names.

    Attributes
    ----------
    strata
        Row numbers of each class that is not rare, then those of all rare classes in one stratum.
    """

    def __init__(self, truth: Ints, p: Floats, classes: Sequence[str]) -> None:
        size, called = len(classes), np.argmax(p, axis=1)
        self._classes = tuple(classes)
        self._rows = np.bincount(truth, minlength=size)
        self._called = np.bincount(called, minlength=size)
        rare = (self._rows < FEWEST)[truth]
        order = np.lexsort((called, truth, rare))
        steps = np.flatnonzero(np.diff(np.where(rare, size, truth)[order]))
        self.strata: tuple[Ints, ...] = tuple(np.split(order, steps + 1))
        truth, called, p = truth[order], called[order], p[order]
        # Rows are sorted by cell of the confusion matrix.
        cell = np.diff(truth, prepend=-1).astype(bool) | np.diff(called, prepend=-1).astype(bool)
        self._cells = np.flatnonzero(cell)
        actual, predicted = truth[self._cells], called[self._cells]
        self._by_actual, self._by_predicted = GroupSums(actual, size), GroupSums(predicted, size)
        self._right = (actual == predicted).astype(np.float64)
        self._per_row = _per_row(truth, called, p)
        self._ranks = [_Rank(truth == place, p[:, place]) for place in range(size)]

    def why(self, name: str) -> str:
        """See `assay.metrics.evaluator.MetricEvaluator`."""
        absent = [c for c, rows in zip(self._classes, self._rows, strict=True) if not rows]
        single = len(absent) == len(self._classes) - 1
        if name in ("auc", "macro_recall", "brier_skill") and single:
            return "one class only"
        if name in ("auc", "macro_recall") and absent:
            return f"no row of class {', '.join(absent)}"
        counts = zip(self._classes, self._rows, self._called, strict=True)
        if name == "macro_precision":
            return f"no row is predicted {', '.join(c for c, _, called in counts if not called)}"
        if name == "macro_f1":
            silent = ", ".join(c for c, rows, called in counts if not rows + called)
            return f"no row of class {silent}, and none predicted"
        return NO_NUMBER

    def few(self, name: str) -> str | None:
        """See `assay.metrics.evaluator.MetricEvaluator`."""
        if self._rows.sum() < FEWEST:
            return f"{counted(self._rows.sum(), 'row')}, fewer than {FEWEST}"
        if name not in OVER_CLASSES:
            return None
        rare = [
            f"{counted(rows, 'row')} of class {name}"
            for name, rows in zip(self._classes, self._rows, strict=True)
            if 0 < rows < FEWEST
        ]
        return f"{', '.join(rare)}, fewer than {FEWEST}" if rare else None

    @property
    def rarest(self) -> int:
        """See `assay.metrics.evaluator.MetricEvaluator`."""
        return int(self._rows[self._rows > 0].min(initial=self._rows.sum()))

    def metrics(self, *weights: Floats) -> Mapping[str, Floats]:
        """See `assay.metrics.evaluator.MetricEvaluator`."""
        weight = np.concatenate(weights, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            cells = np.add.reduceat(weight, self._cells, axis=1)
            actual = self._by_actual.of(cells)
            means, calls = self._means(weight, actual), self._calls(cells, actual)
            return {**self._auc(weight), **means, **calls}

    def _auc(self, weight: Floats) -> dict[str, Floats]:
        total = np.zeros(len(weight))
        for rank in self._ranks:
            total += rank.auc(weight)
        return {"auc": total / len(self._ranks)}

    def _means(self, weight: Floats, actual: Floats) -> dict[str, Floats]:
        sums = weight @ self._per_row / weight.sum(axis=1, keepdims=True)
        shares = actual / actual.sum(axis=1, keepdims=True)
        return {
            "log_loss": sums[:, 0],
            "brier": sums[:, 1],
            "brier_skill": compute_skill(sums[:, 1], 1 - np.square(shares).sum(axis=1)),
            "calibration_error": np.abs(sums[:, 2:]).sum(axis=1),
        }

    def _calls(self, cells: Floats, actual: Floats) -> dict[str, Floats]:
        right = self._by_actual.of(cells * self._right)
        predicted = self._by_predicted.of(cells)
        recall = right / actual
        return {
            "accuracy": right.sum(axis=1) / actual.sum(axis=1),
            "balanced_accuracy": recall[:, self._rows > 0].mean(axis=1),
            "macro_precision": (right / predicted).mean(axis=1),
            "macro_recall": recall.mean(axis=1),
            "macro_f1": (2 * right / (actual + predicted)).mean(axis=1),
        }


class _Rank:
    """Ranks one class against the rest; weights are in the order of the table's rows."""

    def __init__(self, positive: np.ndarray, p: Floats) -> None:
        order = np.argsort(-p, kind="stable")
        self._high, self._low = order[positive[order]], order[~positive[order]]
        self._pairs = OneVsRestRanking(p[self._high], p[self._low])

    def auc(self, weight: Floats) -> Floats:
        high = np.take(weight, self._high, axis=1)
        negatives = cumulative_weights(np.take(weight, self._low, axis=1))
        return self._pairs.auc(
            high, high.sum(axis=1), negatives, self._pairs.negatives_above(negatives)
        )


def _per_row(truth: Ints, called: Ints, p: Floats) -> Floats:
    """Each row's log loss, squared error and gap in its calibration bin.

    Of shape (n, 2 + bins).
    """
    rows = np.arange(len(truth))
    true, top = p[rows, truth], p[rows, called]
    bins = calibration_bins(top)
    gaps = np.zeros((len(truth), int(bins.max()) + 1))
    gaps[rows, bins] = top - (called == truth)
    loss = -np.log(np.clip(true, CLIP, 1 - CLIP))
    square = np.square(p).sum(axis=1) - 2 * true + 1
    return np.column_stack([loss, square, gaps])
