"""``assay init``: a project for a table, ready for its first `dvc repro`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from assay.formats.definition import TableFormat, Understanding
from assay.formats.digit_times import as_time
from assay.formats.files.query_rows import SQLITE
from assay.formats.reader import read
from assay.formats.understand import Progress, understand
from assay.init.decide import decide, time_column
from assay.init.folder import (
    all_or_nothing,
    refuse_others,
    refuse_output,
    refuse_project,
    set_up,
    with_existing,
)
from assay.init.plan import Plan
from assay.init.render import render
from assay.init.survey import survey
from assay.init.wishes import Wishes, refuse_unknown
from assay.project.document import write_text

DATA = "data"
WORKFLOWS = ("gate.yml", "promote.yml", "nightly.yml", "retrain.yml")


@dataclass(frozen=True)
class NewProject:
    """A project that was written: its folder, its plan, and its files."""

    folder: Path
    plan: Plan
    files: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        return {"folder": str(self.folder), **self.plan.as_json(), "files": list(self.files)}


def look(
    folder: Path,
    data: Path,
    progress: Progress = lambda rows: None,
    *,
    sheet: str = "",
    connection: str = "",
    names: Sequence[str] = (),
) -> Understanding:
    """Find out how the table ``data`` is written, before anything is asked or written.

    Parameters
    ----------
    sheet, connection, names
        Of an Excel workbook, where a query is asked, and of columns without a header.

    Raises
    ------
    SourceError
        The table cannot be read.
    UsageError
        ``folder`` holds a project, or the table lies where its stages will write.
    """
    refuse_project(folder)
    refuse_output(folder, _inside(folder, data))
    return understand(data, sheet=sheet, connection=connection, names=names, progress=progress)


def run(folder: Path, data: Path, understood: Understanding, wishes: Wishes) -> NewProject:
    """Write a project for the table ``data`` into ``folder``, and set up git and DVC there.

    Parameters
    ----------
    folder
        Need not exist. Files of git and DVC in it get more lines, a README stays; after an error
        or an interrupt it is as it was.
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
        A named column is not in the table, or another file has the name of one that is written.
    NotARepository
        Git is not installed; the project is written all the same. Or git or DVC failed.
    """
    refuse_unknown(understood, wishes)
    if wishes.time is not None:
        understood = as_time(understood, wishes.time)
    time = time_column(understood, wishes)
    seen = survey(read(data, understood.table), understood.rows, time)
    inside = _inside(folder, data)
    place = inside or f"{DATA}/{data.name}"
    there = replace(understood, table=_seen_from(folder, understood.table))
    plan = decide(there, seen, time, place, wishes)
    texts = with_existing(folder, {**render(plan), **workflows()})
    copied = [] if inside is not None else [place]
    refuse_others(folder, dict.fromkeys(copied, data))
    with all_or_nothing(folder, [*texts, *copied]):
        for each in copied:
            target = folder / each
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            shutil.copyfile(data, part)
            part.replace(target)
        for path, text in texts.items():
            write_text(folder / path, text)
        # A query is text of the project's own; a table is data.
        set_up(folder, place if understood.table.format != "sql" else None)
    return NewProject(folder, plan, (*texts, place))


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
