"""``assay plan``: score real nights with the bundle at HEAD, and show what it would change.

The runs are written as any run is, and registered in the store's plans. No reader sees them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import stdev

from assay.errors import AssayError, KeyUnknown, NothingScored
from assay.errors.base import describe_error
from assay.model.prediction import PREDICTION
from assay.monitor.drift.budget import alarms, evidence
from assay.monitor.drift.drift import decide
from assay.monitor.drift.measures import read_measures
from assay.plan import page, pins
from assay.plan.document import Plan, PlannedNight
from assay.plan.moved_rows import MOST, MovedRows
from assay.plan.rows import SAMPLED, NotableRows, RowsBehind, only_keys
from assay.plan.segments import find_segments
from assay.project import digests, interrupts, layout
from assay.project.params import Params
from assay.registry import fetch, git, versions
from assay.registry.pin import PinnedVersion, pin
from assay.registry.tags import Bump
from assay.registry.versions import RegistryState, Version
from assay.score.carriers import needs_spark, working_folder
from assay.score.due import find_due_nights, is_day, nights_between, parse_range
from assay.score.inputs.format import InputUnreadable
from assay.score.inputs.formats import open_input
from assay.score.operations.changes import Changes, RowChanges, Strongest, spread
from assay.score.operations.difference import paired
from assay.score.progress import Progress
from assay.score.run import Attempt, Scoring, new_run
from assay.score.spark.session import BackgroundSession
from assay.score.together import ABOUT_ONE_NIGHT
from assay.store import Run, RunFiles, StagedRun, Store, open_store
from assay.store.delta.location import filesystem
from assay.store.delta.tables import PREDICTIONS, QUARANTINE
from assay.store.plans import PlannedRun, file_digests, signed

NEWEST = 7
"""Published nights that are planned if none are named."""

MOVED = 0.1
"""A probability that changes by more counts as moved, if nothing else is asked for."""

DRAWN = 3
"""The picture of changes reaches so many times as far as what counts as moved."""


@dataclass(frozen=True)
class Planned:
    """A plan, and where its page is."""

    plan: Plan
    page: str

    def document(self) -> Plan:
        return self.plan


def run(
    root: Path,
    params: Params,
    first: str | None = None,
    last: str | None = None,
    due: bool = False,
    by: float | None = None,
    bump: Bump = "minor",
    dry_run: bool = False,
) -> Planned:
    """Plan nights; writes plan.json and its page.

    Parameters
    ----------
    first, last
        The nights from one day to another; None for the newest that are published.
    due
        The nights that are due instead.
    by
        A score that changes by more counts as moved; by default `MOVED`, or a tenth of the spread
        of a regression's scores.
    bump
        The part of the version's number that promotion will raise.
    dry_run
        Keep nothing that could be applied, and write nothing to the store.

    Raises
    ------
    BundleMissing
        Git and DVC have no bundle at HEAD.
    NothingScored
        No night is published or due, and none is named. A dry run says so in a plan without nights:
        before the first night every pull request asks it.
    UsageError
        The predictions that readers see have other keys, or are those of another kind of model.
    AssayError
        No night could be planned: that of the first.
    """
    commit, known = git.head(root), versions.read_state(root, params.name)
    store = open_store(root, params)
    wanted = _nights(root, params, store, first, last, due)
    if not wanted and not dry_run:
        raise NothingScored(
            page.NO_NIGHTS,
            where=store.uri,
            fix="Name nights that have input: assay plan --from DAY --to DAY",
        )
    holder = known.holders.get(params.registry.stage, "")
    with ExitStack() as at_the_end:
        spark = BackgroundSession(params, root)
        at_the_end.callback(spark.stop)
        if needs_spark(params):
            spark.start()
        pinned = pin_head(root, params, known, commit, bump)
        aside = at_the_end.enter_context(_aside(root, params, store)) if dry_run else None
        scoring = Scoring(params, root, pinned, store, spark.session, aside)
        scoring.check()
        work = _Work(scoring, Progress(len(wanted)), by, holder)
        try:
            nights = work.plan(wanted)
            document = work.document(nights, commit, known.find(holder))
        except BaseException:
            work.delete_files()
            raise
    if work.runs:
        store.append_plan(work.runs)
    keep_out_of_git(root / layout.PLAN)
    document.write(root)
    return Planned(document, page.write(root, document, work.moved.rows()))


@contextmanager
def _aside(root: Path, params: Params, store: Store) -> Iterator[Store]:
    """A store for files that are deleted afterwards."""
    uri = f"{working_folder(root, params)}/plan-{secrets.token_hex(4)}"
    try:
        yield Store(uri, store.column, store.keep_days)
    finally:
        system, path = filesystem(uri)
        with suppress(OSError):
            system.delete_dir(path)


def keep_out_of_git(path: Path) -> None:
    """Have git leave a file's folder alone: the page has rows, and promotion wants a clean tree."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / ".gitignore").write_text("*\n", encoding="utf-8")


def pin_head(
    root: Path, params: Params, known: RegistryState, commit: str, bump: Bump = "minor"
) -> PinnedVersion:
    """The bundle and contract of a commit, as the version that its promotion will make of it.

    A commit that is a version already, or has the bundle of the one that holds the stage, keeps
    that version: its nights are planned again, as their input may have changed.
    """
    _, digest = fetch.fetch_bundle_at(root, params.name, commit, root / fetch.BUNDLES)
    holder = known.find(known.holders.get(params.registry.stage, ""))
    for version in (known.at_commit(commit), holder):
        if version is not None and version.bundle == digest:
            return pin(root, params, version)
    coming = versions.coming_version(root, params.name, known, commit, digest, bump)
    return pin(root, params, coming)


def _nights(
    root: Path, params: Params, store: Store, first: str | None, last: str | None, due: bool
) -> list[str]:
    source, visible = open_input(root, params), store.visible_runs()
    if first is not None and last is not None:
        listed = source.nights() if source.lists_nights else ()
        return nights_between(*parse_range(first, last), listed)
    if due:
        until = str(params.prepare.holdout.end)
        return list(find_due_nights(source.nights(), visible, store.runs(), after=until).nights)
    return sorted(filter(is_day, visible))[-NEWEST:]


class _Work:
    """Plans nights one after the other, and counts what changes."""

    def __init__(
        self, scoring: Scoring, progress: Progress, by: float | None, champion: str
    ) -> None:
        pinned = scoring.pinned
        bundle, contract = pinned.bundle, pinned.contract
        self._scoring, self._store, self._progress = scoring, scoring.store, progress
        self._by, self._champion = by, champion
        self._unit: float | None = None
        hidden = frozenset({*bundle.manifest.sensitive, *contract.hidden})
        self._keyed = only_keys(contract, scoring.store.column)
        self._behind = RowsBehind(contract, self._keyed, bundle.reference, hidden)
        self._unread: str | None = None
        self._attempts: list[Attempt] = []
        self.runs: list[PlannedRun] = []
        self.moved = MovedRows(scoring.root, scoring.params, pinned, self._keyed)

    def plan(self, wanted: Sequence[str]) -> list[PlannedNight]:
        """Score each night and compare it; one that cannot be scored says why."""
        scoring, turns = self._scoring, self._store.turns(wanted)
        visible = {each.partition: each for each in self._store.published_runs(wanted)}
        rows = sum(run.rows_scored or 0 for run in visible.values())
        nights, lost = [], list[AssayError]()
        for number, night in enumerate(wanted, start=1):
            interrupts.raise_if_interrupted()
            text = f"plan: night {night} ({number} of {len(wanted)})"
            self._progress.step(text)
            begun = new_run(scoring.params.name, night, turns[night], scoring.pinned)
            attempt = Attempt(scoring, begun)
            self._attempts.append(attempt)
            try:
                held = attempt.stage(self._ahead(), self._progress.task_callback(text))
                planned = self._compared(attempt, held, visible.get(night), max(1, rows // SAMPLED))
            except (*ABOUT_ONE_NIGHT, KeyUnknown) as error:
                lost.append(error)
                self._delete(attempt)
                shown, why = visible.get(night), describe_error(error, scoring.root)
                run_id, by = (shown.run_id, shown.version) if shown else (None, None)
                planned = PlannedNight(day=night, why=why, readers_see=run_id, by_version=by)
            nights.append(planned)
            self._progress.done()
        if lost and len(lost) == len(nights):
            raise lost[0]
        # What changes nothing that can be applied is no plan.
        self.runs = [] if scoring.aside else list(signed(self.runs))
        return self._with_alarms(nights)

    def document(
        self, nights: Sequence[PlannedNight], commit: str, champion: Version | None
    ) -> Plan:
        """The whole plan."""
        pinned, params = self._scoring.pinned, self._scoring.params
        manifest = pinned.bundle.manifest
        binary = manifest.task == "binary"
        old = self.moved.threshold_of(champion.version) if binary and champion else None
        sample = self._behind.sample
        return Plan(
            name=params.name,
            plan=self.runs[0].plan if self.runs else None,
            version=pinned.version.version,
            bundle=pinned.bundle.digest,
            commit=commit,
            champion=champion.version if champion else None,
            task=manifest.task,
            threshold=manifest.threshold if binary else None,
            old_threshold=old,
            by=self._by or 0.0,
            nights=tuple(nights),
            slices=tuple(self._behind.slices()),
            segments=find_segments(sample),
            sampled=len(sample.change),
            unread=self._unread,
            usual=_usual(nights) if binary else None,
        )

    def delete_files(self) -> None:
        """Delete what was written for a plan that comes to nothing."""
        for attempt in self._attempts:
            self._delete(attempt)

    def _delete(self, attempt: Attempt) -> None:
        staged, attempt.staged = attempt.staged, None
        if staged is not None:
            self._scoring.written.delete_staged_files(PREDICTIONS, staged.predictions)
            self._scoring.written.delete_staged_files(QUARANTINE, staged.quarantine)

    def _ahead(self) -> list[StagedRun]:
        return [each.staged for each in self._attempts if each.staged is not None]

    def _compared(
        self, attempt: Attempt, held: tuple[str, ...], shown: Run | None, every: int
    ) -> PlannedNight:
        staged, tally, run = attempt.staged, attempt.tally, attempt.run
        assert staged is not None, "a night that raised no error is staged"
        changes: Changes | None = None
        if shown is not None:
            rows = NotableRows(self._keyed, every)
            changes = self._changes(staged, shown, rows)
            self._look_behind(run.partition, rows)
        if self._scoring.aside is None:
            self.runs.append(self._kept(attempt, staged, held))
        return PlannedNight(
            day=run.partition,
            run_id=run.run_id,
            read=tally.rows,
            scored=tally.scored,
            quarantined=tally.quarantined,
            changes=changes,
            held=held,
            readers_see=shown.run_id if shown else None,
            by_version=shown.version if shown else None,
        )

    def _kept(self, attempt: Attempt, staged: StagedRun, held: tuple[str, ...]) -> PlannedRun:
        """A run that can be applied."""
        scoring = self._scoring
        run = attempt.counted(attempt.run.then("planned", files=self._store.hold(staged)))
        return PlannedRun(
            plan="",
            at=datetime.now(UTC),
            by=git.user_name(scoring.root),
            champion=self._champion,
            code=pins.code(),
            params=digests.scoring(scoring.params),
            held=held,
            content=open_input(scoring.root, scoring.params).content(run.partition),
            files=file_digests(self._store, staged),
            run=run,
        )

    def _changes(self, staged: StagedRun, shown: Run, behind: NotableRows) -> Changes:
        """Pair the rows with what readers see."""
        store, night = self._store, staged.partition
        task = self._scoring.pinned.bundle.manifest.task
        if task == "regression" and self._unit is None:
            self._unit = spread(store.prediction_batches(night, [PREDICTION]))
        usual = MOVED * (1.0 if self._unit is None else self._unit)
        self._by = usual if self._by is None else self._by
        by, scale = self._by, DRAWN * (self._by or usual)
        planned = RunFiles(
            staged.run, staged.predictions, staged.predictions_schema, self._scoring.written
        )
        pairs = paired(store, store.files_of_run(shown), planned, self._scoring.root)
        changes, strongest = Changes(by=by, scale=scale), Strongest(self._keyed.keys, MOST)
        for table in pairs:
            rows = RowChanges(table, task)
            changes = changes.merge(Changes.of(rows, by, scale))
            strongest = strongest.add(rows)
            behind.add(rows)
        self.moved.add(shown, strongest)
        return changes

    def _look_behind(self, night: str, rows: NotableRows) -> None:
        """Find the changed rows in the night's input, where it can be read again."""
        if self._unread is None:
            scoring = self._scoring
            source, contract = open_input(scoring.root, scoring.params), scoring.pinned.contract
            try:
                self._behind.add(source.rows(night, [*contract.columns]), rows)
            except InputUnreadable as error:
                self._unread = str(error)

    def _with_alarms(self, nights: Sequence[PlannedNight]) -> list[PlannedNight]:
        """The nights with the alarms that monitoring would raise for them."""
        reference, limits = self._scoring.pinned.bundle.reference, self._scoring.params.monitor
        measures = read_measures(self._scoring.params, self._scoring.root)
        seen = []
        for each in self._attempts:
            if each.staged is not None and each.tally.profile is not None:
                counts, rows = each.tally.profile, each.tally.scored
                drift = decide(reference, counts, limits, rows, measures=measures)
                run = each.run
                seen.append(evidence(run.partition, run.bundle, drift, reference, limits))
        raised = {
            night.partition: tuple(
                f"{each.question.column}: {each.because}" for each in night.alarms
            )
            for night in alarms(seen, limits.budget)
        }
        return [night.model_copy(update={"alarms": raised.get(night.day, ())}) for night in nights]


def _usual(nights: Sequence[PlannedNight]) -> float | None:
    """How much the share of rows decided true differs from night to night, as readers see them."""
    every = [each.changes for each in nights if each.changes is not None]
    shares = [each.old_true / rows for each in every if (rows := each.both + each.only_old)]
    return stdev(shares) if len(shares) > 2 else None
