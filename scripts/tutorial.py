"""The tutorial of docs/start.md, as commands and what the page shows of their output.

A fenced block ``sh`` holds commands, in one shell from the first to the last. The block ``text``
right after it shows their output: ``...`` on a line of its own stands for lines that are left out,
``…`` for a part of a line. Lines that stand next to each other do so in the output, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "start.md"
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LEFT_OUT, PART = "...", "…"


@dataclass(frozen=True)
class Step:
    """Commands, and the lines that the page shows of what they print."""

    commands: str
    shown: tuple[str, ...]


def steps(page: str) -> tuple[Step, ...]:
    """The steps of a page, in its order."""
    found: list[Step] = []
    waits = False
    for language, body in _FENCED.findall(page):
        if language == "sh":
            found.append(Step(body, ()))
        elif language == "text" and waits:
            found[-1] = Step(found[-1].commands, tuple(body.splitlines()))
        waits = language == "sh"
    return tuple(found)


def differences(shown: Sequence[str], output: str) -> tuple[str, ...]:
    """The shown lines that the output does not have where it should; each but the blanks in it."""
    given = [_plain(line) for line in output.splitlines()]
    missing, place, next_to = [], 0, False
    for line in shown:
        if line.strip() == LEFT_OUT:
            next_to = False
            continue
        wanted = re.compile(".*".join(re.escape(part) for part in _plain(line).split(PART)))
        ends = min(place + 1, len(given)) if next_to else len(given)
        hit = next((at for at in range(place, ends) if wanted.fullmatch(given[at])), None)
        if hit is None:
            missing.append(line)
        else:
            place, next_to = hit + 1, True
    return tuple(missing)


def _plain(line: str) -> str:
    return " ".join(line.split())
