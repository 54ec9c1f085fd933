"""Judge published nights on the profiles of all their rows. Writes and sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeAlias

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
from assay.monitor.drift.drift import (
    NO_VALUES,
    DriftDecision,
    Values,
    decide,
    values_of_nights,
)
from assay.monitor.drift.measures import Measure
from assay.monitor.drift.night_decision import NightDecision, digest_of_rules, find_snooze
from assay.monitor.nights import history
from assay.monitor.nights.facts import StoredFacts
from assay.monitor.nights.history import Published
from assay.performance.estimate import widening
from assay.performance.estimate.night import estimated_rows
from assay.project.params import Monitor
from assay.store import Run, Store
from assay.store.delta.tables import to_rows

AT_ONCE = 64
"""Nights whose profiles are in memory together, as they are measured at once."""


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
    measured = store.performance(names[max(earlier - widening.NIGHTS, 0) :], slices=False)
    widths = widening.Widths(facts.column, confidence, to_rows(measured))
    read = _with_profiles(store, records, known, limits.baseline_weeks)
    nights = _loaded(read, known, first, bundle_of, found.left_out)
    for each, loaded, profile, values in nights:
        record = each.record
        night, before = record.partition, known.get(record.partition)
        if record.bundle != of_bundle:
            # Distances of another model's nights say nothing about this one's.
            habits, of_bundle, profiles = WeekdayHistory(limits.budget.of), record.bundle, {}
        if before is not None:
            drift, weekday = before.drift, before.weekday
        else:
            assert profile is not None  # it was read, as nothing is known of the night
            rows = record.rows_scored or 0
            drift = decide(
                loaded.reference, profile, limits, rows, measures=measures, values=values
            )
            weekday = compare_weekdays(night, profile, profiles, limits.baseline_weeks)
        if profile is not None:
            profiles[night] = profile
            _forget(profiles, night, limits.baseline_weeks)
            if night >= first:
                about = facts.column, record, loaded, profile, confidence
                wide = widths.on(record.bundle, night)
                expected: tuple[Mapping[str, Any], ...] = tuple(
                    estimated_rows(*about, drift.findings, wide)
                )
                asked[night] = each, loaded, expected
                widths.add(expected)
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


_Loaded: TypeAlias = tuple[Published, Bundle, Profile | None, Values]
"""A night with its bundle, its profile if anybody looks at it, and how far it is, if that is
asked."""


def _loaded(
    published: Sequence[Published],
    known: Container[str],
    first: str,
    bundle_of: Callable[[Run], Bundle],
    left_out: dict[str, str],
) -> Iterator[_Loaded]:
    """The nights in order; those before ``first`` that cannot be loaded are added to ``left_out``.

    Raises
    ------
    AssayError
        A requested night cannot be loaded.
    """
    for start in range(0, len(published), AT_ONCE):
        block: list[tuple[Published, Bundle, Profile | None]] = []
        for each in published[start : start + AT_ONCE]:
            night = each.record.partition
            try:
                loaded = bundle_of(each.record)
                profile = each.profile() if each.texts or night not in known else None
            except AssayError as error:
                if night >= first:
                    raise
                left_out[night] = error.line()
                continue
            block.append((each, loaded, profile))
        for _, group in groupby(block, key=lambda one: one[0].record.bundle):
            nights = list(group)
            asked = {
                each.record.partition: profile
                for each, _, profile in nights
                if profile is not None and each.record.partition not in known
            }
            reference = nights[0][1].reference
            measured = dict(zip(asked, values_of_nights(reference, [*asked.values()]), strict=True))
            for each, loaded, profile in nights:
                yield each, loaded, profile, measured.get(each.record.partition, NO_VALUES)


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
