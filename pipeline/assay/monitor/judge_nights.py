"""Read the published nights up to a last one, and judge those that are asked for.

An incident may have begun long before the first of them, so the nights before count too. What was
decided about those is not decided again: see `assay.monitor.drift.kept_decisions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from assay.monitor.drift import kept_decisions
from assay.monitor.drift.baselines import weekdays_before
from assay.monitor.judge import Judge, JudgedNights
from assay.monitor.nights import history
from assay.store import Store


def judge_nights(
    root: Path, store: Store, judge: Judge, names: Sequence[str], first: str
) -> JudgedNights:
    """Judge the published runs of some nights, in order, each against the nights before it.

    Parameters
    ----------
    names
        All published nights up to the last one that is asked for.
    first
        The first one that is asked for.

    Raises
    ------
    AssayError
        The bundle or profile of a requested night cannot be loaded. Earlier nights are skipped.
    """
    limits, records = judge.limits, store.published_runs(names)
    if limits.baseline == "weekday":  # alarms depend on the profiles of all nights
        return judge.nights(history.with_profiles(store, records), first)
    kept = kept_decisions.read(root, limits)
    # The nights are compared with the same weekdays of some weeks before, whose profiles are read.
    since = min(weekdays_before(first, limits.baseline_weeks), default=first)
    decided = {
        record.partition: kept[record.partition].decision
        for record in records
        if record.partition < since
        and record.partition in kept
        and kept[record.partition].is_about(record)
    }
    found = judge.nights(history.with_profiles(store, records, decided), first, decided)
    now = {**kept, **found.decisions}
    if now != kept:
        kept_decisions.keep(root, limits, now)
    return found
