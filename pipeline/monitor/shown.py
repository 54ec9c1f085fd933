"""What was found of each column, as a table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.terminal import console

if TYPE_CHECKING:
    from pipeline.monitor.drift import Finding

COLUMNS = ("column", "effect", "distance", "limit", "nulls", "change", "new", "over its limit")


def table(title: str, findings: Sequence[Finding]) -> None:
    """Print a line for each finding, in their order."""
    from rich.table import Table

    made = Table(title=title, title_justify="left")
    for name in COLUMNS:
        right = name not in {"column", "over its limit"}
        made.add_column(name, justify="right" if right else "left", no_wrap=right)
    for f in findings:
        made.add_row(
            f.column,
            _number(f.effect),
            _number(f.distance),
            _number(f.limit),
            _share(f.null_share),
            _share(f.null_share_change),
            _share(f.new_category_share),
            "; ".join(f.reasons),
        )
    console(markup=False).print(made)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
