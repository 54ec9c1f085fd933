"""What a new project looks like: each guess with its reason, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.cli.terminal import Line
from assay.project.text.number_format import counted

if TYPE_CHECKING:
    from assay.init.command import NewProject
    from assay.init.plan import Plan
    from assay.init.upgrade import Upgrade


def lines(found: NewProject | Upgrade) -> Iterator[Line]:
    """A new project, or what an upgrade of one changes."""
    from assay.init.upgrade import Upgrade

    return upgrade_lines(found) if isinstance(found, Upgrade) else init_lines(found)


def init_lines(made: NewProject) -> Iterator[Line]:
    """The columns and their use, what is left out, what was unsure, and the next commands."""
    from rich.table import Table

    plan = made.plan
    table = plan.understood
    width = len(table.facts) + len(table.left_out)
    size = f"{counted(table.rows, 'row')}, {counted(width, 'column')}"
    yield f"{plan.data}: {size}, {_written(plan)}"
    yield f"label: {plan.target}, {plan.label.task}: {plan.label.evidence}"
    yield f"nights: {_nights(plan)}"
    yield ""
    uses = Table("column", "type", "role", "because", box=None, pad_edge=False, header_style="bold")
    for each in plan.columns:
        name = each.name if each.given in ("", each.name) else f"{each.name} ({each.given})"
        uses.add_row(name, each.kind, ", ".join(each.roles), each.why)
    for left in plan.left_out:
        uses.add_row(left.name, plan.kind_of(left.name) or "", "left out", left.why)
    yield uses
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
    yield f"  assay score --date {plan.nights.scored[0]}"


def upgrade_lines(found: Upgrade) -> Iterator[Line]:
    """The diff of each file, or what was written; then what to type next."""
    from assay.init.upgrade import summary

    by = f"Assay {found.written_by}" if found.written_by else "an Assay that left no version"
    if not found.changes:
        yield f"{found.folder}: nothing to bring to Assay {found.now} (written by {by})"
        return
    if found.written:
        for each in found.changes:
            yield f"written: {each.path}"
            if each.pinned and each.before is not None:
                yield from each.diff()[2:]
        yield "next:"
        if any(each.pinned for each in found.changes):
            yield "  make setup"
        yield "  assay check"
        yield "  git diff"
        yield "  dvc repro"
        return
    for each in found.changes:
        # A Makefile has tabs, which would be printed as the escape of a control character.
        yield from (line.expandtabs() for line in each.diff())
    yield ""
    yield f"{found.folder}, written by {by}, to Assay {found.now}: {summary(found)}"
    yield "Nothing is written yet: add --yes, or --only FILE for some of them"


def _written(plan: Plan) -> str:
    table = plan.understood.table
    if table.format == "excel":
        return f"Excel, sheet {table.sheet!r}"
    if table.format == "sql":
        return f"a query in {table.connection}"
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
