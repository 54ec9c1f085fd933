"""Small inline SVG pictures of counts: no script, no font, no file beside the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from pipeline.profile import CategoryGrid, ColumnGrid, ColumnProfile

REFERENCE = "#9aa5b1"
NIGHT = "#2563a8"
OVER = "#c0392b"
SHOWN_CATEGORIES = 12
WIDTH, HEIGHT, AXIS = 380, 120, 18


def strip(distances: Sequence[float], limit: float | None, night: float | None) -> str:
    """Where the night's distance lies among the reference's own: a tick a reference night.

    Distances are drawn on the scale from 0 to a little over the largest that is shown.
    """
    width, height = 190, 18
    shown = [*distances, *(value for value in (limit, night) if value is not None)]
    top = max(shown, default=0.0) * 1.05 or 1.0

    def x(value: float) -> float:
        return round(3 + (width - 6) * value / top, 1)

    ticks = "".join(f"M{x(value):g} 5v8" for value in distances)
    parts = [f'<path d="{ticks}" stroke="{REFERENCE}" stroke-width="1" opacity=".55"/>']
    if limit is not None:
        parts.append(f'<path d="M{x(limit):g} 1v16" stroke="{OVER}" stroke-width="1.5"/>')
    if night is not None:
        far = limit is None or not night <= limit
        parts.append(f'<circle cx="{x(night):g}" cy="9" r="4" fill="{OVER if far else NIGHT}"/>')
    label = "no distance" if night is None else f"distance {night:.3f}"
    return _svg(width, height, label, "".join(parts))


def histogram(
    grid: ColumnGrid, reference: ColumnProfile, night: ColumnProfile, far: bool = False
) -> str:
    """Shares of the known values in each cell: the reference's bar beside the night's."""
    names, before, now = _bars(grid, reference.counts, night.counts)
    old = [count / max(1, sum(before)) for count in before]
    new = [count / max(1, sum(now)) for count in now]
    top = max((*old, *new, 0.01))
    slot = WIDTH / max(1, len(names))
    room = HEIGHT - AXIS - 12
    every = max(1, -(-len(names) * 46 // WIDTH))
    parts = []
    for i, (name, a, b) in enumerate(zip(names, old, new, strict=True)):
        parts.append(f"<g><title>{escape(name)}: reference {a:.1%}, night {b:.1%}</title>")
        for share, start, colour in ((a, 0.1, REFERENCE), (b, 0.5, OVER if far else NIGHT)):
            tall = room * share / top
            parts.append(
                f'<rect x="{slot * (i + start):.1f}" y="{HEIGHT - AXIS - tall:.1f}" '
                f'width="{slot * 0.38:.1f}" height="{tall:.1f}" fill="{colour}"/>'
            )
        parts.append("</g>")
        if i % every == 0:
            parts.append(
                f'<text x="{slot * (i + 0.5):.1f}" y="{HEIGHT - 5}" text-anchor="middle">'
                f"{escape(_short(name))}</text>"
            )
    base = HEIGHT - AXIS
    parts.append(f'<path d="M0 {base}.5H{WIDTH}" stroke="#c9d1d9"/>')
    parts.append(f'<text x="0" y="9">{top:.0%}</text>')
    return _svg(WIDTH, HEIGHT, "shares of the reference and of the night", "".join(parts))


def _bars(
    grid: ColumnGrid, reference: Sequence[int], night: Sequence[int]
) -> tuple[list[str], list[int], list[int]]:
    """Names and counts of the bars; rare categories share one, empty ends are left out."""
    if isinstance(grid, CategoryGrid):
        known = len(grid.categories)
        head = known if known <= SHOWN_CATEGORIES + 1 else SHOWN_CATEGORIES
        names = list(grid.categories[:head])
        before, now = list(reference[:head]), list(night[:head])
        if head < known:
            names.append("others")
            before.append(sum(reference[head:known]))
            now.append(sum(night[head:known]))
        names.append("new")
        return names, [*before, reference[known]], [*now, night[known]]
    edges = [f"{edge:.4g}" for edge in grid.edges]
    if not edges:
        return ["any"], list(reference), list(night)
    names = [f"<{edges[0]}"]
    for low, high in pairwise(edges):
        names.append(low if low == high else f"{low} to {high}")
    names.append(f">{edges[-1]}")
    kept = [i for i in range(len(names)) if 0 < i < len(names) - 1 or reference[i] or night[i]]
    return [names[i] for i in kept], [reference[i] for i in kept], [night[i] for i in kept]


def _short(name: str) -> str:
    first = name.split(" to ", maxsplit=1)[0]
    return first if len(first) <= 7 else first[:6] + "…"


def _svg(width: int, height: int, label: str, body: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(label)}">{body}</svg>'
    )
