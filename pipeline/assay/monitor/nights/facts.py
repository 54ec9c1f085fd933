"""Everything known about the nights, read once before a command decides anything.

Monitoring has five stages: load, judge, fold, write, notify. Results are added to these facts in
memory, so no stage reads back what an earlier one wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from assay.errors import DataError
from assay.monitor.nights import combine, documents
from assay.monitor.nights.documents import KnownDocument
from assay.monitor.nights.incident import ListedIncidents, read_incidents
from assay.monitor.nights.night import Night
from assay.monitor.nights.night_path import EVIDENTLY
from assay.project import layout
from assay.project.tasks import HEADLINE
from assay.store import RunRecord, Store, history
from assay.store.performance import merge_performance

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class KnownNights:
    """What the store and the reports hold about all nights.

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
        `assay.store.delta.tables.performance_schema`. All metrics of the nights that `load` was
        asked about, and of the others those that can stand for a night.
    documents
        Night -> its document from ``assay monitor``.
    pages
        The nights that have an HTML page.
    listed
        The incidents in ``reports/incidents.json``.
    unlisted
        Why that file cannot be read; None if it can be, or does not exist.
    """

    column: str
    records: tuple[RunRecord, ...]
    visible: Mapping[str, str]
    performance: pa.Table
    documents: Mapping[str, KnownDocument]
    pages: frozenset[str]
    listed: ListedIncidents
    unlisted: DataError | None = None

    @cached_property
    def measured(self) -> Mapping[str, list[Mapping[str, Any]]]:
        """Night -> its numbers over all rows, as rows of the performance table.

        Each with the night as ``partition``.
        """
        found: dict[str, list[Mapping[str, Any]]] = {}
        for row in self._rows(self._overall()):
            found.setdefault(row["partition"], []).append(row)
        return found

    def measured_on(self, partition: str) -> list[Mapping[str, Any]]:
        """`measured` of one night, at the cost of one."""
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
        return combine.nights(self.records, self.visible, self.documents, rows, self.pages)

    def with_documents(self, written: Iterable[KnownDocument]) -> KnownNights:
        """Return a copy with documents, and their pages, added or replaced."""
        new = {each.partition: each for each in written}
        return replace(self, documents={**self.documents, **new}, pages=self.pages | set(new))

    def with_incidents(self, listed: ListedIncidents) -> KnownNights:
        """Return a copy with the list of incidents replaced."""
        return replace(self, listed=listed, unlisted=None)

    def with_performance(self, rows: Iterable[Mapping[str, Any]]) -> KnownNights:
        """Return a copy with new performance rows added."""
        return replace(self, performance=merge_performance(self.performance, rows, self.column))


def load(root: Path, store: Store, nights: Sequence[str] | None = None) -> KnownNights:
    """Read all facts. A damaged document or list of incidents is recorded and hides no others.

    Parameters
    ----------
    nights
        The nights whose metrics are all wanted, at some cost for each; None for all nights.
    """
    try:
        listed, unlisted = read_incidents(root), None
    except DataError as error:
        listed, unlisted = ListedIncidents(), error
    return KnownNights(
        column=store.column,
        records=tuple(store.runs()),
        visible=history.visible_runs(store),
        performance=_performance(store, nights),
        documents=documents.read_documents(root),
        pages=frozenset(
            unquote(page.stem)
            for page in (root / layout.NIGHTS).glob("*.html")
            if not page.name.endswith(EVIDENTLY)
        ),
        listed=listed,
        unlisted=unlisted,
    )


def _performance(store: Store, nights: Sequence[str] | None) -> pa.Table:
    """Rows of the performance table, in order within a night; see `KnownNights.performance`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if nights is None:
        return store.performance(slices=False)
    shown = store.performance(slices=False, metrics=sorted({*HEADLINE.values()}))
    if not shown.num_rows:
        return store.performance(slices=False)  # another metric stands for each night
    if not nights:
        return shown
    others = pc.invert(pc.is_in(shown.column(store.column), pa.array(nights, pa.string())))
    return pa.concat_tables([shown.filter(others), store.performance(nights, slices=False)])
