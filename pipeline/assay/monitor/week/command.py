"""``assay report --week``: the published nights of a week on one page, with merged counts.

It only reports decisions, so it has no exit code of its own. The decisions are those of
``assay monitor --from MONDAY --to SUNDAY``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

import pandas as pd

from assay.errors import NothingScored, UsageError
from assay.monitor.evidently import page
from assay.monitor.evidently.sample import Sample, sample_of
from assay.monitor.incidents.document import IncidentHistory
from assay.monitor.judge import Judge, JudgedNight
from assay.monitor.judge_nights import judge_nights
from assay.monitor.night_writer import columns_of, sample_reference
from assay.monitor.nights.facts import KnownNights, load
from assay.monitor.nights.night_path import night_path
from assay.monitor.nights.quarantine_rules import count_broken_rules
from assay.monitor.nights.sample import published_sample
from assay.monitor.nights.summary import overall_metrics
from assay.monitor.week import section
from assay.monitor.week.merge import WeekNight, WeekPart, merge_nights
from assay.monitor.week.week import Week
from assay.project import jsonfile
from assay.project.params import Params
from assay.project.partitions import missing_dates, parse_day, usual_step
from assay.registry.pin import run_bundle_loader
from assay.store import Store, open_store


def run(root: Path, params: Params, week: str) -> Week:
    """Write the page and the document of a week.

    Parameters
    ----------
    week
        Such as ``2013-W36``.

    Raises
    ------
    UsageError
        ``week`` is no ISO 8601 week.
    NothingScored
        None of its nights has a published run.
    """
    names = _days(week)
    store = open_store(root, params)
    known = [name for name in store.partitions() if name <= names[-1]]
    if not set(known) & set(names):
        raise NothingScored(
            "no run has published any night of this week",
            where=f"{week}, {names[0]} to {names[-1]}",
            found=f"{known[-1]} as the last one before it" if known else "",
            mend=f"Score them: assay score --from {names[0]} --to {names[-1]}"
            if _expected(names, known) == names
            else "Ask for a week that has one of the project's nights, which are no days.",
        )
    facts, limits = load(root, store, names), params.monitor
    judge = Judge(limits, params.evaluate.confidence, facts, run_bundle_loader(root, params))
    judged = judge_nights(root, store, judge, known, names[0])
    book = judge.incidents(params.name, names[0], names[-1], judged)
    days = _days_of(store, facts, judged.nights, book)
    samples, parts = [], []
    for _, mine in groupby(days, key=lambda day: day.night.record.bundle):
        each = merge_nights(week, list(mine), book.open, params.monitor)
        parts.append(each)
        samples.append(_sample(root, params, store, each, len(days)))
    found = Week(
        name=params.name,
        title=week,
        names=names,
        expected=_expected(names, store.partitions()),
        pages=frozenset(name for name in names if (root / night_path(name, ".html")).exists()),
        parts=tuple(parts),
        open=book.open,
        incidents=tuple(i for i in book.incidents if i.first <= names[-1] and names[0] <= i.last),
        rule=params.monitor.budget,
        sample_rows=sum(sample.rows for sample in samples),
    )
    title = f"{params.name}: {found.headline()}"
    shown = [(each.told, sample) for each, sample in zip(parts, samples, strict=True)]
    page.render_page(title, section.render(found), shown).write(root / found.page)
    jsonfile.write((root / found.page).with_suffix(".json"), found.tree())
    return found


def _expected(names: Sequence[str], published: Sequence[str]) -> tuple[str, ...]:
    """The days of a week on which a night would be: all, if the project's nights are days."""
    known = [day for name in published if (day := parse_day(name))]
    if usual_step(known) == 1:
        return tuple(names)
    there = {*published, *map(str, missing_dates(known))}
    return tuple(name for name in names if name in there)


def _days(week: str) -> tuple[str, ...]:
    named = re.fullmatch(r"(\d{4})-W(\d{2})", week, re.ASCII)
    try:
        if named is None:
            raise ValueError
        monday = date.fromisocalendar(int(named[1]), int(named[2]), 1)
        return tuple(str(monday + timedelta(days=past)) for past in range(7))
    except (ValueError, OverflowError):
        raise UsageError(
            "no such week", where="--week", expected="of ISO 8601, such as 2013-W36", found=week
        ) from None


def _days_of(
    store: Store, facts: KnownNights, nights: Sequence[JudgedNight], book: IncidentHistory
) -> list[WeekNight]:
    in_alarm = book.in_alarm()
    known = facts.with_performance(row for night in nights for row in night.expected)
    return [
        WeekNight(
            night,
            in_alarm.get(night.partition, ()),
            overall_metrics(known.measured_on(night.partition)),
            count_broken_rules(store, night.record),
        )
        for night in nights
    ]


def _sample(root: Path, params: Params, store: Store, each: WeekPart, nights: int) -> Sample:
    """As many rows as a night's page shows, the same number from each night."""
    loaded = each.days[0].night.loaded
    reference = loaded.reference
    few = max(1, params.monitor.sample_rows // nights)
    fewer = params.model_copy(
        update={"monitor": params.monitor.model_copy(update={"sample_rows": few})}
    )
    frames, why = [], ""
    for day in each.days:
        rows, none = published_sample(
            root, fewer, store, day.night.record, loaded.manifest, reference.scores
        )
        frames.append(rows)
        why = why or (none and f"{day.partition}: {none}")
    rows = pd.concat([rows for rows in frames if len(rows)] or frames[:1], ignore_index=True)
    before = sample_reference(loaded, params)
    columns = columns_of(reference)
    sample = sample_of(rows, before, reference.scores, *columns, why, loaded.manifest.sensitive)
    if sample.rows and why:
        return replace(sample, left_out=f"{sample.left_out} Some nights lack: {why}.".strip())
    return sample
