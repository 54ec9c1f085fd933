"""Every file-system call of a deed fails once, one by one, as in SQLite's own tests.

The deed is done once to count its calls. Then it is done again from the same start for each call
and each fault: the call says EIO once, it and all after it say ENOSPC, or the process is killed
before it (for the call after the last: when all are done). After each, readers look; then the deed
is done again without faults.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from assay.errors import AssayError
from assay.errors.machine import from_os_error
from tests import projects
from tests.faults import forgetting, plans, shim
from tests.faults.deeds import (
    Deed,
    Labels,
    Promote,
    Release,
    Rollback,
    Score,
    ScoreTogether,
    publish,
)

DEEDS: tuple[Deed, ...] = (
    *(Score(), ScoreTogether(), Release(), Labels(), Promote(), Rollback()),
    *(plans.MakePlan(), plans.Approve(), plans.Apply(), forgetting.Forget()),
)
FAULTS = {
    "EIO": (shim.ERROR_ONCE, errno.EIO),
    "ENOSPC": (shim.ERROR_FROM, errno.ENOSPC),
    "kill": (shim.KILL, 0),
}
TOLD_EACH = 5
"""Trials between two lines that say how far it came."""


@dataclass(frozen=True)
class Trial:
    """One fault: at which call, how the deed ended, what readers saw, what was wrong.

    Attributes
    ----------
    ended
        ``done``, ``a line``, ``killed``, or what it must not be.
    seen
        ``before`` or ``after``.
    wrong
        Empty if nothing was.
    """

    deed: str
    fault: str
    number: int
    call: str
    path: str
    ended: str
    seen: str
    wrong: str


class Bench:
    """A folder with the states that deeds start from, and the project that they are done to.

    Parameters
    ----------
    folder
        ``project`` in it is what the loaded library watches.
    promotable
        A project whose bundle may be promoted; if it was, that is undone.
    """

    def __init__(self, folder: Path, promotable: Path) -> None:
        self.root, self._folder = folder / "project", folder
        self.control = shim.Control(Path(os.environ[shim.CONTROL]))
        shutil.copytree(promotable, folder / "promotable", symlinks=True)
        for tag in projects.call(folder / "promotable", "git", "tag").split():
            projects.call(folder / "promotable", "git", "tag", "--delete", tag)

    def calls(self, deed: Deed) -> int:
        """How many calls the deed makes without a fault."""
        self._start(deed)
        deed.warm(self.root)
        self._start(deed)
        ended, line = self._do(deed, shim.COUNT, 0, 0)
        if ended != "done":
            raise AssertionError(f"{deed.name} fails without a fault: {ended} {line}")
        return self.control.count

    def trial(self, deed: Deed, fault: str, number: int) -> Trial:
        """Do the deed with one fault, look, and do it again without."""
        mode, code = FAULTS[fault]
        self._start(deed)
        ended, line = self._do(deed, mode, number, code)
        call, path = self.control.hit, self.control.path
        seen, again = self._looked(deed)
        wrong = "" if seen in ("before", "after") else f"readers: {seen}"
        if ended == "done" and seen != "after":
            wrong = wrong or "it ended well and changed nothing"
        # A kill that comes after the last call finds it done.
        expected = ("killed",) if fault == "kill" and call else ("done", "a line")
        if ended not in expected:
            wrong = wrong or ended
        if ended == "a line" and seen == "after" and not deed.admits(line):
            wrong = wrong or f"visible, but it said: {line}"
        if again:
            wrong = wrong or f"the next run: {again}"
        return Trial(deed.name, fault, number, call, path, ended, seen, wrong)

    def _looked(self, deed: Deed) -> tuple[str, str]:
        """What readers see, and what is wrong with doing the deed again."""

        def work() -> str:
            seen = deed.state(self.root)
            return f"{seen}|{deed.goes_on(self.root) if seen in ('before', 'after') else ''}"

        told = self._apart(work)
        seen, _, again = told.partition("|")
        return seen, again

    def _start(self, deed: Deed) -> None:
        self._copy(self._state(deed.needs))

    def _state(self, name: str) -> Path:
        """The folder of a state, which is made of another one when it is first asked for."""
        made = self._folder / name
        if not made.exists():
            of, make = STATES[name]
            self._copy(self._state(of))
            failed = self._apart(lambda: str(make(self.root) or ""))
            if failed:
                raise AssertionError(f"the state '{name}' cannot be made: {failed}")
            shutil.copytree(self.root, made, symlinks=True)
        return made

    def _copy(self, state: Path) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(state, self.root, symlinks=True)

    def _do(self, deed: Deed, mode: int, number: int, code: int) -> tuple[str, str]:
        """How the deed ended, and the line that it said."""

        def work() -> str:
            act = deed.prepare(self.root)
            self.control.arm(mode, number, code)
            try:
                act()
            except AssayError as error:
                return f"a line|{error.line()}"
            except OSError as error:
                if (known := from_os_error(error)) is None:
                    raise
                return f"a line|{known.line()}"  # as the command line does
            finally:
                self.control.off()
            return "done|"

        told = self._apart(work)
        self.control.off()
        ended, _, line = told.partition("|")
        return ended, line

    def _apart(self, work: Callable[[], str]) -> str:
        """What ``work`` gives in a process of its own, or how that ended instead."""
        inside, outside = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(inside)
            os.setpgid(0, 0)  # whatever it starts is killed with it
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            try:
                text = work()
            except BaseException:
                self.control.off()
                text = f"unforeseen: {traceback.format_exc()[-1200:]}"
            os.write(outside, text.encode()[:60_000])
            os._exit(0)
        os.close(outside)
        with os.fdopen(inside, "rb") as pipe:
            text = pipe.read().decode()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code == -signal.SIGKILL:
            return "killed"
        return text if code == 0 else f"ended by signal {-code}"


def trials(
    bench: Bench, deeds: Iterable[tuple[Deed, int]], faults: Iterable[str] = tuple(FAULTS)
) -> Iterator[Trial]:
    """Some faults at each so many-th call of some deeds; each comes with that step.

    How far it came goes to standard error: a deed takes minutes, and some take half an hour.
    """
    for deed, every in deeds:
        calls = bench.calls(deed)
        for fault in faults:
            last = calls + (fault == "kill")
            for done, number in enumerate(range(1, last + 1, every), start=1):
                yield bench.trial(deed, fault, number)
                if done % TOLD_EACH == 0:
                    told = f"{deed.name}, {fault}: call {number} of {last}"
                    print(told, file=sys.stderr, flush=True)


def _promote(root: Path) -> None:
    from assay.project import params
    from assay.promotion.promote import promote

    promote(root, params.load(root), because="it is good")


def _promote_another(root: Path) -> None:
    from assay.project import params
    from assay.promotion.promote import promote

    projects.call(root, "git", "commit", "--quiet", "--allow-empty", "--message", "Again")
    promote(root, params.load(root), because="a second version to go back from", override=True)


STATES: Mapping[str, tuple[str, Callable[[Path], None]]] = {
    "promoted": ("promotable", _promote),
    "published": ("promoted", publish),
    "held": ("promoted", partial(publish, held=True)),
    "labelled": ("held", forgetting.take_labels),
    "two versions": ("promoted", _promote_another),
    "next": ("promoted", plans.next_version),
    "planned": ("next", plans.plan),
    "approved": ("planned", plans.approve),
}
"""What each state of the project is made of, and how."""
