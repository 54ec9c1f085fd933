"""What a new project looks like: each guess with its reason, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from assay.cli.result import table
from assay.cli.terminal import Line
from assay.project.text import counted

if TYPE_CHECKING:
    from assay.init.command import NewProject
    from assay.init.pins import Renewed
    from assay.init.plan import Plan
    from assay.ops.deploy.targets import WrittenSchedule


def start_lines(project: NewProject | Renewed) -> Iterator[Line]:
    """A new project, or the lists of packages of one that were written anew."""
    from assay.init.pins import Renewed

    return pin_lines(project) if isinstance(project, Renewed) else init_lines(project)


def completion_lines(scripts: Mapping[str, str]) -> Iterator[Line]:
    yield from scripts["script"].splitlines()


def deploy_lines(made: WrittenSchedule) -> Iterator[Line]:
    """Each file, how those differ that lie there, and how to install them."""
    for each in made.files:
        yield f"{each.state:8} {each.path}"
    for each in made.files:
        if not made.written and each.difference:
            yield ""
            yield from each.difference.splitlines()
    yield ""
    yield "install:" if made.written else "nothing was written; to install them once they are:"
    yield from (f"  {each}" for each in made.install)


def init_lines(made: NewProject) -> Iterator[Line]:
    """The columns and their use, what is left out, what was unsure, and the next commands."""
    plan = made.plan
    understood = plan.understood
    width = len(understood.facts) + len(understood.left_out)
    size = f"{counted(understood.rows, 'row')}, {counted(width, 'column')}"
    yield f"{plan.data}: {size}, {_written(plan)}"
    yield f"label: {plan.target}, {plan.label.task}: {plan.label.evidence}"
    yield f"nights: {_nights(plan)}"
    yield ""
    used = [
        (
            each.name if each.given in ("", each.name) else f"{each.name} ({each.given})",
            each.kind,
            ", ".join(each.roles),
            each.why,
        )
        for each in plan.columns
    ]
    left_out = [(e.name, plan.kind_of(e.name) or "", "left out", e.why) for e in plan.left_out]
    columns = ("column", "type", "role", "because")
    yield from table([dict(zip(columns, each, strict=True)) for each in (*used, *left_out)])
    if plan.doubts:
        yield ""
        yield "not sure of:"
        yield from (f"  - {doubt}" for doubt in plan.doubts)
    yield ""
    files = counted(len(made.files), "file")
    guide = next(name for name in ("ASSAY.md", "README.md") if name in made.files)
    yield f"written to {made.folder}: {files}; {guide} says what each is for"
    yield "next:"
    yield f"  cd {made.folder}"
    yield "  dvc repro"
    yield "  git add --all && git commit -m 'Train'"
    yield "  assay promote --because 'first model'"
    yield f"  assay score --date {plan.nights.first}"


def pin_lines(renewed: Renewed) -> Iterator[Line]:
    """The packages of which another version is pinned now, and what to type next."""
    if not renewed.files:
        yield f"{renewed.folder}: the lists are those of Assay {renewed.version} already"
        return
    for path, changes in renewed.files.items():
        yield f"written: {path}"
        yield from changes
    yield "next:"
    yield "  make setup"
    yield "  git diff --stat requirements"


def _written(plan: Plan) -> str:
    table = plan.understood.table
    if table.format != "csv":
        return table.format
    return f"CSV, {table.encoding}, separated by {table.separator!r}"


def _nights(plan: Plan) -> str:
    nights = plan.nights
    middle, fewest, most = nights.rows
    if nights.by == "time":
        how = f"{nights.count} by {plan.time}, each a {nights.every}, of {fewest:,} to "
        how += f"{counted(most, 'row')} ({middle:,} in the median)"
    else:
        how = f"{nights.count} invented ones, of about {counted(middle, 'row')}"
    return (
        f"{how}; training to "
        f"{nights.train[1]}, holdout to {nights.holdout[1]}, {len(nights.scored)} left to be scored"
    )
