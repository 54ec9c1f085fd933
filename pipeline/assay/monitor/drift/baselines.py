"""A second baseline beside the reference: the same weekday of the previous weeks.

The reference shows whether the model still sees the data it was trained on. In another season
every night differs from it. The same weekdays of the last weeks show whether a night is unusual for
its own time of the year.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from assay.columns import moved_scores
from assay.columns.distance import js_distance
from assay.columns.grid_builder import Ints
from assay.columns.profile import ColumnProfile, Profile
from assay.monitor.drift.budget import SeenValue
from assay.project.partitions import parse_day

NO_DAY = "the night is no day, so it has no weekday"


@dataclass(frozen=True, slots=True)
class WeekdayDistances:
    """A night's distances from the same weekdays before it.

    Attributes
    ----------
    nights
        The nights that were merged into the baseline, the most recent first.
    distances
        By column; None where one of the two has no value.
    none
        Why there is no baseline; empty if there is one.
    """

    nights: tuple[str, ...]
    distances: Mapping[str, float | None]
    none: str = ""


def _on_grid(profile: Profile) -> Profile:
    """What is counted of each night: contributions are where they were asked for."""
    return {name: each for name, each in profile.items() if not moved_scores.is_counted(name)}


def weekdays_before(partition: str, weeks: int) -> tuple[str, ...]:
    """The same weekday of the previous weeks, the most recent first; empty if it is no date."""
    day = parse_day(partition)
    if day is None:
        return ()
    return tuple((day - timedelta(weeks=week)).isoformat() for week in range(1, weeks + 1))


def compare_weekdays(
    partition: str, night: Profile, earlier: Mapping[str, Profile], weeks: int
) -> WeekdayDistances:
    """Compare a night with the same weekdays before it.

    Parameters
    ----------
    earlier
        Profiles of published nights. Those on another grid than the night's are ignored.
    """
    if parse_day(partition) is None:
        return WeekdayDistances((), {}, NO_DAY)
    wanted = weekdays_before(partition, weeks)
    nights = tuple(name for name in wanted if name in earlier and _alike(earlier[name], night))
    if not nights:
        return WeekdayDistances((), {}, f"none of the {weeks} same weekdays before is comparable")
    mine = [earlier[name] for name in nights]
    # Of merged profiles the counts alone are compared; none of contributions.
    distances = {
        name: _distance(np.sum([each[name].counts for each in mine], axis=0), night[name])
        for name in _on_grid(mine[0])
    }
    return WeekdayDistances(nights, distances)


def _alike(a: Profile, b: Profile) -> bool:
    a, b = _on_grid(a), _on_grid(b)
    return a.keys() == b.keys() and all(
        (len(a[name].counts), len(a[name].fine)) == (len(b[name].counts), len(b[name].fine))
        for name in a
    )


def _distance(before: Ints, night: ColumnProfile) -> float | None:
    found = float(js_distance(before, night.counts))
    return found if math.isfinite(found) else None


@dataclass
class WeekdayHistory:
    """The distances that earlier nights had from their weekday baselines.

    A night's distances become part of the history only ``lag`` nights later, once it has left the
    window of nights that are judged together.
    """

    lag: int
    _usual: dict[str, list[float]] = field(default_factory=dict)
    _waiting: list[Mapping[str, float | None]] = field(default_factory=list)

    def next(self, found: WeekdayDistances, columns: Iterable[str]) -> dict[str, SeenValue]:
        """The night's distances, each with those of earlier nights."""
        while len(self._waiting) >= self.lag:
            for name, value in self._waiting.pop(0).items():
                if value is not None:
                    self._usual.setdefault(name, []).append(value)
        self._waiting.append(found.distances)
        return {
            name: SeenValue(found.distances.get(name), tuple(self._usual.get(name, ())))
            for name in columns
        }
