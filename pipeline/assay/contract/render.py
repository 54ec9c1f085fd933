"""A ContractResult for people: a table for the terminal and a page. Pure: text in, text out."""

from __future__ import annotations

import io

from assay.contract.model import Contract
from assay.contract.result import EXAMPLES, ContractResult, percent
from assay.pages import templating
from assay.pages.frame import compose


def headline(result: ContractResult) -> str:
    """The verdict's reason in one sentence."""
    if not result.rows:
        return "There are no rows."
    bad = _rows(result.bad_rows)
    share = f"{bad} of {result.rows:,} ({percent(result.bad_share)})"
    limit = f"at most {percent(result.max_bad_share)} may"
    parts = []
    if result.too_many_bad:
        worst = result.broken_row_rules[0].rule if result.broken_row_rules else "a rule"
        verb = "breaks" if result.bad_rows == 1 else "break"
        parts.append(f"{share} {verb} a rule, {limit}; most often '{worst}'")
    parts += [
        f"{each.rule}: expected {each.expected}, found {each.found}"
        for each in result.broken_table_rules
    ]
    if parts:
        return "; ".join(parts) + "."
    if result.bad_rows:
        return f"{share} broke a rule and were left out; {limit}."
    return f"All {_rows(result.rows)} keep every rule."


def terminal(result: ContractResult, width: int | None = None, color: bool = False) -> str:
    """The result as a table of text: table rules and broken row rules, the rest as a number.

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

    console = Console(
        file=io.StringIO(), width=width, force_terminal=color, no_color=not color, highlight=False
    )
    style = "green" if result.ok else "red"
    verdict = "The contract holds" if result.ok else "The contract is broken"
    console.print(Text.assemble((verdict, f"bold {style}"), f": {result.where}"))
    console.print(Text(headline(result)))
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
    console.print(f"{len(result.rules) - len(shown)} more rules hold in every row.")
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def html(contract: Contract, result: ContractResult) -> str:
    """The result as one self-contained page; the same result gives the same text."""
    main = templating.render(
        "contract.html",
        result=result,
        headline=headline(result),
        tables=[each for each in result.rules if each.kind == "table"],
        rows=[each for each in result.rules if each.kind == "row"],
        broken=[each for each in result.broken_row_rules if each.examples],
        about={rule.name: rule.columns for rule in contract.rules},
        most=EXAMPLES,
        percent=percent,
    )
    return compose(f"Contract {'kept' if result.ok else 'broken'}: {result.where}", main)


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
