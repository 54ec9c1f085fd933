"""Write the documents and pages of judged nights, once, at the end of a command.

Everything is decided before this, and nothing reads what is written here. A night's own page holds
all that Assay knows of it. Evidently's report, which takes two seconds, is a file beside it, for
nights that cross a limit or are asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.columns.grid import NumberGrid
from assay.columns.reference import Reference
from assay.columns.texts import texts_behind
from assay.errors import AssayError
from assay.model.bundle import Bundle
from assay.monitor.drift.night_decision import NightDecision
from assay.monitor.evidently import page
from assay.monitor.evidently.page import Sample, sample_of
from assay.monitor.incidents.collect import AllNights
from assay.monitor.judge import JudgedNight
from assay.monitor.nights import history
from assay.monitor.nights import page as night_page
from assay.monitor.nights.facts import StoredFacts
from assay.monitor.nights.history import Published
from assay.monitor.nights.night import EVIDENTLY, MonitoringStatus, decide_status, night_path
from assay.monitor.nights.page import EvidentlyPart, PageContent, night_content
from assay.monitor.nights.sample import published_sample
from assay.monitor.nights.summary import (
    NightSummary,
    count_broken_rules,
    overall_metrics,
)
from assay.pages.templating import compose_page
from assay.performance.label_drift import label_drift
from assay.performance.realized_metrics import Row
from assay.project.document import write_json, write_text
from assay.project.extras import is_installed
from assay.project.params import Params
from assay.registry.pin import run_bundle_loader
from assay.store import Run, Store

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PageWriter:
    """Writes the pages and documents of nights into a project's reports.

    Attributes
    ----------
    every
        The current status of all nights.
    facts
        All that is known of them, with what was decided and measured now.
    """

    root: Path
    params: Params
    store: Store
    every: AllNights
    facts: StoredFacts

    def write(self, judged: Sequence[JudgedNight], evidently: bool = False) -> list[NightSummary]:
        """Write the nights that were judged now.

        Parameters
        ----------
        evidently
            Make Evidently's report of each night, whatever ``monitor.evidently`` says.
        """
        every = {night.partition: night for night in self.every.nights}
        summaries = []
        for night in judged:
            known, crossed = every[night.partition], night.decision.drift.crossed
            # None if the run was replaced in the meantime.
            status = known.status if known.judged else decide_status("published", crossed)
            measured = self.facts.measured_on(night.partition)
            summaries.append(
                self._summary(night.published, night.loaded, night.decision, status, measured)
            )
        for night, summary in zip(judged, summaries, strict=True):
            part = self._evidently_part(summary, evidently)
            content = self._write_page(night.published, night.loaded, summary, part)
            self._write_evidently(night, summary, part, content)
            if len(judged) > 1:  # progress: drawing pages takes seconds
                log.info("looked at %s", summary.partition)
        return summaries

    def write_again(self, nights: Collection[str]) -> None:
        """Write the pages of earlier nights whose status, decision or labels are others now.

        Nights without a page, and those whose published run was not judged, are left alone. So is,
        with a warning, a night whose bundle or profile can no longer be loaded.
        """
        mine = {
            night.partition: night
            for night in self.every.nights
            if night.partition in nights and night.page and night.judged is not None
        }
        if not mine:
            return
        fetch = run_bundle_loader(self.root, self.params)
        # Of these nights the facts hold the headline metric only.
        known = replace(self.facts, performance=self.store.performance(sorted(mine), slices=False))
        for published in history.read_published(self.store, sorted(mine)):
            record = published.record
            night = mine[record.partition]
            assert night.judged is not None
            try:
                loaded = fetch(record)
                measured = known.measured_on(record.partition)
                summary = self._summary(published, loaded, night.judged, night.status, measured)
                part = EvidentlyPart.NOT_ASKED
                if self._evidently_file(summary).exists():
                    part = EvidentlyPart.THERE
                self._write_page(published, loaded, summary, part)
            except AssayError as error:
                name = night_path(record.partition, ".html")
                log.warning("%s is not up to date: %s", name, error.line())

    def _summary(
        self,
        published: Published,
        loaded: Bundle,
        judged: NightDecision,
        status: MonitoringStatus,
        measured: Sequence[Row],
    ) -> NightSummary:
        record, limits = published.record, self.params.monitor
        label = label_drift(measured, record.run_id, loaded.reference, limits.limit_quantile)
        broken = count_broken_rules(self.store, record)
        return NightSummary(
            record, judged, status, limits, label, broken, overall_metrics(measured)
        )

    def _write_page(
        self, published: Published, loaded: Bundle, summary: NightSummary, part: EvidentlyPart
    ) -> PageContent:
        """Write the night's own page and its document; returns what the page shows."""
        content = night_content(
            summary, loaded.reference, loaded.manifest.task, published.profile()
        )
        ours = night_page.render(summary, loaded.reference, content, part)
        html = compose_page(night_page.title(summary), ours, links=page.FRONT)
        write_text(self.root / summary.page, html)
        write_json(self.root / night_path(summary.partition, ".json"), summary.document())
        return content

    def _write_evidently(
        self, night: JudgedNight, summary: NightSummary, part: EvidentlyPart, content: PageContent
    ) -> None:
        file = self._evidently_file(summary)
        if part is not EvidentlyPart.THERE:
            file.unlink(missing_ok=True)
            return
        record = night.published.record
        few = self._sample(record, night.loaded, [column.name for column in content.columns])
        title = f"{record.name}: {summary.partition}"
        ours = night_page.introduce(summary, few.rows, few.left_out)
        write_text(file, page.render_page(title, ours, record.partition, few, self._keep(record)))

    def _keep(self, record: Run) -> Callable[[Any], None] | None:
        """Adds a night's report to the workspace; None if there is to be none."""
        folder = self.params.monitor.workspace
        if folder is None:
            return None
        return partial(page.add_run, self.root / folder, self.params.name, record.partition)

    def _evidently_file(self, summary: NightSummary) -> Path:
        return self.root / night_path(summary.partition, EVIDENTLY)

    def _evidently_part(self, summary: NightSummary, asked: bool) -> EvidentlyPart:
        when = self.params.monitor.evidently
        asked = asked or self._evidently_file(summary).exists()
        if not (asked or when == "always" or (when == "alarming" and summary.status.alarming)):
            return EvidentlyPart.NOT_ASKED
        return EvidentlyPart.THERE if is_installed("evidently") else EvidentlyPart.NOT_INSTALLED

    def _sample(self, record: Run, loaded: Bundle, order: Sequence[str]) -> Sample:
        """The rows that Evidently sees, with the first of the columns."""
        rows, why_none = published_sample(
            *(self.root, self.params, self.store, record, loaded.manifest),
            loaded.reference.scores,
        )
        return sample_of(
            rows,
            sample_reference(loaded, self.params),
            loaded.reference.scores,
            *columns_of(loaded.reference),
            why_none,
            loaded.manifest.sensitive,
            order,
        )


def columns_of(reference: Reference) -> tuple[list[str], list[str]]:
    """The names of the numeric and of the categorical columns that a table has."""
    measured = texts_behind(reference.texts)
    there = {name: grid for name, grid in reference.grid.items() if name not in measured}
    numeric = [name for name, grid in there.items() if isinstance(grid, NumberGrid)]
    return numeric, [name for name in there if name not in numeric]


def sample_reference(loaded: Bundle, params: Params) -> pd.DataFrame:
    """At most ``monitor.sample_rows`` of the reference's rows."""
    rows = loaded.sample()
    limit = params.monitor.sample_rows
    return rows if len(rows) <= limit else rows.sample(limit, random_state=params.seed)


def nights_that_changed(before: AllNights, now: AllNights) -> Iterable[str]:
    """The nights whose decision or status is another one now."""
    was = {night.partition: (night.judged, night.status) for night in before.nights}
    for night in now.nights:
        if was.get(night.partition) != (night.judged, night.status):
            yield night.partition
