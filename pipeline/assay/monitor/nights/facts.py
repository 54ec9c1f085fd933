"""Everything known about the nights, read once before a command decides anything.

Monitoring has five stages: load, judge, fold, write, notify. Results are added to these facts in
memory, so no stage reads back what an earlier one wrote.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from assay.monitor.drift.night_decision import NightDecision, read_decisions
from assay.monitor.nights.night import EVIDENTLY, UNPUBLISHED, Night, NightState, ShownMetric
from assay.performance.realized_metrics import KnownMetric, Row, by_metric
from assay.project import layout
from assay.project.partitions import missing_dates
from assay.project.tasks import HEADLINE
from assay.score.due import UNDECIDED, WITHOUT_INPUT
from assay.store import Run, Store, history
from assay.store.delta.tables import texts, to_rows
from assay.store.performance import merge_performance

if TYPE_CHECKING:
    import pyarrow as pa


WITHOUT: Mapping[str, NightState] = {
    "held": "held",
    "failed": "failed",
    "retracted": "retracted",
    # The run was published, then replaced, and its replacement was retracted.
    "published": "retracted",
    "started": "unfinished",
}
"""Last event of a night's runs -> the state of a night without a published run."""

READ = (
    *("run_id", "metric", "slice", "maturity_days", "estimated", "trusted"),
    *("value", "low", "high", "at"),
)
"""The columns of the performance table that a `Night` is made of, beside the partition."""


def combine_nights(
    records: Iterable[Run],
    visible: Mapping[str, str],
    decisions: Mapping[str, NightDecision],
    performance: Iterable[Mapping[str, Any]] = (),
    pages: frozenset[str] = frozenset(),
) -> list[Night]:
    """All nights in order, including days that the schedule skipped.

    Parameters
    ----------
    records
        All runs, ordered by start.
    visible
        Night -> its published run.
    performance
        Rows of the performance table.
    pages
        The nights that have an HTML page.
    """
    runs: dict[str, list[Run]] = defaultdict(list)
    for record in records:
        runs[record.partition].append(record)
    named = fill_missing_dates({*runs, *visible, *decisions})
    measured = by_night(performance, visible)
    return [
        _with_drift(
            _night(name, runs.get(name, []), visible.get(name)),
            decisions.get(name),
            measured.get(name, {}),
            name in pages,
        )
        for name in named
    ]


def fill_missing_dates(names: Iterable[str]) -> list[str]:
    """Sort the nights; if all are dates, add the missing dates between them."""
    known = sorted(names)
    try:
        days = [date.fromisoformat(name) for name in known]
    except ValueError:
        return known
    return sorted([*known, *map(str, missing_dates(days))])


def _night(partition: str, runs: Sequence[Run], seen: str | None) -> Night:
    latest = _latest(runs)
    waits = latest if latest and latest.event == "held" and latest.run_id != seen else None
    record, note, at, decision = latest, "", None, ""
    state: NightState = "missing" if latest is None else _state(latest)
    if seen is not None:
        record = next((run for run in runs if run.run_id == seen), None)
        state = "published"
        if latest and latest.run_id != seen and WITHOUT[latest.event] in UNPUBLISHED:
            note = f"a later run, {latest.run_id}: {_note(latest)}"
        if record is not None:
            at, decision = record.at, _decision(record)
    elif latest is not None:
        note = _note(latest)
    return Night(
        partition,
        state,
        run_id=seen or (record.run_id if record else ""),
        version=record.version if record else "",
        published_at=f"{at:%Y-%m-%d %H:%M} UTC" if at else "",
        rows_read=record.rows_read if record else None,
        rows_scored=record.rows_scored if record else None,
        rows_quarantined=record.rows_quarantined if record else None,
        note=note,
        decision=decision,
        held=waits.run_id if waits else "",
        held_refused=waits is not None and bool(waits.rows_quarantined),
    )


def _state(latest: Run) -> NightState:
    """Of a night whose last run published nothing."""
    absent = latest.event == "failed" and WITHOUT_INPUT in latest.detail
    return "absent" if absent else WITHOUT[latest.event]


def _latest(runs: Sequence[Run]) -> Run | None:
    """The run that was begun last; one that was taken back since, if that came to no scores."""
    if not runs or runs[-1].event not in UNDECIDED:
        return runs[-1] if runs else None
    ended = runs[-1].at
    later = (run for run in runs if run.at and ended and run.at > ended)
    return next((run for run in later if run.event == "retracted"), runs[-1])


def _decision(run: Run) -> str:
    """Who decided that a published run is published, and why; empty if nobody had to."""
    if not run.by:
        return ""
    held = f" ({run.detail})" if run.detail else ""
    return f"released by {run.by}: {run.because or 'no reason given'}{held}"


def _note(run: Run) -> str:
    if run.event == "retracted":
        return f"taken back by {run.by or 'nobody knows whom'}: {run.because or 'no reason given'}"
    if _state(run) == "absent":
        return run.detail[run.detail.index(WITHOUT_INPUT) :]
    words = {"started": "started and never ended", "published": "replaced, then taken back"}
    return f"{words.get(run.event, run.event)}{f': {run.detail}' if run.detail else ''}"


def _with_drift(
    night: Night, judged: NightDecision | None, measured: Mapping[bool, ShownMetric], page: bool
) -> Night:
    unseen = ""
    if judged is not None and judged.run_id != night.run_id:
        # The decision is about a run that is no longer the published one.
        unseen = f"monitored as run {judged.run_id} left it; monitor it again"
        judged = None
    return replace(
        night,
        judged=judged,
        unseen=unseen,
        estimated=measured.get(True),
        realized=measured.get(False),
        page=page,
    )


def headline_metric(measured: Iterable[str]) -> str | None:
    """The headline metric: the first of `HEADLINE` that was measured; None if nothing was.

    Parameters
    ----------
    measured
        The names of the metrics that were measured over all rows.
    """
    found = set(measured)
    return next((name for name in HEADLINE.values() if name in found), min(found, default=None))


def by_night(
    performance: Iterable[Mapping[str, Any]], visible: Mapping[str, str]
) -> dict[str, dict[bool, ShownMetric]]:
    """Night -> {is an estimate: headline metric over all rows of the published run}.

    The longest maturity counts; if one was computed several times, the last result does.
    """
    every = sorted(performance, key=lambda row: row["at"])
    metric = headline_metric(str(row["metric"]) for row in every if not row["slice"])
    mine: dict[str, list[Row]] = defaultdict(list)
    for row in every:
        if row["metric"] == metric and visible.get(row["partition"]) == row["run_id"]:
            mine[row["partition"]].append(row)
    found: dict[str, dict[bool, ShownMetric]] = {}
    for partition, rows in mine.items():
        known = by_metric(rows).get(metric or "", KnownMetric())
        shown = {True: (0, known.estimated), False: known.matured or (0, None)}
        found[partition] = {
            estimated: ShownMetric(
                row["value"], row["low"], row["high"], days, row.get("trusted") is not False
            )
            for estimated, (days, row) in shown.items()
            if row is not None
        }
    return found


@dataclass(frozen=True)
class StoredFacts:
    """What the store holds about all nights.

    Attributes
    ----------
    column
        The partition column.
    records
        All runs, ordered by start.
    visible
        Night -> its published run.
    performance
        The performance rows of those runs over all their rows, not of slices; see
        `assay.store.delta.tables.small_schema`. All metrics of the nights that `load` was
        asked about, and of the others those that can stand for a night.
    decisions
        Night -> the last decision about it, in order.
    pages
        The nights that have an HTML page.
    """

    column: str
    records: tuple[Run, ...]
    visible: Mapping[str, str]
    performance: pa.Table
    decisions: Mapping[str, NightDecision]
    pages: frozenset[str]

    def measured_on(self, partition: str) -> list[Mapping[str, Any]]:
        """A night's numbers over all rows, as rows of the performance table.

        Each with the night as ``partition``.
        """
        ordered, nights = self._in_order
        first, end = bisect_left(nights, partition), bisect_right(nights, partition)
        return self._rows(ordered.slice(first, end - first))

    @cached_property
    def _in_order(self) -> tuple[pa.Table, list[str]]:
        """The numbers over all rows sorted by night, and the night of each: many are asked for."""
        import pyarrow.compute as pc

        table = self._overall()
        keys = [(self.column, "ascending")]
        ordered = table.take(pc.sort_indices(table, sort_keys=keys)).combine_chunks()
        return ordered, ordered.column(self.column).to_pylist()

    @cached_property
    def headline_metric(self) -> str | None:
        """The name of the metric that stands for a night's performance; None without any."""
        import pyarrow.compute as pc

        names = pc.unique(self._overall().column("metric")).to_pylist()
        return headline_metric(names)

    def _overall(self) -> pa.Table:
        import pyarrow.compute as pc

        return self.performance.filter(pc.is_in(self.performance.column("slice"), texts([""])))

    def _rows(self, table: pa.Table) -> list[Mapping[str, Any]]:
        return [{**row, "partition": row[self.column]} for row in to_rows(table)]

    def nights(self) -> list[Night]:
        """All nights in order, each without the incidents it is part of."""
        import pyarrow.compute as pc

        # What is not shown is left out before rows become Python objects.
        table = self._overall()
        shown = table.filter(pc.is_in(table.column("metric"), texts([self.headline_metric or ""])))
        rows = self._rows(shown.select([self.column, *READ]))
        return combine_nights(self.records, self.visible, self.decisions, rows, self.pages)

    def with_decisions(
        self, decided: Mapping[str, NightDecision], void: Container[str] = ()
    ) -> StoredFacts:
        """Return a copy with decisions added or replaced, and the ``void`` ones left out."""
        both = {**self.decisions, **decided}
        kept = {night: both[night] for night in sorted(both) if night not in void}
        return replace(self, decisions=kept)

    def with_pages(self, written: Iterable[str]) -> StoredFacts:
        """Return a copy in which these nights have a page."""
        return replace(self, pages=self.pages | set(written))

    def with_performance(self, rows: Iterable[Mapping[str, Any]]) -> StoredFacts:
        """Return a copy with new performance rows added."""
        return replace(self, performance=merge_performance(self.performance, rows, self.column))


def load(root: Path, store: Store, nights: Sequence[str]) -> StoredFacts:
    """Read all facts.

    Parameters
    ----------
    nights
        The nights whose metrics are all wanted, at some cost for each.
    """
    return StoredFacts(
        column=store.column,
        records=tuple(store.runs()),
        visible=history.visible_runs(store),
        performance=_performance(store, nights),
        decisions=read_decisions(store),
        pages=frozenset(
            unquote(page.stem)
            for page in (root / layout.NIGHTS).glob("*.html")
            if not page.name.endswith(EVIDENTLY)
        ),
    )


def _performance(store: Store, nights: Sequence[str]) -> pa.Table:
    """Rows of the performance table, in order within a night; see `StoredFacts.performance`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    shown = store.performance(slices=False, metrics=sorted({*HEADLINE.values()}))
    if not shown.num_rows:
        return store.performance(slices=False)  # another metric stands for each night
    if not nights:
        return shown
    others = pc.invert(pc.is_in(shown.column(store.column), texts(nights)))
    return pa.concat_tables([shown.filter(others), store.performance(nights, slices=False)])
