"""A team's life with its nights, as a state machine: what may happen, in any order."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.life import laws, memory, pulls, suggestions
from tests.life.branches import BRANCHES, Branch
from tests.life.nights import DELIVERIES, Delivery
from tests.life.pulls import Change
from tests.life.world import FIRST, Answer, World

DELIVERY = st.sampled_from((*DELIVERIES[:1] * 4, *DELIVERIES[1:]))
BRANCH = st.sampled_from(BRANCHES)
PLACE = st.integers(0, 6)
"""Which night, counted from the newest; a few days back is where people work."""
NO_BUG = {0, 3, 4, 6, 21, 22, 23, 24, 25, 41, 42, 43, 51, 53, 58}
"""Exit codes with which a command may answer what these people do."""
LAST = FIRST + timedelta(days=366)
"""When weeks stop passing: a life is a year."""
MONTH = 4
"""Weeks that pass at once where nobody lets time pass."""


class Team(RuleBasedStateMachine):
    """Nights come and go, and people and a schedule do to them what they can.

    Attributes
    ----------
    template
        The promoted project that each life starts from.
    pace
        Days that a deed takes on average: where less time has passed, whole months of ordinary
        nights pass by themselves.
    trains
        How many branches with another model or policy are made, which takes seconds.
    progress
        Called after each deed.
    """

    template: ClassVar[Path]
    pace: ClassVar[float] = 0.0
    trains: ClassVar[int] = 2
    progress: ClassVar[Callable[[World], None]] = staticmethod(lambda world: None)

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="life-", dir=memory.folder()))
        root = self.folder / "parcels"
        shutil.copytree(self.template, root, symlinks=True)
        self.world = World(root)
        self.touched: set[str] = set()
        self.handled: set[str] = set()
        self.intact = True
        self.tried: set[str] = set()
        self.deeds = 0
        self.trained = 0
        self.ready: set[Branch] = set()
        self.is_promoted = self.was_promoted = True
        self.merged = False

    def teardown(self) -> None:
        try:
            if self.intact:
                self.touched.update(self.handled)
                self._look()
                if self.world.ledger.visible():
                    self.fsck()
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

    @precondition(lambda self: self.world.today < LAST)
    @rule(many=st.integers(1, 4), odd=DELIVERY, at=st.integers(0, 6))
    def weeks(self, many: int, odd: Delivery, at: int) -> None:
        """Weeks pass, before somebody turns the machine on again; one night of the last is odd."""
        days = 7 * many
        how: list[Delivery] = ["whole"] * days
        how[days - 7 + at] = odd
        passed = [self.world.day_passes(each) for each in how]
        self.touched.update([passed[0], passed[days - 7 + at], passed[-1]])
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
        self._scheduled(self.world.nightly())

    @precondition(lambda self: self.world.ledger.visible())
    @rule(back=PLACE)
    def monitor(self, back: int) -> None:
        nights = self.world.ledger.visible()
        first = self._one_of(nights, back)
        self._ended(self.world.assay("monitor", "--from", first, "--to", nights[-1], "--json"))

    @precondition(lambda self: self.world.ledger.nights)
    @rule(back=PLACE, corrected=st.booleans(), days_ago=st.sampled_from((None, 0, 3, 40)))
    def labels(self, back: int, corrected: bool, days_ago: int | None) -> None:
        """Truths arrive: of a night that may have no scores yet, again, or noted days later."""
        night, options = self._night(back), []
        if days_ago is not None:
            options = ["--arrived", str(self.world.today - timedelta(days=days_ago))]
        self._ended(self.world.labels(night, corrected, *options))

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

    @precondition(lambda self: self.world.ledger.visible())
    @rule()
    def fsck(self) -> None:
        self._ended(self.world.assay("fsck", "--json"), {0})

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

    # ------------------------------------------------------------- what people do to the model

    @precondition(lambda self: not self.world.by_file)
    @rule(change=st.sampled_from(("docs", "forgotten")), fork=st.booleans())
    def pull(self, change: Change, fork: bool) -> None:
        """A pull request that changes the README alone, or whose author forgot `dvc repro`."""
        self._check(change, fork)

    @precondition(lambda self: self.trained < self.trains and not self.world.by_file)
    @rule(branch=BRANCH)
    def prepares(self, branch: Branch) -> None:
        """Somebody trains a challenger, or judges by another policy, on a branch from main."""
        pulls.prepare(self.world, branch)
        self.trained += 1
        self.ready.add(branch)

    @precondition(lambda self: self.ready)
    @rule(branch=BRANCH, fork=st.booleans())
    def checks(self, branch: Branch, fork: bool) -> None:
        if branch in self.ready:
            self._check(branch, fork)

    @precondition(lambda self: self.ready)
    @rule(branch=BRANCH)
    def merges(self, branch: Branch) -> None:
        """A branch is merged whatever its check says, and what it made is promoted if it may be."""
        if branch in self.ready:
            self.ready.discard(branch)
            pulls.merge(self.world, branch)
            self.was_promoted, self.is_promoted = self.is_promoted, False
            self.merged = True
            self.promote()

    @precondition(lambda self: self.merged)
    @rule(merged=st.booleans())
    def revert(self, merged: bool) -> None:
        """The last merge is taken back by the host's button."""
        self._check("revert", unchanged=self.was_promoted)
        if merged:
            pulls.merge(self.world, "revert")
            self.merged, self.is_promoted = False, self.was_promoted

    @precondition(lambda self: self.trained)
    @rule()
    def promote(self) -> None:
        """Somebody promotes what is at HEAD; refused unless it was judged beside the champion."""
        before, verdict = self.world.champion(), pulls.committed_verdict(self.world.root)
        answer = self.world.assay("promote", "--because", "it is better", "--json")
        self._ended(answer, {0, 42})
        if answer.code == 0:
            self.is_promoted = True
            assert before in (verdict["champion"]["bundle"], verdict["bundle"]), (
                f"promoted what was compared with {verdict['champion']}, not {before}: {answer}"
            )
            assert self.world.champion() == verdict["bundle"], str(answer)
            self._check("docs")
        self._look_again()

    @precondition(lambda self: self.trained)
    @rule()
    def rollback(self) -> None:
        before = self.world.champion()
        answer = self.world.assay("rollback", "--because", "scores too high", "--json")
        self._ended(answer, {0, 42})
        if answer.code == 42:
            assert self.world.champion() == before, str(answer)
        self._look_again()

    @precondition(lambda self: not self.world.by_file)
    @rule()
    def forgets_to_commit(self) -> None:
        """Somebody changes the policy, commits nothing, and promotes what is committed at most."""
        with self.world.uncommitted():
            self._ended(self.world.assay("check", "--lock"), {5})
            self.promote()

    @invariant()
    def nothing_is_wrong(self) -> None:
        """All laws hold, if anybody did anything since they were looked at."""
        self._time_passes()
        self._look()

    def _look(self) -> None:
        if not self.touched:
            return
        self.intact = False
        found = laws.violations(self.world, sorted(self.touched))
        self.handled |= self.touched
        self.touched.clear()
        assert not found, "\n".join(found)
        self.intact = True

    def _time_passes(self) -> None:
        self.deeds += 1
        self.progress(self.world)
        if (self.world.today - FIRST).days + 7 * MONTH < self.deeds * self.pace:
            odd, at = DELIVERIES[self.deeds % len(DELIVERIES)], self.deeds % 7
            note(f"state.weeks(many={MONTH}, odd={odd!r}, at={at})")
            self.weeks(many=MONTH, odd=odd, at=at)

    def _check(self, change: Change, fork: bool = False, unchanged: bool | None = None) -> None:
        """What the required check says of a pull request.

        Parameters
        ----------
        unchanged
            Whether its model is a promoted one; by default that of main, if it changes none.
        """
        if unchanged is None:
            unchanged = change == "docs" and self.is_promoted
        self.intact = False
        wrong = list(pulls.check(self.world, change, fork=fork).violations(unchanged))
        assert not wrong, "\n".join(wrong)
        self.intact = True

    def _look_again(self) -> None:
        """At what everybody reads of the last nights."""
        self.touched.update(sorted(self.world.ledger.nights)[-2:])

    def _morning(self) -> None:
        """What the schedule runs; the first time a person names the first night."""
        if self.world.ledger.begun():
            self._scheduled(self.world.nightly())
        else:
            self._scheduled(self.world.score("--due", "--from", str(FIRST)))

    def _scheduled(self, answer: Answer) -> None:
        """The schedule ran well, and tried each night that has input since the first."""
        self._ended(answer)
        left = self.world.ledger.untried()
        assert not left, f"nobody tried {', '.join(left)} after {answer}"

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
