"""Quarantined rows: the rules they broke, the file they were exported to, and repairs."""

from __future__ import annotations

from collections.abc import Iterator

from assay.cli.terminal import Line
from assay.project.text import counted, mark_blanks
from assay.score.operations.quarantine import MARK, QuarantineFile, QuarantineReport
from assay.score.operations.replay import ReplayReport


def show_lines(found: QuarantineReport) -> Iterator[Line]:
    """The number of rows, and a table of the broken rules with examples."""
    from rich.table import Table
    from rich.text import Text

    run = found.run
    of = "" if run.rows_read is None else f" of {run.rows_read:,} read"
    yield (
        f"{run.partition}: {counted(found.rows, 'row')} quarantined{of}, "
        f"by run {run.run_id} ({run.event})"
    )
    if run.event == "held":
        yield f"held: {run.detail}"
        yield f"Publish it as it is: assay release {run.run_id} --because WHY"
    if not found.rules:
        return
    table = Table(show_lines=True)
    table.add_column("broken rule", overflow="fold")
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("examples", overflow="fold")
    for each in found.rules:
        examples = "\n".join(
            ", ".join(f"{name}={mark_blanks(value)}" for name, value in row.items())
            for row in each.examples
        )
        table.add_row(Text(each.rule), f"{each.rows:,}", Text(examples))
    yield table


def export_lines(file: QuarantineFile) -> Iterator[str]:
    """Where the rows are, and the next step."""
    run = file.run
    yield f"quarantine: {counted(file.rows, 'row')} of {run.partition} written to {file.file}"
    if file.rows and run.event == "held":
        yield f"Run {run.run_id} is held: rows are repaired once it is released"
    elif file.rows:
        yield (
            f"Change values, keep {MARK}, then: assay quarantine replay "
            f"--date {run.partition} --rows {file.file} --because WHY"
        )


def replay_lines(done: ReplayReport) -> Iterator[str]:
    """How many rows were merged into their night, and the rules that the others still break."""
    yield (
        f"replay: {counted(done.merged, 'repaired row')} scored by {done.version} and merged into "
        f"{done.partition} (run {done.run_id} in place of {done.replaces})"
    )
    if done.still_broken:
        yield f"replay: {counted(done.still_broken, 'row')} still broken, left in quarantine"
        for rule, count in sorted(done.broken.items(), key=lambda item: (-item[1], item[0])):
            yield f"replay: {count} broke '{rule}'"
