"""Nights' pages and documents that go on saying where their nights stand.

An incident opens, grows and recovers after the pages of its nights were written. Only the answer
at the top of a page depends on it, so that alone is put in anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from assay.monitor.nights import documents, section
from assay.monitor.nights.documents import KnownDocument
from assay.monitor.nights.night import Night
from assay.monitor.nights.summary import NightSummary, path
from assay.monitor.nights.summary_read import from_json
from assay.project.params import Monitor
from assay.project.textfile import write


def restate(
    root: Path, limits: Monitor, nights: Iterable[Night], known: Mapping[str, KnownDocument]
) -> list[KnownDocument]:
    """Bring each page and document up to date that says something else than is known now.

    What an older Assay wrote, or cannot be read, is left as it is: monitoring the night again
    writes it anew.

    Parameters
    ----------
    known
        Night -> its document as it is now.

    Returns
    -------
    The documents that were changed.

    Raises
    ------
    OSError
        One of them cannot be written.
    """
    changed = []
    for night in nights:
        drift = night.drift
        if drift is None or drift.stand is None:
            continue
        if (drift.stand, drift.in_alarm) == (night.stand, night.in_alarm):
            continue
        try:
            before = from_json(known[night.partition].text, limits)
        except (ValueError, RecursionError):
            continue
        now = replace(before, stand=night.stand, in_alarm=night.in_alarm)
        changed.append(restate_one(root, now))
    return changed


def restate_one(root: Path, now: NightSummary) -> KnownDocument:
    """Write a night's document, and the answer on its page; nothing else of the page changes."""
    page, document = root / now.page, documents.of_summary(now)
    try:
        html = page.read_text(encoding="utf-8")
    except (OSError, ValueError):
        pass  # somebody took it away
    else:
        write(page, section.restated(html, now))
    write(root / path(now.partition, ".json"), document.text)
    return document
