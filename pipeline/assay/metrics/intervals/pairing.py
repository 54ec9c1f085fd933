"""How the errors of two groups' metrics go together, as groups share nights.

A hard night is hard for every group that it has. So the difference of two groups is known far
better than their intervals suggest, and the interval of a difference or a ratio needs the
correlation of the two errors (Zou 2007, Psychological Methods 12, 399-413). It follows from the
units' contributions: what the rows of a unit add to each group's metric
(`assay.metrics.influence`). Nights follow each other in what they add to each group, and far less
in the difference, so the reach of the difference is measured on its own series.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assay.metrics.calibration import bin_residuals
from assay.metrics.evaluator import Bools, Floats, Ints
from assay.metrics.following import INNER, mean_of_nights
from assay.metrics.influence import Influence
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.regression import SHARE
from assay.metrics.sampling_units import LEAST_PLAUSIBLE, SamplingUnits

MOST_GROUPS = 40
"""With more groups there are no correlations: pairs are many, groups small, and what they share
is little beside the noise of their own rows."""
AT_ONCE = 64
"""Pairs whose reach is computed at once."""


@dataclass(frozen=True)
class Contributions:
    """What each unit adds to one group's metric.

    Attributes
    ----------
    sums
        ``(units,)`` over all units of the table; 0 where the group has no rows.
    noise
        The part of their variance that is the rows' own.
    """

    sums: Floats
    noise: float


def contributions(influence: Influence, rows: Ints, units: SamplingUnits) -> Contributions | None:
    """Those of rows of a table, whose influences on the metric are given; None if there are none.

    Parameters
    ----------
    rows
        Row numbers of the group, ``(n,)``.
    units
        Units of the whole table.
    """
    part = units.take(rows)
    if units.codes is None or part.count < LEAST_PLAUSIBLE:
        return None
    if not np.isfinite(influence.rows).all():
        return None
    apart, n = influence.rows - influence.rows.mean(), len(rows)
    sums = np.zeros(units.count)
    sums[np.unique(units.codes[rows])] = part.sums(apart) / np.sqrt(1 - part.sizes() / n) / n
    return Contributions(sums, part.noise(apart) * part.count / units.count / n**2)


def metric_contributions(
    scored: LabelledScores, rows: Ints, units: SamplingUnits
) -> dict[str, Contributions | None]:
    """By metric, of a group's labels and scores, which are the table's ``rows``."""
    by_metric = dict(scored.evaluator().influences())
    if scored.task == "regression":
        errors = np.abs(scored.scores - scored.truth)
        at = np.quantile(errors, SHARE, method="inverted_cdf")
        by_metric["p90_error"] = Influence(-(errors <= at).astype(np.float64))
    else:
        bins, gaps = bin_residuals(scored.scores, scored.truth)
        signs = np.sign(np.bincount(bins, weights=gaps))
        by_metric["calibration_error"] = Influence(gaps * signs[bins])
    return {name: contributions(one, rows, units) for name, one in by_metric.items()}


def share_contributions(
    chosen: Bools, among: Bools, rows: Ints, units: SamplingUnits
) -> Contributions | None:
    """Of the share of a group's rows ``among`` that are ``chosen``; both are masks of its rows."""
    if not among.any():
        return None
    return contributions(Influence(chosen[among].astype(np.float64)), rows[among], units)


def correlations(
    groups: Sequence[Contributions | None], units: SamplingUnits
) -> list[float | None]:
    """The correlation of each pair of groups, in the order of `itertools.combinations`.

    None if one of the two has no contributions, or nothing varies.
    """
    known = [place for place, one in enumerate(groups) if one is not None]
    sums = np.array([groups[place].sums for place in known])  # type: ignore[union-attr]
    noise = np.array([groups[place].noise for place in known])  # type: ignore[union-attr]
    by_pair: dict[tuple[int, int], float] = {}
    if len(known) > 1:
        alone = _reach(sums, noise, units)
        first, second = np.triu_indices(len(known), 1)
        for start in range(0, len(first), AT_ONCE):
            i, j = first[start : start + AT_ONCE], second[start : start + AT_ONCE]
            apart = _reach(sums[i] - sums[j], noise[i] + noise[j], units)
            size = 2 * alone[i] * alone[j]
            same = np.square(alone[i]) + np.square(alone[j]) - np.square(apart)
            each = np.where(size > 0, same / np.where(size > 0, size, 1.0), np.nan)
            for a, b, value in zip(i.tolist(), j.tolist(), each.tolist(), strict=True):
                if np.isfinite(value):
                    by_pair[known[a], known[b]] = float(np.clip(value, -1, 1))
    return [by_pair.get(pair) for pair in _pairs(len(groups))]


def _pairs(count: int) -> Iterator[tuple[int, int]]:
    return ((i, j) for i in range(count) for j in range(i + 1, count))


def _reach(sums: Floats, noise: Floats, units: SamplingUnits) -> Floats:
    """Half the width of the interval of each total, ``(series,)``."""
    from scipy import special

    usual = special.stdtrit(units.count - 1, INNER) * np.sqrt(np.square(sums).sum(axis=1))
    if not units.in_order:
        return np.asarray(usual)
    varies = usual > 0
    reach = np.zeros(len(sums))
    if varies.any():
        less = sums[varies] * (1 - 1 / units.count) ** 0.5
        mean = mean_of_nights(less, noise[varies], units.following)
        reach[varies] = mean.standard_error * special.stdtrit(mean.degrees, INNER) * units.count
    return reach


def paired_metrics(
    groups: Sequence[Mapping[str, Contributions | None]], units: SamplingUnits
) -> dict[str, list[float | None]]:
    """`correlations` by metric, of groups with what each unit adds to their metrics."""
    names = dict.fromkeys(name for group in groups for name in group)
    pairs = {
        name: correlations([one.get(name) for one in groups], units.of_metric(name))
        for name in names
    }
    return {name: each for name, each in pairs.items() if any(one is not None for one in each)}
