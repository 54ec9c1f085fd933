"""``assay monitor``: judge a published night on all its rows, leave a page and a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.columns.grid import NumberGrid
from assay.columns.profile import Profile
from assay.columns.reference import Reference
from assay.errors import LimitCrossed, NothingScored
from assay.model import bundle
from assay.monitor.drift.baselines import Weekday, weekday, weekdays_before
from assay.monitor.drift.drift import Decision, decide
from assay.monitor.evidently import page as pages
from assay.monitor.evidently import workspace
from assay.monitor.evidently.content import of_night
from assay.monitor.evidently.sample import sample_of
from assay.monitor.front import command as front
from assay.monitor.incidents import alert as alerts
from assay.monitor.nights import history, section
from assay.monitor.nights import terminal as shown
from assay.monitor.nights.quarantined import broken_rules
from assay.monitor.nights.sample import published_sample
from assay.monitor.nights.standing import stand
from assay.monitor.nights.summary import NightSummary, of_all_rows, path
from assay.monitor.nights.summary_read import from_json
from assay.monitor.performance import expected
from assay.monitor.performance.label_drift import LabelDrift, label_drift
from assay.project.params import Params
from assay.project.textfile import write
from assay.registry.pin import bundle_of
from assay.store import Store, open_store

if TYPE_CHECKING:
    import pandas as pd

    from assay.store import RunRecord


def run(
    root: Path, params: Params, partition: str, as_json: bool = False, notify: bool = False
) -> NightSummary:
    """Compare the night's last published run with the reference of the version that made it.

    Parameters
    ----------
    partition
        The night, such as ``2013-07-01``.
    notify
        Also tell what is new, as ``assay alert`` does.

    Raises
    ------
    NothingScored
        No run has published the night.
    VersionUnknown, BundleMissing, BundleChanged
        What scored the night cannot be had any more.
    LimitCrossed
        After everything is written: a limit was crossed, or the night lies in an open incident.
    """
    store = open_store(root, params)
    record = store.published_run(partition)
    if record is None:
        held = [run.run_id for run in store.runs(partition) if run.event == "held"]
        raise NothingScored(
            "no run has published this night" + (f"; run {held[-1]} is held" if held else ""),
            where=partition,
            mend=f"Look at it: assay quarantine show --run {held[-1]}"
            if held
            else f"Score it: assay score --date {partition}",
        )
    loaded = bundle_of(root, params, record)
    profile = store.profile(record.run_id, partition)
    decision = decide(loaded.reference, profile, params.monitor, record.rows_scored or 0)
    weeks = weekdays_before(partition, params.monitor.baseline_weeks)
    earlier = {
        each.record.partition: each.profile()
        for each in history.published(store, weeks)
        if each.record.bundle == record.bundle
    }
    around = weekday(partition, profile, earlier, params.monitor.baseline_weeks)
    before = store.performance(partition).to_pylist()
    label = label_drift(before, record.run_id, loaded.reference, params.monitor.limit_quantile)
    night = JudgedNight(record, loaded, profile, decision, around, label)
    measured = expected.rows(store.column, record, loaded, profile, params.evaluate.confidence)
    summary = leave(root, params, store, night, [*before, *measured])
    store.keep_performance(measured)
    front.refresh(root, params)
    # Where it stands is said there, of all nights in one go.
    summary = _before(root / path(partition, ".json"), params) or summary
    workspace.keep_up(root, params)
    if notify:
        alerts.notify(root, params, answered=summary.stand.alarming)
    if as_json:
        print(summary.to_json(), end="")
    else:
        _table(summary)
    if summary.stand.alarming:
        first, *more = summary.reasons()
        raise LimitCrossed(
            f"{summary.stand.words}: {first}" + (f"; and {len(more)} more" if more else ""),
            where=f"night {partition}",
            mend=f"See {summary.page}",
        )
    return summary


@dataclass(frozen=True)
class JudgedNight:
    """A published night, and all that was decided and computed about it."""

    record: RunRecord
    loaded: bundle.Bundle
    profile: Profile
    decision: Decision
    weekday: Weekday
    label: LabelDrift | None = None


def leave(
    root: Path,
    params: Params,
    store: Store,
    night: JudgedNight,
    performance: Sequence[Mapping[str, Any]] = (),
    keep: bool = False,
) -> NightSummary:
    """Write the night's page and document.

    Parameters
    ----------
    performance
        Rows of the performance table about the night's run; of two of one number the later counts.
    keep
        Leave them as they are if they are there and the document says the same: whoever monitors
        a year again need not wait for a year of pictures.
    """
    record, loaded = night.record, night.loaded
    document, reference = root / path(record.partition, ".json"), loaded.reference
    known = of_all_rows(performance)
    before = _before(document, params)
    if before is not None and keep and (root / before.page).exists():
        kept = _summary(params, night, before.sample_rows, before.broken_rules, known)
        # What became of the incidents since is put in by `assay.monitor.front.settle`.
        kept = replace(kept, stand=before.stand, in_alarm=before.in_alarm)
        if kept.to_json() == document.read_text(encoding="utf-8"):
            return kept
    rows, why_none = published_sample(
        root, params, store, record, loaded.manifest, reference.scores
    )
    sample = sample_of(
        rows, at_most(loaded, params), reference.scores, *columns_of(reference), why_none
    )
    rules = broken_rules(store, record)
    summary = _summary(params, night, sample.rows, rules, known)
    if before is not None and (before.run_id, before.bundle) == (record.run_id, record.bundle):
        summary = replace(summary, in_alarm=before.in_alarm)
    ours = section.render(summary, reference)
    told = of_night(summary, reference, loaded.manifest.task, night.profile)
    write(root / summary.page, pages.page(section.title(summary), ours, [(told, sample)]))
    write(document, summary.to_json())
    return summary


def _summary(
    params: Params,
    night: JudgedNight,
    sample_rows: int,
    rules: Mapping[str, int],
    performance: tuple[Mapping[str, Any], ...],
) -> NightSummary:
    record = night.record
    return NightSummary(
        name=params.name,
        partition=record.partition,
        run_id=record.run_id,
        version=record.version,
        bundle=record.bundle,
        contract=record.contract,
        scored_at=f"{record.at:%Y-%m-%d %H:%M:%S} UTC" if record.at else "unknown",
        rows_read=record.rows_read or 0,
        rows_scored=record.rows_scored or 0,
        rows_quarantined=record.rows_quarantined or 0,
        sample_rows=sample_rows,
        page=path(record.partition, ".html"),
        limits=params.monitor,
        decision=night.decision,
        stand=stand("published", night.decision.crossed),
        weekday=night.weekday,
        label=night.label,
        broken_rules=rules,
        performance=performance,
    )


def _before(document: Path, params: Params) -> NightSummary | None:
    """What the document says; None if there is none, or it is not what would be written now."""
    try:
        return from_json(document.read_text(encoding="utf-8"), params.monitor)
    except (OSError, ValueError):
        return None


def columns_of(reference: Reference) -> tuple[list[str], list[str]]:
    """Names of the columns of numbers, and of those of categories."""
    numeric = [name for name, grid in reference.grid.items() if isinstance(grid, NumberGrid)]
    return numeric, [name for name in reference.grid if name not in numeric]


def at_most(loaded: bundle.Bundle, params: Params) -> pd.DataFrame:
    """As many of the reference's rows as may be shown."""
    rows = loaded.sample()
    limit = params.monitor.sample_rows
    return rows if len(rows) <= limit else rows.sample(limit, random_state=params.seed)


def _table(summary: NightSummary) -> None:
    decision = summary.decision
    told = [f for f in decision.findings if f.crossed]
    told += [f for f in decision.findings if not f.crossed][: max(0, 5 - len(told))]
    shown.table(summary.headline(), told)
    for each in summary.stand.incidents:
        print(each)
    print(
        f"{summary.name} {summary.version}, run {summary.run_id}: {summary.rows_scored:,} rows "
        f"scored, {summary.rows_quarantined:,} quarantined; {len(decision.drifted)} of "
        f"{decision.features} features drifted"
    )
    print(f"limits are the {decision.quantile:g} quantile of {decision.nights} reference nights")
    print(shown.BREAK_LIMITS)
    print(f"page: {summary.page}")
