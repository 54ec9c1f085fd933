"""Cuts a table into nights: by its own time, or by chance where it has none.

And finds columns that are the time once more.
"""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import isqrt
from statistics import median
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from assay.columns.reference import ORDINARY, ordinary_rows
from assay.formats.source import FIRST_INVENTED, add_random_night
from assay.project.params import Publish
from assay.project.params.values import Every
from assay.project.partitions import first_day

LEAST_NIGHTS = 10
"""Fewer nights cannot be cut into training, holdout and nights to score."""
INVENTED = (20, 40)
"""The fewest and the most nights that are invented: three are left to be scored, and cost a small
table no more than a seventh of its rows."""
LEAST_ROWS = 30
"""Rows of a night, in the median, from which on its scores have a shape."""
HOLDOUT_SHARE, MOST_HELD_OUT = 0.2, 0.4
"""Of the rows; more than the first only where the holdout has fewer than `JUDGED` nights."""
JUDGED = 15
"""Nights of the holdout from which on the gate can judge by nights: it asks for what ten would be
worth if they were alike."""
MOST_SCORED = 7
STRAIGHT = 0.9999
"""Correlation with the time above which a number is the time. A decimal year is above it, in spite
of leap years and rounding; what merely grows, as an odometer does, seldom is."""
_FINEST_FIRST: tuple[Every, ...] = ("day", "week", "month", "year")

Why = Literal["time", "chance"]


@dataclass(frozen=True)
class Nights:
    """How rows become nights, and which nights are for what.

    Parameters
    ----------
    by
        ``time``: a night is the day, week, month or year of a column; ``chance``: the table has no
        usable time, and each row is put into one of ``count`` nights by a hash.
    every
        The length of a night by time.
    count
        Number of nights.
    rows
        Rows of a night in the median, and the fewest and the most.
    ordinary
        The fewest and the most rows of a night that are no accident: of one in fifty they may be,
        and of one where there are fewer.
    train, holdout, scored
        First and last day of each window, both included; the nights after the holdout are left to
        be scored.
    """

    by: Why
    every: Every
    count: int
    rows: tuple[int, int, int]
    train: tuple[date, date]
    holdout: tuple[date, date]
    scored: tuple[date, ...]
    first: date
    """The first of ``scored`` with half of the median's rows, to begin with; else the largest."""
    held_out: int
    """Nights of the holdout."""
    ordinary: tuple[int, int]
    swing: float
    """How many times the rows of the nights before it an ordinary night has, or they of it."""


def cut_by_time(days: Mapping[date, int], every: Every | None = None) -> Nights | None:
    """Nights by the days of a column of times.

    Parameters
    ----------
    days
        Rows of each day.
    every
        The length of a night if a person said it; None to choose the finest that has enough rows,
        and nights enough in the holdout.

    Returns
    -------
    Nights or None
        None if no length gives `LEAST_NIGHTS` nights.
    """
    cuts = {every: _merge(days, every)} if every else _cuts(days)
    possible = [
        _windows("time", each, rows) for each, rows in cuts.items() if len(rows) >= LEAST_NIGHTS
    ]
    if not possible:
        return None
    judged = [each for each in possible if each.held_out >= JUDGED] or possible
    return next(
        (each for each in judged if each.rows[0] >= LEAST_ROWS),
        # None has enough rows: few large nights are better than many that say nothing.
        judged[-1],
    )


def cut_by_chance(rows: int, groups: pd.Series | None = None) -> Nights:
    """Nights of about the same number of rows, without an order; for a table without a time.

    Parameters
    ----------
    groups
        The values of the column that is kept together, in a sample of the rows, if there is one:
        groups differ in size, so the nights that they fall into do too.
    """
    count = max(INVENTED[0], min(INVENTED[1], rows // LEAST_ROWS))
    each, more = divmod(rows, count)
    days = [FIRST_INVENTED + timedelta(days=number) for number in range(count)]
    windows = _windows(
        "chance", "day", {day: each + (number < more) for number, day in enumerate(days)}
    )
    # Chance fills them: four standard deviations of what it does.
    if groups is not None:
        column = pa.table({"by": pa.Array.from_pandas(groups)})
        seen = Counter(add_random_night(column, "by", count).column("night").to_pylist())
        fall = {day: round(seen[str(day)] * rows / len(groups)) for day in days if seen[str(day)]}
        like = _windows("chance", "day", fall)
        return replace(windows, rows=like.rows, ordinary=like.ordinary, swing=like.swing)
    apart = 4 * isqrt(each)
    fewest = max(1, each - 3 * isqrt(each))
    few, many = max(0, each - apart), each + apart
    return replace(windows, rows=(each, few, many), ordinary=(few, many), swing=each / fewest)


def find_time_copies(sample: pd.DataFrame, time: str, names: Iterable[str]) -> dict[str, str]:
    """Numbers that are the time in another form, each with the reason: no night is like another.

    Parameters
    ----------
    sample
        Of all rows.
    names
        Columns to look at.
    """
    when = sample[time]
    year, month, day = when.dt.year, when.dt.month, when.dt.day
    digits = (
        year * 1000 + when.dt.dayofyear, year * 10_000 + month * 100 + day, year * 100 + month
    )  # fmt: skip
    copies = {}
    for name in names:
        column = sample[name]
        if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            continue
        finite = np.isfinite(column.to_numpy(np.float64, na_value=np.nan))
        values, since = column[finite].astype("float64"), when[finite]
        if len(values) < LEAST_ROWS or values.nunique() < 3:
            continue
        same = any((values == written[finite]).all() for written in digits)
        with np.errstate(all="ignore"):  # numbers whose squares overflow are no line
            straight = np.corrcoef(values, since.astype("int64"))[0, 1]
        if same or abs(straight) > STRAIGHT:
            copies[name] = f"{time} in another form, so each night's value is new"
    return copies


def _cuts(days: Mapping[date, int]) -> dict[Every, dict[date, int]]:
    """Nights of each length, the finest first; where all days are firsts of a year, of years."""
    cuts = {each: _merge(days, each) for each in _FINEST_FIRST}
    finest = max(
        place for place, each in enumerate(_FINEST_FIRST) if cuts[each].keys() == days.keys()
    )
    return {each: cuts[each] for each in _FINEST_FIRST[finest:]}


def _merge(days: Mapping[date, int], every: Every) -> dict[date, int]:
    rows_of: Counter[date] = Counter()
    for day, rows in days.items():
        rows_of[first_day(day, every)] += rows
    return dict(sorted(rows_of.items()))


def _windows(by: Why, every: Every, rows: Mapping[date, int]) -> Nights:
    nights = sorted(rows)
    scored = min(MOST_SCORED, max(3, len(nights) // 10))
    left = nights[:-scored]
    whole, held = sum(rows[night] for night in left), 0
    first = len(left)
    while first > 2 and (held < HOLDOUT_SHARE * whole or first == len(left)):
        first -= 1
        held += rows[left[first]]
    if by == "time":
        for count in range(JUDGED, len(left) - first, -1):
            more = len(left) - count
            if more >= 2 and sum(rows[night] for night in left[more:]) <= MOST_HELD_OUT * whole:
                first = more
                break
    counts, last, middle = sorted(rows.values()), nights[-scored:], _median(rows)
    return Nights(
        by=by,
        every=every,
        count=len(nights),
        rows=(middle, counts[0], counts[-1]),
        ordinary=ordinary_rows(counts),
        train=(left[0], left[first] - timedelta(days=1)),
        holdout=(left[first], last_day(left[-1], every)),
        scored=tuple(last),
        first=max(last, key=lambda night: min(2 * rows[night], middle)),
        held_out=len(left) - first,
        swing=_swing(list(rows.values())),
    )


def _swing(rows: Sequence[int]) -> float:
    """The ratio of a night's rows to the median of the nights before it, as it is looked at.

    ``rows`` of each night, in order. One night in fifty is not ordinary, and one of fewer.
    """
    limits = Publish()
    ratios = [
        rows[night] / median(rows[max(0, night - limits.recent_nights) : night])
        for night in range(limits.min_nights, len(rows))
    ]
    either = [max(ratio, 1 / ratio) for ratio in ratios]
    return float(np.quantile(either, ORDINARY, method="lower")) if either else 1.0


def _median(rows: Mapping[date, int]) -> int:
    return sorted(rows.values())[len(rows) // 2]


def last_day(first: date, every: Every) -> date:
    """The last day of the night that begins with ``first``."""
    if every == "day":
        return first
    if every == "week":
        return first + timedelta(days=6)
    if every == "month":
        return first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return date(first.year, 12, 31)
