"""The report as a table in a terminal."""

from __future__ import annotations

from typing import Literal

from pipeline.estimate import short
from pipeline.leakage.results import Leakage
from pipeline.terminal import console


def show(found: Leakage) -> None:
    """Print a line for each check, and a few rows of what is suspected."""
    from rich.markup import escape
    from rich.table import Table

    out = console()
    rows = f"{found.train_rows:,} training rows, {found.holdout_rows:,} of holdout"
    table = Table(title=f"{found.name}: {rows}", title_justify="left")
    for name in ("check", "outcome", "observed", "limit", "what was found"):
        justify: Literal["left", "right"] = "right" if name in ("observed", "limit") else "left"
        table.add_column(name, justify=justify, overflow="fold")
    for each in found.checks:
        table.add_row(
            each.check,
            each.outcome,
            _number(each.observed),
            _number(each.limit),
            escape(each.detail),
        )
    out.print(table)
    for each in found.checks:
        if each.outcome == "suspect" and each.examples:
            out.print(f"{each.check}, such as:")
            for row in each.examples:
                cells = ", ".join(
                    f"{name} {short(value) if isinstance(value, float) else value}"
                    for name, value in row.items()
                )
                out.print(f"  {escape(cells)}")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value == int(value) else short(value)
