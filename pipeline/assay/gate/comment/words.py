"""Words and small pieces that several sections of a comment use. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assay.gate.rules.leakage_words import leakage_title
from assay.project.code_host.host_markdown import code, prose
from assay.project.text.number_format import counted
from assay.reports.verdict import Finding, Outcome

MARKS = {Outcome.PASS: "✅", Outcome.FAIL: "❌", Outcome.INCONCLUSIVE: "❔"}
NAME = 100
"""The most characters of a name; the reports have the whole."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A table of cells that are escaped already; ``right`` are the columns of numbers."""
    rule = ["---:" if number in right else "---" for number in range(len(head))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def details(summary: str, content: str) -> str:
    """Folded content; ``summary`` is our own words."""
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"


def name_of(finding: Finding) -> str:
    """The finding's name and slice; of a check for leakage, what it asks for first."""
    if finding.kind == "test":
        return code(finding.rule, NAME, cell=True)
    if meant := leakage_title(finding):
        return f"**{meant}** ({code(finding.title, NAME, cell=True)})"
    title = f"**{prose(finding.rule, NAME)}**"
    return f"{title} at {code(finding.slice, NAME, cell=True)}" if finding.slice else title


def units_that_would_tell(finding: Finding) -> str:
    """How many units there are and how many would decide; empty if that is not the question."""
    if finding.outcome is not Outcome.INCONCLUSIVE or finding.units_needed is None:
        return ""
    unit = prose(finding.unit or "row", NAME)
    have = "" if finding.units is None else f"{counted(finding.units, unit)} here, "
    return f"{have}**about {counted(finding.units_needed, unit)} would tell**"


def several(items: Sequence[str], most: int) -> tuple[Sequence[str], str]:
    """The first items, and a line that says how many more there are; empty if none."""
    more = len(items) - most
    return items[:most], f"…and {more:,} more." if more > 0 else ""
