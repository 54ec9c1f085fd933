"""The verdict for people: a page for a pull request, a table for a terminal."""

from __future__ import annotations

from pipeline.verdict import Finding, Outcome, Verdict

HEADLINES = {
    Outcome.PASS: "every rule and every model test passed.",
    Outcome.FAIL: "it must not be promoted.",
    Outcome.INCONCLUSIVE: "nothing failed, but not everything could be told, so it must not be "
    "promoted.",
}
_WORST_FIRST = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS)


def markdown(verdict: Verdict) -> str:
    """The whole verdict.md, for a pull request. Same verdict, same text."""
    rules = [finding for finding in verdict.findings if finding.kind == "rule"]
    tests = [finding for finding in verdict.findings if finding.kind == "test"]
    parts = [
        f"# {verdict.outcome}: {_cell(verdict.name)}, candidate {_cell(verdict.candidate)}",
        f"{verdict.outcome}: {HEADLINES[verdict.outcome]} Compared with: {verdict.basis}.",
        "## Rules",
        _table(rules),
        "## Model tests",
        _tests(tests),
        "## About",
        _about(verdict),
    ]
    return "\n\n".join(parts) + "\n"


def worst_first(findings: tuple[Finding, ...] | list[Finding]) -> list[Finding]:
    """FAIL, then INCONCLUSIVE, then PASS; each in the order it had."""
    return sorted(findings, key=lambda finding: _WORST_FIRST.index(finding.outcome))


def value_words(finding: Finding) -> tuple[str, str, str, str]:
    """Value, interval, limit and rows as short texts; empty where there is none."""
    value = "" if finding.observed is None else f"{finding.observed:.4g}"
    interval = ""
    if finding.low is not None and finding.high is not None:
        interval = f"{finding.low:.4g} to {finding.high:.4g}"
    limit = ""
    if finding.limit is not None:
        limit = f"{'at least' if finding.direction == 'min' else 'at most'} {finding.limit:.12g}"
    return value, interval, limit, "" if finding.rows is None else f"{finding.rows:,}"


def _table(rules: list[Finding]) -> str:
    head = ("", "rule", "metric", "value", "interval", "limit", "rows", "owner", "because")
    lines = [_row(head), _row(("---",) * len(head))]
    for finding in worst_first(rules):
        lines.append(
            _row(
                (
                    _badge(finding),
                    finding.title,
                    finding.metric or "",
                    *value_words(finding),
                    finding.owner or "",
                    finding.because or "",
                )
            )
        )
    explained = [
        f"- {_badge(finding)} {_cell(finding.title)}: {_cell(finding.detail)}"
        for finding in worst_first(rules)
        if finding.outcome is not Outcome.PASS
    ]
    return "\n".join(lines) + ("\n\n" + "\n".join(explained) if explained else "")


def _tests(tests: list[Finding]) -> str:
    if not tests:
        return "There are none."
    passed = sum(finding.outcome is Outcome.PASS for finding in tests)
    lines = [f"{passed} of {len(tests)} passed."]
    bad = [finding for finding in worst_first(tests) if finding.outcome is not Outcome.PASS]
    if bad:
        lines.append("")
    lines += [f"- {_badge(item)} {_code(item.rule)}: {_cell(item.detail)}" for item in bad]
    return "\n".join(lines)


def _about(verdict: Verdict) -> str:
    lines = [
        f"- {what}: `{getattr(verdict, what)}`" for what in ("bundle", "data", "contract", "policy")
    ]
    types = ", ".join(_code(name) for name in verdict.types)
    lines.append(f"- model types allowed by params.yaml: {types or 'none'}")
    return "\n".join(lines)


def _badge(finding: Finding) -> str:
    passed = finding.outcome is Outcome.PASS
    return finding.outcome.value if passed else f"**{finding.outcome}**"


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    """Text that cannot break out of a table's cell or a code span, or become HTML."""
    flat = " ".join(text.split())
    for character, safe in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("`", "'")):
        flat = flat.replace(character, safe)
    return flat


def _code(text: str) -> str:
    """Text as a code span, where no character but the backtick means anything."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"


def show(verdict: Verdict) -> None:
    """Print a summary to the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    styles = {Outcome.PASS: "green", Outcome.FAIL: "bold red", Outcome.INCONCLUSIVE: "yellow"}
    table = Table(box=None, pad_edge=False)
    for head in ("", "rule", "slice", "value", "limit", "rows"):
        right = head in ("value", "rows")
        # A name may be long, but none of it may be lost.
        table.add_column(head, justify="right" if right else "left", overflow="fold")
    for finding in worst_first(verdict.findings):
        if finding.kind == "rule":
            # Eighty columns have no room for the interval; the sentences below state it.
            value, _, limit, rows = value_words(finding)
            cells = (finding.rule, finding.slice or "", value, limit, rows)
            badge = Text(finding.outcome.value, style=styles[finding.outcome])
            table.add_row(badge, *(Text(cell) for cell in cells))
    console = Console(highlight=False)
    console.print(table)
    tests = [finding for finding in verdict.findings if finding.kind == "test"]
    passed = sum(finding.outcome is Outcome.PASS for finding in tests)
    console.print(Text(f"Model tests: {passed} of {len(tests)} passed"))
    for finding in worst_first(verdict.findings):
        if finding.outcome is not Outcome.PASS:
            badge = Text(finding.outcome.value, style=styles[finding.outcome])
            owner = f" (owner: {finding.owner})" if finding.owner else ""
            console.print(Text.assemble(badge, f" {finding.title}: {finding.detail}{owner}"))
    console.print(
        Text.assemble(
            Text(verdict.outcome.value, style=styles[verdict.outcome]),
            f": {verdict.name}, candidate {verdict.candidate}, {verdict.bundle[:19]}; "
            f"{verdict.basis}",
        )
    )
