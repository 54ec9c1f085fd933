"""Which rows to label: a sample by design, in which each row has a known probability.

A label is worth as much as it can move the metric: the spread of a row is the size of its slope
(`assay.metrics.label_effects`) times the standard deviation of a label of its score. Rows are cut
into strata of similar spreads, and each stratum gets labels in proportion to its rows and the root
of their mean square (Neyman 1934, Journal of the Royal Statistical Society 97, 558-625): rows that
say more are drawn with a higher probability. No design with known probabilities does better than
labels in proportion to the spread (Godambe and Joshi 1965, Annals of Mathematical Statistics 36,
1707-1722). Within a stratum every k-th row is drawn, in the order of nights and scores, so that the
labels lie in as many nights as can be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.metrics.evaluator import FEWEST, Bools, Floats, Ints
from assay.metrics.label_effects import LabelEffects

STRATA = 20
LEAST_IN_STRATUM = 4
LEAST_BUDGET = 20
GRID = 200
"""Spreads, in equal ratios, between which strata may be cut."""
MISTRUST = 0.1
"""How much of a score is replaced by the mean score when its label's spread is judged: a model that
is too sure of itself must not keep its mistakes from being drawn."""


@dataclass(frozen=True)
class SampleDesign:
    """Strata of rows, and how many labels of each are asked for.

    Attributes
    ----------
    strata
        Of each row ``(n,)``; -1 where no label is asked for.
    rows, labels
        Of each stratum: its rows, and how many of them are drawn.
    """

    strata: Ints
    rows: Ints
    labels: Ints

    @property
    def probabilities(self) -> Floats:
        """Of each row ``(n,)`` to be drawn; 0 where no label is asked for."""
        shares = np.append(self.labels / np.maximum(self.rows, 1), 0.0)
        return np.asarray(shares[self.strata], dtype=np.float64)

    def draw(self, order: Ints, seed: int) -> Ints:
        """The rows that are drawn, by number, in ``order (n,)``; equal seeds draw equal rows."""
        random = np.random.default_rng(seed)
        drawn = np.zeros(len(self.strata), dtype=bool)
        strata = self.strata[order]
        for number, labels in enumerate(self.labels):
            members = order[strata == number]
            steps = (random.random() + np.arange(labels)) * len(members) / max(labels, 1)
            drawn[members[steps.astype(np.intp)]] = True
        return np.asarray(order[drawn[order]])


def spread(effects: LabelEffects, expected: Floats, unknown: Bools) -> Floats:
    """How much each row's label may move the metric, ``(n,)``; 0 where it is known, or nothing.

    Parameters
    ----------
    expected
        The probability of a positive in each row.
    """
    doubted = (1 - MISTRUST) * expected + MISTRUST * expected.mean()
    return np.where(unknown, np.abs(effects.slope) * np.sqrt(doubted * (1 - doubted)), 0.0)


def design(spreads: Floats, budget: int) -> SampleDesign:
    """The design with ``budget`` labels, or as many as there are rows with a spread.

    Parameters
    ----------
    spreads
        Of each row ``(n,)``.
    """
    count = min(STRATA, max(1, budget // LEAST_IN_STRATUM))
    order = np.argsort(spreads, kind="stable")
    order = order[spreads[order] > 0]
    strata = np.full(len(spreads), -1, dtype=np.intp)
    cuts = _cuts(spreads[order], count, budget)
    strata[order] = np.searchsorted(cuts, np.arange(len(order)), "right")
    inside = strata >= 0
    rows = np.bincount(strata[inside])
    squares = np.bincount(strata[inside], np.square(spreads[inside]), len(rows))
    return SampleDesign(strata, rows, _allocate(rows, np.sqrt(rows * squares), budget))


def _cuts(spreads: Floats, count: int, budget: int) -> Ints:
    """Where to cut ascending spreads into ``count`` strata at most, so that labels tell most.

    With labels as Neyman gives them the variance is least where the sum over strata of the roots of
    rows times squares is (Dalenius 1950, Skandinavisk Aktuarietidskrift 33, 203-213). A stratum
    takes a label however little it says.
    """
    if not len(spreads):
        return np.zeros(0, dtype=np.intp)
    grid = np.geomspace(spreads[0], spreads[-1], GRID + 1)[1:-1]
    edges = np.unique([0, *np.searchsorted(spreads, grid), len(spreads)])
    sums = np.concatenate([[0.0], np.cumsum(np.square(spreads))])[edges]
    rows, squares = (np.subtract.outer(each, each) for each in (edges, sums))
    costs = np.maximum(np.sqrt(np.maximum(rows * squares, 0)), spreads.sum() / budget)
    costs = np.where(rows > 0, costs, np.where(rows == 0, 0, np.inf))
    least, began = costs[:, 0], []
    for _ in range(count - 1):
        each = costs + least
        began.append(each.argmin(axis=1))
        least = each.min(axis=1)
    place, cuts = len(edges) - 1, []
    for before in reversed(began):
        place = before[place]
        cuts.append(edges[place])
    return np.unique(cuts).astype(np.intp)


def _allocate(rows: Ints, weights: Floats, budget: int) -> Ints:
    """One label of each stratum, the rest in proportion to its weight, but at most its rows."""
    whole = rows == 0
    more = np.zeros(len(rows))
    while not whole.all():
        more = np.where(whole, 0.0, weights)
        more *= max(budget - rows[whole].sum() - (~whole).sum(), 0) / more.sum()
        full = ~whole & (more + 1 >= rows)
        if not full.any():
            break
        whole |= full
    labels = 1 + np.diff(np.round(np.cumsum(more)), prepend=0.0).astype(np.intp)
    return np.where(whole, rows, np.minimum(labels, rows))


def design_variance(sample: SampleDesign, effects: LabelEffects, expected: Floats) -> float:
    """What drawing adds to the variance of the metric, were labels as likely as ``expected``."""
    inside = sample.strata >= 0
    squares = (np.square(effects.slope) * expected * (1 - expected))[inside]
    sums = np.bincount(sample.strata[inside], weights=squares, minlength=len(sample.rows))
    left = (
        np.divide(sample.rows, sample.labels, where=sample.labels > 0, out=np.ones(len(sums))) - 1
    )
    return float(sums @ left) / len(expected) ** 2


def random_equivalent(
    variance: float, effects: LabelEffects, expected: Floats, unknown: Bools
) -> int:
    """How many labels of rows drawn by chance alone add the same ``variance`` to the metric."""
    count = int(unknown.sum())
    means = (effects.fixed + expected * effects.slope)[unknown]
    each = means.var() + float(
        (np.square(effects.slope) * expected * (1 - expected))[unknown].mean()
    )
    whole = each * count / len(expected) ** 2
    if variance + whole == 0:
        return count
    # Rounded first, as the last digit must not make it one more than there are.
    return int(np.ceil(round(whole * count / (variance + whole), 6)))


def few(sample: SampleDesign, effects: LabelEffects, expected: Floats) -> bool:
    """Whether too few rows of the rarer label are expected, as if each moved the metric as much.

    Kish's effective number: a few of high weight decide an interval that they cannot tell. A
    stratum that is labelled whole adds no weight.
    """
    inside = (sample.strata >= 0) & (sample.probabilities < 1)
    moved = np.minimum(expected, 1 - expected)[inside] * np.abs(effects.slope[inside])
    square = float((moved * np.abs(effects.slope[inside]) / sample.probabilities[inside]).sum())
    return bool(square > 0 and moved.sum() ** 2 / square < FEWEST)


def least_budget(
    spreads: Floats, effects: LabelEffects, expected: Floats, variance: float
) -> int | None:
    """The smallest budget that adds at most ``variance`` to the metric; None if no budget does."""
    low, high = LEAST_BUDGET, max(LEAST_BUDGET, int((spreads > 0).sum()))
    if variance <= 0:
        return None

    def enough(budget: int) -> bool:
        sample = design(spreads, budget)
        return (
            not few(sample, effects, expected)
            and design_variance(sample, effects, expected) <= variance
        )

    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low
