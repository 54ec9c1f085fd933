"""Nights' pages and documents that go on saying where their nights stand.

An incident opens, grows and recovers after the pages of its nights were written. Only the answer
at the top of a page depends on it, so that alone is put in anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from assay.monitor.nights import section
from assay.monitor.nights.night import Drift, Night
from assay.monitor.nights.summary import NightSummary, path
from assay.monitor.nights.summary_read import from_json
from assay.project.params import Monitor
from assay.project.textfile import write


def settle(root: Path, limits: Monitor, nights: Iterable[Night]) -> None:
    """Bring each page and document up to date that says something else than is known now.

    What an older Assay wrote, or cannot be read, is left as it is: monitoring the night again
    writes it anew.

    Raises
    ------
    OSError
        One of them cannot be written.
    """
    for night in nights:
        drift = night.drift
        if drift is None or drift.stand is None:
            continue
        if (drift.stand, drift.in_alarm) != (night.stand, night.in_alarm):
            _settle(root, limits, night, drift)


def _settle(root: Path, limits: Monitor, night: Night, drift: Drift) -> None:
    document = root / path(night.partition, ".json")
    try:
        before = from_json(document.read_text(encoding="utf-8"), limits)
    except (OSError, ValueError, RecursionError):
        return
    if before.run_id != drift.run_id:
        return  # it was monitored again just now
    now = replace(before, stand=night.stand, in_alarm=night.in_alarm)
    _page(root / now.page, now)
    write(document, now.to_json())


def _page(page: Path, now: NightSummary) -> None:
    try:
        html = page.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return  # somebody took it away
    write(page, section.restated(html, now))
