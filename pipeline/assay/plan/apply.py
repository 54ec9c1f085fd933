"""``assay apply``: publish the planned runs of the version that holds the stage, without scoring.

The files become visible by one commit for all nights. A night that is not as it was planned is
scored the ordinary way, unless a person or another run has decided about it since.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from assay.errors import AssayError, DataError, NotAllowed, PlanRefused, PublishConflict
from assay.errors.base import attach_report, attached_report
from assay.plan import pins
from assay.project.params import Params
from assay.project.text import counted, first_few
from assay.promotion import approvals
from assay.registry import access, versions
from assay.registry.pin import PinnedVersion, pin_verified
from assay.registry.versions import RegistryState, Version
from assay.score import stage
from assay.score.stage import ScoringOutcomes
from assay.store import Run, Store, open_store
from assay.store.delta.tables import PLANS
from assay.store.plans import PlannedRun, file_digests, signed
from assay.store.publish import publish_together, report_if_published

log = logging.getLogger(__name__)

Done = Literal["applied", "applied before", "changed", "left"]
"""``changed`` is scored the ordinary way. ``left``: it was decided about otherwise since."""


@dataclass(frozen=True)
class AppliedRun:
    """What became of a planned night, and why it is not the planned run that readers see."""

    partition: str
    run_id: str
    done: Done
    rows: int | None = None
    why: tuple[str, ...] = ()


@dataclass
class Applied:
    """What became of a plan; ``scored`` are the nights that had changed, scored the usual way."""

    plan: str
    version: str
    nights: list[AppliedRun]
    scored: ScoringOutcomes | None = None

    def document(self) -> dict[str, Any]:
        scored = None if self.scored is None else self.scored.document()
        nights = [{**vars(each), "why": list(each.why)} for each in self.nights]
        return {"plan": self.plan, "version": self.version, "nights": nights, "scored": scored}


def run(root: Path, params: Params, exact: bool = False, if_planned: bool = False) -> Applied:
    """Apply the plan that was made last with the bundle of the version that holds the stage.

    Applying it again changes nothing.

    Parameters
    ----------
    exact
        Refuse if a night is not as it was planned.
    if_planned
        Without a night that may be applied, or without all approvals, do nothing.

    Raises
    ------
    NotAllowed
        The person may not apply.
    PlanRefused
        There is no such plan, it lacks an approval, it was compared with another version than the
        one before, or with ``exact`` a night has changed. Nothing is published.
    AssayError
        That of the first changed night that could not be scored; the others are published.
    """
    known, name = versions.read_state(root, params.name), params.registry.stage
    version = versions.select_champion(known, params.name, name)
    store = open_store(root, params)
    planned = store.newest_plan(version.bundle)
    if if_planned and not _waits(root, store, version, planned):
        return Applied("", version.version, [])
    by = access.require(root, "apply")
    if not planned:
        raise PlanRefused(
            f"there is no plan of {version.version}",
            where=store.uri,
            fix="assay plan makes one of its nights, with the bundle at HEAD",
        )
    pinned = pin_verified(root, params, known, version, name)
    if pinned.doubt:
        log.warning("apply: %s", pinned.warning)
    approved = _check(root, params, known, version, planned)
    applied = Applied(planned[0].plan, version.version, [])
    while True:
        applied.nights = list(_judge(root, params, store, pinned, planned))
        if exact:
            _check_exact(applied.nights)
        wanted = {each.run_id for each in applied.nights if each.done == "applied"}
        runs = [each for each in planned if each.run.run_id in wanted]
        if not runs or _publish(store, runs, approved, by):
            break
    changed = [each.partition for each in applied.nights if each.done == "changed"]
    if changed:
        try:
            applied.scored = stage.score_nights(root, params, changed)
        except AssayError as error:
            report = attached_report(error)
            applied.scored = report if isinstance(report, ScoringOutcomes) else None
            raise attach_report(error, applied) from None
    return applied


def is_pending(root: Path, params: Params) -> bool:
    """Whether the version that holds the stage has a plan to be applied, approved by all."""
    known = versions.read_state(root, params.name)
    version = known.find(known.holders.get(params.registry.stage, ""))
    if version is None:
        return False
    store = open_store(root, params)
    return _waits(root, store, version, store.newest_plan(version.bundle))


def _waits(root: Path, store: Store, version: Version, planned: Sequence[PlannedRun]) -> bool:
    """Whether a night may be applied, and all who were asked have approved that."""
    if all(_decided(store, planned).values()):
        return False
    asked = approvals.asked_at(root, version.commit)
    _, lacking = approvals.answers(root, asked, planned[0].plan, version.commit)
    if lacking:
        names = first_few([asked.who for asked, _ in lacking])
        log.warning("a plan of %s is not applied: %s did not approve it", version.version, names)
        return False
    try:
        access.require(root, "apply")
    except NotAllowed as error:
        log.warning("a plan of %s is not applied: %s", version.version, error.line())
        return False
    return True


def _check(
    root: Path,
    params: Params,
    known: RegistryState,
    version: Version,
    planned: Sequence[PlannedRun],
) -> str:
    """Who approved the plan, in words; errors as for `run`."""
    if signed(planned) != tuple(planned):
        raise PlanRefused(
            "the plan is not what was planned: rows of it were edited, or are missing",
            where=f"store/{PLANS}, plan {planned[0].plan[:19]}",
            fix="assay plan again.",
        )
    other = pins.follows(known, params.registry.stage, planned[0])
    if other:
        raise PlanRefused(
            f"the plan is not one of this step: {other}",
            where=f"plan {planned[0].plan[:19]}",
            fix="assay plan again, to see what this version changes.",
        )
    asked_for = approvals.asked_at(root, version.commit)
    given, lacking = approvals.answers(root, asked_for, planned[0].plan, version.commit)
    if lacking:
        raise PlanRefused(
            "the plan is not approved by everyone who was asked",
            where=f"plan {planned[0].plan[:19]}",
            expected=", ".join(asked.who for asked in asked_for),
            found="; ".join(f"{asked.who}: {reason}" for asked, reason in lacking),
            fix="They type: assay approve --as WHO --because WHY",
        )
    text = ", ".join(f"{each.by} as {each.who}" for each in given)
    return f", approved by {text}" if text else ""


def _decided(store: Store, planned: Sequence[PlannedRun]) -> Mapping[str, str]:
    """Planned run -> why its night is nobody's to change any more; "" where it may be applied.

    It may be if it is visible and the journal does not know: who applied it was killed in between.
    """
    if not planned:
        return {}
    nights = [each.partition for each in planned]
    turns, runs, visible = store.turns(nights), store.runs(nights), store.visible_runs()
    known = {run.run_id for run in runs}
    decided = {}
    for each in planned:
        later = [run for run in runs if run.partition == each.partition and _began_after(run, each)]
        if visible.get(each.partition) == each.run.run_id not in known:
            decided[each.run.run_id] = ""
        elif turns[each.partition] != each.run.base:
            decided[each.run.run_id] = "another run of it was published or retracted since"
        elif later:
            decided[each.run.run_id] = f"a run of it was {later[-1].event} since"
        else:
            decided[each.run.run_id] = ""
    return decided


def _began_after(run: Run, planned: PlannedRun) -> bool:
    if run.run_id == planned.run.run_id or run.started_at is None:
        return False
    return planned.run.started_at is None or run.started_at > planned.run.started_at


def _judge(
    root: Path,
    params: Params,
    store: Store,
    pinned: PinnedVersion,
    planned: Sequence[PlannedRun],
) -> Iterator[AppliedRun]:
    visible, decided = store.visible_runs(), _decided(store, planned)
    for each in planned:
        run = each.run
        done: Done
        why: tuple[str, ...] = ()
        if visible.get(run.partition) == run.run_id:
            done = "applied before" if decided[run.run_id] else "applied"
        elif decided[run.run_id]:
            done, why = "left", (decided[run.run_id],)
        else:
            try:
                done, why = _state(root, params, store, pinned, each)
            except DataError as error:
                done, why = "left", (f"its input cannot be looked at here: {error.line()}",)
        yield AppliedRun(run.partition, run.run_id, done, run.rows_scored, why)


def _state(
    root: Path, params: Params, store: Store, pinned: PinnedVersion, planned: PlannedRun
) -> tuple[Done, tuple[str, ...]]:
    """Whether a night is as it was planned, and what is not."""
    why = [*pins.changed(root, params, planned, pinned)]
    if planned.at < datetime.now(UTC) - timedelta(days=store.keep_days):
        why.append(f"the plan is older than {counted(store.keep_days, 'day')}")
    why += [f"it would be held: {reason}" for reason in planned.held]
    if file_digests(store, planned.staged(store)) != planned.files:
        why.append("its planned files are not what was written")
    return "changed" if why else "applied", tuple(why)


def _check_exact(nights: Sequence[AppliedRun]) -> None:
    wrong = [each for each in nights if each.why]
    if wrong:
        raise PlanRefused(
            f"{counted(len(wrong), 'night')} of {len(nights)} are not as they were planned",
            where="assay apply --exact",
            found="; ".join(f"{each.partition}: {', '.join(each.why)}" for each in wrong),
            fix="assay plan again; without --exact the others are applied.",
        )


def _publish(store: Store, planned: Sequence[PlannedRun], approved: str, by: str) -> bool:
    """Publish all runs in one commit, and record it once.

    False if a night changed meanwhile and none was published, or if another process recorded it.
    """
    staged = [each.staged(store) for each in planned]
    with report_if_published(store, {each.partition: each.run.run_id for each in planned}):
        try:
            publish_together(store, staged, whole=True, plan=planned[0].plan)
        except PublishConflict:
            return False
        events = [
            replace(each.run, files="").then(
                "published",
                f"planned {each.at:%Y-%m-%d %H:%M} UTC by {each.by}{approved}, applied by {by}",
                rows_read=each.run.rows_read,
                rows_scored=each.run.rows_scored,
                rows_quarantined=each.run.rows_quarantined,
            )
            for each in planned
        ]
        mine = {each.run_id for each in events}
        nights = [each.partition for each in planned]
        if not store.append_run_events(
            *events, only_if=lambda: not mine & {run.run_id for run in store.runs(nights)}
        ):
            return False
    for each in planned:
        store.delete_dead_files(each.partition)
    return True
