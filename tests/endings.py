"""How commands end: each is run again and again, and none may end by a signal.

A thread of a library that outlives the command's own work can abort the process while the
interpreter ends, one run in ten or one in a thousand. ``make endings`` runs each command 200
times from the same state of a project, in which it can do all of its work: one that is refused
early says nothing about threads that it never started, so it counts as a failure as well. Each
run is a fork of a process that has imported everything already, so that it costs its own work
alone, and ends as an interpreter does, with all its threads.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from assay.cli import __main__ as cli
from assay.errors import RunHeld
from assay.project import layout
from tests import projects

NIGHT, SECOND = "2024-03-01", "2024-03-02"
RUN = "RUN"
"""Stands for the run that the scene is about."""
WRITTEN = ("store", "reports", ".git", ".assay", "exports")
"""What commands write: put back before each run."""
TOLD_EACH = 10
"""Runs between two lines on standard error that say how far it came."""
LONGEST = 120
"""Seconds after which a run hangs; it is ended by a signal of its own, and counts as one."""


@dataclass(frozen=True)
class Command:
    """One command line, and the state of the project that it starts from: see `SCENES`.

    Attributes
    ----------
    share
        It is run one time in so many, since each run starts a JVM.
    """

    scene: str
    argv: tuple[str, ...]
    share: int = 1


COMMANDS: Mapping[str, Command] = {
    "promote": Command("promotable", ("promote", "--because", "it is good")),
    "rollback": Command("two versions", ("rollback", "--because", "it erred")),
    "versions": Command("scored", ("versions",)),
    "check": Command("scored", ("check", "--lock")),
    "score": Command("scored", ("score", "--date", NIGHT, "--force"), share=3),
    "release": Command("held", ("release", RUN, "--because", "it is right")),
    "retract": Command("scored", ("retract", RUN, "--because", "it is wrong")),
    "labels": Command("scored", ("labels", "--date", NIGHT, "--rows", "truths.csv")),
    "performance": Command("judged", ("performance", "--metric", "auc")),
    "monitor": Command("scored", ("monitor", "--date", NIGHT)),
    "night explain": Command("scored", ("night", "explain", "--date", SECOND)),
    "night history": Command("scored", ("night", "history", "--date", SECOND)),
    "status": Command("judged", ("status",)),
    "front": Command("judged", ("front",)),
    "alert": Command("judged", ("alert",)),
    "drift": Command("scored", ("drift", "--date", NIGHT)),
    "quarantine show": Command("scored", ("quarantine", "show", "--date", SECOND)),
    "quarantine export": Command("scored", ("quarantine", "export", "--date", SECOND)),
    "export": Command("scored", ("export", "--date", NIGHT, "--to", "csv:exports/night.csv")),
    "vacuum": Command("scored", ("vacuum",)),
    "fsck": Command("judged", ("fsck", "--fix")),
}
MODULES = (
    "assay.promotion.promote", "assay.registry.verification",
    "assay.registry.dvc_lock", "assay.score.stage", "assay.score.operations.store_commands",
    "assay.score.operations.quarantine", "assay.score.operations.export",
    "assay.score.operations.store_commands", "assay.store.release",
    "assay.performance.labels",
    "assay.performance.comparison", "assay.monitor.monitor_nights",
    "assay.monitor.explain.command",
    "assay.monitor.status", "assay.monitor.front.command",
    "assay.monitor.incidents.alert", "assay.monitor.table_drift",
    "assay.compiled.scorer",
    "assay.columns.count_kernels", "gto.api", "dvc.repo", "scmrepo.git", "pyspark.sql",
    "sklearn.pipeline", "pyarrow.dataset", "deltalake", "numba", "rich.table",
)  # fmt: skip
"""What a fork need not import again. None of them starts a thread."""


def _promotable(root: Path) -> None:
    for tag in projects.call(root, "git", "tag").split():
        projects.call(root, "git", "tag", "--delete", tag)


def _two_versions(root: Path) -> None:
    projects.call(root, "git", "commit", "--quiet", "--allow-empty", "--message", "Again")
    projects.call(root, "assay", "promote", "--override", "--because", "to go back from")


def _scored(root: Path) -> str:
    """Two nights, the first of them twice; and the truths of the first, in a file."""
    import pyarrow.compute as pc
    import pyarrow.csv as pcsv
    import pyarrow.parquet as pq

    projects.call(root, "assay", "score", "--from", NIGHT, "--to", SECOND)
    told = projects.call(root, "assay", "score", "--date", NIGHT, "--force")
    file = next((root / layout.RAW / f"day={NIGHT}").glob("*.parquet"))
    rows = pq.read_table(file, columns=["parcel", "late"], partitioning=None)
    pcsv.write_csv(rows.filter(pc.is_valid(rows["late"])), root / "truths.csv")
    return told


def _judged(root: Path) -> None:
    projects.call(root, "assay", "labels", "--date", NIGHT, "--rows", "truths.csv")
    projects.call(root, "assay", "monitor", "--from", NIGHT, "--to", SECOND)


def _held(root: Path) -> str:
    path = root / layout.PARAMS
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("max_share: 0.2", "max_share: 0.0"), encoding="utf-8")
    command = ("assay", "score", "--date", SECOND, "--force")
    return projects.call(root, *command, code=RunHeld.exit_code)


SCENES: Mapping[str, tuple[str, Callable[[Path], str | None]]] = {
    "promotable": ("promoted", _promotable),
    "two versions": ("promoted", _two_versions),
    "scored": ("promoted", _scored),
    "judged": ("scored", _judged),
    "held": ("scored", _held),
}
"""What each state is made of, and how; what it gives back names the run that it is about."""


class Bench:
    """A folder with the states that commands start from, and the project that they run in."""

    def __init__(self, folder: Path) -> None:
        self.root, self._folder = folder / "parcels", folder
        self._runs: dict[str, str] = {}

    def endings(self, command: Command, runs: int) -> tuple[Counter[int], str]:
        """How often the command ended with which code, and what it said in its first failure.

        A signal's code is negative.
        """
        scene = self._scene(command.scene)
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(scene, self.root, symlinks=True)
        argv = [self._runs[command.scene] if word == RUN else word for word in command.argv]
        codes: Counter[int] = Counter()
        said = ""
        for done in range(1, runs + 1):
            self._put_back(scene)
            code = self._ended(argv)
            if code != 0 and not said:
                lines = self._output.read_text(encoding="utf-8", errors="replace").split("\n")
                said = next((line for line in reversed(lines) if line.strip()), "nothing")
            codes[code] += 1
            if done % TOLD_EACH == 0:
                told = f"{command.argv[0]}: {done} of {runs} runs, {_words(codes)}"
                print(told, file=sys.stderr, flush=True)
        return codes, said

    @property
    def _output(self) -> Path:
        return self._folder / "said"

    def _ended(self, argv: Sequence[str]) -> int:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            # From here on as `assay` does it: what is asked about is how sys.exit goes.
            os.chdir(self.root)
            file = os.open(self._output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, 1)
            os.dup2(file, 2)
            signal.alarm(LONGEST)
            sys.exit(cli.main(argv))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _put_back(self, scene: Path) -> None:
        for name in WRITTEN:
            shutil.rmtree(self.root / name, ignore_errors=True)
            if (scene / name).exists():
                shutil.copytree(scene / name, self.root / name, symlinks=True)

    def _scene(self, name: str) -> Path:
        """The folder of a state, which is made when it is first asked for.

        It is made where commands run, as some of them write the project's path down.
        """
        made = self._folder / name
        if made.exists():
            return made
        if name == "promoted":
            projects.promoted(self.root)
        else:
            of, make = SCENES[name]
            scene = self._scene(of)
            shutil.rmtree(self.root, ignore_errors=True)
            shutil.copytree(scene, self.root, symlinks=True)
            if found := re.findall(r"\d{8}T\d{6}Z-[0-9a-f]{8}", make(self.root) or ""):
                self._runs[name] = found[0]
        shutil.copytree(self.root, made, symlinks=True)
        return made


def _words(codes: Counter[int]) -> str:
    return ", ".join(f"{count} with {code}" for code, count in sorted(codes.items()))


def main(argv: Sequence[str] | None = None) -> int:
    """`make endings`: a line for each command; 1 if any run ended otherwise than with 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--only", nargs="*", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--promoted", type=Path, help="a copy of this promoted project instead")
    chosen = parser.parse_args(argv)
    # A child commits and tags as a person, whatever this machine knows of its own.
    for role in ("AUTHOR", "COMMITTER"):
        for fact, value in projects.PERSON.items():
            os.environ.setdefault(f"GIT_{role}_{fact}", value)
    bad = 0
    # No context manager: a child ends through this frame, and must not tidy up.
    folder = Path(tempfile.mkdtemp(prefix="assay-endings-"))
    bench = Bench(folder)
    if chosen.promoted is not None:
        shutil.copytree(chosen.promoted, folder / "promoted", symlinks=True)
    for name in MODULES:
        import_module(name)
    for name in chosen.only:
        command = COMMANDS[name]
        runs = max(1, chosen.runs // command.share)
        codes, said = bench.endings(command, runs)
        signals = sum(count for code, count in codes.items() if code < 0)
        refused = sum(count for code, count in codes.items() if code > 0)
        bad += signals + refused
        counted = f"{signals} by a signal, {refused} failed"
        first = f"; the first of these said: {said}" if said else ""
        print(f"{name:18} {runs} runs: {_words(codes)}; {counted}{first}", flush=True)
    shutil.rmtree(folder)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
