"""The result of checking data/raw against its contract."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

from assay.contract.render import describe_result
from assay.contract.result import ContractResult
from assay.project.text.number_format import counted


def lines(result: ContractResult) -> Iterator[str]:
    """The verdict and its reason, then a table of rules."""
    yield render_text(result, color=sys.stdout.isatty())


def render_text(result: ContractResult, width: int | None = None, color: bool = False) -> str:
    """Table rules and broken row rules as a table; the other rules as a count.

    Parameters
    ----------
    width
        In characters; by default the terminal's own.
    color
        Whether to write colours as terminal escapes.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    written = io.StringIO()
    console = Console(
        file=written, width=width, force_terminal=color, no_color=not color, highlight=False
    )
    style = "green" if result.ok else "red"
    verdict = "The contract holds" if result.ok else "The contract is broken"
    console.print(Text.assemble((verdict, f"bold {style}"), f": {result.where}"))
    console.print(Text(describe_result(result)))
    tables = [each for each in result.rules if each.kind == "table"]
    shown = [*tables, *result.broken_row_rules]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("rule", overflow="fold")
    table.add_column("expected", overflow="fold")
    table.add_column("found", overflow="fold")
    for rule in shown:
        mark = Text("broken" if rule.broken else "holds", style="red" if rule.broken else "green")
        table.add_row(mark, Text(rule.rule), Text(rule.expected), Text(rule.found))
    if shown:
        console.print(table)
    console.print(f"{counted(len(result.rules) - len(shown), 'more rule')} broken in no row.")
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines()).rstrip()
