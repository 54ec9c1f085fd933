"""Update the status on pages and documents of nights that were written earlier.

An incident can open, grow or recover after its nights' pages were written. Only the answer at the
top of a page depends on it, so only that part is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from assay.monitor.nights import documents, section
from assay.monitor.nights.documents import KnownDocument
from assay.monitor.nights.night import Night
from assay.monitor.nights.night_path import EVIDENTLY, night_path
from assay.monitor.nights.summary import NightSummary
from assay.monitor.nights.summary_read import parse_summary
from assay.project.params import Monitor
from assay.project.textfile import write


def update_statuses(
    root: Path, limits: Monitor, nights: Iterable[Night], known: Mapping[str, KnownDocument]
) -> list[KnownDocument]:
    """Update each page and document whose status or alarms are out of date.

    Documents of an older Assay, and those that cannot be read, are left as they are. Monitoring the
    night again rewrites them.

    Parameters
    ----------
    known
        Night -> its current document.

    Returns
    -------
    The documents that changed.
    """
    changed = []
    for night in nights:
        drift = night.drift
        if drift is None or drift.stand is None:
            continue
        if (drift.stand, drift.in_alarm) == (night.stand, night.in_alarm):
            continue
        try:
            before = parse_summary(known[night.partition].text, limits)
        except (ValueError, RecursionError):
            continue
        now = replace(before, stand=night.stand, in_alarm=night.in_alarm)
        changed.append(update_status(root, now))
    return changed


def update_status(root: Path, now: NightSummary) -> KnownDocument:
    """Write a night's document, and replace the answer on its pages; the rest of them stays."""
    document = documents.of_summary(now)
    for page in (root / now.page, root / night_path(now.partition, EVIDENTLY)):
        try:
            html = page.read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue  # there is none, or it is unreadable
        write(page, section.replace_status(html, now))
    write(root / night_path(now.partition, ".json"), document.text)
    return document
