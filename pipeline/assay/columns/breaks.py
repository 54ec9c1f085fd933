"""Beyond what sampling and the spread between nights explain: how far one night may ever stray.

A budget of alarms takes several nights; a gross break of a column, or of the score, takes one. The
limit is the largest of three:

- **The spread between nights.** Square roots of the reference nights' distances are taken to be
  normal, and tonight's to be one more of them: a prediction limit by Student's t with one degree of
  freedom less than there are nights (G. Hahn, "Factors for calculating two-sided prediction
  intervals for samples from a normal distribution", Journal of the American Statistical Association
  64, 1969). The squares of such distances are sums of squared deviations, nearly gamma
  distributed with few or many degrees of freedom, and the fourth root of a gamma is nearly normal
  even for one (D. Hawkins and R. Wixley, "A note on the transformation of chi-squared variables to
  normality", The American Statistician 40(4), 1986). Nights that follow each other count for
  fewer, and new ones lie further away (`assay.columns.serial`). The limit is wider where tonight
  has fewer rows than the reference's nights, by what sampling adds to the mean square of a
  distance.
- **Sampling.** Rows that are drawn from the reference's own shares: chi-squared, for the
  Jensen-Shannon distance, whose square is the Pearson statistic over ``8 n ln 2`` where it is
  small; Kolmogorov's bound for the KS statistic (P. Massart, "The tight constant in the
  Dvoretzky-Kiefer-Wolfowitz inequality", Annals of Probability 18(3), 1990); a normal one for the
  share of nulls. It is all there is where the reference has fewer than two nights.
- **Twice the furthest night.** Small shifts are for the budget to find: a night is not withheld for
  one, however surely it is there.

People read of it as the break limit.

Infinities in a column that had none are a break too, where there are more of them than new
categories may be.

`SHARE` of the budget is spent on them, shared out evenly among all that is asked of a night
(Bonferroni). A limit that reaches 1 is none: nothing could be beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from assay.columns import serial, tails
from assay.columns.distance import js_distance
from assay.columns.grid import NumberGrid
from assay.columns.profile import ColumnProfile
from assay.columns.reference import Reference
from assay.project.params.drift import Budget

SHARE = 1 / 8
"""Of the false alarms that are allowed for, how many may be of one night alone."""
TIMES = 2.0
"""How much further than the reference's furthest night a gross break lies, at the least."""
YEAR = 365
BITS = 8 * math.log(2)
DISTANCE, KS, NULLS, INFINITE = "distance", "KS statistic", "null share", "infinite values"
"""What is asked of a column, as people read it."""
EXPLAINED = "the most that sampling and the spread between the reference's nights explain"
"""What a break limit is, to people."""
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(96)


@dataclass(frozen=True, slots=True)
class BreakLimits:
    """The most that is no break of a column tonight; None where anything may be.

    Attributes
    ----------
    distance, ks, nulls
        Of the Jensen-Shannon distance, the Kolmogorov-Smirnov statistic and the change of the
        share of nulls. ``ks`` is None also of categories, where no nights were measured, and
        where a person set a limit on the distance: that says how much may move, wherever it goes.
    sampled
        What sampling alone explains of the distance.
    """

    distance: float | None
    ks: float | None
    nulls: float | None
    sampled: float | None


@dataclass(frozen=True, slots=True)
class Break:
    """What of a column is beyond its break limit.

    Attributes
    ----------
    value
        Of the null share how much it changed, of infinite values their share.
    """

    what: str
    value: float
    limit: float

    @property
    def words(self) -> str:
        """The sentence that says so, wherever it is said."""
        if self.what == INFINITE:
            return (
                f"{self.value:.1%} of its values are infinite, none were before "
                f"(at most {self.limit:.1%} may be)"
            )
        changed = "changed by " if self.what == NULLS else ""
        return f"{self.what} {changed}{self.value:.3f} beyond its break limit {self.limit:.3f}"


def level(reference: Reference, rule: Budget) -> float:
    """How likely one question may be answered wrongly on one night where nothing changed."""
    questions = 2 * len(reference.distances) + len(reference.ks)
    return SHARE * rule.false_alarms / YEAR / max(1, questions)


def persistence(reference: Reference, window: int) -> float:
    """By how much the reference's nights follow each other (`assay.columns.serial.together`)."""
    return serial.together(reference.serial.values(), reference.nights, window)


def limits(
    reference: Reference,
    rule: Budget,
    name: str,
    night: ColumnProfile,
    by_hand: float | None = None,
    most_nulls: float = 0.0,
) -> BreakLimits:
    """How far a column may stray on a night of so many rows.

    Parameters
    ----------
    night
        Counted on the reference's grid; only its numbers of rows matter.
    by_hand
        A limit on the distance that a person set: what is within it is never a break.
    most_nulls
        A change of the null share that nobody minds.
    """
    at_most, follows = level(reference, rule), persistence(reference, rule.of)
    before, nights = reference.profile[name], max(1, reference.nights)
    known, values = before.rows - before.nulls, night.rows - night.nulls
    # A cell that nobody has seen yet is one more way to differ.
    ways = max(1, sum(count > 0 for count in before.counts))
    nulls = (before.nulls + 1) / (before.rows + 2)
    variance = nulls * (1 - nulls)

    def limit(
        usual: Sequence[float], square: float, tail: float, rows: int, before_rows: int
    ) -> float:
        sampled = math.sqrt(tail * (1 / max(1, rows) + 1 / max(1, before_rows)))
        furthest = TIMES * max(usual, default=0.0)
        spread = max(furthest, prediction_limit(usual, at_most, follows))
        return max(sampled, spread * _smaller(usual, square, rows, before_rows / nights))

    far = chi_squared(at_most, ways)
    distance = (reference.distances[name], ways / BITS, far / BITS, values, known)
    kolmogorov = (reference.ks.get(name, ()), math.pi**2 / 12, math.log(2 / at_most) / 2)
    changed = (reference.null_changes[name], variance, chi_squared(at_most, 1) * variance)
    asked = name in reference.ks and by_hand is None
    ks = limit(*kolmogorov, values, known) if asked else 1.0
    sampled = math.sqrt(far / BITS * (1 / max(1, values) + 1 / max(1, known)))
    return BreakLimits(
        _real(max(limit(*distance), by_hand or 0.0)),
        _real(ks),
        _real(max(limit(*changed, night.rows, before.rows), most_nulls)),
        _real(sampled),
    )


def broken(
    found: BreakLimits,
    distance: float,
    ks: float | None,
    null_change: float,
    infinite: float | None = None,
    most_infinite: float = 0.0,
) -> tuple[Break, ...]:
    """What lies beyond its break limit.

    Parameters
    ----------
    distance, ks, null_change
        Of the night from the reference; None where a column has no such thing.
    infinite, most_infinite
        Share of infinite values where the reference had none, and the most that passes.
    """
    asked = (
        (DISTANCE, distance, found.distance),
        (KS, ks, found.ks),
        (NULLS, abs(null_change), found.nulls),
        (INFINITE, infinite, most_infinite),
    )
    return tuple(
        Break(what, value, limit)
        for what, value, limit in asked
        if value is not None and limit is not None and value > limit
    )


def of_scores(
    reference: Reference,
    profile: Mapping[str, ColumnProfile],
    rule: Budget,
    by_hand: Mapping[str, float],
) -> tuple[str, ...]:
    """A sentence for each of the model's answers whose spread nothing explains."""
    return tuple(
        f"{name}: {each.words}"
        for name in reference.scores
        if name in profile and _comparable(reference.profile[name], profile[name])
        for each in broken(
            limits(reference, rule, name, profile[name], by_hand.get(name)),
            float(js_distance(reference.profile[name].counts, profile[name].counts)),
            ks_of(reference, name, profile[name]),
            0.0,  # rows without a score have a rule of their own
        )
    )


def ks_of(reference: Reference, name: str, night: ColumnProfile) -> float | None:
    """The Kolmogorov-Smirnov statistic; None of categories."""
    if not isinstance(reference.grid[name], NumberGrid):
        return None
    return float(tails.ks(reference.profile[name].fine.counts, night.fine.counts))


def infinite_of(reference: Reference, name: str, night: ColumnProfile) -> float | None:
    """The least share of infinite values; None where the reference had some, or of categories."""
    grid, known = reference.grid[name], night.rows - night.nulls
    if not isinstance(grid, NumberGrid) or tails.infinite(grid, reference.profile[name]):
        return None
    return tails.infinite(grid, night) / known if known else None


def _comparable(before: ColumnProfile, night: ColumnProfile) -> bool:
    return len(before.counts) == len(night.counts) and sum(before.counts) > 0 < sum(night.counts)


def _real(limit: float) -> float | None:
    return limit if limit < 1 else None


def prediction_limit(usual: Sequence[float], at_most: float, follows: float) -> float:
    """What one more such night stays within, but for a chance of ``at_most``; 0 of fewer than two.

    Parameters
    ----------
    usual
        The nights' distances, each from all the others.
    follows
        By how much they follow each other, in [0, 1).
    """
    nights = len(usual)
    if nights < 2:
        return 0.0
    roots = np.sqrt(np.asarray(usual))
    # Of distances, which are sizes of differences, successive ones are less alike than these.
    alike = follows * follows
    of_mean = serial.of_mean(nights, alike)
    worth = nights * (1 - alike) / (1 + alike)
    spread = math.sqrt(float(roots.var()) / (1 - of_mean))
    factor = student(at_most, max(1.0, worth - 1)) * math.sqrt(1 + of_mean)
    return (float(roots.mean()) + factor * spread) ** 2 * serial.further(nights, follows)


def _smaller(usual: Sequence[float], square: float, rows: int, rows_before: float) -> float:
    """How much further a night of so few rows strays than one of the reference's.

    Parameters
    ----------
    square
        Mean square of the distance of a night of one row, by sampling alone.
    """
    if not usual or rows >= rows_before or rows_before <= 0:
        return 1.0
    whole = float(np.square(np.asarray(usual)).mean())
    between = max(0.0, whole - square / rows_before)
    return math.sqrt((between + square / max(1, rows)) / (between + square / rows_before))


@lru_cache(maxsize=1024)
def chi_squared(at_most: float, freedom: int) -> float:
    """What a chi-squared number exceeds with so small a chance (Wilson and Hilferty 1931)."""
    part, far = 2 / (9 * freedom), NormalDist().inv_cdf(1 - at_most)
    return float(freedom * (1 - part + far * math.sqrt(part)) ** 3)


@lru_cache(maxsize=1024)
def student(at_most: float, freedom: float) -> float:
    """What Student's t exceeds with so small a chance.

    SciPy would say it too, but a night is scored without. With ``t = sqrt(freedom) / tan(angle)``
    the chance is the integral of ``sin(angle) ** (freedom - 1)``, which bisection turns around.
    """
    whole = math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom + 1) / 2)) * math.sqrt(math.pi)

    def chance(angle: float) -> float:
        sines = np.log(np.sin(angle * (_POINTS + 1) / 2))
        return float(np.exp((freedom - 1) * sines) @ _WEIGHTS) * angle / 2 / whole

    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) < at_most else (low, middle)
    return math.sqrt(freedom) / math.tan(high)
