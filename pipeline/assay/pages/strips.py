"""Small inline SVG pictures of counts: no script, no font, no file beside the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

REFERENCE = "#9aa5b1"
NIGHT = "#2563a8"
OVER = "#c0392b"


def strip(
    distances: Sequence[float],
    limit: float | None,
    night: float | None,
    break_limit: float | None = None,
) -> str:
    """Where the night's distance lies among the reference's own: a tick a reference night.

    Distances are drawn on the scale from 0 to a little over the largest that is shown.
    """
    width, height = 190, 18
    shown = [*distances, *(value for value in (limit, night, break_limit) if value is not None)]
    top = max(shown, default=0.0) * 1.05 or 1.0

    def x(value: float) -> float:
        return round(3 + (width - 6) * value / top, 1)

    ticks = "".join(f"M{x(value):g} 5v8" for value in distances)
    parts = [f'<path d="{ticks}" stroke="{REFERENCE}" stroke-width="1" opacity=".55"/>']
    if limit is not None:
        parts.append(f'<path d="M{x(limit):g} 1v16" stroke="{OVER}" stroke-width="1.5"/>')
    if break_limit is not None:
        dashes = 'stroke-width="1.5" stroke-dasharray="3 2"'
        parts.append(f'<path d="M{x(break_limit):g} 1v16" stroke="{OVER}" {dashes}/>')
    if night is not None:
        far = limit is None or not night <= limit
        parts.append(f'<circle cx="{x(night):g}" cy="9" r="4" fill="{OVER if far else NIGHT}"/>')
    label = "no distance" if night is None else f"distance {night:.3f}"
    return _svg(width, height, label, "".join(parts))


def _svg(width: int, height: int, label: str, body: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(label)}">{body}</svg>'
    )
