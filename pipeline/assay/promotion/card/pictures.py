"""Pictures of a card, as SVG files of their own: values with their intervals."""

from __future__ import annotations

from collections.abc import Mapping

from assay.metrics.estimate import Estimate
from assay.pages.svg import (
    BLUE,
    GREY,
    PALE,
    Picture,
    Scale,
    axis_limits,
    label_margin,
    tick_labels,
)
from assay.project.text import one_line

MOST = 20
"""Rows of a picture; the table beside it has all."""
_WIDTH, _ROW, _BELOW = 640, 24, 26
_ALONE = (
    "<svg xmlns='http://www.w3.org/2000/svg' style='background:#fff;font:11px sans-serif' "
    f"width='{_WIDTH}' "
)


def intervals(title: str, rows: Mapping[str, Estimate], mark: float | None = None) -> str:
    """A row for each name: its value as a dot, its interval as a bar; ``mark`` is a line."""
    drawn = {one_line(name, 40): one for name, one in list(rows.items())[:MOST]}
    height = _ROW * len(drawn) + _BELOW
    picture = Picture(_WIDTH, height, title)
    low, high = axis_limits(list(drawn.values()))
    x = Scale(low, high, label_margin(drawn), _WIDTH - 20)
    for tick in x.ticks:
        picture.line((x(tick), 4), (x(tick), height - _BELOW))
    if mark is not None:
        picture.line((x(mark), 4), (x(mark), height - _BELOW), GREY, dashes="4 3")
    for place, one in enumerate(drawn.values()):
        middle = _ROW * (place + 0.5)
        if one.low is not None and one.high is not None:
            picture.rect(x(one.low), middle - 5, max(x(one.high) - x(one.low), 2), 10, PALE)
        if one.value is not None:
            picture.dot(x(one.value), middle, 4, BLUE)
    heights = ((_ROW * (place + 0.5), name) for place, name in enumerate(drawn))
    picture.labels_left(heights, x.start - 6)
    picture.labels_below(tick_labels(x), height - 8)
    return str(picture).replace("<svg ", _ALONE, 1) + "\n"
