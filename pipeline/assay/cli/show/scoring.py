"""The results of scoring nights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from assay.cli.terminal import Line, console
from assay.project.text import counted, quote_value
from assay.score.due import DECIDED

if TYPE_CHECKING:
    from rich.table import Table

    from assay.score.due import DueNights
    from assay.score.run import ScoredRun
    from assay.score.stage import NightOutcomes

COLUMNS = ("night", "read", "scored", "quarantined", "mean", "seconds", "version", "run")
UNBOUND = 1000
SHOWN = 5
"""The most partition values that are named of those that are no days."""

NUMERIC = frozenset({"read", "scored", "quarantined", "mean", "seconds"})


def lines(nights: NightOutcomes) -> Iterator[Line]:
    """The published nights, also when a later one failed."""
    outcomes = nights.outcomes
    reports = [each.report for each in outcomes if each.report is not None]
    if reports:
        yield from _table(reports)
    rules: Counter[str] = Counter()
    for report in reports:
        rules.update(report.broken)
    for rule, count in rules.most_common():
        yield f"quarantined: {counted(count, 'row')} broke '{rule}'"
    if rules:
        refused = [report for report in reports if report.rows_quarantined]
        yield f"look at them: assay quarantine show --date {refused[-1].partition}"
    if reports:
        yield f"published to {nights.store}/predictions, scored by {reports[0].scorer}"
    skipped = [each.partition for each in outcomes if each.outcome == "skipped"]
    if skipped:
        named = skipped[0] if len(skipped) == 1 else counted(len(skipped), "night")
        yield (
            f"skipped {named}: published already with the same version, input and contract "
            "(--force scores again)"
        )
    for outcome in ("held", "failed"):
        named = ", ".join(each.partition for each in outcomes if each.outcome == outcome)
        if named:
            yield f"{outcome}: {named}"
    if nights.due is not None:
        yield from _due_lines(nights.due)


def _due_lines(due: DueNights) -> Iterator[str]:
    """What no run can be seen of: nothing new, and nights that wait for a person."""
    if due.after is not None:
        yield (
            f"no night was published before, so those after {due.after} are due, the last day of "
            "the holdout (--from DAY names another first one)"
        )
    if due.ignored:
        named = ", ".join(quote_value(value) for value in due.ignored[:SHOWN])
        more = len(due.ignored) - SHOWN
        yield f"left out of the input, no days: {named}" + (f" and {more} more" if more > 0 else "")
    for state, how in DECIDED.items():
        waiting = [night for night, found in due.left.items() if found == state]
        if waiting:
            yield f"{state}, so a person decides ({how}): {', '.join(waiting)}"
    if due.absent:
        yield f"due, and without input: {', '.join(due.absent)}"
    if due.changed:
        yield (
            "published, and the input has changed since (assay score --date DAY scores it again): "
            + ", ".join(due.changed)
        )
    if not due.nights:
        yield (
            "nothing is due: the input has no nights there"
            if due.first is None
            else f"nothing is due: every night with input from {due.first} to {due.last} is "
            + ("published, held or retracted" if due.left else "published")
        )


def _table(reports: Sequence[ScoredRun]) -> Iterator[Line]:
    out = console(markup=False)
    whole = _made(reports, COLUMNS)
    room = out.options.update(width=UNBOUND)
    if out.measure(whole, options=room).maximum <= out.width:
        yield whole
        return
    # Run ids are copied by users, so without room for them they get lines of their own.
    yield _made(reports, COLUMNS[:-2])
    for report in reports:
        yield f"{report.partition}: {report.version}, run {report.run_id}"


def _made(reports: Sequence[ScoredRun], columns: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(title="scored", title_justify="left")
    for name in columns:
        table.add_column(name, justify="right" if name in NUMERIC else "left", no_wrap=True)
    for report in reports:
        row = (
            report.partition,
            f"{report.rows_read:,}",
            f"{report.rows_scored:,}",
            f"{report.rows_quarantined:,}",
            "" if report.mean is None else f"{report.mean:.3f}",
            f"{report.seconds:.1f}",
            report.version,
            report.run_id,
        )
        table.add_row(*row[: len(columns)])
    if len(reports) > 1:
        table.add_section()
        table.add_row(
            counted(len(reports), "night"),
            f"{sum(report.rows_read for report in reports):,}",
            f"{sum(report.rows_scored for report in reports):,}",
            f"{sum(report.rows_quarantined for report in reports):,}",
            "",
            f"{sum(report.seconds for report in reports):.1f}",
        )
    return table
