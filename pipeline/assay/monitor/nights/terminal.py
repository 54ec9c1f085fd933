"""What was found of each column, as a table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.columns.breaks import EXPLAINED
from assay.pages.terminal import console
from assay.project.visible import visible

if TYPE_CHECKING:
    from assay.monitor.drift.drift import Finding

COLUMNS = ("column", "effect", "distance", "limit", "break limit", "nulls", "change", "new")
BREAK_LIMITS = f"a break limit is {EXPLAINED}; what is beyond one is in alarm at once"


def table(title: str, findings: Sequence[Finding]) -> None:
    """Print a line of numbers for each finding, in their order, then what is over its limit."""
    from rich.table import Table

    made = Table(title=title, title_justify="left")
    for name in COLUMNS:
        right = name != "column"
        made.add_column(name, justify="right" if right else "left", no_wrap=right)
    for f in findings:
        made.add_row(
            visible(f.column),
            _number(f.effect),
            _number(f.distance),
            _number(f.limit),
            _number(f.break_limit),
            _share(f.null_share),
            _share(f.null_share_change),
            _share(f.new_category_share),
        )
    console(markup=False).print(made)
    for f in findings:
        if f.reasons:
            # Beside the numbers it would be a word wide on a narrow terminal.
            print(f"{visible(f.column)}: {'; '.join(f.reasons)}")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
