"""``assay labels``: store the labels of nights, and measure how well the nights were scored."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import AssayError, NothingScored, SourceError, UsageError
from assay.performance import read_labels, realized_metrics
from assay.performance.measure import MeasuredRun, measure
from assay.performance.read_labels import LabelCounts, find_new_labels, set_arrival_time
from assay.project import layout
from assay.project.document import write_json
from assay.project.params import Params
from assay.project.params.inputs import NIGHT_IN_PATH
from assay.project.partitions import parse_day
from assay.registry.git import user_name
from assay.registry.pin import run_bundle_loader
from assay.score.inputs.format import InputUnreadable
from assay.score.inputs.formats import open_input
from assay.score.operations.export import nothing_published
from assay.store import open_store
from assay.store.labels import read_keys_and_task

if TYPE_CHECKING:
    from assay.model.manifest import Manifest
    from assay.store import Run, Store


@dataclass
class LabelsOutcome:
    """The result of one call of ``assay labels``.

    Attributes
    ----------
    absent
        Nights whose labels the input does not hold yet, and why.
    elsewhere
        Rows of the file that belong to none of the requested nights.
    measured
        Also nights that were not requested, but have reached a maturity since.
    unmeasured
        Such nights that could not be measured, and why.
    """

    taken: list[LabelCounts] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    elsewhere: int = 0
    measured: list[MeasuredRun] = field(default_factory=list)
    unmeasured: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "nights": [asdict(each) for each in self.taken],
            "absent": self.absent,
            "elsewhere": self.elsewhere,
            "measured": [each.tree() for each in self.measured],
            "unmeasured": self.unmeasured,
        }


TOGETHER, MOST_ROWS = 25, 1_000_000
"""Nights whose labels are stored in one commit, fewer where they have so many rows: each commit
takes the longer, the more there are."""

log = logging.getLogger(__name__)


class NoLabelsYet(SourceError):
    """The source has no labels of any of the nights, which is how each project starts."""


def run(
    root: Path,
    params: Params,
    first: str,
    last: str,
    file: Path | None = None,
    instant: str | None = None,
    now: datetime | None = None,
    patient: bool = False,
) -> LabelsOutcome:
    """Take labels from a file or from ``labels.input``; measure what has matured.

    Taking the same labels again changes nothing. If one night fails, the nights before it are done,
    and running the command again continues.

    Parameters
    ----------
    first, last
        Nights, both included. A range covers the published nights in it.
    instant
        When the labels arrived, if that was before now: a date or a time.
    file
        None for ``labels.input``. Without either, the labels that are stored are measured again, as
        after another run published their nights.
    patient
        It is no error if there are no labels of any of these nights yet.

    Raises
    ------
    NothingScored
        None of the nights is published.
    UsageError
        The range or ``instant`` is invalid, or no source of labels is given.
    SourceError
        ``labels.input`` is one file.
    NoLabelsYet
        There are no labels of any of these nights.
    """
    if file is None:
        _refuse_one_file(root, params)
    job = _Job(root, params, open_store(root, params), now or datetime.now(UTC))
    arrived = _instant(instant, job.now)
    outcome = LabelsOutcome()
    nights = _nights(job.store, first, last)
    sourced = nights
    if file is None and params.labels.input is None:
        nights, sourced = job.stored(nights, patient), []
    whole = None if file is None else _whole(file, params, first == last)
    records = {record.partition: record for record in job.store.published_runs(nights)}
    try:
        for number, night in enumerate(sourced, 1):
            job.take(records.get(night) or job.record(night), whole, file, arrived, outcome)
            _report_progress("looked for", night, number, sourced)
    finally:
        job.write()
    absent = outcome.absent and not outcome.taken and not patient
    if absent and set(nights).isdisjoint(job.overdue()):
        raise NoLabelsYet("has no truths of any of these nights", where="labels.input",
                          found=next(iter(outcome.absent.values())))  # fmt: skip
    if whole is not None and params.ingest.partition_by in whole.column_names:
        cells = whole.column(params.ingest.partition_by).cast(pa.string())
        outcome.elsewhere = whole.num_rows - _among(cells, nights)
    job.measure(nights, outcome)
    for each in outcome.measured:
        write_json(root / performance_path(each.record.partition), each.tree())
    return outcome


def _refuse_one_file(root: Path, params: Params) -> None:
    given = params.labels.input
    if given is not None and NIGHT_IN_PATH not in given.path and (root / given.path).is_file():
        raise SourceError(
            "is one file, and a night is not a part of a file",
            where=f"labels.input: {given.path}",
            expected=f"a folder with folders {params.ingest.partition_by}=..., or a Delta table",
            fix=f"Take its truths with assay labels --date DAY --rows {given.path}.",
        )


def performance_path(night: str) -> str:
    """The path of a night's realized performance document, relative to the root."""
    return f"{layout.PERFORMANCE}/{quote(night, safe=' ')}.json"


class _Job:
    """One call: the store, the clock, and the bundles that were loaded."""

    def __init__(self, root: Path, params: Params, store: Store, now: datetime) -> None:
        self.root, self.params, self.store, self.now = root, params, store, now
        self._by = user_name(root)
        self._keys, self._task = read_keys_and_task(store)
        self._bundle = run_bundle_loader(root, params)
        self._source = "labels.input"
        self._waiting: dict[str, pa.Table] = {}

    def take(
        self,
        record: Run,
        whole: pa.Table | None,
        file: Path | None,
        told: datetime | None,
        outcome: LabelsOutcome,
    ) -> None:
        """Take one night's labels, or record why there are none; `write` stores the last ones."""
        night, names = record.partition, self._names(self._bundle(record).manifest)
        if whole is None or file is None:
            given = self.params.labels.input
            source = "labels.input" if given is None else f"labels.input: {given.path}"
            try:
                table = self._input(night, names)
            except InputUnreadable as reason:
                outcome.absent[night] = str(reason)
                return
        else:
            source, table = str(file), _of_night(whole, self.params.ingest.partition_by, night)
            when = names.arrived_at or read_labels.ARRIVED
            known = when if when in table.column_names else None
            names = read_labels.LabelColumns(names.keys, names.truth, known)
        labels = read_labels.parse_labels(table, names, self._keys, self._task, source, self.now)
        labels = read_labels.LabelBatch(
            set_arrival_time(labels.rows, told), labels.untold, labels.keyless
        )
        counts, self._waiting[night] = find_new_labels(
            self.store, night, labels, self._keys, source, self._first(night), self.now
        )
        outcome.taken.append(counts)
        self._source, held = source, sum(each.num_rows for each in self._waiting.values())
        if len(self._waiting) >= TOGETHER or held >= MOST_ROWS:
            self.write()

    def write(self) -> None:
        """Store the labels of all nights taken since, in one commit."""
        self.store.append_labels(self._waiting, self._source, self._by)
        self._waiting = {}

    def measure(self, nights: list[str], outcome: LabelsOutcome) -> None:
        """Measure these nights, and those that have reached a maturity since they were measured."""
        column, due = self.store.column, [night for night in nights if night not in outcome.absent]
        for number, night in enumerate(due, 1):
            outcome.measured.append(self._measured(self.record(night)))
            _report_progress("measured with", night, number, due)
        for night in sorted({*self.overdue()} - {*due}):
            try:
                outcome.measured.append(self._measured(self.record(night)))
            except AssayError as error:
                outcome.unmeasured[night] = error.line()
        self.store.append_performance(
            row for each in outcome.measured for row in each.rows_of_table(column, self.now)
        )

    def overdue(self) -> list[str]:
        """All nights that have reached a maturity since they were measured."""
        return realized_metrics.overdue_nights(self.store, self.params.monitor.maturities, self.now)

    def stored(self, nights: list[str], patient: bool) -> list[str]:
        """Those of the nights whose labels are stored, where nobody says where others are."""
        labelled = sorted({*nights} & {*self.store.labelled_partitions()})
        if labelled or patient:
            return labelled
        raise UsageError(
            "nobody says where the truths are",
            where="assay labels",
            expected="--rows FILE, or labels.input in params.yaml",
        )

    def _measured(self, record: Run) -> MeasuredRun:
        loaded = self._bundle(record)
        return measure(self.root, self.params, self.store, record, loaded, self.now)

    def record(self, night: str) -> Run:
        """The run that has published a night."""
        record = self.store.published_run(night)
        if record is None:
            raise nothing_published(self.store, night)
        return record

    def _names(self, manifest: Manifest) -> read_labels.LabelColumns:
        given = self.params.labels
        truth = given.truth or manifest.label
        return read_labels.LabelColumns(tuple(self._keys.names), truth, given.arrived_at)

    def _input(self, night: str, names: read_labels.LabelColumns) -> pa.Table:
        source = open_input(self.root, self.params, self.params.labels.input)
        read = [batch for batch in source.unparsed_rows(night, names.every) if batch.num_rows]
        if not read:
            raise InputUnreadable("its input has no rows")
        return pa.concat_tables(map(pa.table, read), promote_options="default")

    def _first(self, night: str) -> datetime:
        day, days = parse_day(night), self.params.labels.known_after_days
        if day is None or days is None:
            return self.now
        return min(self.now, realized_metrics.maturity_start(day, days))


def _report_progress(what: str, night: str, number: int, nights: list[str]) -> None:
    if len(nights) > 1:  # measuring a night takes a second
        log.info("%s the labels of %s (%d of %d)", what, night, number, len(nights))


def _nights(store: Store, first: str, last: str) -> list[str]:
    if first == last:
        return [first]
    if last < first:
        raise UsageError("--to is before --from", where="assay labels", found=f"{first} to {last}")
    nights = [night for night in store.visible_runs() if first <= night <= last]
    if not nights:
        raise NothingScored("no run has published any of these nights", where=f"{first} to {last}")
    return nights


def _whole(file: Path, params: Params, one: bool) -> pa.Table:
    table, column = read_labels.read_label_file(file), params.ingest.partition_by
    if read_labels.PROBABILITY in table.column_names:
        raise UsageError(
            "these rows were chosen by assay ask, and are not like those of their nights",
            where=f"--rows {file}",
            expected=f"labels of all rows, or of rows as they come: no {read_labels.PROBABILITY}",
            fix=f"It weights them: assay ask --labels {file}.",
        )
    if not one and column not in table.column_names:
        raise UsageError(
            "the rows do not say which night they belong to",
            where=str(file),
            expected=f"a column {column!r}, or --date",
        )
    return table


def _of_night(whole: pa.Table, column: str, night: str) -> pa.Table:
    if column not in whole.column_names:
        return whole
    return whole.filter(pc.equal(whole.column(column).cast(pa.string()), night))


def _among(cells: pa.ChunkedArray, nights: list[str]) -> int:
    return int(pc.sum(pc.is_in(cells, pa.array(nights))).as_py() or 0)


def _instant(text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "no day and no time", where="--arrived", expected="such as 2013-07-03", found=text
        ) from None
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    if instant > now:
        raise UsageError("is in the future", where="--arrived", found=text)
    return instant
