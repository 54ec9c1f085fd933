"""``assay init``: a project for a table, ready for its first `dvc repro`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from assay.errors import NotARepository, UsageError
from assay.init.decide import Wishes, decide, refuse_unknown, time_column
from assay.init.plan import Plan
from assay.init.render import render
from assay.init.survey import survey
from assay.project import layout, textfile
from assay.registry import git
from assay.tables.definition import TableFormat, Understanding
from assay.tables.digit_times import as_time
from assay.tables.files.query_rows import SQLITE
from assay.tables.reader import read
from assay.tables.understand import understand

DATA = "data"
WORKFLOWS = ("gate.yml", "promote.yml", "nightly.yml", "retrain.yml")

_DVC = (sys.executable, "-m", "dvc")
"""DVC beside this Python, whether or not its folder is on the PATH."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class NewProject:
    """A project that was written: its folder, its plan, and its files."""

    folder: Path
    plan: Plan
    files: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        return {"folder": str(self.folder), **self.plan.as_json(), "files": list(self.files)}


def look(
    folder: Path,
    data: Path,
    progress: Progress | None = None,
    *,
    sheet: str = "",
    connection: str = "",
) -> Understanding:
    """Find out how the table ``data`` is written, before anything is asked or written.

    Parameters
    ----------
    sheet, connection
        Of an Excel workbook, and where a query is asked.

    Raises
    ------
    SourceError
        The table cannot be read.
    UsageError
        ``folder`` holds a project.
    """
    _refuse_project(folder)
    return understand(data, sheet=sheet, connection=connection, progress=progress)


def run(folder: Path, data: Path, understood: Understanding, wishes: Wishes) -> NewProject:
    """Write a project for the table ``data`` into ``folder``, and set up git and DVC there.

    Parameters
    ----------
    folder
        Does not exist, or holds none of the files that are written.
    data
        The table, or a query; copied into the project unless it lies there already.
    understood
        From `look`.

    Raises
    ------
    SourceError
        The table is too small.
    LabelError
        The target cannot be learnt.
    UsageError
        A named column is not in the table.
    """
    refuse_unknown(understood, wishes)
    if wishes.columns.time is not None:
        understood = as_time(understood, wishes.columns.time)
    time = time_column(understood, wishes)
    seen = survey(read(data, understood.table), understood.rows, time, wishes.target)
    inside = _inside(folder, data)
    place = inside or f"{DATA}/{data.name}"
    there = replace(understood, table=_seen_from(folder, understood.table))
    plan = decide(there, seen, time, place, wishes)
    texts = {**render(plan), **workflows()}
    if inside is None:
        (folder / DATA).mkdir(parents=True, exist_ok=True)
        part = folder / DATA / f".{data.name}.part"
        shutil.copyfile(data, part)
        part.replace(folder / place)
    for path, text in texts.items():
        textfile.write(folder / path, text)
    # A query is text of the project's own; a table is data.
    _set_up(folder, place if understood.table.format != "sql" else None)
    return NewProject(folder, plan, (*texts, place))


def _refuse_project(folder: Path) -> None:
    there = [name for name in (layout.PARAMS, layout.DVC_YAML, "data/contract.py", "data/source.py")
             if (folder / name).exists()]  # fmt: skip
    if there:
        raise UsageError(
            "there is a project already, and nothing of it is overwritten",
            where=str(folder),
            expected="a folder without params.yaml, dvc.yaml and data/",
            found=", ".join(there),
            mend="Name another folder: assay init DIR --data TABLE --target COLUMN",
        )
    if folder.exists() and not folder.is_dir():
        raise UsageError("this is no folder", where=str(folder))


def _inside(folder: Path, data: Path) -> str | None:
    """The table's path in the project; None if it lies elsewhere."""
    try:
        return data.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        return None


def _seen_from(folder: Path, table: TableFormat) -> TableFormat:
    """The table as the project reads it, where another path leads to a database in a file."""
    path = table.connection.removeprefix(SQLITE)
    if path == table.connection or Path(path).is_absolute():
        return table
    way = os.path.relpath(Path(path).resolve(), folder.resolve())
    return replace(table, connection=SQLITE + Path(way).as_posix())


def workflows() -> dict[str, str]:
    """The text of each workflow, by its path in a project."""
    source = files("assay.init") / "templates" / "workflows"
    return {
        f".github/workflows/{name}": (source / name).read_text(encoding="utf-8")
        for name in WORKFLOWS
    }


def _set_up(folder: Path, table: str | None) -> None:
    """Git and DVC, where they are not there yet; the table is DVC's, if it is a file."""
    try:
        _, below = git.root_and_prefix(folder)
    except NotARepository:
        _call(folder, "git", "init", "--quiet", "-b", "main")
        below = ""
    if not (folder / ".dvc").is_dir():
        _call(folder, *_DVC, "init", "--quiet", *(["--subdir"] if below else []))
    if table is not None:
        _call(folder, *_DVC, "add", "--quiet", table)


def _call(folder: Path, *command: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    except FileNotFoundError:
        raise NotARepository(
            f"{command[0]} is not installed, so the project is written but not set up",
            where=str(folder),
            mend=f"Install it, then: {' '.join(command)}",
        ) from None
    if done.returncode:
        raise NotARepository(
            f"{' '.join(command)} failed",
            where=str(folder),
            found=(done.stderr or done.stdout).strip().splitlines()[-1][:300],
        )
