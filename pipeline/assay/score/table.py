"""What became of the nights, as a table for people or one JSON document."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.pages.terminal import console

if TYPE_CHECKING:
    from rich.table import Table

    from assay.score.night_outcome import NightOutcome
    from assay.score.run import RunReport

COLUMNS = ("night", "read", "scored", "quarantined", "mean", "seconds", "version", "run")
UNBOUND = 1000
NUMERIC = frozenset({"read", "scored", "quarantined", "mean", "seconds"})


def show(outcomes: Sequence[NightOutcome], store: str, as_json: bool) -> None:
    """Print what was published, also when a later night could not be."""
    if as_json:
        print(json.dumps([each.to_dict() for each in outcomes]))
        return
    reports = [each.report for each in outcomes if each.report is not None]
    if reports:
        _table(reports)
    rules: Counter[str] = Counter()
    for report in reports:
        rules.update(report.broken)
    for rule, count in rules.most_common():
        print(f"quarantined: {count:,} rows broke '{rule}'")
    if rules:
        refused = [report for report in reports if report.rows_quarantined]
        print(f"look at them: assay quarantine show --date {refused[-1].partition}")
    if reports:
        print(f"published to {store}/predictions, scored by {reports[0].scorer}")
    skipped = [each.partition for each in outcomes if each.outcome == "skipped"]
    if skipped:
        named = skipped[0] if len(skipped) == 1 else f"{len(skipped)} nights"
        print(
            f"skipped {named}: published already with the same version, input and contract "
            "(--force scores again)"
        )
    for outcome in ("held", "failed"):
        nights = [each.partition for each in outcomes if each.outcome == outcome]
        if nights:
            print(f"{outcome}: {', '.join(nights)}")


def _table(reports: Sequence[RunReport]) -> None:
    out = console()
    whole = _made(reports, COLUMNS)
    room = out.options.update(width=UNBOUND)
    if out.measure(whole, options=room).maximum <= out.width:
        out.print(whole)
        return
    # A run's name is there to be copied: where it has no room, it gets a line of its own.
    out.print(_made(reports, COLUMNS[:-2]))
    for report in reports:
        print(f"{report.partition}: {report.version}, run {report.run_id}")


def _made(reports: Sequence[RunReport], columns: Sequence[str]) -> Table:
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
            f"{len(reports)} nights",
            f"{sum(report.rows_read for report in reports):,}",
            f"{sum(report.rows_scored for report in reports):,}",
            f"{sum(report.rows_quarantined for report in reports):,}",
            "",
            f"{sum(report.seconds for report in reports):.1f}",
        )
    return table
