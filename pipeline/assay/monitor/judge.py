"""Judge published nights on the profiles of all their rows. Writes and sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.columns.profile import Profile
from assay.errors import AssayError
from assay.model.bundle import Bundle
from assay.monitor.drift.baselines import (
    WeekdayDistances,
    WeekdayHistory,
    compare_weekdays,
    weekdays_before,
)
from assay.monitor.drift.budget import BudgetInput, alarms, evidence
from assay.monitor.drift.drift import DriftDecision, decide
from assay.monitor.drift.measures import Measure
from assay.monitor.drift.night_decision import NightDecision, digest_of_rules, find_snooze
from assay.monitor.nights import history
from assay.monitor.nights.facts import StoredFacts
from assay.monitor.nights.history import Published
from assay.performance.estimate import widening
from assay.performance.estimate.night import estimated_rows
from assay.project.params import Monitor
from assay.store import Run, Store


@dataclass(frozen=True)
class JudgedNight:
    """A published night and everything that was decided and computed about it.

    Attributes
    ----------
    expected
        The model's estimated performance: rows of the performance table.
    """

    published: Published
    loaded: Bundle
    decision: NightDecision
    expected: tuple[Mapping[str, Any], ...]

    @property
    def partition(self) -> str:
        return self.published.record.partition


@dataclass
class Judgements:
    """Nights that were judged in order, each with the nights before it.

    Attributes
    ----------
    nights
        The requested nights.
    decisions
        Of all nights that could be judged, also those before the requested ones.
    left_out
        Earlier nights that can no longer be judged, and why.
    """

    nights: list[JudgedNight] = field(default_factory=list)
    decisions: dict[str, NightDecision] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def judge_nights(
    store: Store,
    names: Sequence[str],
    first: str,
    limits: Monitor,
    confidence: float,
    facts: StoredFacts,
    bundle_of: Callable[[Run], Bundle],
    measures: Sequence[Measure] = (),
    code: str = "",
) -> Judgements:
    """Judge the published runs of some nights, in order, each against the nights before it.

    Each is compared with the reference of the version that scored it. What is known of nights
    before ``first`` is not decided again; it still counts for alarms.

    Parameters
    ----------
    names
        All published nights up to the last requested one, because an incident may have begun
        before the first requested one.
    first
        The first requested night.
    confidence
        The confidence level of the intervals of estimated performance, a share.
    facts
        What was known before this command.
    bundle_of
        Loads the bundle of a run.
    measures
        Those of params.yaml.
    code
        The project's own code that measures.

    Raises
    ------
    AssayError
        The bundle or profile of a requested night cannot be loaded. Earlier nights are skipped.
    """
    rules = digest_of_rules(limits, code)
    records = store.published_runs(names)
    known = {
        record.partition: decision
        for record in records
        if record.partition < first
        and limits.baseline != "weekday"  # its alarms depend on the profiles of all nights
        and (decision := facts.decisions.get(record.partition)) is not None
        and decision.holds(record, rules)
    }
    found, seen = Judgements(), list[BudgetInput]()
    decided: list[tuple[Run, DriftDecision, WeekdayDistances]] = []
    asked: dict[str, tuple[Published, Bundle, tuple[Mapping[str, Any], ...]]] = {}
    habits, of_bundle = WeekdayHistory(limits.budget.of), ""
    profiles: dict[str, Profile] = {}
    earlier = sum(name < first for name in names)
    measured: list[Mapping[str, Any]] = store.performance(
        names[max(earlier - widening.NIGHTS, 0) :], slices=False
    ).to_pylist()
    for each in _with_profiles(store, records, known, limits.baseline_weeks):
        record = each.record
        night, before = record.partition, known.get(record.partition)
        try:
            loaded = bundle_of(record)
            profile = None if before is not None and not each.texts else each.profile()
        except AssayError as error:
            if night >= first:
                raise
            found.left_out[night] = error.line()
            continue
        if record.bundle != of_bundle:
            # Distances of another model's nights say nothing about this one's.
            habits, of_bundle, profiles = WeekdayHistory(limits.budget.of), record.bundle, {}
        if before is not None:
            drift, weekday = before.drift, before.weekday
        else:
            assert profile is not None  # it was read, as nothing is known of the night
            rows = record.rows_scored or 0
            drift = decide(loaded.reference, profile, limits, rows, measures=measures)
            weekday = compare_weekdays(night, profile, profiles, limits.baseline_weeks)
        if profile is not None:
            profiles[night] = profile
            _forget(profiles, night, limits.baseline_weeks)
            if night >= first:
                about = facts.column, record, loaded, profile, confidence
                wide = widening.widths(measured, facts.column, record.bundle, night, confidence)
                expected: tuple[Mapping[str, Any], ...] = tuple(
                    estimated_rows(*about, drift.findings, wide)
                )
                asked[night] = each, loaded, expected
                measured += expected
        usual = habits.next(weekday, loaded.reference.grid)
        seen.append(
            evidence(
                night,
                record.bundle,
                drift,
                loaded.reference,
                limits,
                usual if limits.baseline == "weekday" else None,
            )
        )
        decided.append((record, drift, weekday))
    for (record, drift, weekday), raised in zip(decided, alarms(seen, limits.budget), strict=True):
        night = record.partition
        columns = {alarm.question.column for alarm in raised.alarms}
        decision = NightDecision(
            partition=night,
            run_id=record.run_id,
            bundle=record.bundle,
            rules=rules,
            drift=drift,
            weekday=weekday,
            alarms=raised,
            snoozed=tuple(
                name for name in sorted(columns) if find_snooze(limits.snooze, name, night)
            ),
            quiet=limits.budget.nights,
        )
        found.decisions[night] = decision
        if night in asked:
            published, loaded, expected = asked[night]
            found.nights.append(JudgedNight(published, loaded, decision, expected))
    return found


def _with_profiles(
    store: Store, records: Sequence[Run], known: Container[str], weeks: int
) -> list[Published]:
    """The runs, with the profiles of those to decide and of the weekdays before these."""
    wanted = {each.partition for each in records if each.partition not in known}
    wanted |= {name for night in wanted for name in weekdays_before(night, weeks)}
    others = [each.partition for each in records if each.partition not in wanted]
    return history.with_profiles(store, records, frozenset(others))


def _forget(profiles: dict[str, Profile], partition: str, weeks: int) -> None:
    """Drop the profiles that are too old for any later night's comparison."""
    oldest = min(weekdays_before(partition, weeks), default=partition)
    for name in [name for name in profiles if name < oldest]:
        del profiles[name]
