"""`make year SEED=`: a year of a team's life, made up from a seed; what went wrong as a story.

Hypothesis makes up the year, and if a law is broken looks for the shortest story in which it is.
The story is Python: its lines are the body of a test in tests/life/test_stories.py.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, assume, seed, settings
from hypothesis.stateful import initialize, run_state_machine_as_test

from tests import projects
from tests.life import memory, template
from tests.life.machine import LAST, Team
from tests.life.world import FIRST, World

STEPS = 70
"""Deeds of a year; where they leave time, it passes by itself."""
PHASES = {True: (Phase.generate, Phase.shrink), False: (Phase.generate,)}


def main(argv: Sequence[str] | None = None) -> int:
    """Live the years; 0 if no law was broken in any."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="of the first year")
    parser.add_argument("--years", type=int, default=1, help="one seed after the other")
    parser.add_argument("--steps", type=int, default=STEPS, help="deeds of a year")
    parser.add_argument("--root", type=Path, help="a copy of this promoted project instead")
    parser.add_argument("--no-shrink", action="store_true", help="tell the long story")
    chosen = parser.parse_args(argv)
    os.environ.update(DVC_NO_ANALYTICS="1", COLUMNS="200")
    for role in ("AUTHOR", "COMMITTER"):
        for fact, value in projects.PERSON.items():
            os.environ.setdefault(f"GIT_{role}_{fact}", value)
    gc.set_threshold(100_000, 20, 20)  # as a command sets it
    broken = []
    with tempfile.TemporaryDirectory(prefix="assay-year-", dir=memory.folder()) as folder:
        root = chosen.root or Path(folder) / "promoted"
        if chosen.root is None:
            print("training the project that each year starts from", flush=True)
            projects.promoted(root)
        Team.template = template.make(root, Path(folder) / "template")
        for number in range(chosen.seed, chosen.seed + chosen.years):
            if not _live(number, chosen.steps, not chosen.no_shrink):
                broken.append(number)
    print(f"{chosen.years - len(broken)} of {chosen.years} years without a violation", end="")
    print(f"; broken: {', '.join(map(str, broken))}" if broken else "")
    return 1 if broken else 0


def _live(number: int, steps: int, shrink: bool) -> bool:
    """One year; whether no law was broken."""
    began, deeds, reached = _cpu(), 0, FIRST

    def progress(world: World) -> None:
        nonlocal deeds, reached
        deeds, reached = deeds + 1, world.today

    class Year(Team):
        pace = (LAST - FIRST).days / steps
        lived = False

        @initialize()
        def is_made_up(self) -> None:
            """Leave out what hypothesis begins with, the simplest year."""
            Year.lived, lived = True, Year.lived
            assume(lived)

    Year.progress = staticmethod(progress)
    asked = settings(
        max_examples=1,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=PHASES[shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    try:
        run_state_machine_as_test(seed(number)(Year), settings=asked, _min_steps=steps)
    except Exception as error:
        print(f"year {number}: {error}\n" + "\n".join(getattr(error, "__notes__", [])), flush=True)
        return False
    used = _cpu() - began
    if deeds < steps - 2:  # how a life begins counts as two
        print(f"year {number}: hypothesis gave up after {deeds} deeds", flush=True)
        return False
    print(
        f"year {number}: no violation, {deeds} deeds until {reached}, {used:.0f} s of CPU",
        flush=True,
    )
    return True


def _cpu() -> float:
    """Seconds of this process and of those that it started."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


if __name__ == "__main__":
    sys.exit(main())
