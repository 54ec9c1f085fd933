"""The results of the leakage checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from assay.cli.terminal import Line
from assay.project.text import counted, format_short
from assay.training.leakage.report import Leakage


def lines(found: Leakage) -> Iterator[Line]:
    """A row for each check, and example rows of the data for each suspected leak."""
    from rich.table import Table
    from rich.text import Text

    rows = f"{counted(found.train_rows, 'training row')}, {found.holdout_rows:,} of holdout"
    table = Table(title=f"{found.name}: {rows}", title_justify="left")
    for name in ("check", "outcome", "observed", "limit", "what was found"):
        justify: Literal["left", "right"] = "right" if name in ("observed", "limit") else "left"
        table.add_column(name, justify=justify, overflow="fold")
    for each in found.checks:
        numbers = _number(each.observed), _number(each.limit)
        table.add_row(each.check, each.outcome, *numbers, each.detail)
    yield table
    for each in found.checks:
        if each.outcome == "suspect" and each.examples:
            yield f"{each.check}, such as:"
            for row in each.examples:
                cells = ", ".join(
                    f"{name} {format_short(value) if isinstance(value, float) else value}"
                    for name, value in row.items()
                )
                yield Text(f"  {cells}")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value == int(value) else format_short(value)
