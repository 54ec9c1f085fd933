"""The result of checking data/raw against its contract."""

from __future__ import annotations

from collections.abc import Iterator

from assay.cli.terminal import Line
from assay.contract.result import ContractResult, describe_result
from assay.project.text import counted


def lines(result: ContractResult) -> Iterator[Line]:
    """The verdict and its reason, then a table of rules: broken ones and those of the table."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    style = "green" if result.ok else "red"
    verdict = "The contract holds" if result.ok else "The contract is broken"
    yield Text.assemble((verdict, f"bold {style}"), f": {result.where}")
    yield Text(describe_result(result))
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
        yield table
    yield f"{counted(len(result.rules) - len(shown), 'more rule')} broken in no row."
