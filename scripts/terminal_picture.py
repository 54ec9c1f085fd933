"""A terminal's output as one SVG that plays by itself: no script, one animation, small.

The lines stand in a strip that moves up behind a window, a step for each line that was printed.
What a program wrote over (a bar of its progress) shows as it was at last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

CELL, LEADING, MARGIN, BAR = 7.8, 17, 14, 30
PROMPTS = ("$ ", "> ")
LONGEST_PAUSE, READING, LEAST, LAST = 1.2, 1.6, 0.05, 6.0
"""Seconds: of a command's work at most, after its output, between two lines, and at the end."""
_ERASE = "\x1b[K"
_SIGNS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]|.", re.DOTALL)


@dataclass
class Line:
    """A line, and when its first and its last sign were printed."""

    text: str
    first: float
    last: float


def lines(events: Sequence[tuple[float, str]]) -> list[Line]:
    """The lines that are left of what was printed; a carriage return writes over its line."""
    found = [Line("", 0.0, 0.0)]
    place = 0
    for at, text in events:
        for sign in _SIGNS.findall(text):
            line = found[-1]
            if sign == "\n":
                found.append(Line("", at, at))
                place = 0
            elif sign == "\r":
                place = 0
            elif sign in (_ERASE, "\x1b[0K", "\x1b[2K"):
                line.text = "" if sign == "\x1b[2K" else line.text[:place]
            elif sign == "\t":
                place += 8 - place % 8
            elif sign >= " ":
                if not line.text:
                    line.first = at
                line.text = line.text[:place].ljust(place) + sign + line.text[place + 1 :]
                line.last = at
                place += 1
    return [each for each in found if each.text.strip() or each is not found[-1]]


def draw(events: Sequence[tuple[float, str]], width: int, height: int) -> str:
    """The SVG.

    Parameters
    ----------
    width, height
        Of the terminal, in signs and lines.
    """
    told = _wrapped(lines(events), width)
    wide, high = width * CELL + 2 * MARGIN, height * LEADING + MARGIN + BAR
    times = _times(told)
    whole = times[-1] + LAST
    steps = "".join(
        f"{at / whole * 100:.2f}%{{transform:translateY({(height - number) * LEADING}px)}}"
        for number, at in enumerate(times, 1)
    )
    took = told[-1].last
    rows = "".join(_row(line, number, wide) for number, line in enumerate(told))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}" \
viewBox="0 0 {wide:.0f} {high:.0f}" role="img" aria-label="The tutorial in a terminal">
<title>The tutorial in a terminal: all of it took {_clock(took)} minutes</title>
<style>
text{{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre;fill:#c9d1d9}}
.c{{fill:#fff;font-weight:700}}.t,.b{{fill:#8b949e}}
#s{{animation:up {whole:.1f}s step-end infinite}}
@keyframes up{{0%{{transform:translateY({height * LEADING}px)}}{steps}}}
@media (prefers-reduced-motion:reduce){{#s{{animation:none;\
transform:translateY({(height - len(told)) * LEADING}px)}}}}
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<text class="b" x="{MARGIN}" y="20">A newcomer's terminal. All of it took {_clock(took)}; pauses \
are shortened, at the right is the true time.</text>
<svg y="{BAR}" width="{wide:.0f}" height="{height * LEADING}"><g id="s">
{rows}</g></svg>
</svg>
"""


def _row(line: Line, number: int, wide: float) -> str:
    y = number * LEADING + 13
    typed = line.text.startswith(PROMPTS)
    kind = ' class="c"' if typed else ""
    row = f'<text{kind} x="{MARGIN}" y="{y}">{escape(line.text.rstrip(), quote=False)}</text>'
    if line.text.startswith(PROMPTS[0]) and len(line.text) < 85:
        clock = _clock(line.last)
        row += f'<text class="t" x="{wide - MARGIN:.0f}" y="{y}" text-anchor="end">{clock}</text>'
    return row + "\n"


def _times(told: Sequence[Line]) -> list[float]:
    """When each line shows: as it was printed, but for long pauses, and slow enough to be read."""
    found, now = [], 0.0
    for before, line in zip([told[0], *told], told, strict=False):
        gap = min(line.first - before.first, LONGEST_PAUSE)
        if line.text.startswith(PROMPTS[0]) and not before.text.startswith(PROMPTS):
            gap = READING
        now += max(gap, LEAST)
        found.append(now)
    return found


def _wrapped(told: Sequence[Line], width: int) -> list[Line]:
    return [
        Line(line.text[start : start + width], line.first, line.last)
        for line in told
        for start in range(0, max(1, len(line.text)), width)
    ]


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
