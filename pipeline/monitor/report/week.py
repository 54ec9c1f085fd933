"""``assay report --week``: the published nights of a week on one page, their counts merged.

It reports what was decided and decides nothing, so it has no exit code of its own. Answers are
those of ``assay monitor --from MONDAY --to SUNDAY``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline import jsonfile, layout
from pipeline.errors import NothingScored, UsageError
from pipeline.monitor import expected, history, several, stage
from pipeline.monitor.incidents import Incident
from pipeline.monitor.incidents_json import Book
from pipeline.monitor.report import page, week_section
from pipeline.monitor.report.quarantined import broken_rules
from pipeline.monitor.report.sampled import Sample, sample_of
from pipeline.monitor.report.week_told import Day, Part, part
from pipeline.monitor.sample import published_sample
from pipeline.monitor.snooze import covering
from pipeline.monitor.summary import of_all_rows, path
from pipeline.params import Params
from pipeline.params_drift import Budget
from pipeline.store import Store, open_store
from pipeline.textfile import write

if TYPE_CHECKING:
    from pipeline.monitor.stage import Night


@dataclass(frozen=True, slots=True)
class Week:
    """A week, the nights in it, and what they add up to.

    Attributes
    ----------
    title
        Such as ``2013-W36``: of ISO 8601, from Monday to Sunday.
    names
        All its days; ``days`` are those that are published.
    pages
        The nights that have a page.
    parts
        The nights of each model, in their order.
    open
        The incidents that are open at its end.
    sample_rows
        How many rows Evidently was shown; nothing was decided on them.
    """

    name: str
    title: str
    names: tuple[str, ...]
    pages: frozenset[str]
    parts: tuple[Part, ...]
    open: tuple[Incident, ...]
    incidents: tuple[Incident, ...]
    rule: Budget
    sample_rows: int = 0

    @property
    def first(self) -> str:
        return self.names[0]

    @property
    def last(self) -> str:
        return self.names[-1]

    @property
    def days(self) -> tuple[Day, ...]:
        return tuple(day for each in self.parts for day in each.days)

    @property
    def metric(self) -> str:
        return self.parts[-1].told.headline

    @property
    def page(self) -> str:
        return f"{layout.WEEKS}/{self.title}.html"

    def total(self, what: str) -> int:
        """Of a count of rows, over all nights."""
        return sum(getattr(each.told, what) for each in self.parts)

    def headline(self) -> str:
        """The answer in one sentence."""
        many = len(self.open)
        count = f"{many or 'No'} incident{'' if many == 1 else 's'}"
        return f"{count} open at the end of {self.title}"

    def tree(self) -> dict[str, Any]:
        """The week as a JSON document."""
        return {
            "schema": 1,
            "name": self.name,
            "week": self.title,
            "from": self.first,
            "to": self.last,
            "nights": [day.partition for day in self.days],
            "open": [each.id for each in self.open],
            "incidents": [each.id for each in self.incidents],
            "rows_read": self.total("rows_read"),
            "rows_scored": self.total("rows_scored"),
            "rows_quarantined": self.total("rows_quarantined"),
            "parts": [_part(each) for each in self.parts],
            "sample_rows": self.sample_rows,
            "page": self.page,
        }


def run(root: Path, params: Params, week: str, as_json: bool = False) -> Week:
    """Write the page and the document of a week.

    Parameters
    ----------
    week
        Such as ``2013-W36``.

    Raises
    ------
    UsageError
        That is no week.
    NothingScored
        No run has published any of its nights.
    VersionUnknown, BundleMissing, BundleChanged
        What scored one of them cannot be had any more.
    """
    names = _days(week)
    store = open_store(root, params)
    known = [name for name in store.partitions() if name <= names[-1]]
    if not set(known) & set(names):
        raise NothingScored(
            "no run has published any night of this week",
            where=f"{week}, {names[0]} to {names[-1]}",
            mend=f"Score them: assay score --from {names[0]} --to {names[-1]}",
        )
    published = history.published(store, known)
    nights, book = several.judge(root, params, published, names[0], names[-1])
    days = _judged(root, params, store, nights, book)
    samples, parts = [], []
    for _, mine in groupby(days, key=lambda day: day.night.record.bundle):
        each = part(week, list(mine), book.open, params.monitor)
        parts.append(each)
        samples.append(_sample(root, params, store, each, len(days)))
    found = Week(
        name=params.name,
        title=week,
        names=names,
        pages=frozenset(name for name in names if (root / path(name, ".html")).exists()),
        parts=tuple(parts),
        open=book.open,
        incidents=tuple(i for i in book.incidents if i.first <= names[-1] and names[0] <= i.last),
        rule=params.monitor.budget,
        sample_rows=sum(sample.rows for sample in samples),
    )
    title = f"{params.name}: {found.headline()}"
    shown = [(each.told, sample) for each, sample in zip(parts, samples, strict=True)]
    write(root / found.page, page.page(title, week_section.render(found), shown))
    document = jsonfile.dumps(found.tree())
    write((root / found.page).with_suffix(".json"), document)
    if as_json:
        print(document, end="")
    else:
        _print(found)
    return found


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


def _judged(
    root: Path, params: Params, store: Store, nights: Sequence[Night], book: Book
) -> list[Day]:
    alarms = {judged.partition: judged.alarms for judged in book.nights}
    found = []
    for night in nights:
        partition = night.record.partition
        in_alarm = {
            alarm.question.column
            for alarm in alarms.get(partition, ())
            if covering(params.monitor.snooze, alarm.question.column, partition) is None
        }
        estimated = expected.rows(
            store.column, night.record, night.loaded, night.profile, params.evaluate.confidence
        )
        known = of_all_rows([*store.performance(partition).to_pylist(), *estimated])
        found.append(Day(night, in_alarm, known, broken_rules(store, night.record)))
    return found


def _sample(root: Path, params: Params, store: Store, each: Part, nights: int) -> Sample:
    """As many rows as a night's page shows, from all nights alike."""
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
    before = stage.at_most(loaded, params)
    sample = sample_of(rows, before, reference.scores, *stage.columns_of(reference), why)
    if sample.rows and why:
        return replace(sample, left_out=f"{sample.left_out} Some nights lack: {why}.".strip())
    return sample


def _part(each: Part) -> dict[str, Any]:
    told = each.told
    return {
        "version": each.version,
        "bundle": each.bundle,
        "nights": [day.partition for day in each.days],
        "rows_scored": told.rows_scored,
        "columns": [
            {
                "column": column.name,
                "nights_over": each.over.get(column.name, 0),
                "nights_in_alarm": each.alarms.get(column.name, 0),
                "distance": column.finding.distance,
                "psi": column.finding.psi,
                "wasserstein": column.finding.wasserstein,
                "null_share": column.finding.null_share,
                "new_category_share": column.finding.new_category_share,
            }
            for column in told.columns
        ],
        "broken_rules": dict(told.rules),
        "performance": [
            {
                "metric": one.metric,
                "estimated": one.estimated and one.estimated.value,
                "realized": one.realized and one.realized.value,
                "maturity_days": one.maturity_days,
                "rows": one.rows,
            }
            for one in told.performance
        ],
    }


def _print(week: Week) -> None:
    print(week.headline())
    for each in week.open:
        print(each.sentence())
    missing = [name for name in week.names if name not in {day.partition for day in week.days}]
    not_there = f"; nothing is published of {', '.join(missing)}" if missing else ""
    print(
        f"{week.name} {', then '.join(each.version for each in week.parts)}: "
        f"{len(week.days)} nights, {week.total('rows_scored'):,} rows scored, "
        f"{week.total('rows_quarantined'):,} quarantined{not_there}"
    )
    print(f"page: {week.page}")
