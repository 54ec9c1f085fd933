"""Draw inline SVG: axes with fitting labels, and a text alternative.

All charts of a page are drawn here, without scripts, fonts or files beside the page. The browser
chooses the font, so text width is estimated from a wide one. A label that would be cut off at an
edge is moved inside, and one that would cover its neighbour is left out.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from markupsafe import Markup

from assay.metrics.estimate import Estimate
from assay.pages.templating import escape

BLUE, PALE, GREY, ORANGE = "#1f6fb2", "#a9cdea", "#6b7785", "#d98032"
RED, GREEN, DARK = "#c0392b", "#2e7d4f", "#1f2933"
LINE, INK = "#dde3e8", "#5b6773"
REFERENCE = "#9aa5b1"

FONT_SIZE = 11
"""As in style.css for the text of charts."""
GAP = 4
"""Least space between two labels, and between a label and the edge."""

Anchor = Literal["start", "middle", "end"]

# Relative to the font size, for DejaVu Sans: few fonts that a browser may choose are wider.
_WIDTHS = {
    **dict.fromkeys("ijlI|'", 0.3),
    **dict.fromkeys("ftr.,:;/()[]- ", 0.42),
    **dict.fromkeys("mwMW%@", 1.0),
    **dict.fromkeys("ABCDEFGHJKLNOPQRSTUVXYZ+=<>", 0.84),
}


def text_width(words: str) -> float:
    """The estimated width of ``words`` in a browser, rather too large than too small."""
    return FONT_SIZE * sum(map(_width, words))


@cache
def _width(letter: str) -> float:
    wide = unicodedata.east_asian_width(letter) in "WF"
    return _WIDTHS.get(letter, 1.0 if wide or not letter.isascii() else 0.65)


class Picture:
    """An SVG element; later shapes are drawn over earlier ones.

    Parameters
    ----------
    title
        What it shows, in one line.
    description
        What can be read from it, for those who cannot see it.
    fixed
        Whether it has a fixed size; if not, it is as wide as its box.
    stretched
        Whether it also fills the height of its box; only for charts without text.
    """

    def __init__(
        self,
        width: float,
        height: float,
        title: str,
        description: str = "",
        *,
        fixed: bool = False,
        stretched: bool = False,
    ) -> None:
        self.width, self.height = width, height
        shape = ""
        if fixed:
            shape = f" width='{width:g}' height='{height:g}'"
        elif stretched:
            shape = " preserveAspectRatio='none'"
        self._parts = [f"<svg viewBox='0 0 {width:g} {height:g}'{shape} role='img'>", _title(title)]
        if description:
            self._parts.append(f"<desc>{escape(description)}</desc>")

    def __html__(self) -> Markup:
        return Markup("".join([*self._parts, "</svg>"]))

    def __str__(self) -> str:
        return str(self.__html__())

    def line(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        colour: str = LINE,
        *,
        width: float = 1,
        dashes: str = "",
    ) -> None:
        """A straight line."""
        (x, y), (to_x, to_y) = start, end
        more = f" stroke-dasharray='{dashes}'" if dashes else ""
        self._parts.append(
            f"<line x1='{x:g}' y1='{y:g}' x2='{to_x:g}' y2='{to_y:g}' stroke='{colour}'"
            f" stroke-width='{width:g}'{more}/>"
        )

    def path(
        self,
        shape: str,
        *,
        fill: str = "none",
        stroke: str = "",
        width: float = 1,
        opacity: float = 1,
        round_ends: bool = False,
    ) -> None:
        """Any shape, in SVG path syntax."""
        more = f" stroke='{stroke}' stroke-width='{width:g}'" if stroke else ""
        more += " stroke-linecap='round' stroke-linejoin='round'" if round_ends else ""
        more += f" opacity='{opacity:g}'" if opacity != 1 else ""
        self._parts.append(f"<path d='{shape}' fill='{fill}'{more}/>")

    def rect(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle."""
        self._parts.append(
            f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}'"
            f" fill='{colour}'/>"
        )

    def dot(self, x: float, y: float, radius: float, colour: str, title: str = "") -> None:
        """A filled circle; ``title`` is its tooltip."""
        circle = f"<circle cx='{x:g}' cy='{y:g}' r='{radius:g}' fill='{colour}'"
        self._parts.append(f"{circle}>{_title(title)}</circle>" if title else f"{circle}/>")

    def text(self, x: float, y: float, words: str, anchor: Anchor = "start") -> None:
        """A line of text at ``x``, moved if needed to stay inside the picture."""
        left, right = self._extent(x, words, anchor)
        at = {"start": left, "middle": (left + right) / 2, "end": right}[anchor]
        self._words(at, y, words, anchor)

    def _extent(self, x: float, words: str, anchor: Anchor) -> tuple[float, float]:
        """Where the text starts and ends after it was moved inside."""
        wide = text_width(words)
        left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        left = max(0.0, min(left, self.width - wide))
        return left, left + wide

    def _words(self, x: float, y: float, words: str, anchor: str) -> None:
        place = f"x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'"
        self._parts.append(f"<text {place}>{escape(words)}</text>")

    def vertical_text(self, x: float, y: float, words: str) -> None:
        """Vertical text, read from below, centred at ``y``."""
        place = f"x='{x:g}' y='{y:g}' text-anchor='middle' transform='rotate(-90 {x:g} {y:g})'"
        self._parts.append(f"<text {place}>{escape(words)}</text>")

    def labels_below(self, labels: Iterable[tuple[float, str]], y: float) -> None:
        """Labels below an axis, left to right; one that would cover another is left out."""
        free = -float(GAP)
        for x, words in labels:
            left, right = self._extent(x, words, "middle")
            if left >= free + GAP:
                self._words((left + right) / 2, y, words, "middle")
                free = right

    def labels_left(self, labels: Iterable[tuple[float, str]], x: float) -> None:
        """Labels left of an axis, each vertically centred at its height."""
        for y, words in labels:
            self.text(x, y + FONT_SIZE * 0.35, words, "end")


def _title(words: str) -> str:
    return f"<title>{escape(words)}</title>"


def tick_labels(scale: Scale, factor: float = 1, unit: str = "") -> list[tuple[float, str]]:
    """The position and the text of each tick."""
    return [(scale(tick), f"{tick * factor:,.9g}{unit}") for tick in scale.ticks]


def label_margin(labels: Iterable[str]) -> float:
    """The width that labels left of an axis need."""
    return max((text_width(words) for words in labels), default=0.0) + GAP + 2


# ------------------------------------- axis ends and ticks: round numbers around the plotted values


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear scale from values to positions in a chart; values outside its ends are clipped."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    @property
    def ticks(self) -> tuple[float, ...]:
        return ticks(self.low, self.high)


def axis_limits(estimates: Sequence[Estimate], *, least: float = -math.inf) -> tuple[float, float]:
    """Round axis ends that contain every interval, none below ``least``."""
    ends = [
        number
        for one in estimates
        for number in (one.low, one.value, one.high)
        if number is not None
    ]
    if not ends:
        return 0.0, 1.0
    return round_out(min(ends), max(ends), least=least)


def round_out(
    low: float, high: float, *, least: float = -math.inf, most: float = math.inf
) -> tuple[float, float]:
    """Round numbers slightly outside ``low`` and ``high``, and never on the other side of 0.

    Where no value is negative, an axis from below 0 would show prices or counts that cannot be.
    """
    if low >= 0:
        least = max(least, 0.0)
    elif high <= 0:
        most = min(most, 0.0)
    # A single value has no span, so a tenth of it, or of 1, is used as margin.
    room = (high - low) * 0.05 or abs(high) * 0.1 or 0.1
    low, high = max(low - room, least), min(high + room, most)
    step = _step(high - low)
    return _times(math.floor(low / step), step), _times(math.ceil(high / step), step)


@lru_cache(maxsize=64)
def ticks(low: float, high: float) -> tuple[float, ...]:
    """Up to eight round numbers from ``low`` to ``high``, multiples of one step."""
    step = _step(high - low)
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return tuple(_times(index, step) for index in range(first, last + 1))


def _step(span: float) -> float:
    """The smallest 1, 2 or 5 times a power of ten that is at least a seventh of the span."""
    power = math.floor(math.log10(span / 7))
    sizes = (float(f"{digit}e{power}") for digit in (1, 2, 5, 10))
    return next(size for size in sizes if span <= 7 * size * (1 + 1e-9))


def _times(index: int, step: float) -> float:
    # Rounded through text, so that 3 * 0.1 gives 0.3.
    return float(f"{index * step:.12g}")
