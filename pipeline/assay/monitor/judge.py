"""Judge published nights on the profiles of all their rows. Writes and sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from assay.columns.profile import Profile
from assay.errors import AssayError
from assay.model.bundle import Bundle
from assay.monitor.drift.baselines import (
    NOT_COMPARED,
    WeekdayDistances,
    WeekdayHistory,
    compare_weekdays,
    weekdays_before,
)
from assay.monitor.drift.budget import NightEvidence, alarms
from assay.monitor.drift.drift import DriftDecision, decide
from assay.monitor.drift.evidence import evidence
from assay.monitor.drift.kept_decisions import KeptDecision
from assay.monitor.drift.snooze import find_snooze, states
from assay.monitor.incidents.document import IncidentHistory
from assay.monitor.incidents.drift_incident import group_alarms
from assay.monitor.nights.facts import KnownNights
from assay.monitor.nights.history import Published
from assay.monitor.performance import estimate_rows
from assay.monitor.performance.label_drift import LabelDrift, label_drift
from assay.project.params import Monitor
from assay.store import RunRecord

NOTHING: Mapping[str, DriftDecision] = MappingProxyType({})


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
    decision: DriftDecision
    weekday: WeekdayDistances
    label: LabelDrift | None
    expected: tuple[Mapping[str, Any], ...]

    @property
    def record(self) -> RunRecord:
        return self.published.record

    @property
    def partition(self) -> str:
        return self.record.partition

    def profile(self) -> Profile:
        """The night's profile, parsed on each call because parsed profiles take far more memory."""
        return self.published.profile()


@dataclass
class JudgedNights:
    """Nights that were judged in order, and the evidence for alarms across nights.

    Attributes
    ----------
    nights
        The requested nights.
    evidence, effects
        Of all nights that could be judged, also those before the requested ones.
    left_out
        Earlier nights that can no longer be judged, and why.
    decisions
        Of all nights that could be judged: night -> the decision about its run.
    """

    nights: list[JudgedNight] = field(default_factory=list)
    evidence: list[NightEvidence] = field(default_factory=list)
    effects: list[dict[str, float | None]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    decisions: dict[str, KeptDecision] = field(default_factory=dict)


@dataclass(frozen=True)
class Judge:
    """Compares nights with the reference of the version that scored them.

    Attributes
    ----------
    facts
        What was known before this command.
    confidence
        The confidence level of the intervals of estimated performance, a share.
    bundle_of
        Loads the bundle of a run.
    """

    limits: Monitor
    confidence: float
    facts: KnownNights
    bundle_of: Callable[[RunRecord], Bundle]

    def night(self, published: Published, before: Sequence[Published]) -> JudgedNight:
        """Judge one night on its own.

        Parameters
        ----------
        before
            The same weekdays before it; those that another version scored are ignored.
        """
        record = published.record
        loaded, profile = self.bundle_of(record), published.profile()
        alike = [each for each in before if each.record.bundle == record.bundle]
        earlier = {each.record.partition: each.profile() for each in alike}
        return self._judged(
            published, profile, loaded, self._decide(published, profile, loaded, earlier)
        )

    def nights(
        self,
        published: Sequence[Published],
        first: str,
        decided: Mapping[str, DriftDecision] = NOTHING,
    ) -> JudgedNights:
        """Judge nights in order, each against the nights before it.

        Parameters
        ----------
        published
            All published nights up to the last requested one, because an incident may have begun
            before the first requested one.
        first
            The first requested night.
        decided
            What is known already of nights before, so long before that no requested night is
            compared with their profiles; these are not needed then.

        Raises
        ------
        AssayError
            The bundle or profile of a requested night cannot be loaded. Earlier nights are skipped.
        """
        found, limits = JudgedNights(), self.limits
        habits, of_bundle = WeekdayHistory(limits.budget.of), ""
        profiles: dict[str, Profile] = {}
        for each in published:
            record = each.record
            known = decided.get(record.partition)
            try:
                loaded = self.bundle_of(record)
                profile = each.profile() if known is None else {}
            except AssayError as error:
                if record.partition >= first:
                    raise
                found.left_out[record.partition] = error.line()
                continue
            if record.bundle != of_bundle:
                # Distances of another model's nights say nothing about this one's.
                habits, of_bundle, profiles = WeekdayHistory(limits.budget.of), record.bundle, {}
            if known is None:
                # What alarms do not depend on is computed for the requested nights only.
                shown = limits.baseline == "weekday" or record.partition >= first
                decision, around = self._decide(each, profile, loaded, profiles if shown else {})
                profiles[record.partition] = profile
                _forget(profiles, record.partition, limits.baseline_weeks)
            else:
                decision, around = known, NOT_COMPARED
            usual = habits.next(around, loaded.reference.grid)
            found.evidence.append(
                evidence(
                    record.partition,
                    record.bundle,
                    decision,
                    loaded.reference,
                    limits,
                    usual if limits.baseline == "weekday" else None,
                )
            )
            about = KeptDecision(record.run_id, record.bundle, decision)
            found.decisions[record.partition] = about
            found.effects.append({each.column: each.effect for each in decision.findings})
            if record.partition >= first:
                found.nights.append(self._judged(each, profile, loaded, (decision, around)))
        return found

    def incidents(self, name: str, first: str, last: str, found: JudgedNights) -> IncidentHistory:
        """Raise alarms within the false-alarm budget and group them into incidents."""
        limits = self.limits
        judged = tuple(alarms(found.evidence, limits.budget))

        def snoozed(column: str, night: str) -> bool:
            return find_snooze(limits.snooze, column, night) is not None

        columns = {
            question.column
            for night in found.evidence
            for question in (*night.seen, *night.over, *night.broken)
        }
        return IncidentHistory(
            name=name,
            first=first,
            last=last,
            nights=judged,
            incidents=group_alarms(
                zip(judged, found.effects, strict=True), limits.budget.nights, snoozed
            ),
            snoozes=states(limits.snooze, columns, last),
            left_out=found.left_out,
            limits=limits,
        )

    def _decide(
        self,
        published: Published,
        profile: Profile,
        loaded: Bundle,
        earlier: Mapping[str, Profile],
    ) -> tuple[DriftDecision, WeekdayDistances]:
        record, limits = published.record, self.limits
        return (
            decide(loaded.reference, profile, limits, record.rows_scored or 0),
            compare_weekdays(record.partition, profile, earlier, limits.baseline_weeks),
        )

    def _judged(
        self,
        published: Published,
        profile: Profile,
        loaded: Bundle,
        decided: tuple[DriftDecision, WeekdayDistances],
    ) -> JudgedNight:
        record = published.record
        label = label_drift(
            self.facts.measured_on(record.partition),
            record.run_id,
            loaded.reference,
            self.limits.limit_quantile,
        )
        rows = estimate_rows.rows(
            self.facts.column, record, loaded, profile, self.confidence, decided[0]
        )
        return JudgedNight(published, loaded, *decided, label, tuple(rows))


def _forget(profiles: dict[str, Profile], partition: str, weeks: int) -> None:
    """Drop the profiles that are too old for any later night's comparison."""
    oldest = min(weekdays_before(partition, weeks), default=partition)
    for name in [name for name in profiles if name < oldest]:
        del profiles[name]
