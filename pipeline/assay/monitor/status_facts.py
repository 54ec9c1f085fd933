"""Collect the project's status from the registry and the store.

Each part is collected independently: one that is missing or broken gives its reason, and the
others are still shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from assay.errors import AssayError, NoChampion, NotARepository, StoreError
from assay.monitor.nights.night_path import night_path
from assay.project.params import Params
from assay.reports.retrain import read_advice
from assay.reports.status import StatusDocument

if TYPE_CHECKING:
    from assay.monitor.incidents.collect import AllNights
    from assay.monitor.nights.facts import KnownNights
    from assay.monitor.nights.night import Night, NightMetric
    from assay.store import Store

WEEK = 7
Facts: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StatusPart:
    """The facts of one part, or the reason why there are none. Never both."""

    facts: Facts | None
    words: str | None

    def to_plain(self) -> Facts | None:
        if self.facts is not None:
            return self.facts
        return {"none": self.words}


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that ``assay status`` shows.

    Attributes
    ----------
    damaged
        Problems of the store, a line each: what cannot be read, and nights whose tables contradict
        each other.
    retrain
        The advice to train again; None unless it is given now, about the champion.
    """

    name: str
    stage: str
    champion: StatusPart
    night: StatusPart
    quarantine: StatusPart
    drift: StatusPart
    performance: StatusPart
    incidents: StatusPart
    damaged: tuple[str, ...] = ()
    retrain: Facts | None = None

    def document(self) -> StatusDocument:
        parts = {
            name: getattr(self, name).to_plain()
            for name in ("champion", "night", "quarantine", "drift", "performance", "incidents")
        }
        tree = {"schema": 1, "name": self.name, "stage": self.stage, **parts}
        tree["retrain"] = self.retrain
        return StatusDocument.of_tree({**tree, "damaged": list(self.damaged)})


def collect_status(root: Path, params: Params) -> Status:
    """Collect all parts. Errors that a user can fix become the text of their part."""
    from assay.monitor.incidents.collect import all_nights
    from assay.monitor.nights.facts import load
    from assay.store import open_store

    damaged: list[str] = []

    def of_store(gather: Callable[[Store], StatusPart]) -> StatusPart:
        return _told(lambda: gather(open_store(root, params)), damaged)

    def agreed(store: Store) -> StatusPart:
        damaged.extend(each.line() for each in store.check_consistency())
        return StatusPart({}, None)

    @cache
    def facts() -> KnownNights:
        return load(root, open_store(root, params), ())

    @cache
    def every() -> AllNights:
        return all_nights(facts())

    champion = champion_part(root, params)
    found = Status(
        name=params.name,
        stage=params.registry.stage,
        champion=champion,
        night=of_store(lambda store: _night(store, facts(), every().nights)),
        quarantine=of_store(_quarantine),
        drift=_told(
            lambda: _drift(facts(), every().nights, params.monitor.max_drifted_share), damaged
        ),
        performance=_told(lambda: performance_part(facts(), every().nights), damaged),
        incidents=_told(lambda: incidents_part(every()), damaged),
        retrain=retrain_facts(root, params, champion),
    )
    of_store(agreed)
    # A table that cannot be read is reported once, not by every part that needs it.
    return replace(found, damaged=tuple(dict.fromkeys(damaged)))


def champion_part(root: Path, params: Params) -> StatusPart:
    """The version that holds the stage, with the evidence that it was promoted on."""
    return _told(lambda: _champion(root, params))


def retrain_facts(root: Path, params: Params, champion: StatusPart) -> Facts | None:
    """The advice to train again, if the project has rules for it and it is about the champion."""
    if champion.facts is None or not params.monitor.retrain:
        return None
    found = read_advice(root)
    if found is None or not found.advised or found.version != champion.facts["version"]:
        return None
    return {"version": found.version, "until": found.until, "reasons": list(found.reasons)}


def _told(gather: Callable[[], StatusPart], damaged: list[str] | None = None) -> StatusPart:
    """A part, or the reason why there is none. Store errors are also added to ``damaged``."""
    try:
        return gather()
    except AssayError as error:
        if damaged is not None and isinstance(error, StoreError):
            damaged.extend(error.lines())
        return StatusPart(None, f"cannot be told: {error.line()}")


def _champion(root: Path, params: Params) -> StatusPart:
    from assay.registry import fetch, verification
    from assay.registry.state import UNKNOWN
    from assay.registry.versions import read_state, select_champion

    stage = params.registry.stage
    try:
        known = read_state(root, params.name)
        version = select_champion(known, params.name, stage)
    except NotARepository as error:
        return StatusPart(None, f"no registry yet: {error.line()}")
    except NoChampion as error:
        return StatusPart(None, error.line())
    last = verification.last_assignment(known, version, stage)
    text = fetch.read_verdict(root, version)
    doubt = verification.verify_holder(known, version, stage, text)
    return StatusPart(
        {
            "version": version.version,
            "since": last.at if last else version.at,
            "by": last.by if last else version.by,
            "because": last.why if last else version.why,
            "rolled_back": last is not None and last.kind == "rollback",
            "commit": version.commit,
            "bundle": version.bundle,
            # A verdict that only tags state is unverified.
            "verdict": UNKNOWN if doubt else version.outcome,
            "unverified": doubt,
            "override": version.override,
        },
        None,
    )


def _night(store: Store, known: KnownNights, every: Sequence[Night]) -> StatusPart:
    """The last published night, and the status of the last night of all."""
    latest = known.records[-1] if known.records else None
    record = store.published_run(max(known.visible)) if known.visible else None
    if record is None:
        words = "no night has been published yet; score one: assay score --date DAY"
        if latest is not None:
            words += f" (the latest run, {latest.run_id}, {latest.event} {latest.partition})"
        return StatusPart(None, words)
    last = every[-1]
    facts: Facts = {
        "latest": {
            "partition": last.partition,
            "standing": last.standing,
            "words": last.stand.words,
            "reasons": list(last.reasons()),
        },
        "partition": record.partition,
        "run_id": record.run_id,
        "version": record.version,
        "bundle": record.bundle,
        "published_at": record.at.isoformat() if record.at else None,
        "rows_read": record.rows_read,
        "rows_scored": record.rows_scored,
        "rows_quarantined": record.rows_quarantined,
        "unpublished_run": None,
        "waiting": _waiting(known),
    }
    if latest is not None and latest.event != "published":
        facts["unpublished_run"] = {
            "run_id": latest.run_id,
            "partition": latest.partition,
            "event": latest.event,
            "detail": latest.detail,
        }
    return StatusPart(facts, None)


def _waiting(known: KnownNights) -> list[Facts]:
    from assay.score.due import nights_waiting

    found = nights_waiting(known.visible, known.records)
    return [
        {"partition": night, "state": run.event, "run_id": run.run_id}
        for night, run in found.items()
    ]


def _quarantine(store: Store) -> StatusPart:
    import pyarrow.compute as pc

    nights = store.partitions()
    if not nights:
        return StatusPart(None, "no night has been published yet")
    refused = store.quarantine(nights[-1])
    counts = pc.value_counts(pc.list_flatten(refused.column("broken_rules"))).to_pylist()
    rules = {str(each["values"]): int(each["counts"]) for each in counts}
    week = nights[-WEEK:]
    records = store.published_runs(week)
    return StatusPart(
        {
            "partition": nights[-1],
            "rows": refused.num_rows,
            "rules": dict(sorted(rules.items(), key=lambda item: (-item[1], item[0]))),
            "last_nights": len(week),
            "last_nights_rows": sum(record.rows_quarantined or 0 for record in records),
        },
        None,
    )


def incidents_part(known: AllNights) -> StatusPart:
    """The open incidents of drift and of runs."""
    if known.until is None and not known.incidents:
        return StatusPart(None, "nobody has looked for any yet: assay monitor --from DAY --to DAY")
    return StatusPart(
        {
            "to": known.until,
            "open": [
                {
                    "id": each.id,
                    "kind": each.of,
                    "since": each.first,
                    "columns": list(each.columns),
                    "sentence": each.sentence,
                }
                for each in known.incidents
                if each.state == "open"
            ],
            "snoozed": sum(each.state == "snoozed" for each in known.incidents),
        },
        None,
    )


def performance_part(known: KnownNights, every: Sequence[Night]) -> StatusPart:
    """The last night with labels, and the means of the last `WEEK` of them."""
    measured = [night for night in every if night.realized is not None]
    metric = known.headline_metric
    if not measured or metric is None:
        return StatusPart(None, "no labels of a published night yet: assay labels")
    both = [night for night in measured[-WEEK:] if night.estimated is not None]
    last = measured[-1]
    realized, estimated = last.realized, last.estimated
    assert realized is not None
    return StatusPart(
        {
            "metric": metric,
            "partition": last.partition,
            "maturity_days": realized.maturity_days,
            "realized": realized.value,
            "low": realized.low,
            "high": realized.high,
            "estimated": None if estimated is None else estimated.value,
            "nights": len(both),
            "mean_realized": _mean(night.realized for night in both),
            "mean_estimated": _mean(night.estimated for night in both),
        },
        None,
    )


def _mean(found: Iterable[NightMetric | None]) -> float | None:
    values = [each.value for each in found if each is not None]
    return sum(values) / len(values) if values else None


def _drift(known: KnownNights, every: Sequence[Night], most: float) -> StatusPart:
    """The last monitored night: what was decided about it, and its status.

    Parameters
    ----------
    most
        The share of features that may drift.
    """
    if not known.decisions:
        return StatusPart(None, "no night has been monitored yet: assay monitor --date DAY")
    judged = known.decisions[max(known.decisions)]
    night = next(each for each in every if each.partition == judged.partition)
    drift = judged.drift
    top = drift.findings[0] if drift.findings else None
    record = next((run for run in known.records if run.run_id == judged.run_id), None)
    return StatusPart(
        {
            "partition": judged.partition,
            "standing": night.standing,
            "headline": night.stand.headline(night.partition),
            "run_id": judged.run_id,
            "version": record.version if record else "unknown",
            "crossed": drift.crossed,
            "reasons": list(night.reasons()),
            "drifted": len(drift.drifted),
            "features": drift.features,
            "max_drifted_share": most,
            "top": top
            and {
                "column": top.column,
                "distance": top.distance,
                "limit": top.limit,
                "reasons": list(top.reasons),
            },
            "page": night_path(judged.partition, ".html"),
        },
        None,
    )
