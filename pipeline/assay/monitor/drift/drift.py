"""Decide whether a night has drifted, from two profiles and the limits in params.yaml. Pure.

A night is a small sample (about 900 rows for the flights), so nights differ by chance. They also
differ for good reasons, as Saturdays do from Mondays. So a column's limit, unless
``monitor.limits`` sets one by hand, is a quantile of the distances between each reference night and
all the other reference nights, which contain both kinds of difference. Numbers have such a limit on
the Wasserstein distance too, which detects shifts that the cells of the Jensen-Shannon distance
miss. The quantile is rounded up to a distance that occurred, so with fewer than ``1 / (1 -
quantile)`` nights it is the largest. A night with far fewer rows than the reference's nights has
larger distances by chance alone; the contract's check on row counts catches it first.

The night crosses its limits when

- the score's distance is over its limit (for a multiclass model: the probability of the most likely
  class, or the distribution of predicted classes),
- the score is over a limit of a measure of params.yaml (`assay.monitor.drift.measures`),
- any column has a break, which neither sampling nor the spread between the reference's nights
  explains (`assay.columns.break_limits`),
- more than ``max_drifted_share`` of the features are over their limits,
- several of them are, and all features together are farther than any one night explains,
- a null share changed by more than ``max_null_share_change`` and by more than the same quantile of
  the reference nights' own changes (some columns are null on whole nights: a weather station
  reports no gusts on a calm day, and a fixed limit would alarm on most nights),
- more than ``max_new_category_share`` of a column's values are categories that the reference did
  not have, and more than the reference's own nights lead to expect,
- or anything could not be computed: what cannot be compared does not pass. (Only a feature that
  was null all night, as an ordinary share of the reference's nights were, just counts as drifted.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from assay.columns import break_limits, moved_scores
from assay.columns.break_limits import Break
from assay.columns.distance import MEASURES, learnt_limit, measure_nights, new_category_share
from assay.columns.grid import CategoryGrid
from assay.columns.profile import ColumnProfile, Profile
from assay.columns.reference import Reference
from assay.monitor.drift.measures import Measure, Measured, measure
from assay.project.params import Monitor
from assay.project.text import counted, format_short, mark_blanks

ALL_NULL = "null in every row"
UNCOUNTED = "not in the night's profile"
NOTHING: Mapping[str, str] = MappingProxyType({})

Values: TypeAlias = Mapping[str, Mapping[str, Any]]
"""By column, the values of `assay.columns.distance.MEASURES`."""

NO_VALUES: Values = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DriftFinding:
    """The result for one column; None where a value could not be computed.

    Attributes
    ----------
    distance, limit
        Jensen-Shannon distance from the reference, and its upper limit.
    null_share_change, null_share_limit
        Signed change of the null share against the reference, and the limit of its absolute value.
    drifted
        A distance is over its limit, or unknown.
    crossed
        Any limit of this column was crossed.
    decisive
        This column alone makes the night cross.
    reasons
        Why, one phrase per limit.
    total_variation, wasserstein, ks
        See `assay.columns.distance`.
    wasserstein_limit
        The upper limit of ``wasserstein``; None if none could be learnt.
    breaks
        The column's breaks: see `assay.columns.break_limits`.
    break_limit, ks_break_limit, null_break_limit, moved_break_limit
        The limits above which ``distance``, ``ks``, the change of the null share and
        ``wasserstein`` are breaks; None where there is none.
    new_category_limit
        The upper limit of ``new_category_share``; None for numbers.
    break_share
        The share of the column's values that, turned into one value, its first night shows
        (`assay.columns.break_limits.break_share`).
    effect
        Estimated effect on the model's scores: see `effect`.
    measured
        The column by the measures of params.yaml.
    """

    column: str
    distance: float | None
    limit: float | None
    psi: float | None
    null_share: float | None
    null_share_change: float | None
    null_share_limit: float | None
    new_category_share: float | None
    drifted: bool
    crossed: bool
    decisive: bool
    reasons: tuple[str, ...]
    total_variation: float | None = None
    wasserstein: float | None = None
    effect: float | None = None
    ks: float | None = None
    wasserstein_limit: float | None = None
    breaks: tuple[Break, ...] = ()
    break_limit: float | None = None
    ks_break_limit: float | None = None
    null_break_limit: float | None = None
    moved_break_limit: float | None = None
    new_category_limit: float | None = None
    break_share: float | None = None
    measured: tuple[Measured, ...] = ()

    @property
    def times_limit(self) -> float:
        """The distance as a multiple of its limit; infinite if it is unknown."""
        if self.distance is None or self.limit is None:
            return math.inf
        if self.limit == 0:
            return 0.0 if self.distance == 0 else math.inf
        return self.distance / self.limit


@dataclass(frozen=True, slots=True)
class ReasonsShift:
    """What moved a night's scores, compared with the reference.

    Attributes
    ----------
    now, before
        The mean absolute contribution of each feature; ``before`` is empty if the bundle's
        reference does not have it.
    distance, limit
        `assay.columns.moved_scores.distance`, and what most nights of the reference keep within;
        None where there is none.
    """

    now: Mapping[str, float]
    before: Mapping[str, float]
    distance: float | None = None
    limit: float | None = None

    @property
    def drifted(self) -> bool:
        return self.distance is not None and self.limit is not None and self.distance > self.limit

    @property
    def words(self) -> str:
        """How much changed, and where most."""
        if self.distance is None:
            return "what moved scores is compared with nothing: the bundle's reference lacks it"
        most = max(self.before, key=lambda name: abs(self.now[name] - self.before[name]))
        limit = "" if self.limit is None else f" (limit {self.limit:.1%})"
        return (
            f"what moves scores changed by {self.distance:.1%} against the reference{limit}, "
            f"{mark_blanks(most)} most: {format_short(self.now[most])}, "
            f"{format_short(self.before[most])} before"
        )


def find_shift(reference: Reference, profile: Profile, quantile: float) -> ReasonsShift | None:
    """What moved the scores of a night; None if its profile does not tell."""
    now, known = moved_scores.means_of(profile), reference.reasons
    if not now:
        return None
    if known is None or not set(known.means) <= set(now):
        return ReasonsShift(now, {})
    found = moved_scores.distance(now, known.means)
    return ReasonsShift(now, known.means, found, learnt_limit(known.distances, quantile))


@dataclass(frozen=True, slots=True)
class DriftDecision:
    """The drift decision about one night, and everything that it is based on.

    ``quantile`` and ``nights`` say how the limits on distances were learnt. ``findings`` are
    ordered: crossed limits first, scores before features, features by their estimated effect on the
    model. ``reasons_shift`` alone crosses no limit: over several nights it raises an alarm.
    """

    crossed: bool
    reasons: tuple[str, ...]
    rows: int
    drifted: tuple[str, ...]
    features: int
    quantile: float
    nights: int
    findings: tuple[DriftFinding, ...]
    reasons_shift: ReasonsShift | None = None

    @property
    def drifted_share(self) -> float | None:
        """Share of the features that drifted; None without features."""
        return len(self.drifted) / self.features if self.features else None

    def document(self, limits: Monitor) -> dict[str, Any]:
        """As JSON values, with the limits that the decision was made by."""
        return {
            "rows": self.rows,
            "crossed": self.crossed,
            "reasons": self.reasons,
            "limits": {
                "quantile": self.quantile,
                "nights": self.nights,
                "max_drifted_share": limits.max_drifted_share,
                "max_null_share_change": limits.max_null_share_change,
                "max_new_category_share": limits.max_new_category_share,
            },
            "features": self.features,
            "drifted": self.drifted,
            "drifted_share": self.drifted_share,
            "findings": [asdict(each) for each in self.findings],
            "reasons_shift": None if self.reasons_shift is None else asdict(self.reasons_shift),
        }

    @property
    def power_words(self) -> str:
        """How gross a break must be for its first night to show it; empty if nothing says so."""
        known = sorted(
            (f.break_share, f.column) for f in self.findings if f.break_share is not None
        )
        if not known:
            return ""
        (least, first), (most, last) = known[0], known[-1]
        shares = f"{least:.0%} of the values of {mark_blanks(first)}"
        if len(known) > 1:
            shares += f", {most:.0%} of {mark_blanks(last)}"
        never = len(self.findings) - len(known)
        shares += f"; in {counted(never, 'column')} it takes several nights" if never else ""
        return f"values that all become the same are seen on the first night from {shares}"

    def finding(self, column: str) -> DriftFinding | None:
        """The result for a column; None if it was not compared."""
        return next((each for each in self.findings if each.column == column), None)

    @property
    def over(self) -> frozenset[str]:
        """The columns that crossed any of their limits."""
        return frozenset(each.column for each in self.findings if each.crossed)


def decide(
    reference: Reference,
    profile: Profile,
    limits: Monitor,
    rows: int,
    lacking: Mapping[str, str] = NOTHING,
    by_sampling: bool = False,
    measures: Sequence[Measure] = (),
    values: Values = NO_VALUES,
) -> DriftDecision:
    """Compare the counts of a night's scored rows with the reference.

    Parameters
    ----------
    reference
        Of the bundle that scored the night.
    profile
        Counts of all of the night's scored rows, on the grid of ``reference``.
    limits
        The section ``monitor`` of params.yaml.
    rows
        How many rows the run scored. A column that counts another number of rows is not comparable,
        because no decision is made on part of a night.
    lacking
        Why a column is not in ``profile``, where that is known.
    by_sampling
        With too few nights to learn a limit from, use the limit that sampling alone explains.
    measures
        Those of params.yaml.
    values
        What `values_of_nights` found already.

    Raises
    ------
    PluginError
        A measure of the project's own fails.
    """
    findings = [
        _finding(
            *(name, reference, profile.get(name), limits, rows),
            *(lacking.get(name, UNCOUNTED), by_sampling, measures, values.get(name)),
        )
        for name in reference.grid
    ]
    findings.sort(key=lambda f: _place(f, reference))
    features = [name for name in reference.grid if name not in reference.scores]
    drifted = tuple(f.column for f in findings if f.drifted and f.column in features)
    distances = {f.column: f.distance for f in findings}
    together = break_limits.find_together(reference, limits.budget, profile, distances)
    if together is not None and len(drifted) > 1:
        findings = [
            replace(f, breaks=(*f.breaks, together))
            if f.column in drifted and f.column not in limits.limits
            else f
            for f in findings
        ]
    reasons = [
        *_overall(rows, features, drifted, limits, together),
        *(
            f"{mark_blanks(f.column)}: {reason}"
            for f in findings
            if f.decisive
            for reason in f.reasons
        ),
    ]
    return DriftDecision(
        crossed=bool(reasons),
        reasons=tuple(reasons),
        rows=rows,
        drifted=drifted,
        features=len(features),
        quantile=limits.limit_quantile,
        nights=reference.nights,
        findings=tuple(findings),
        reasons_shift=find_shift(reference, profile, limits.limit_quantile),
    )


def values_of_nights(reference: Reference, profiles: Sequence[Profile]) -> list[Values]:
    """What `decide` would measure of several nights, all at once.

    Columns that cannot be compared, or are in other cells than the reference's, are left out.
    """
    found: list[dict[str, Mapping[str, Any]]] = [{} for _ in profiles]
    for name, grid in reference.grid.items():
        before = reference.profile[name]
        alike = [
            (mine, profile[name])
            for mine, profile in zip(found, profiles, strict=True)
            if name in profile and _alike(before, profile[name])
        ]
        nights = measure_nights(grid, before, [night for _, night in alike]) if alike else []
        for (mine, _), values in zip(alike, nights, strict=True):
            mine[name] = values
    return list(found)


def _alike(before: ColumnProfile, night: ColumnProfile) -> bool:
    cells = (len(before.counts), len(before.fine)) == (len(night.counts), len(night.fine))
    return cells and sum(before.counts) > 0 < sum(night.counts)


def _place(finding: DriftFinding, reference: Reference) -> tuple[object, ...]:
    """Sort key: what to look at first. An unknown effect counts as the largest."""
    return (
        not finding.decisive,
        not finding.crossed,
        finding.column not in reference.scores,
        -math.inf if finding.effect is None else -finding.effect,
        -finding.times_limit,
        finding.column,
    )


def _overall(
    rows: int,
    features: Sequence[str],
    drifted: Sequence[str],
    limits: Monitor,
    together: Break | None,
) -> list[str]:
    if rows == 0:
        return ["no row was scored"]
    if not features:
        return ["the reference has no feature to compare"]
    if len(drifted) / len(features) > limits.max_drifted_share:
        return [drifted_words(len(drifted), len(features), limits.max_drifted_share)]
    if together is not None and len(drifted) > 1:
        return [f"{len(drifted)} of {len(features)} features drifted; {together.words}"]
    return []


def is_near(drifted: int, features: int, most: float) -> bool:
    """Whether so many features drifted, within what may, that it should be looked at.

    That is several of them, and more than half of what may.

    Examples
    --------
    >>> is_near(5, 10, 0.5), is_near(2, 10, 0.5), is_near(1, 3, 0.5)
    (True, False, False)
    """
    return drifted > 1 and most / 2 < drifted / max(1, features) <= most


def drifted_words(drifted: int, features: int, most: float) -> str:
    """How many features drifted, beside the share that may: some may be over a limit of their own.

    Examples
    --------
    >>> drifted_words(1, 8, 0.5)
    '1 of 8 features drifted (at most 50% may)'
    >>> drifted_words(5, 10, 0.5)
    '5 of 10 features drifted: near the limit of 50%'
    """
    may = (
        f": near the limit of {most:.0%}"
        if is_near(drifted, features, most)
        else (f" (at most {most:.0%} may)")
    )
    return f"{drifted} of {features} features drifted{may}"


def _finding(
    name: str,
    reference: Reference,
    night: ColumnProfile | None,
    limits: Monitor,
    rows: int,
    lacking: str,
    by_sampling: bool,
    measures: Sequence[Measure],
    values: Mapping[str, Any] | None,
) -> DriftFinding:
    before, by_hand = reference.profile[name], limits.limits.get(name)
    usual = learnt_limit(reference.null_changes[name], limits.limit_quantile)
    most = max(limits.max_null_share_change, usual or 0.0)
    most_explained = (
        None
        if night is None
        else break_limits.limits(reference, limits.budget, name, night, by_hand, most)
    )
    limit = by_hand
    if limit is None:
        limit = learnt_limit(reference.distances[name], limits.limit_quantile)
    if limit is None and by_sampling and most_explained is not None:
        limit = most_explained.sampled
    unknown = lacking if night is None else _incomparable(before, night, limit, rows)
    if unknown is not None or night is None or limit is None or most_explained is None:
        known = night is not None and night.rows > 0
        return DriftFinding(
            column=name,
            distance=None,
            limit=limit,
            psi=None,
            null_share=night.nulls / night.rows if night is not None and known else None,
            null_share_change=None,
            null_share_limit=most,
            new_category_share=None,
            drifted=True,
            crossed=True,
            decisive=not (unknown == ALL_NULL and _often_null(name, reference, limits)),
            reasons=(unknown or "cannot be compared",),
        )
    cells = reference.grid[name]
    values = values or {key: value(cells, before, night) for key, value in MEASURES.items()}
    distance, varied, wasserstein = (
        values[key] for key in ("distance", "total_variation", "wasserstein")
    )
    change = night.nulls / night.rows - before.nulls / before.rows
    new = new_category_share(before, night) if isinstance(cells, CategoryGrid) else None
    measured = tuple(measure(measures, name, cells, before, night))
    wide = None
    if by_hand is None:
        wide = learnt_limit(reference.moved.get(name, ()), limits.limit_quantile)
    moved = wasserstein is not None and wide is not None and wasserstein > wide
    # Not "distance > limit": NaN must count as drifted.
    far = not distance <= limit
    infinite = break_limits.infinite_share(reference, name, night)
    most_infinite = limits.max_new_category_share
    broken = break_limits.find_breaks(
        most_explained,
        distance,
        values["ks"],
        change,
        infinite,
        most_infinite,
        moved=wasserstein,
        constant=break_limits.find_constant(reference, name, night) if by_hand is None else None,
    )
    grave = [each.words for each in broken]
    if not abs(change) <= most:
        grave.append(
            f"null share {night.nulls / night.rows:.3f}, {before.nulls / before.rows:.3f} in the "
            f"reference (may change by {most:.3f})"
        )
    most_new = None
    if new is not None:
        least = limits.max_new_category_share
        most_new = break_limits.new_category_limit(reference, limits.budget, name, night, least)
        if not new <= most_new:
            words = f"{new:.1%} of its values are new categories (at most {most_new:.1%} may be)"
            grave.append(words)
    over = [f"distance {distance:.3f} over its limit {limit:.3f}"] if far else []
    if moved:
        over.append(f"Wasserstein distance {wasserstein:.3f} over its limit {wide:.3f}")
    over += [each.words for each in measured if each.words]
    return DriftFinding(
        column=name,
        distance=distance if math.isfinite(distance) else None,
        limit=limit,
        psi=values["psi"],
        null_share=night.nulls / night.rows,
        null_share_change=change,
        null_share_limit=most,
        new_category_share=new,
        drifted=bool(over),
        crossed=bool(grave or over),
        decisive=bool(grave) or (bool(over) and name in reference.scores),
        reasons=(*grave, *over),
        total_variation=varied,
        wasserstein=wasserstein,
        effect=effect(
            reference.importance.get(name, 1.0),
            varied,
            distance,
            reference.distances[name],
        ),
        ks=values["ks"],
        wasserstein_limit=wide,
        breaks=broken,
        break_limit=most_explained.distance,
        ks_break_limit=most_explained.ks,
        null_break_limit=most_explained.nulls,
        moved_break_limit=most_explained.moved,
        new_category_limit=most_new,
        break_share=break_limits.break_share(most_explained.distance, before.counts),
        measured=measured,
    )


def _incomparable(
    before: ColumnProfile, night: ColumnProfile, limit: float | None, rows: int
) -> str | None:
    """Why the night's column cannot be compared with the reference's; None if it can be."""
    if night.rows == 0:
        return "no row to compare"
    if night.rows != rows:
        return f"counts {counted(night.rows, 'row')}, the run scored {rows}"
    if len(night.counts) != len(before.counts):
        return (
            f"counted in {len(night.counts)} cells, the reference in {len(before.counts)}: "
            "not the same grid"
        )
    if sum(night.counts) == 0:
        return ALL_NULL
    if sum(before.counts) == 0:
        return "null in every row of the reference"
    if limit is None:
        return "no limit could be learnt: the reference has fewer than two nights of it"
    return None


def _often_null(name: str, reference: Reference, limits: Monitor) -> bool:
    """Whether nights without a single value are ordinary.

    They are if the share of such nights in the reference is larger than ``1 - limit_quantile``.
    """
    empty = reference.nights - len(reference.distances[name])
    return reference.nights > 1 and empty / reference.nights > 1 - limits.limit_quantile


def effect(
    importance: float, total_variation: float, distance: float, usual: Sequence[float]
) -> float:
    """Estimated mean change of the score that a column's drift causes.

    Parameters
    ----------
    importance
        Of the column; 1 where it is unknown, so that only the shifts are ranked.
    total_variation, distance
        Of the night from the baseline; the distance is Jensen-Shannon's.
    usual
        The distances of the reference's nights.
    """
    if not distance > 0:
        return 0.0
    middle = _median(tuple(usual)) if len(usual) else 0.0
    return importance * total_variation * max(0.0, 1.0 - middle / distance)


@lru_cache(maxsize=4096)
def _median(usual: tuple[float, ...]) -> float:
    # Cached: it is the same on every night of a range.
    return float(np.median(np.asarray(usual)))
