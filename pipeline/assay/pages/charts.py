"""Charts that several pages use: intervals, calibration curves, bars and distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from assay.columns import summary_statistics
from assay.columns.features import Floats
from assay.columns.grid import CategoryGrid, ColumnGrid, NumberGrid
from assay.columns.profile import ColumnProfile
from assay.metrics.estimate import Estimate
from assay.metrics.slices import MISSING
from assay.pages.svg import (
    BLUE,
    DARK,
    GREY,
    PALE,
    RED,
    REFERENCE,
    Picture,
    Scale,
    label_margin,
    text_width,
    tick_labels,
)
from assay.project.text import counted, format_short, mark_blanks

STRIP_WIDTH, STRIP_HEIGHT, PAD = 300, 22, 18
WIDTH, HEIGHT, RIGHT, TOP, BOTTOM = 400, 310, 14, 12, 40


def interval_strip(
    estimate: Estimate | None, low: float, high: float, mark: float | None = None
) -> Picture:
    """One interval as a bar with a dot at its value, on an axis from ``low`` to ``high``.

    ``mark`` draws a dashed line, for the value over all rows. Without a value only the axis is
    drawn.
    """
    x = _strip_scale(low, high)
    middle = STRIP_HEIGHT / 2
    picture = Picture(STRIP_WIDTH, STRIP_HEIGHT, _words(estimate), fixed=True)
    picture.line((x.start, middle), (x.end, middle))
    for tick in x.ticks:
        picture.line((x(tick), middle - 4), (x(tick), middle + 4))
    if mark is not None:
        picture.line((x(mark), 1), (x(mark), STRIP_HEIGHT - 1), GREY, dashes="3 2")
    if estimate is not None and estimate.value is not None:
        if estimate.low is not None and estimate.high is not None:
            left, right = x(estimate.low), x(estimate.high)
            picture.rect(left, middle - 6, max(right - left, 2), 12, PALE)
        picture.dot(x(estimate.value), middle, 3.2, BLUE)
    return picture


def strip_axis(low: float, high: float) -> Picture:
    """The tick labels below a column of strips."""
    picture = Picture(STRIP_WIDTH, 16, f"axis from {low:g} to {high:g}", fixed=True)
    picture.labels_below(tick_labels(_strip_scale(low, high)), 11)
    return picture


def _strip_scale(low: float, high: float) -> Scale:
    return Scale(low, high, PAD, STRIP_WIDTH - PAD)


def _words(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return "no value"
    if estimate.low is None or estimate.high is None:
        return format_short(estimate.value)
    interval = f"interval {format_short(estimate.low)} to {format_short(estimate.high)}"
    return f"{format_short(estimate.value)}, {interval}"


def distance_strip(
    reference: Sequence[float],
    limit: float | None,
    night: float | None,
    break_limit: float | None = None,
) -> Picture:
    """The night's distance among the reference's own, each reference night a tick.

    The axis runs from 0 to slightly over the largest distance shown.
    """
    width, height = 150, 18
    shown = [*reference, *(value for value in (limit, night, break_limit) if value is not None)]
    x = Scale(0.0, max(shown, default=0.0) * 1.05 or 1.0, 5, width - 5)
    title = "no distance" if night is None else f"distance {night:.3f}"
    for name, value in (("limit", limit), ("break limit", break_limit)):
        title += "" if value is None else f", {name} {value:.3f}"
    picture = Picture(width, height, title, fixed=True)
    if reference:
        picture.path(
            "".join(f"M{x(value):g} 5v8" for value in reference), stroke=REFERENCE, opacity=0.55
        )
    if limit is not None:
        picture.line((x(limit), 1), (x(limit), height - 1), RED, width=1.5)
    if break_limit is not None:
        at = x(break_limit)
        picture.line((at, 1), (at, height - 1), RED, width=1.5, dashes="3 2")
    if night is not None:
        far = limit is None or not night <= limit
        picture.dot(x(night), height / 2, 4, RED if far else BLUE)
    return picture


def histogram_pair(drawn: HistogramPair, night: str) -> Picture:
    """The reference's shares as grey bars, and the night's beside them in the colour ``night``."""
    width, height = 240, 74
    base = height - 16
    read = "; ".join(
        f"{name}: {before:.1%}, {now:.1%}"
        for name, before, now in zip(drawn.names, drawn.before, drawn.now, strict=True)
    )
    picture = Picture(width, height, "shares in the reference, and now", read)
    top = max((*drawn.before, *drawn.now), default=0.0) or 1.0
    step = (width - 2) / max(1, len(drawn.names))
    bar = max(1.0, (step - 1) / 2)
    for colour, shift, shares in ((REFERENCE, 0.0, drawn.before), (night, bar, drawn.now)):
        bars = (
            f"M{1 + place * step + shift:.1f} {base}v{-share / top * (base - 2):.1f}"
            f"h{bar:.1f}V{base}z"
            for place, share in enumerate(shares)
            if share > 0
        )
        picture.path("".join(bars), fill=colour)
    picture.line((0, base), (width, base))
    ends = (drawn.names[0], drawn.names[-1]) if len(drawn.names) > 1 else drawn.names[:1]
    places = (1 + step / 2, 1 + (len(drawn.names) - 0.5) * step)
    picture.labels_below(list(zip(places, ends, strict=False)), height - 4)
    return picture


def bar_pairs(drawn: Sequence[tuple[str, float, float]], night: str) -> Picture:
    """For each name a value of the reference as a grey bar, and the night's below it."""
    width, row, base = 620, 26, 26 * len(drawn) + 8
    words = "; ".join(f"{name}: {one:.3g}, {other:.3g}" for name, one, other in drawn)
    picture = Picture(width, base + 20, "in the reference, and now", words, fixed=True)
    left = min(260.0, max((text_width(name) for name, *_ in drawn), default=0.0)) + 12
    most = max((max(one, other) for _, one, other in drawn), default=0.0) or 1.0
    x = Scale(0.0, most * 1.05, left, width - 20)
    for place, (name, one, other) in enumerate(drawn):
        top = place * row + 6
        picture.text(left - 8, top + 13, name, "end")
        picture.rect(left, top, max(x(one) - left, 0.5), 8, REFERENCE)
        picture.rect(left, top + 9, max(x(other) - left, 0.5), 8, night)
    picture.line((left, base), (x.end, base))
    picture.labels_below(tick_labels(x), base + 14)
    return picture


def dot_plot(
    table: pd.DataFrame,
    x: str,
    y: str,
    titles: tuple[str, str],
    *,
    low: float,
    high: float,
    across: tuple[float, float] | None = None,
) -> Picture:
    """Plot column ``y`` over column ``x``, one dot per row of ``table``, with the diagonal.

    Both axes go from ``low`` to ``high``. With ends of ``across`` only the upright one does, and in
    place of the diagonal is a line at 0; a row without ``x`` is right of the axis. If there are
    columns ``low`` and ``high``, they are drawn as a line through each dot.
    """
    known = table[table[x].notna()]
    read = "; ".join(
        f"{one:.4g}: {other:.4g}" for one, other in zip(known[x], known[y], strict=True)
    )
    picture = Picture(
        WIDTH, HEIGHT, f"{titles[1]} by {titles[0]}", f"{titles[0]}: {titles[1]}. {read}"
    )
    beside = 72 if len(known) < len(table) else 0
    x_axis, up = _axes(picture, across or (low, high), (low, high), titles, beside=beside)
    guide = (low, high) if across is None else (0.0, 0.0)
    picture.line((x_axis.start, up(guide[0])), (x_axis.end, up(guide[1])), GREY, dashes="4 3")
    places = [x_axis.end + 46 if pd.isna(one) else x_axis(one) for one in table[x]]
    if "low" in table:
        for at, bottom, top in zip(places, table["low"], table["high"], strict=True):
            picture.line((at, up(bottom)), (at, up(top)), PALE, width=5)
    line = zip(places, known[y], strict=False)
    picture.path(
        "M" + "L".join(f"{at:g} {up(other):g}" for at, other in line), stroke=BLUE, width=2
    )
    for at, one, other, count in zip(places, table[x], table[y], table["rows"], strict=True):
        where = MISSING if pd.isna(one) else f"{one:.4g}"
        title = f"{titles[0]} {where}, {titles[1]} {other:.4g}, {counted(count, 'row')}"
        picture.dot(at, up(other), 4.5, BLUE, title)
    if beside:
        picture.text(places[-1], HEIGHT - BOTTOM + 15, MISSING, "middle")
    return picture


def bar_chart(
    table: pd.DataFrame,
    x: str,
    stacked: Sequence[tuple[str, str]],
    title: str,
    *,
    low: float,
    high: float,
    mark: tuple[float, str] | None = None,
) -> Picture:
    """Rows by ``x``, one bar per row of ``table``.

    Parameters
    ----------
    stacked
        Columns with counts and their colours, the lowest first.
    low, high
        Ends of the axis.
    mark
        A value and its label, drawn as a line if it is on the axis.
    """
    totals = table[[name for name, _ in stacked]].sum(axis=1)
    top = max(float(totals.max()), 1.0) * 1.08
    read = "; ".join(f"{at:.4g}: {rows:,.0f}" for at, rows in zip(table[x], totals, strict=True))
    picture = Picture(WIDTH, HEIGHT, f"rows by {title}", f"{title}: rows. {read}")
    across, up = _axes(picture, (low, high), (0.0, top), (title, "rows"), counts=True)
    width = max((across.end - across.start) / len(table) - 2, 1)
    for _, row in table.iterrows():
        base = 0.0
        for name, colour in stacked:
            above, below = up(base + row[name]), up(base)
            picture.rect(across(row[x]) - width / 2, above, width, below - above, colour)
            base += row[name]
    if mark is not None and low <= mark[0] <= high:
        at = across(mark[0])
        picture.line((at, TOP), (at, HEIGHT - BOTTOM), DARK, width=1.5)
        if at > 0.6 * WIDTH:
            picture.text(at - 5, 20, mark[1], "end")
        else:
            picture.text(at + 5, 20, mark[1])
    return picture


def _axes(
    picture: Picture,
    x: tuple[float, float],
    y: tuple[float, float],
    titles: tuple[str, str],
    *,
    counts: bool = False,
    beside: float = 0,
) -> tuple[Scale, Scale]:
    """Draw lines, numbers and titles of both axes; with ``counts``, upright labels are integers.

    ``beside`` is room that is left free right of them.
    """
    up = Scale(*y, HEIGHT - BOTTOM, TOP)
    levels = tick_labels(up)
    if counts:
        levels = [(up(n), f"{int(n):,}") for n in up.ticks if n == int(n)]
    across = Scale(*x, 20 + label_margin(words for _, words in levels), WIDTH - RIGHT - beside)
    for level, _ in levels:
        picture.line((across.start, level), (across.end, level))
    if not counts:
        for tick in across.ticks:
            picture.line((across(tick), TOP), (across(tick), HEIGHT - BOTTOM))
    picture.labels_left(levels, across.start - 6)
    picture.labels_below(tick_labels(across), HEIGHT - BOTTOM + 15)
    picture.text((across.start + across.end) / 2, HEIGHT - 6, titles[0], "middle")
    picture.vertical_text(12, (up.start + up.end) / 2, titles[1])
    return across, up


# ------------ two histograms of a column with the same bars: the reference's shares and the night's
# Distances use the grid's cells, which hold equal shares of the reference and would all have the
# same height as bars. A histogram for people has bars of equal width instead. Each fine cell is
# added to the bar that contains its mean. A column with few values has a bar for each of them.

BARS = 24
"""Number of bars of equal width, besides one at either end; also the most values with own bars."""
CATEGORIES = 12
"""The most categories of the reference with a bar of their own."""
WITHIN = (0.01, 0.99)
"""Bars span from the lower of both columns' first quantile to the higher of their last."""


@dataclass(frozen=True, slots=True)
class HistogramPair:
    """The bars' names, and their shares of the non-null values in either column.

    ``at`` are their centres if they have equal width, else None.
    """

    names: tuple[str, ...]
    before: tuple[float, ...]
    now: tuple[float, ...]
    at: tuple[float, ...] | None = None


def build_histograms(grid: ColumnGrid, before: ColumnProfile, now: ColumnProfile) -> HistogramPair:
    """Both columns' bars. The first and the last are left out where both columns have none.

    Parameters
    ----------
    before, now
        Counts on ``grid``.
    """
    columns, at = (before, now), None
    if isinstance(grid, CategoryGrid):
        names, counts = _categories(grid, columns)
    elif np.count_nonzero(before.fine.counts + now.fine.counts) <= BARS:
        names, counts = _values(columns)
    else:
        names, counts, at = _equal(grid, columns)
    kept = [
        place
        for place in range(len(names))
        if 0 < place < len(names) - 1 or any(each[place] > 0 for each in counts)
    ]
    shares = [tuple(float(each[place] / max(1.0, each.sum())) for place in kept) for each in counts]
    middles = None if at is None else tuple(at[place] for place in kept)
    return HistogramPair(tuple(names[place] for place in kept), shares[0], shares[1], middles)


def _categories(
    grid: CategoryGrid, columns: Sequence[ColumnProfile]
) -> tuple[list[str], list[Floats]]:
    known = len(grid.categories)
    head = known if known <= CATEGORIES + 1 else CATEGORIES
    names = list(grid.categories[:head])
    for rest in ("others", "new") if head < known else ("new",):
        while rest in grid.categories:
            rest = f"({rest})"
        names.append(rest)
    names = [mark_blanks(name) for name in names]
    counts = []
    for column in columns:
        others = [sum(column.counts[head:known])] if head < known else []
        each = [*column.counts[:head], *others, column.counts[known]]
        counts.append(np.array(each, np.float64))
    return names, counts


def _values(columns: Sequence[ColumnProfile]) -> tuple[list[str], list[Floats]]:
    """A bar for each non-empty fine cell."""
    together = np.sum([each.fine.counts for each in columns], axis=0)
    sums = np.sum([each.fine.sums for each in columns], axis=0)
    held = np.flatnonzero(together)
    names = _written(sums[held] / together[held])
    return names, [each.fine.counts[held].astype(np.float64) for each in columns]


def _equal(
    grid: NumberGrid, columns: Sequence[ColumnProfile]
) -> tuple[list[str], list[Floats], list[float]]:
    """Bars of equal width with one more at either end, and their centres."""
    most = np.array([summary_statistics.quantiles(grid, each, WITHIN) for each in columns])
    low, high = np.nanmin(most[:, 0]), np.nanmax(most[:, 1])
    if not low < high:  # nearly all values are equal
        low = min(each.low for each in columns if each.low is not None)
        high = max(each.high for each in columns if each.high is not None)
    part = np.linspace(0.0, 1.0, BARS + 1)
    edges = low * (1 - part) + np.nextafter(high, np.inf) * part
    written = _written(edges)
    names = [f"under {written[0]}"]
    names += [f"{a} to {b}" for a, b in pairwise(written)]
    names.append(f"over {written[-1]}")
    width = edges[1] - edges[0]
    ends = np.concatenate([[edges[0] - width], edges, [edges[-1] + width]])
    middles = [float(middle) for middle in ends[:-1] / 2 + ends[1:] / 2]
    return names, [_within(edges, each) for each in columns], middles


def _within(edges: Floats, column: ColumnProfile) -> Floats:
    counts, sums = column.fine.counts, column.fine.sums
    held = np.flatnonzero(counts)
    bar = np.searchsorted(edges, sums[held] / counts[held], side="right")
    return np.bincount(bar, weights=counts[held], minlength=len(edges) + 1).astype(np.float64)


def _written(values: Floats) -> list[str]:
    """Use as few digits as keep the names distinct: bars of one name would be merged."""
    for digits in range(4, 17):
        names = [f"{value:.{digits}g}" for value in values]
        if len(set(names)) == len(set(values.tolist())):
            break
    return names
