"""A team's project, and what people do to it: each deed is a command, called in this process."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import pytest

from assay.cli.__main__ import main
from assay.project import params
from assay.store import Store, open_store
from tests import projects, remembered
from tests.life import nights
from tests.life.clock import Clock
from tests.life.ledger import Ledger

FIRST = date(2024, 3, 1)
"""The first night that is scored, the day after the last of the holdout."""
INCOMING = "incoming"
BY_FILE = f"{{format: csv, path: '{INCOMING}/parcels-{{night}}.csv'}}"
"""The input of a team whose source writes one file a night."""
MORNING = time(5, 0, tzinfo=UTC)

WRITES = ("publish_runs", "append_run_events", "delete_scratch", "delete_staged_files", "hold")
"""The methods of a store by which a run writes."""


class Killed(BaseException):
    """The process is gone: nothing catches this."""


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    command: tuple[str, ...]
    code: int
    out: str
    err: str

    @cached_property
    def document(self) -> Any:
        return json.loads(self.out)

    def __str__(self) -> str:
        return f"assay {' '.join(self.command)} ended with {self.code}:\n{self.out}{self.err}"


class World:
    """A promoted project in ``root``, on the morning before its first night.

    Attributes
    ----------
    ledger
        What people know to have happened, from what the commands answered.
    today
        The date of the morning; the newest night is the one before.
    by_file
        Whether each night comes as a CSV file, not as a folder with a Parquet file.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.today = FIRST
        self.clock = Clock(datetime.combine(FIRST, MORNING))
        self.ledger = Ledger()
        self.by_file = False

    def assay(self, *command: str) -> Answer:
        """Call a command as if it was typed in the project's folder."""
        out, err = io.StringIO(), io.StringIO()
        with (
            self.clock.running(),
            remembered.results(),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                code = main([*command, "--root", str(self.root)])
            except SystemExit as end:  # argparse
                code = int(end.code or 0)
        return Answer(command, code, out.getvalue(), err.getvalue())

    def git(self, *command: str) -> str:
        return projects.call(self.root, "git", *command)

    @property
    def store(self) -> Store:
        return open_store(self.root, params.load(self.root))

    def takes_files(self) -> None:
        """The team's nights come as files of their own, not as folders of ``data/raw``."""
        path = self.root / "params.yaml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("input: data/raw", f"input: {BY_FILE}"), encoding="utf-8")
        self.git("commit", "--quiet", "--all", "--message", "Read files")
        self.by_file = True

    # ------------------------------------------------------------------------------ days and nights

    def day_passes(self, delivery: nights.Delivery) -> str:
        """It is the next morning, and the night that ended was delivered in some way."""
        night = str(self.today)
        self.today += timedelta(days=1)
        self.clock.now = datetime.combine(self.today, MORNING)
        self.deliver(night, delivery)
        return night

    def deliver(self, night: str, delivery: nights.Delivery) -> None:
        file = (
            f"{INCOMING}/parcels-{night}.csv" if self.by_file else f"data/raw/day={night}/1.parquet"
        )
        nights.deliver(self.root / file, night, delivery)
        self.ledger.deliver(night, delivery)

    def score(self, *options: str) -> Answer:
        found = self.assay("score", *options, "--json")
        outcomes = found.document if found.out.startswith("[") else ()
        self.ledger.add_outcomes(outcomes, self.champion())
        if found.code:
            self._add_nights_without_input()
        return found

    def nightly(self) -> Answer:
        found = self.assay("nightly", "--json")
        if found.out:
            steps = found.document["steps"]
            for step in steps:
                if step["command"].startswith("assay score") and isinstance(step["result"], list):
                    self.ledger.add_outcomes(step["result"], self.champion())
        if found.code:
            self._add_nights_without_input()
        return found

    def _add_nights_without_input(self) -> None:
        """Add those that are recorded as failed because no input could be read at all."""
        for night, line in self.ledger.nights.items():
            if line.last == "missing" and self.store.runs(night):
                line.last = "failed"
                line.failures += 1

    def release(self, run_id: str) -> Answer:
        found = self.assay("release", run_id, "--because", "a holiday", "--json")
        if found.code == 0:
            self.ledger.released(run_id)
        return found

    def retract(self, run_id: str) -> Answer:
        found = self.assay("retract", run_id, "--because", "wrong table", "--json")
        if found.code == 0:
            self.ledger.retracted(run_id, found.document)
        return found

    def killed(self, night: str, after: bool) -> None:
        """Score a night, and lose the process before or after its rows are published.

        From then on nothing is written, as nothing is by a process that is killed.
        """
        line, seen = self.ledger[night], len(self.store.runs(night))

        def dies(*_: object, **__: object) -> NoReturn:
            raise Killed

        def publish(store: Store, runs: Any) -> NoReturn:
            if after:
                real(store, runs)
            for name in WRITES:
                patch.setattr(Store, name, dies)
            raise Killed

        real = Store.publish_runs
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Store, "publish_runs", publish)
            try:
                self.score("--date", night, "--force")
                return  # it was held, or failed
            except Killed:
                pass
        shown = self.store.visible_run(night)
        assert (shown != line.visible) == after
        if after:
            assert shown is not None
            line.publish(shown)
        elif len(self.store.runs(night)) > seen:
            line.held = None
            line.last = "unfinished" if line.visible is None else line.last
        self.assay("front")  # which the killed command would have written

    def vacuum(self) -> Answer:
        """Clean up two days later by the clock of the file system."""
        now, self.clock.now = self.clock.now, datetime.now(UTC) + timedelta(days=2)
        try:
            return self.assay("vacuum", "--json")
        finally:
            self.clock.now = now

    def labels(self, night: str, corrected: bool, *options: str) -> Answer:
        file = self.root / ".assay" / "truths.csv"
        file.parent.mkdir(exist_ok=True)
        nights.truths(file, night, corrected)
        return self.assay("labels", "--date", night, "--rows", str(file), *options, "--json")

    def commits_nights(self) -> Answer:
        """Somebody commits what the source delivered, and CI says so; then takes it back."""
        self.git("add", "--force", INCOMING if self.by_file else "data/raw")
        self.git("commit", "--quiet", "--message", "Keep the nights")
        return self.assay("check", "--lock")

    def takes_commit_back(self) -> None:
        self.git("reset", "--quiet", "HEAD~1")

    def champion(self) -> str:
        """The bundle of the version that holds the stage."""
        return str(self.assay("status", "--json").document["champion"]["bundle"])

    @contextmanager
    def uncommitted(self) -> Iterator[None]:
        """A change of the policy that nobody has committed; it is taken back afterwards."""
        path = self.root / "params.yaml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("min: 0.6", "min: 0.5"), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(text, encoding="utf-8")

    @contextmanager
    def copied(self, place: Path) -> Iterator[World]:
        """A copy of this world to try something in; it is deleted afterwards."""
        shutil.copytree(self.root, place, symlinks=True)
        try:
            other = World(place)
            other.today, other.clock.now = self.today, self.clock.now
            yield other
        finally:
            shutil.rmtree(place)
