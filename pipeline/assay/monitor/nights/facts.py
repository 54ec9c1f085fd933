"""Everything known about the nights, read once before a command decides anything.

Monitoring has five stages: load, judge, fold, write, notify. Results are added to these facts in
memory, so no stage reads back what an earlier one wrote.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from assay.monitor.drift.night_decision import NightDecision, read_decisions
from assay.monitor.nights import combine
from assay.monitor.nights.night import Night
from assay.monitor.nights.night_path import EVIDENTLY
from assay.project import layout
from assay.project.tasks import HEADLINE
from assay.store import Run, Store, history
from assay.store.performance import merge_performance

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class KnownNights:
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
        import pyarrow.compute as pc

        table = self._overall()
        return self._rows(table.filter(pc.equal(table.column(self.column), partition)))

    @cached_property
    def headline_metric(self) -> str | None:
        """The name of the metric that stands for a night's performance; None without any."""
        import pyarrow.compute as pc

        names = pc.unique(self._overall().column("metric")).to_pylist()
        return combine.headline_metric(names)

    def _overall(self) -> pa.Table:
        import pyarrow.compute as pc

        return self.performance.filter(pc.equal(self.performance.column("slice"), ""))

    def _rows(self, table: pa.Table) -> list[Mapping[str, Any]]:
        return [{**row, "partition": row[self.column]} for row in table.to_pylist()]

    def nights(self) -> list[Night]:
        """All nights in order, each without the incidents it is part of."""
        import pyarrow.compute as pc

        # What is not shown is left out before rows become Python objects.
        table = self._overall()
        shown = table.filter(pc.equal(table.column("metric"), self.headline_metric or ""))
        rows = self._rows(shown.select([self.column, *combine.READ]))
        return combine.nights(self.records, self.visible, self.decisions, rows, self.pages)

    def with_decisions(
        self, decided: Mapping[str, NightDecision], void: Container[str] = ()
    ) -> KnownNights:
        """Return a copy with decisions added or replaced, and the ``void`` ones left out."""
        both = {**self.decisions, **decided}
        kept = {night: both[night] for night in sorted(both) if night not in void}
        return replace(self, decisions=kept)

    def with_pages(self, written: Iterable[str]) -> KnownNights:
        """Return a copy in which these nights have a page."""
        return replace(self, pages=self.pages | set(written))

    def with_performance(self, rows: Iterable[Mapping[str, Any]]) -> KnownNights:
        """Return a copy with new performance rows added."""
        return replace(self, performance=merge_performance(self.performance, rows, self.column))


def load(root: Path, store: Store, nights: Sequence[str]) -> KnownNights:
    """Read all facts.

    Parameters
    ----------
    nights
        The nights whose metrics are all wanted, at some cost for each.
    """
    return KnownNights(
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
    """Rows of the performance table, in order within a night; see `KnownNights.performance`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    shown = store.performance(slices=False, metrics=sorted({*HEADLINE.values()}))
    if not shown.num_rows:
        return store.performance(slices=False)  # another metric stands for each night
    if not nights:
        return shown
    others = pc.invert(pc.is_in(shown.column(store.column), pa.array(nights, pa.string())))
    return pa.concat_tables([shown.filter(others), store.performance(nights, slices=False)])
