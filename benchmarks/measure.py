"""Runs that take turns, so that a slow minute of the machine falls on all of them alike."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

Run = Callable[[], float]


class Comparison(NamedTuple):
    """Medians, their ratio, and the lowest and highest ratio of one turn."""

    ratio: float
    ours: float
    peer: float
    spread: tuple[float, float]


def in_turns(runs: Mapping[str, Run], repeats: int, title: str) -> dict[str, list[float]]:
    """Call each run ``repeats`` times, one after the other in every turn.

    Returns what each of them returned, in the order of the turns. Every second turn goes the
    other way round: what a run leaves behind (caches, heat) does not always meet the same one.
    """
    found: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for turn in range(repeats):
        for name in names if turn % 2 == 0 else reversed(names):
            started = time.monotonic()
            found[name].append(runs[name]())
            took = time.monotonic() - started
            say(f"{title}: turn {turn + 1} of {repeats}: {name}: {found[name][-1]:,.2f}", took)
    return found


def compare(ours: Sequence[float], peer: Sequence[float]) -> Comparison:
    """Two runs that took turns.

    Raises
    ------
    ValueError
        They were not run equally often, or not at all.
    """
    if len(ours) != len(peer) or not ours:
        raise ValueError(f"{len(ours)} and {len(peer)} repetitions")
    each = [one / other for one, other in zip(ours, peer, strict=True)]
    middle, other = median(ours), median(peer)
    return Comparison(middle / other, middle, other, (min(each), max(each)))


def say(text: str, seconds: float | None = None) -> None:
    """Progress, for whoever waits."""
    took = "" if seconds is None else f" ({seconds:.0f} s)"
    print(f"bench: {text}{took}", file=sys.stderr, flush=True)
