"""``assay status``: the project's current state, from the registry and the store.

Each part is collected independently: one that is missing or broken gives its reason, and the
others are still shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

from pydantic import Field

from assay.errors import AssayError, NoChampion, NotARepository, StoreError, StoreOfAnother
from assay.monitor.nights.night import night_path
from assay.project.document import Count, Document, Report, Text
from assay.project.params import Params
from assay.reports.retrain import read_advice

if TYPE_CHECKING:
    from assay.monitor.incidents.collect import AllNights
    from assay.monitor.nights.facts import StoredFacts
    from assay.monitor.nights.night import Night, ShownMetric
    from assay.store import Store

WEEK = 7
Part = TypeVar("Part", bound=Document)


class MissingPart(Document):
    """Placeholder for a missing part, with the reason in ``none``."""

    none: Text


class ChampionStatus(Document):
    """The version that holds the stage; ``unverified`` is what its evidence lacks.

    ``because`` is the reason of the promotion, or if it was ``rolled_back`` to, of the rollback.
    """

    version: Text
    since: str
    by: str
    because: str | None
    rolled_back: bool
    commit: Text
    bundle: Text
    verdict: str | None
    unverified: str | None
    override: str | None


class LatestStatus(Document):
    """The state of the latest night."""

    partition: Text
    status: Text
    words: Text
    reasons: tuple[str, ...]


class UnpublishedRun(Document):
    """A run after the last published one that published nothing."""

    run_id: Text
    partition: Text
    event: Text
    detail: str | None


class WaitingRun(Document):
    """A night that waits for a person, as its last run was held or retracted."""

    partition: Text
    state: Text
    run_id: Text


class NightStatus(Document):
    """The last published night, and every night that waits for a person."""

    latest: LatestStatus
    partition: Text
    run_id: Text
    version: Text
    bundle: Text
    published_at: str | None
    rows_read: Count | None
    rows_scored: Count | None
    rows_quarantined: Count | None
    unpublished_run: UnpublishedRun | None
    waiting: tuple[WaitingRun, ...]


class QuarantineStatus(Document):
    """Quarantined rows on the last published night, by rule, and over the last nights."""

    partition: Text
    rows: Count
    rules: Mapping[str, Count]
    last_nights: Count
    last_nights_rows: Count


class MostDriftedColumn(Document):
    """The column with the strongest drift."""

    column: Text
    distance: float | None
    limit: float | None
    reasons: tuple[str, ...]


class DriftStatus(Document):
    """Drift on the last monitored night."""

    partition: Text
    status: Text
    headline: Text
    run_id: Text
    version: Text
    crossed: bool
    reasons: tuple[str, ...]
    drifted: Count
    features: Count
    max_drifted_share: float
    top: MostDriftedColumn | None
    page: Text


class PerformanceStatus(Document):
    """The headline metric of the last night with labels, and means of the last such nights.

    ``nights`` of them also have an estimate, and the means are theirs.
    """

    metric: Text
    partition: Text
    maturity_days: Count
    realized: float
    low: float | None
    high: float | None
    estimated: float | None
    nights: Count
    mean_realized: float | None
    mean_estimated: float | None


class RetrainStatus(Document):
    """The advice to train again of ``assay monitor --retrain-if``, which looked up to ``until``."""

    version: Text
    until: Text
    reasons: tuple[Text, ...]


class OpenIncident(Document):
    """An incident that needs attention."""

    id: Text
    kind: str
    since: Text
    columns: tuple[str, ...]
    sentence: Text


class IncidentsStatus(Document):
    """Incidents; ``to`` is the last night that they cover."""

    to: Text | None
    open: tuple[OpenIncident, ...]
    snoozed: Count


class Status(Report):
    """Everything that ``assay status`` shows; no stage writes it to a file.

    Attributes
    ----------
    retrain
        The advice to train again; null unless a rule gives it now, about the champion.
    damaged
        Problems of the store, a line each: what cannot be read, and nights whose tables contradict
        each other.
    """

    SCHEMA: ClassVar = 1
    FILE: ClassVar = "status.json"
    STAGE: ClassVar = "status"
    WHAT: ClassVar = "a status"

    schema_number: Literal[1] = Field(default=1, alias="schema")
    name: Text
    stage: Text
    champion: ChampionStatus | MissingPart
    night: NightStatus | MissingPart
    quarantine: QuarantineStatus | MissingPart
    drift: DriftStatus | MissingPart
    performance: PerformanceStatus | MissingPart
    incidents: IncidentsStatus | MissingPart
    retrain: RetrainStatus | None
    damaged: tuple[str, ...]


def run(root: Path, params: Params) -> Status:
    """Champion, last night, quarantine, drift and open incidents.

    A part that is missing or cannot be read gives its reason instead.

    Raises
    ------
    assay.store.StoreDamaged
        After everything is collected: the store is damaged or cannot be read. It has a line for
        each damage.
    """
    from assay.monitor.incidents.collect import all_nights
    from assay.monitor.nights.facts import load
    from assay.store import StoreDamaged, open_store

    damaged: list[str] = []

    @cache
    def store() -> Store:
        return open_store(root, params)

    @cache
    def facts() -> StoredFacts:
        return load(root, store(), ())

    @cache
    def every() -> AllNights:
        return all_nights(facts())

    def agreed() -> MissingPart:
        damaged.extend(each.line() for each in store().check_consistency())
        return MissingPart(none="it was asked for its damages only")

    def overdue() -> list[str]:
        from assay.performance.realized_metrics import overdue_nights

        return overdue_nights(store(), params.monitor.maturities, datetime.now(UTC))

    most = params.monitor.max_drifted_share
    champion = champion_part(root, params)
    status = Status(
        name=params.name,
        stage=params.registry.stage,
        champion=champion,
        night=_told(lambda: _night(store(), facts(), every().nights), damaged),
        quarantine=_told(lambda: _quarantine(store()), damaged),
        drift=_told(lambda: _drift(facts(), every().nights, most), damaged),
        performance=_told(lambda: performance_part(facts(), every().nights, overdue), damaged),
        incidents=_told(lambda: incidents_part(every()), damaged),
        retrain=retrain_advice(root, params, champion),
        damaged=(),
    )
    _told(agreed, damaged)
    if damaged:
        # A table that cannot be read is reported once, not by every part that needs it.
        lines = list(dict.fromkeys(damaged))
        report = status.model_copy(update={"damaged": tuple(lines)})
        raise StoreDamaged(lines).attach_report(report)
    return status


def champion_part(root: Path, params: Params) -> ChampionStatus | MissingPart:
    """The version that holds the stage, with the evidence that it was promoted on."""
    return _told(lambda: _champion(root, params))


def retrain_advice(
    root: Path, params: Params, champion: ChampionStatus | MissingPart
) -> RetrainStatus | None:
    """The advice to train again, if the project has rules for it and it is about the champion."""
    if isinstance(champion, MissingPart) or not params.monitor.retrain:
        return None
    advice = read_advice(root)
    if advice is None or not advice.advised or advice.version != champion.version:
        return None
    return RetrainStatus(version=advice.version, until=advice.until, reasons=advice.reasons)


def _told(
    gather: Callable[[], Part | MissingPart], damaged: list[str] | None = None
) -> Part | MissingPart:
    """A part, or the reason why there is none. Store errors are also added to ``damaged``."""
    try:
        return gather()
    except StoreOfAnother:
        raise
    except AssayError as error:
        if damaged is not None and isinstance(error, StoreError):
            damaged.extend(error.lines())
        return MissingPart(none=f"cannot be told: {error.line()}")


def _champion(root: Path, params: Params) -> ChampionStatus | MissingPart:
    from assay.registry import verification
    from assay.registry.versions import UNKNOWN, read_state, select_champion

    stage = params.registry.stage
    try:
        known = read_state(root, params.name)
        version = select_champion(known, params.name, stage)
    except NotARepository as error:
        return MissingPart(none=f"no registry yet: {error.line()}")
    except NoChampion as error:
        return MissingPart(none=error.line())
    last = verification.last_assignment(known, version, stage)
    doubt = verification.find_doubt(root, known, version, stage)
    return ChampionStatus(
        version=version.version,
        since=last.at if last else version.at,
        by=last.by if last else version.by,
        because=last.why if last else version.why,
        rolled_back=last is not None and last.kind == "rollback",
        commit=version.commit,
        bundle=version.bundle,
        # A verdict that only tags state is unverified.
        verdict=UNKNOWN if doubt else version.outcome,
        unverified=doubt,
        override=version.override,
    )


def _night(store: Store, known: StoredFacts, every: Sequence[Night]) -> NightStatus | MissingPart:
    """The last published night, and the status of the last night of all."""
    from assay.score.due import nights_waiting

    latest = known.records[-1] if known.records else None
    record = store.published_run(max(known.visible)) if known.visible else None
    if record is None:
        words = "no night has been published yet; score one: assay score --date DAY"
        if latest is not None:
            words += f" (the latest run, {latest.run_id}, {latest.event} {latest.partition})"
        return MissingPart(none=words)
    last, unpublished = every[-1], None
    if latest is not None and latest.event != "published":
        unpublished = UnpublishedRun(
            run_id=latest.run_id,
            partition=latest.partition,
            event=latest.event,
            detail=latest.detail,
        )
    waiting = nights_waiting(known.visible, known.records)
    return NightStatus(
        latest=LatestStatus(
            partition=last.partition,
            status=last.status.name,
            words=last.status.words,
            reasons=last.reasons(),
        ),
        partition=record.partition,
        run_id=record.run_id,
        version=record.version,
        bundle=record.bundle,
        published_at=record.at.isoformat() if record.at else None,
        rows_read=record.rows_read,
        rows_scored=record.rows_scored,
        rows_quarantined=record.rows_quarantined,
        unpublished_run=unpublished,
        waiting=tuple(
            WaitingRun(partition=night, state=run.event, run_id=run.run_id)
            for night, run in waiting.items()
        ),
    )


def _quarantine(store: Store) -> QuarantineStatus | MissingPart:
    import pyarrow.compute as pc

    nights = store.partitions()
    if not nights:
        return MissingPart(none="no night has been published yet")
    refused = store.quarantine(nights[-1])
    counts = pc.value_counts(pc.list_flatten(refused.column("broken_rules"))).to_pylist()
    rules = {str(each["values"]): int(each["counts"]) for each in counts}
    week = nights[-WEEK:]
    records = store.published_runs(week)
    return QuarantineStatus(
        partition=nights[-1],
        rows=refused.num_rows,
        rules=dict(sorted(rules.items(), key=lambda item: (-item[1], item[0]))),
        last_nights=len(week),
        last_nights_rows=sum(record.rows_quarantined or 0 for record in records),
    )


def incidents_part(known: AllNights) -> IncidentsStatus | MissingPart:
    """The open incidents of drift and of runs."""
    if known.until is None and not known.incidents:
        return MissingPart(none="nobody has looked for any yet: assay monitor --from DAY --to DAY")
    return IncidentsStatus(
        to=known.until,
        open=tuple(
            OpenIncident(
                id=each.id,
                kind=each.of,
                since=each.first,
                columns=each.columns,
                sentence=each.sentence,
            )
            for each in known.incidents
            if each.state == "open"
        ),
        snoozed=sum(each.state == "snoozed" for each in known.incidents),
    )


def performance_part(
    known: StoredFacts, every: Sequence[Night], overdue: Callable[[], Sequence[str]]
) -> PerformanceStatus | MissingPart:
    """The last night with labels, and the means of the last `WEEK` of them.

    Parameters
    ----------
    overdue
        The nights with labels that their published run was not compared with yet.
    """
    measured = [night for night in every if night.realized is not None]
    metric = known.headline_metric
    if not measured or metric is None:
        if nights := overdue():
            from assay.performance.realized_metrics import overdue_words

            return MissingPart(none=": ".join(overdue_words(nights)))
        return MissingPart(none="no labels of a published night yet: assay labels")
    both = [night for night in measured[-WEEK:] if night.estimated is not None]
    last = measured[-1]
    realized, estimated = last.realized, last.estimated
    assert realized is not None
    return PerformanceStatus(
        metric=metric,
        partition=last.partition,
        maturity_days=realized.maturity_days,
        realized=realized.value,
        low=realized.low,
        high=realized.high,
        estimated=None if estimated is None else estimated.value,
        nights=len(both),
        mean_realized=_mean(night.realized for night in both),
        mean_estimated=_mean(night.estimated for night in both),
    )


def _mean(metrics: Iterable[ShownMetric | None]) -> float | None:
    values = [each.value for each in metrics if each is not None]
    return sum(values) / len(values) if values else None


def _drift(known: StoredFacts, every: Sequence[Night], most: float) -> DriftStatus | MissingPart:
    """The last monitored night: what was decided about it, and its status.

    Parameters
    ----------
    most
        The share of features that may drift.
    """
    if not known.decisions:
        return MissingPart(none="no night has been monitored yet: assay monitor --date DAY")
    judged = known.decisions[max(known.decisions)]
    night = next(each for each in every if each.partition == judged.partition)
    drift = judged.drift
    top = drift.findings[0] if drift.findings else None
    record = next((run for run in known.records if run.run_id == judged.run_id), None)
    return DriftStatus(
        partition=judged.partition,
        status=night.status.name,
        headline=night.status.headline(night.partition),
        run_id=judged.run_id,
        version=record.version if record else "unknown",
        crossed=drift.crossed,
        reasons=night.reasons(),
        drifted=len(drift.drifted),
        features=drift.features,
        max_drifted_share=most,
        top=None
        if top is None
        else MostDriftedColumn(
            column=top.column, distance=top.distance, limit=top.limit, reasons=top.reasons
        ),
        page=night_path(judged.partition, ".html"),
    )
