"""A team's life with its nights, as a state machine: what may happen, in any order."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.life import laws, suggestions
from tests.life.nights import DELIVERIES, Delivery
from tests.life.world import FIRST, Answer, World

DELIVERY = st.sampled_from((*DELIVERIES[:1] * 4, *DELIVERIES[1:]))
PLACE = st.integers(0, 6)
"""Which night, counted from the newest; a few days back is where people work."""
NO_BUG = {0, 3, 4, 6, 21, 22, 23, 24, 25, 41, 42, 43, 51, 53, 58}
"""Exit codes with which a command may answer what these people do."""


class Team(RuleBasedStateMachine):
    """Nights come and go, and people and a schedule do to them what they can.

    Attributes
    ----------
    template
        The promoted project that each life starts from.
    progress
        Called after each deed.
    """

    template: ClassVar[Path]
    progress: ClassVar[Callable[[World], None]] = staticmethod(lambda world: None)

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="life-"))
        root = self.folder / "parcels"
        shutil.copytree(self.template, root, symlinks=True)
        self.world = World(root)
        self.touched: set[str] = set()
        self.intact = True
        self.tried: set[str] = set()

    def teardown(self) -> None:
        try:
            if self.intact:
                self.touched.update(self.world.ledger.nights)
                self.nothing_is_wrong()
        finally:
            shutil.rmtree(self.folder)

    # ------------------------------------------------------------------ what happens by itself

    @initialize(by_file=st.booleans())
    def begins(self, by_file: bool) -> None:
        if by_file:
            self.world.takes_files()

    @rule(delivery=DELIVERY, scheduled=st.sampled_from((False, True, True, True)))
    def day(self, delivery: Delivery, scheduled: bool) -> None:
        """A day passes, its night arrives in some way, and mostly the schedule runs."""
        night = self.world.day_passes(delivery)
        if scheduled:
            self.touched.add(night)
            self._morning()

    @rule()
    def week(self) -> None:
        """A week of ordinary nights passes, before somebody turns the machine on again."""
        self.touched.update(self.world.day_passes("whole") for _ in range(7))
        self._morning()

    @precondition(lambda self: self.world.ledger.nights)
    @rule(back=PLACE, delivery=DELIVERY)
    def again(self, back: int, delivery: Delivery) -> None:
        """The source delivers a night again, or at last."""
        self.world.deliver(self._night(back), delivery)
        self.touched.clear()  # nobody has looked

    # ---------------------------------------------------------------------------- what people do

    @precondition(lambda self: self.world.ledger.nights)
    @rule(back=PLACE, force=st.booleans())
    def score(self, back: int, force: bool) -> None:
        night = self._night(back)
        self._ended(self.world.score("--date", night, *(("--force",) if force else ())))

    @precondition(lambda self: self.world.ledger.begun())
    @rule()
    def nightly(self) -> None:
        self.touched.add(str(self.world.today))
        self._ended(self.world.nightly())

    @precondition(lambda self: self.world.ledger.visible())
    @rule(back=PLACE)
    def monitor(self, back: int) -> None:
        nights = self.world.ledger.visible()
        first = self._one_of(nights, back)
        self._ended(self.world.assay("monitor", "--from", first, "--to", nights[-1], "--json"))

    @precondition(lambda self: self.world.ledger.visible())
    @rule(back=PLACE, corrected=st.booleans())
    def labels(self, back: int, corrected: bool) -> None:
        night = self._one_of(self.world.ledger.visible(), back)
        self._ended(self.world.labels(night, corrected))

    @precondition(lambda self: self.world.ledger.waiting())
    @rule(back=PLACE)
    def release(self, back: int) -> None:
        ledger = self.world.ledger
        run = ledger[self._one_of(ledger.waiting(), back)].held
        assert run is not None
        self._ended(self.world.release(run), {0})

    @precondition(lambda self: self.world.ledger.visible())
    @rule(back=PLACE)
    def retract(self, back: int) -> None:
        ledger = self.world.ledger
        run = ledger[self._one_of(ledger.visible(), back)].visible
        assert run is not None
        self._ended(self.world.retract(run), {0})

    @precondition(lambda self: self.world.ledger.visible())
    @rule()
    def vacuum(self) -> None:
        self.touched.update(self.world.ledger.visible()[-7:])
        self._ended(self.world.vacuum(), {0})

    @precondition(lambda self: self.world.ledger.nights)
    @rule(back=PLACE, after=st.booleans())
    def killed(self, back: int, after: bool) -> None:
        """A run is killed right before it is published, or right after."""
        night = self._night(back)
        self.world.killed(night, after)

    @precondition(lambda self: self.world.ledger.delivered())
    @rule()
    def commits_nights(self) -> None:
        """Rows in git: the check refuses, and what it says to type takes them out again."""
        self._ended(self.world.commits_nights(), {44})
        self.world.takes_commit_back()

    @invariant()
    def nothing_is_wrong(self) -> None:
        """All laws hold, if anybody did anything since they were looked at."""
        if not self.touched:
            return
        self.intact = False
        found = laws.violations(self.world, sorted(self.touched))
        self.touched.clear()
        assert not found, "\n".join(found)
        self.intact = True
        self.progress(self.world)

    def _morning(self) -> None:
        """What the schedule runs; the first time a person names the first night."""
        if self.world.ledger.begun():
            self._ended(self.world.nightly())
        else:
            self._ended(self.world.score("--due", "--from", str(FIRST)))

    def _night(self, back: int) -> str:
        return self._one_of(sorted(self.world.ledger.nights), back)

    def _one_of(self, nights: Sequence[str], back: int) -> str:
        """One of these nights, counted from the last; all laws look at it."""
        self.touched.add(nights[-1 - back % len(nights)])
        return nights[-1 - back % len(nights)]

    def _ended(self, answer: Answer, codes: set[int] = NO_BUG) -> None:
        """The command ended in one of these ways, with no trace of a bug."""
        self.intact = False
        assert answer.code in codes and "Traceback" not in answer.err, str(answer)
        wrong = suggestions.failures(self.world, answer, self.tried)
        assert not wrong, "\n".join(wrong)
        self.intact = True
