"""Break limits: how far one night may deviate before a column or the score counts as broken.

The alert budget needs several nights to detect a shift; a gross break shows in one night. The limit
is the largest of three:

- **Spread between nights.** Square roots of the reference nights' distances are assumed normal, and
  tonight's to be one more of them. The limit is a prediction limit by Student's t with one degree
  of freedom less than there are nights (G. Hahn, "Factors for calculating two-sided prediction
  intervals for samples from a normal distribution", Journal of the American Statistical Association
  64, 1969). Squares of such distances are sums of squared deviations, nearly gamma distributed with
  few or many degrees of freedom, and the fourth root of a gamma variable is nearly normal even for
  one degree (D. Hawkins and R. Wixley, "A note on the transformation of chi-squared variables to
  normality", The American Statistician 40(4), 1986). Autocorrelated nights count as fewer, and new
  nights lie further away (`assay.columns.autocorrelation`). The limit is wider if tonight has fewer
  rows than the reference's nights, by what sampling adds to the mean square distance.
- **Sampling.** The distance of rows drawn from the reference's own shares: chi-squared for the
  Jensen-Shannon distance, whose square is the Pearson statistic over ``8 n ln 2`` when small;
  Kolmogorov's bound for the KS statistic (P. Massart, "The tight constant in the
  Dvoretzky-Kiefer-Wolfowitz inequality", Annals of Probability 18(3), 1990); normal for the share
  of nulls. It is the only term if the reference has fewer than two nights.
- **Twice the largest distance of a reference night.** Detecting small shifts is the budget's task:
  a night is never withheld for one, however certain it is.

The other distances count how many values moved, not how far: a tenth of a column at an impossible
value is within them. The Wasserstein distance tells, but where values have a long tail, one of them
alone may be farther away than all before. Its limit is `TIMES_MOVED` times the largest of a
reference night, or the prediction limit, for as many rows.

A column that says the same in every row is a break where no night of the reference did, and where
so many values drawn from the reference's shares are equal with a chance of at most `BY_CHANCE`.

Many columns that are far at once are a break too, though none of them alone is: the mean over all
features of the root of their distance, each divided by its mean over the reference's nights, is
squared and compared with the reference nights' own in the same way. So whatever columns have in
common, such as a weekday, is in the limit.

New infinities are a break too, if their share is above the limit for new categories. That of
categories is the larger of a person's limit and of what the reference leads to expect: the share of
values that only one of its nights has estimates that of values nobody has seen yet (I. J. Good,
"The population frequencies of species and the estimation of population parameters", Biometrika
40(3/4), 1953), night by night instead of value by value, since the values of a night are clustered.
Tonight's number of them is Poisson, in clumps as large as the variance between the reference's
nights says.

`SHARE` of the budget is spent on breaks, split evenly over all tests of a night (Bonferroni). A
limit that reaches 1 is dropped, since no distance exceeds 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from assay.columns import autocorrelation
from assay.columns.distance import MEASURES, infinite_count, js_distance
from assay.columns.features import Floats
from assay.columns.grid import NumberGrid
from assay.columns.profile import ColumnProfile
from assay.columns.reference import Reference
from assay.columns.summary_statistics import (
    chi_squared_quantile,
    poisson_quantile,
    student_t_quantile,
)
from assay.project.params.monitoring import Budget

SHARE = 1 / 8
"""The part of the allowed false alarms that breaks may cause."""
TIMES = 2.0
"""A break limit is at least this multiple of the largest distance of a reference night."""
TIMES_MOVED = 20.0
"""The same of the Wasserstein distance: values ten times as far as any before come by chance."""
TIMES_TOGETHER = 1.5
"""The same of all features together, whose mean varies less."""
SURELY = 1.15
"""From this multiple of the share whose distance is the limit, four nights in five show a break."""
EMPTIED = 0.5
"""The change of a feature's share of nulls from which on the night is held."""
BY_CHANCE = 1e-5
LEAST_NIGHTS = 20
"""Nights of a reference from which on it shows that a column is never the same in every row."""
YEAR = 365
BITS = 8 * math.log(2)
DISTANCE, KS, NULLS, INFINITE = "distance", "KS statistic", "null share", "infinite values"
MOVED, CONSTANT = "Wasserstein distance", "one value"
TOGETHER = "distance of all features"
"""The tested quantities of a column, as users read them."""
EXPLAINED = "the most that sampling and the spread between the reference's nights explain"
"""The definition of a break limit for users."""


@dataclass(frozen=True, slots=True)
class BreakLimits:
    """A column's break limits tonight; None if there is no limit.

    Attributes
    ----------
    distance, ks, nulls
        Limits of the Jensen-Shannon distance, of the Kolmogorov-Smirnov statistic, and of the
        change of the share of nulls. ``ks`` is also None for categories, if the reference has no
        nights, and if a limit on the distance was set by hand, since that already says how much may
        move.
    sampled
        The distance that sampling alone explains.
    moved
        Limit of the Wasserstein distance, in standard deviations of the reference.
    """

    distance: float | None
    ks: float | None
    nulls: float | None
    sampled: float | None
    moved: float | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """A quantity of a column that exceeds its break limit.

    Attributes
    ----------
    value
        For the null share, its change; for infinite values, their share; for one value in every
        row, the number of rows.
    """

    what: str
    value: float
    limit: float

    @property
    def words(self) -> str:
        """The break as a sentence for users."""
        if self.what == INFINITE:
            return (
                f"{self.value:.1%} of its values are infinite, none were before "
                f"(at most {self.limit:.1%} may be)"
            )
        if self.what == CONSTANT:
            return (
                f"it says the same in all {self.value:.0f} rows, as on none of the "
                f"{self.limit:.0f} nights of the reference"
            )
        changed = "changed by " if self.what == NULLS else ""
        return f"{self.what} {changed}{self.value:.3f} beyond its break limit {self.limit:.3f}"


def significance_level(reference: Reference, rule: Budget) -> float:
    """Significance level of one test on one night."""
    questions = 2 * len(reference.distances) + len(reference.ks) + 1  # all features together
    return SHARE * rule.false_alarms / YEAR / max(1, questions)


def follows(reference: Reference, name: str) -> float:
    """Autocorrelation of a column's nights; see `assay.columns.autocorrelation`."""
    return reference.autocorrelation.get(name, autocorrelation.UNTOLD)


def limits(
    reference: Reference,
    rule: Budget,
    name: str,
    night: ColumnProfile,
    by_hand: float | None = None,
    most_nulls: float = 0.0,
) -> BreakLimits:
    """A column's break limits for a night with this number of rows.

    Parameters
    ----------
    night
        Counted on the reference's grid; only its numbers of rows are used.
    by_hand
        A limit on the distance set by a person; no distance within it is a break.
    most_nulls
        A change of the null share that is always allowed.
    """
    at_most, following = significance_level(reference, rule), follows(reference, name)
    before, nights = reference.profile[name], max(1, reference.nights)
    known, values = before.rows - before.nulls, night.rows - night.nulls
    # Cells that were never seen add one degree of freedom.
    ways = max(1, sum(count > 0 for count in before.counts))
    nulls = (before.nulls + 1) / (before.rows + 2)
    variance = nulls * (1 - nulls)

    def limit(
        usual: Sequence[float], square: float, tail: float, rows: int, before_rows: int
    ) -> float:
        sampled = math.sqrt(tail * (1 / max(1, rows) + 1 / max(1, before_rows)))
        furthest = TIMES * max(usual, default=0.0)
        spread = max(furthest, prediction_limit(usual, at_most, following))
        return max(sampled, spread * _smaller(usual, square, rows, before_rows / nights))

    far = chi_squared_quantile(at_most, ways)
    distance = (reference.distances[name], ways / BITS, far / BITS, values, known)
    kolmogorov = (reference.ks.get(name, ()), math.pi**2 / 12, math.log(2 / at_most) / 2)
    changed = (reference.null_changes[name], variance, chi_squared_quantile(at_most, 1) * variance)
    asked = name in reference.ks and by_hand is None
    ks = limit(*kolmogorov, values, known) if asked else 1.0
    sampled = math.sqrt(far / BITS * (1 / max(1, values) + 1 / max(1, known)))
    moved = reference.moved.get(name, ())
    furthest = None
    if len(moved) > 1 and by_hand is None:
        usual = max(TIMES_MOVED * max(moved), prediction_limit(moved, at_most, following))
        furthest = usual * math.sqrt(max(1.0, known / nights / max(1, values)))
    return BreakLimits(
        _real(max(limit(*distance), by_hand or 0.0)),
        _real(ks),
        _real(max(limit(*changed, night.rows, before.rows), most_nulls)),
        _real(sampled),
        furthest,
    )


def break_share(limit: float | None, counts: Sequence[int]) -> float | None:
    """The share of a column's values that, turned into one value, its first night shows.

    That is at least four nights in five (docs/drift.md). The value is one of the column's fullest
    cell, where it is least noticed. None if no share is large enough.

    Parameters
    ----------
    limit
        The break limit of the distance.
    counts
        Of the reference; at least one is not 0.
    """
    if limit is None:
        return None
    far = _moved_to_one(max(counts) / sum(counts)) > limit
    least = SURELY * float(SHARES[far.argmax()])
    return least if far.any() and least <= 1 else None


SHARES = np.arange(1, 1001) / 1000


@lru_cache(maxsize=4096)
def _moved_to_one(usual: float) -> Floats:
    """The distance if each of `SHARES` of the values moves to the cell that holds ``usual``."""
    # Cached: it is the same on every night of a range.
    moved = usual + (1 - usual) * SHARES
    before = np.broadcast_to([usual, 1 - usual], (len(SHARES), 2))
    return js_distance(np.stack([moved, 1 - moved], axis=1), before)


@dataclass(frozen=True, slots=True)
class TogetherLimit:
    """How far all features together may be; ``roots`` are each one's mean root of a distance."""

    roots: Mapping[str, float]
    limit: float


def together_limit(reference: Reference, rule: Budget, names: Iterable[str]) -> TogetherLimit:
    """The break limit of some features together, from their distances on the reference's nights.

    Features that have no distance on some night are left out, as are those that never differ. With
    fewer than two features or nights there is no limit.
    """
    usual = {
        name: np.sqrt(np.asarray(reference.distances[name]))
        for name in names
        if len(reference.distances[name]) == reference.nights and any(reference.distances[name])
    }
    roots = {name: float(each.mean()) for name, each in usual.items()}
    if len(usual) < 2 or reference.nights < 2:
        return TogetherLimit(roots, math.inf)
    means = np.mean([each / roots[name] for name, each in usual.items()], axis=0)
    before = tuple((means**2).tolist())
    at_most = significance_level(reference, rule)
    following = max(follows(reference, name) for name in usual)
    return TogetherLimit(
        roots, max(TIMES_TOGETHER * max(before), prediction_limit(before, at_most, following))
    )


def find_together(
    reference: Reference,
    rule: Budget,
    night: Mapping[str, ColumnProfile],
    distances: Mapping[str, float | None],
) -> Break | None:
    """The break that all features together are farther than any one night explains.

    A column of fewer values than on a night of the reference is taken to be as near as it would
    have been with so many.

    Parameters
    ----------
    distances
        By column, as far as they are known already.
    """
    known = [
        name
        for name in reference.distances
        if name not in reference.scores and name in night
        if _comparable(reference.profile[name], night[name])
    ]
    together = together_limit(reference, rule, known)
    now = []
    for name, root in together.roots.items():
        before, values = reference.profile[name], night[name].rows - night[name].nulls
        per_night = (before.rows - before.nulls) / reference.nights
        square = max(1, sum(count > 0 for count in before.counts)) / BITS
        distance = distances.get(name)
        if distance is None:
            distance = float(js_distance(before.counts, night[name].counts))
        fewer = _smaller(reference.distances[name], square, values, per_night)
        now.append(math.sqrt(distance / fewer) / root)
    found = float(np.mean(now)) ** 2 if now else 0.0
    return Break(TOGETHER, found, together.limit) if found > together.limit else None


def find_constant(reference: Reference, name: str, night: ColumnProfile) -> Break | None:
    """The break that a column says the same in every row; None if it does not, or may."""
    values, constant = night.rows - night.nulls, reference.constant.get(name)
    if constant != 0 or reference.nights < LEAST_NIGHTS or sum(c > 0 for c in night.counts) != 1:
        return None
    if night.low is not None and night.low != night.high:
        return None
    counts = reference.profile[name].counts
    if (max(counts) / sum(counts)) ** values > BY_CHANCE:
        return None
    return Break(CONSTANT, values, reference.nights)


def new_category_limit(
    reference: Reference, rule: Budget, name: str, night: ColumnProfile, least: float
) -> float:
    """The largest share of new categories that is no break on a night of this many values.

    It is one of values beyond the grid, minus the reference's own.

    Parameters
    ----------
    night
        Only its numbers of rows are used.
    least
        The limit set by a person: a share that is always allowed.
    """
    usual, values = reference.unseen.get(name, ()), night.rows - night.nulls
    if len(usual) < 2 or not values:
        return least
    counts = reference.profile[name].counts
    before, beyond = sum(counts), counts[-1]
    expected = (float(np.mean(usual)) * before + 1) / (before + 2)
    # The variance of a night's count over its mean, which is 1 if values are independent.
    clump = max(1.0, float(np.var(usual, ddof=1)) * before / len(usual) / expected)
    most = clump * poisson_quantile(expected * values / clump, significance_level(reference, rule))
    return max(least, min(1.0, most / values - beyond / before))


def find_breaks(
    found: BreakLimits,
    distance: float,
    ks: float | None,
    null_change: float,
    infinite: float | None = None,
    most_infinite: float = 0.0,
    moved: float | None = None,
    constant: Break | None = None,
) -> tuple[Break, ...]:
    """The quantities that exceed their break limits.

    Parameters
    ----------
    distance, ks, null_change, moved
        Of the night from the reference; None if the column has no such statistic.
    constant
        From `find_constant`.
    infinite, most_infinite
        Share of infinite values if the reference had none, and its limit.
    """
    asked = (
        (DISTANCE, distance, found.distance),
        (KS, ks, found.ks),
        (NULLS, abs(null_change), found.nulls),
        (INFINITE, infinite, most_infinite),
        (MOVED, moved, found.moved),
    )
    found_ones = tuple(
        Break(what, value, limit)
        for what, value, limit in asked
        if value is not None and limit is not None and value > limit
    )
    return found_ones if constant is None else (*found_ones, constant)


def describe_breaks(
    reference: Reference,
    profile: Mapping[str, ColumnProfile],
    names: Iterable[str],
    rule: Budget,
    by_hand: Mapping[str, float],
) -> tuple[str, ...]:
    """A sentence for each break in the distribution of some of the columns."""
    return tuple(
        f"{name}: {each.words}"
        for name in names
        if name in profile and _comparable(reference.profile[name], profile[name])
        for between in [(reference.grid[name], reference.profile[name], profile[name])]
        for each in find_breaks(
            limits(reference, rule, name, profile[name], by_hand.get(name)),
            MEASURES["distance"](*between),
            MEASURES["ks"](*between),
            # Rows without a score have a rule of their own.
            0.0 if name in reference.scores else _null_change(reference, name, profile[name]),
            moved=MEASURES["wasserstein"](*between),
            constant=None if name in by_hand else find_constant(reference, name, profile[name]),
        )
    )


def describe_emptied(
    reference: Reference, profile: Mapping[str, ColumnProfile], rule: Budget, by_hand: Iterable[str]
) -> tuple[str, ...]:
    """A sentence for each feature without a value in over half as many rows more than before.

    The model hardly knows such rows, whatever it answers. Of few rows as many may lack by chance.
    """
    held = []
    for name in sorted({*reference.grid} - {*reference.scores, *by_hand}):
        night, before = profile.get(name), reference.profile[name]
        if not (night and night.rows) or _null_change(reference, name, night) <= EMPTIED:
            continue
        limit = limits(reference, rule, name, night).nulls
        if limit is not None and _null_change(reference, name, night) > limit:
            held.append(
                f"{name}: {night.nulls / night.rows:.2%} of the rows have no value, "
                f"{before.nulls / before.rows:.2%} in the reference"
            )
    return tuple(held)


def _null_change(reference: Reference, name: str, night: ColumnProfile) -> float:
    before = reference.profile[name]
    return night.nulls / night.rows - before.nulls / before.rows


def infinite_share(reference: Reference, name: str, night: ColumnProfile) -> float | None:
    """Least share of infinite values; None for categories or if the reference had some."""
    grid, known = reference.grid[name], night.rows - night.nulls
    if not isinstance(grid, NumberGrid) or infinite_count(grid, reference.profile[name]):
        return None
    return infinite_count(grid, night) / known if known else None


def _comparable(before: ColumnProfile, night: ColumnProfile) -> bool:
    return len(before.counts) == len(night.counts) and sum(before.counts) > 0 < sum(night.counts)


def _real(limit: float) -> float | None:
    return limit if limit < 1 else None


def prediction_limit(usual: Sequence[float], at_most: float, follows: float) -> float:
    """Upper prediction limit for one more night at level ``at_most``; 0 if ``usual`` has under two.

    Parameters
    ----------
    usual
        Distances of each night from all the others.
    follows
        Autocorrelation of the nights, in [0, 1).
    """
    return _prediction_limit(tuple(usual), at_most, follows)


@lru_cache(maxsize=4096)
def _prediction_limit(usual: tuple[float, ...], at_most: float, follows: float) -> float:
    # Cached: it is the same on every night of a range.
    nights = len(usual)
    if nights < 2:
        return 0.0
    roots = np.sqrt(np.asarray(usual))
    # Distances are sizes of differences, so they are less autocorrelated than the differences.
    alike = follows * follows
    of_mean = autocorrelation.variance_of_mean(nights, alike)
    worth = nights * (1 - alike) / (1 + alike)
    spread = math.sqrt(float(roots.var()) / (1 - of_mean))
    factor = student_t_quantile(at_most, max(1.0, worth - 1)) * math.sqrt(1 + of_mean)
    return (float(roots.mean()) + factor * spread) ** 2 * autocorrelation.distance_inflation(
        nights, follows
    )


def _smaller(usual: Sequence[float], square: float, rows: int, rows_before: float) -> float:
    """Factor by which a night of fewer rows deviates more than a night of the reference.

    Parameters
    ----------
    square
        Mean square distance of a night of one row, from sampling alone.
    """
    if not usual or rows >= rows_before or rows_before <= 0:
        return 1.0
    whole = float(np.square(np.asarray(usual)).mean())
    between = max(0.0, whole - square / rows_before)
    return math.sqrt((between + square / max(1, rows)) / (between + square / rows_before))
