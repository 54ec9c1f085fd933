"""Bring the pages of nights, and the front page, up to date once their labels are known.

The drift decision stays what it was when the night was monitored. What is new on the page is how
well the night was scored, and how far its labels are from the reference's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from assay.errors import AssayError
from assay.monitor.front import command as front
from assay.monitor.incidents.collect import all_nights
from assay.monitor.judge import Judge, JudgedNight
from assay.monitor.monitor_night import read_published_night
from assay.monitor.night_writer import NightWriter, previous_summary
from assay.monitor.nights.facts import KnownNights
from assay.monitor.nights.summary import NightSummary, overall_metrics
from assay.project.extras import missing_extra
from assay.project.params import Params
from assay.registry.pin import run_bundle_loader
from assay.store import Store

log = logging.getLogger(__name__)


def try_refresh(
    root: Path, params: Params, store: Store, nights: Sequence[str], facts: KnownNights
) -> None:
    """As `refresh`, after a command whose result it must not change: a failure is only logged."""
    try:
        refresh(root, params, store, nights, facts)
    except Exception as error:  # the labels are taken and measured, so no error may escape
        known = error if isinstance(error, AssayError) else missing_extra(error)
        why = known.line() if known else " ".join(str(error).split())
        log.warning(
            "the pages of the nights are not up to date: %s. Once that is mended: "
            "assay monitor --from %s --to %s",
            why or type(error).__name__,
            min(nights),
            max(nights),
        )
        front.try_run(root, params)


def refresh(
    root: Path, params: Params, store: Store, nights: Sequence[str], facts: KnownNights
) -> None:
    """Write the front page again, and the pages of ``nights`` where labels changed what they say.

    A night without a page, or whose page is about another run than the published one, is left
    alone: it has to be monitored first.
    """
    judge = Judge(
        params.monitor, params.evaluate.confidence, facts, run_bundle_loader(root, params)
    )
    renewed: list[tuple[JudgedNight, NightSummary]] = []
    for night in nights:
        old = previous_summary(facts.documents, night, params.monitor)
        if old is None or not (root / old.page).exists():
            continue
        published, earlier = read_published_night(store, params, night)
        if published.record.run_id != old.run_id:
            continue
        judged = judge.night(published, earlier)
        performance = overall_metrics(facts.measured_on(night))
        renewed.append((judged, replace(old, label=judged.label, performance=performance)))
    every, writer = all_nights(facts), NightWriter(root, params, store)
    facts = writer.write(every, facts, renewed, facts.documents, keep=True)
    front.write_page(root, params, every, facts)
