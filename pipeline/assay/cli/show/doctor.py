"""What ``assay doctor`` found, a line for each check."""

from __future__ import annotations

from collections.abc import Iterator

from assay.monitor.doctor.finding import Diagnosis


def lines(found: Diagnosis) -> Iterator[str]:
    """Status, check, what was found, and what to type."""
    shown = [each.document() for each in found.findings]
    width = max((len(each.name) for each in shown), default=0)
    for each in shown:
        mend = "" if each.mend is None else f". Mend: {each.mend}"
        yield f"{each.status:<8} {each.name:<{width}}  {each.found}{mend}"
