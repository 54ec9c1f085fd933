"""Scoring runs killed at random moments: what readers see then, and what the next run makes of it.

Some trials are in the test suite; ``make chaos`` runs a hundred. A trial starts the command
that the schedule starts, kills all its processes (with Spark also the JVM and its workers) at a
random moment, and then looks through the readers' eyes:

- each night is whole, each row once, all of one run: the one before or the killed one;
- the rows it refused and the counts it kept are those of the same run;
- what another engine reads from the Delta table is the same;
- the next run of the same nights succeeds.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from deltalake import DeltaTable

from assay.project import params
from assay.registry.pin import PinnedVersion, pin
from assay.score.together import score_night
from assay.store import open_store
from tests import projects

NIGHTS = tuple(f"2024-03-0{day}" for day in range(1, 6))
"""The first is published alone, as nobody knows how long a night takes; others share a commit."""
REFUSED = {"2024-03-02": 3}
ROWS = 50
STARTED = b"score: night"
INTERRUPTED = ((130, ["assay: interrupted"]), (0, []))
"""How an interrupted run may end, and what it may say; it may have been over already."""


@dataclass(frozen=True)
class Trial:
    """One killed run: when (seconds after its start or its first night) and what was wrong."""

    seconds: float
    since: str
    ended: bool
    violations: tuple[str, ...]


class Chaos:
    """A promoted project whose runs are killed.

    Parameters
    ----------
    root
        The project; it is written to.
    carrier
        Of the runs that are killed. The nights are scored again here, without Spark.
    """

    def __init__(self, root: Path, seed: int, carrier: str) -> None:
        self.root, self.carrier = root, carrier
        self.params = params.load(root)
        self.store = open_store(root, self.params)
        self.random = random.Random(seed)
        from assay.registry.versions import read_champion

        version = read_champion(root, self.params.name, self.params.registry.stage)
        self.pinned: PinnedVersion = pin(root, self.params, version)

    def score(self) -> None:
        """Score all nights again, here."""
        for night in NIGHTS:
            score_night(self.params, self.root, self.pinned, self.store, _no_spark, night)

    def whole_run(self) -> tuple[float, float]:
        """Seconds until the first night began, and until the command ended."""
        process = self._start()
        started = self._first_night(process)
        process.communicate()
        assert process.returncode == 0, "the command fails without being killed"
        return started - self._began, time.monotonic() - self._began

    def trial(
        self, number: int, first_night: float, whole: float, by: signal.Signals = signal.SIGKILL
    ) -> Trial:
        """End one run. Every other trial counts from the first night, where it matters most.

        ``by`` SIGKILL, or SIGINT as a terminal sends it at Ctrl-C: to all its processes.
        """
        before = {night: self.store.visible_run(night) for night in NIGHTS}
        since = "start" if number % 2 else "first night"
        seconds = self.random.uniform(0, whole if number % 2 else whole - first_night)
        if by == signal.SIGINT and since == "start":
            # Until the command line is imported it is Python that answers, as to any program.
            seconds = max(seconds, 0.3 * first_night)
        process = self._start()
        if since == "first night":
            self._first_night(process)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        ended = process.poll() is not None
        with suppress(ProcessLookupError):  # an ended run leaves no group, unless a worker lives on
            os.killpg(process.pid, by)
        said = process.communicate()[1].decode().splitlines()
        violations = [fault for night in NIGHTS for fault in self.faults(night, before[night])]
        own = [line for line in said if not line.startswith("score: night")]
        if by == signal.SIGINT and not ended and (process.returncode, own) not in INTERRUPTED:
            violations.append(f"{process.returncode} {own}")
        try:
            self.score()
        except Exception as error:
            violations.append(f"the next run failed: {type(error).__name__}: {error}")
        return Trial(seconds, since, ended, tuple(violations))

    def faults(self, night: str, before: str | None) -> list[str]:
        """What a reader would find wrong with a night."""
        found = []
        run = self.store.visible_run(night)
        rows = self.store.predictions(night)
        runs = set(rows["run_id"].to_pylist())
        keys = rows["parcel"].to_pylist()
        refused = self.store.quarantine(night)
        if runs != {run}:
            found.append(f"{night}: rows of {runs}, but {run} is published")
        if before and run and _second(run) < _second(before):
            found.append(f"{night}: went back from {before} to {run}")
        if len(keys) != ROWS - REFUSED.get(night, 0) or len(set(keys)) != len(keys):
            found.append(f"{night}: {len(keys)} rows, {len(set(keys))} keys")
        if refused.num_rows != REFUSED.get(night, 0) or set(refused["run_id"].to_pylist()) - {run}:
            found.append(f"{night}: {refused.num_rows} refused rows of other runs than {run}")
        counted = self.store.profile(run, night)["probability"].rows if run else 0
        if counted != len(keys):
            found.append(f"{night}: the profile counts {counted} rows")
        table = DeltaTable(self.store.table_uri("predictions"))
        other = table.to_pyarrow_table(filters=[(self.store.column, "=", night)])
        if sorted(other["parcel"].to_pylist()) != sorted(keys):
            found.append(f"{night}: another engine reads {other.num_rows} rows")
        return found

    def _start(self) -> subprocess.Popen[bytes]:
        self._began = time.monotonic()
        command = [sys.executable, "-m", "assay.cli.__main__", "score", "--force"]
        return subprocess.Popen(
            [*command, "--carrier", self.carrier, "--from", NIGHTS[0], "--to", NIGHTS[-1]],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(projects.ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    @staticmethod
    def _first_night(process: subprocess.Popen[bytes]) -> float:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(STARTED):
                break
        return time.monotonic()


def _second(run_id: str) -> str:
    """When a run began; of two in one second, the rest of the name does not tell the earlier."""
    return run_id.partition("-")[0]


def _no_spark() -> NoReturn:
    raise AssertionError("small nights on this machine need no Spark")


def trials(
    chaos: Chaos,
    count: int,
    told: Callable[[int, Trial], None] = lambda number, trial: None,
    by: signal.Signals = signal.SIGKILL,
    took: tuple[float, float] | None = None,
) -> list[Trial]:
    """Publish the nights once, then kill or interrupt ``count`` runs.

    ``took`` is what a whole run of such a project took: see `Chaos.whole_run`.
    """
    chaos.score()
    first_night, whole = took or chaos.whole_run()
    done = []
    for number in range(count):
        one = chaos.trial(number, first_night, whole, by)
        if one.ended:  # runs are shorter than the first was: draw earlier moments from now on
            whole = min(whole, one.seconds + (first_night if one.since == "first night" else 0))
        done.append(one)
        told(number, one)
    return done


def main(argv: Sequence[str] | None = None) -> int:
    """`make chaos`: print each trial and the count of violations; 1 if there is any."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=2013)
    parser.add_argument("--interrupt", action="store_true", help="by Ctrl-C instead of kill -9")
    parser.add_argument("--carrier", choices=("local", "files"), default="local")
    parser.add_argument("--root", type=Path, help="a copy of this promoted project instead")
    chosen = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="assay-chaos-") as folder:
        root = Path(folder) / "parcels"
        if chosen.root is None:
            projects.promoted(root)
        else:
            shutil.copytree(chosen.root, root, symlinks=True)
        by = signal.SIGINT if chosen.interrupt else signal.SIGKILL
        chaos = Chaos(root, chosen.seed, chosen.carrier)
        done = trials(chaos, chosen.trials, _tell, by)
    violations = [fault for trial in done for fault in trial.violations]
    late = sum(trial.ended for trial in done)
    print(f"{len(done)} runs ended early ({late} had just ended), {len(violations)} violations")
    for fault in violations:
        print(f"  {fault}")
    return 1 if violations else 0


def _tell(number: int, trial: Trial) -> None:
    state = "; ".join(trial.violations) or "as it should be"
    print(
        f"{number + 1:4d}  ended {trial.seconds:5.2f} s after the {trial.since}: {state}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
