"""Writes a ContractResult as a sentence and as an HTML page."""

from __future__ import annotations

from assay.contract.definition import Contract
from assay.contract.result import EXAMPLES, ContractResult
from assay.pages import templating
from assay.pages.page_layout import compose_page
from assay.project.text import counted, format_exact_percent


def describe_result(result: ContractResult) -> str:
    """The verdict's reason in one sentence."""
    if not result.rows:
        return "There are no rows."
    bad = _rows(result.bad_rows)
    share = f"{bad} of {result.rows:,} ({format_exact_percent(result.bad_share)})"
    limit = f"at most {format_exact_percent(result.max_bad_share)} may"
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


def render_html(contract: Contract, result: ContractResult) -> str:
    """The result as one self-contained page; the text is reproducible."""
    main = templating.render(
        "contract.html",
        result=result,
        headline=describe_result(result),
        tables=[each for each in result.rules if each.kind == "table"],
        rows=[each for each in result.rules if each.kind == "row"],
        broken=[each for each in result.broken_row_rules if each.examples],
        about={rule.name: rule.columns for rule in contract.rules},
        most=EXAMPLES,
        percent=format_exact_percent,
    )
    return compose_page(f"Contract {'kept' if result.ok else 'broken'}: {result.where}", main)


def _rows(count: int) -> str:
    return counted(count, "row")
