"""Horizontal bars with a name each: by how much a metric gets worse."""

from __future__ import annotations

from collections.abc import Sequence

from assay.pages.axes import Scale, round_out
from assay.pages.svg import BLUE, DARK, GREY, Picture, label_margin, tick_labels
from assay.project.text import format_short

WIDTH, ROW, TOP, BOTTOM, RIGHT = 540, 22, 6, 40, 14
LETTERS = 30
"""The most letters of a name beside its bar; the text alternative has the whole."""


def drop_chart(bars: Sequence[tuple[str, float, float, float]], metric: str) -> Picture:
    """One bar a name from 0 to its drop, and a line from the least to the most of the repeats.

    Parameters
    ----------
    bars
        Name, mean drop, least and most; not empty.
    """
    read = "; ".join(
        f"{name}: {format_short(drop)} ({format_short(low)} to {format_short(high)})"
        for name, drop, low, high in bars
    )
    height = TOP + ROW * len(bars) + BOTTOM
    title = f"by how much {metric} gets worse when the feature is shuffled"
    picture = Picture(WIDTH, height, title, f"feature: mean (least to most). {read}")
    names = [name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…" for name, *_ in bars]
    low, high = round_out(min(0.0, *(bar[2] for bar in bars)), max(0.0, *(bar[3] for bar in bars)))
    across = Scale(low, high, label_margin(names) + 4, WIDTH - RIGHT)
    base = TOP + ROW * len(bars)
    for tick in across.ticks:
        picture.line((across(tick), TOP), (across(tick), base))
    for place, (name, (_, drop, least, most)) in enumerate(zip(names, bars, strict=True)):
        middle = TOP + ROW * (place + 0.5)
        start, end = sorted((across(0.0), across(drop)))
        picture.rect(start, middle - 7, max(end - start, 1), 14, BLUE if drop > 0 else GREY)
        picture.line((across(least), middle), (across(most), middle), DARK, width=2)
        picture.labels_left([(middle, name)], across.start - 4)
    picture.line((across(0.0), TOP), (across(0.0), base), GREY)
    picture.labels_below(tick_labels(across), base + 15)
    picture.text((across.start + across.end) / 2, height - 6, title, "middle")
    return picture
