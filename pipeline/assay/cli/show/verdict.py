"""The gate's verdict."""

from __future__ import annotations

from collections.abc import Iterator

from assay.gate.stage import Judged
from assay.gate.verdict_text import of_kind, value_words, worst_first
from assay.pages.terminal import Line
from assay.reports.verdict import Outcome, Verdict


def judged(found: Judged) -> Iterator[Line]:
    """The verdict, after what pytest said where that helps to understand it."""
    if found.output is not None:
        yield found.output
    yield from lines(found.verdict)


def lines(verdict: Verdict) -> Iterator[Line]:
    """A table of rules, the tests counted, a line for whatever did not pass, the outcome."""
    from rich.table import Table
    from rich.text import Text

    styles = {Outcome.PASS: "green", Outcome.FAIL: "bold red", Outcome.INCONCLUSIVE: "yellow"}
    table = Table(box=None, pad_edge=False)
    for head in ("", "rule", "slice", "value", "limit", "rows"):
        right = head in ("value", "rows")
        # A name may be long, but none of it may be lost.
        table.add_column(head, justify="right" if right else "left", overflow="fold")
    for finding in worst_first(of_kind(verdict, "rule")):
        # Eighty columns have no room for the interval; the sentences below state it.
        value, _, limit, rows = value_words(finding)
        cells = (finding.rule, finding.slice or "", value, limit, rows)
        badge = Text(finding.outcome.value, style=styles[finding.outcome])
        table.add_row(badge, *(Text(cell) for cell in cells))
    yield table
    for kind, title in (("behaviour", "Behaviour"), ("test", "Model tests")):
        tests = of_kind(verdict, kind)
        passed = sum(finding.outcome is Outcome.PASS for finding in tests)
        yield Text(f"{title}: {passed} of {len(tests)} passed")
    for finding in worst_first(verdict.findings):
        if finding.outcome is not Outcome.PASS:
            badge = Text(finding.outcome.value, style=styles[finding.outcome])
            notes = [finding.standing, f"owner: {finding.owner}" if finding.owner else ""]
            told = "; ".join(note for note in notes if note)
            more = f" ({told})" if told else ""
            yield Text.assemble(badge, f" {finding.title}: {finding.detail}{more}")
    yield Text.assemble(
        Text(verdict.outcome.value, style=styles[verdict.outcome]),
        f": {verdict.name}, candidate {verdict.candidate}, {verdict.bundle[:19]}; "
        f"{verdict.champion.words}",
    )
