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

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from assay.metrics.evaluator import CLIP, FEWEST, NO_NUMBER, Floats, Ints, calibration_error
from assay.metrics.influence import Influence
from assay.metrics.ranks import RankedScores
from assay.metrics.skill import compute_skill, skill_influence
from assay.project.text import counted

OVER_CLASSES = frozenset(
    {"auc", "balanced_accuracy", "macro_precision", "macro_recall", "macro_f1"}
)


def is_valid_input(truth: Ints, p: Floats) -> bool:
    """Whether there are rows, each with a class and with probabilities from 0 to 1."""
    known = (truth >= 0) & (truth < p.shape[1])
    return bool(len(truth) and known.all() and ((p >= 0) & (p <= 1)).all())


class MulticlassEvaluator:
    """Rows with their classes and probabilities.

    Parameters
    ----------
    truth
        Indices of the true classes in ``classes``, ``(n,)``.
    p
        Probabilities ``(n, classes)``.
    classes
        Class names.
    """

    def __init__(self, truth: Ints, p: Floats, classes: Sequence[str]) -> None:
        self._truth, self._p, self._classes = truth, p, tuple(classes)
        self._likeliest = np.argmax(p, axis=1)
        self._rows = np.bincount(truth, minlength=len(classes))
        self._called = np.bincount(self._likeliest, minlength=len(classes))

    def why(self, name: str) -> str:
        """See `assay.metrics.labelled_scores.MetricEvaluator`."""
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
        """See `assay.metrics.labelled_scores.MetricEvaluator`."""
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
        """See `assay.metrics.labelled_scores.MetricEvaluator`."""
        return int(self._rows[self._rows > 0].min(initial=self._rows.sum()))

    def metrics(self) -> dict[str, float]:
        """See `assay.metrics.labelled_scores.MetricEvaluator`."""
        truth, p, rows, called = self._truth, self._p, self._rows, self._called
        every = np.arange(len(truth))
        true, right = p[every, truth], self._likeliest == truth
        hits = np.bincount(truth[right], minlength=len(rows))
        with np.errstate(divide="ignore", invalid="ignore"):
            precision, recall, f1 = hits / called, hits / rows, 2 * hits / (rows + called)
        brier = float((np.square(p).sum(axis=1) - 2 * true + 1).mean())
        return {
            "auc": self._auc(),
            "log_loss": float(-np.log(np.clip(true, CLIP, 1 - CLIP)).mean()),
            "brier": brier,
            "brier_skill": compute_skill(brier, 1 - float(np.square(rows / len(truth)).sum())),
            "calibration_error": calibration_error(p[every, self._likeliest], right),
            "accuracy": float(right.mean()),
            "balanced_accuracy": float(recall[rows > 0].mean()),
            "macro_precision": float(precision.mean()),
            "macro_recall": float(recall.mean()),
            "macro_f1": float(f1.mean()),
        }

    def influences(self) -> Mapping[str, Influence]:
        """See `assay.metrics.labelled_scores.MetricEvaluator`."""
        truth, p, called, size = self._truth, self._p, self._likeliest, len(self._classes)
        right = (called == truth).astype(np.float64)
        actual, predicted = self._rows / len(truth), self._called / len(truth)
        hits = np.bincount(truth, weights=right, minlength=size) / len(truth)
        occur = actual > 0
        true = p[np.arange(len(truth)), truth]
        loss = -np.log(np.clip(true, CLIP, 1 - CLIP))
        square = np.square(p).sum(axis=1) - 2 * true + 1
        constant = np.square(actual).sum() - 2 * actual[truth] + 1
        with np.errstate(divide="ignore", invalid="ignore"):
            recall, precision, f1 = hits / actual, hits / predicted, 2 * hits / (actual + predicted)
            by_actual = (right - recall[truth]) / actual[truth]
            by_called = (right - precision[called]) / predicted[called]
            both = (2 * right - f1[truth]) / (actual + predicted)[truth]
            both -= (f1 / (actual + predicted))[called]
            influences = {
                "log_loss": Influence(loss - loss.mean()),
                "brier": Influence(square - square.mean()),
                "brier_skill": skill_influence(square, constant),
                "accuracy": Influence(right - right.mean(), np.ones(1), len(truth)),
                "balanced_accuracy": Influence(by_actual / occur.sum(), _steps(actual[occur])),
                "macro_recall": Influence(by_actual / size, _steps(actual)),
                "macro_precision": Influence(by_called / size, _steps(predicted)),
                "macro_f1": Influence(both / size, 2 * _steps(actual + predicted)),
            }
        if occur.all():
            rows = sum(each.auc_influence() for each in self._ranked())
            influences["auc"] = Influence(np.asarray(rows) / size)
        return influences

    def _auc(self) -> float:
        if not self._rows.all():
            return math.nan
        return sum(each.auc_value for each in self._ranked()) / len(self._classes)

    def _ranked(self) -> Iterator[RankedScores]:
        """Each class against the rest."""
        for place in range(len(self._classes)):
            yield RankedScores(self._truth == place, self._p[:, place])


def _steps(shares: Floats) -> Floats:
    """For each class, how far one more right answer moves the mean over classes."""
    return np.asarray(1 / (shares * len(shares)), dtype=np.float64)
