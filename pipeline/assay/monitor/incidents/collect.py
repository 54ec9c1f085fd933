"""All incidents: of drift, and of nights without a published run.

Drift incidents are folded from the decisions about all nights, run incidents from stretches of
nights that were held, failed or never ended.

A drift incident groups alarms of many nights, from first crossing to recovery. There is at most one
open incident of each kind: of the model's ``answers``, of ``features``, of the ``data`` itself
(nulls, new categories, columns that cannot be compared), and of ``reasons``. A summer that drifts
in every weather column is therefore one incident, and does not hide drift of the scores. It
recovers after as many consecutive published nights without an alarm of its kind as it takes to
raise one. Nights that were not published neither prolong nor end it. Snoozed alarms keep it alive:
when the snooze ends, it is open again under the same id.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from assay.monitor.drift.budget import Alarm
from assay.monitor.drift.budget import Kind as DriftKind
from assay.monitor.drift.night_decision import NightDecision
from assay.monitor.nights.facts import StoredFacts
from assay.monitor.nights.night import UNPUBLISHED, Incident, Night, incidents_of_night
from assay.project.text import counted, first_few

NAMED = 3
"""The most nights, the last ones, whose notes are in the sentence of an incident of runs."""


@dataclass(frozen=True, slots=True)
class AllNights:
    """All nights, each with the incidents that it is part of.

    Attributes
    ----------
    incidents
        All incidents.
    until
        The last night that was judged; None if there is none.
    """

    nights: tuple[Night, ...]
    incidents: tuple[Incident, ...] = ()
    until: str | None = None


def all_nights(facts: StoredFacts) -> AllNights:
    """Combine the facts into nights and incidents."""
    return combine_incidents(facts.nights(), facts.decisions)


def combine_incidents(nights: Sequence[Night], decisions: Mapping[str, NightDecision]) -> AllNights:
    """The incidents, and each night with those that it is part of.

    Parameters
    ----------
    decisions
        Night -> the decision about it, in order.
    """
    drift = (_of_drift(each) for each in group_alarms(decisions.values()))
    incidents = (*drift, *run_incidents(nights))
    return AllNights(
        tuple(
            replace(each, incidents=incidents_of_night(incidents, each.partition))
            for each in nights
        ),
        incidents,
        max(decisions, default=None),
    )


def _of_drift(incident: DriftIncident) -> Incident:
    return Incident(
        id=incident.id,
        kind="drift",
        state=incident.state,
        first=incident.first,
        last=incident.last,
        columns=incident.columns,
        sentence=incident.sentence(),
        of=incident.kind,
    )


def run_incidents(nights: Iterable[Night]) -> list[Incident]:
    """Stretches of nights without a published run because runs were held, failed or never ended.

    All are open: when its first night is published or retracted, an incident disappears.
    """
    stretches: list[list[Night]] = []
    before = False
    for night in nights:
        now = night.state in UNPUBLISHED
        if now and not before:
            stretches.append([])
        if now:
            stretches[-1].append(night)
        before = now
    return [_unpublished(stretch) for stretch in stretches]


def _unpublished(nights: list[Night]) -> Incident:
    first, last = nights[0].partition, nights[-1].partition
    if len(nights) == 1:
        sentence = f"{first} has nothing published: {nights[0].note}"
    else:
        sentence = (
            f"{counted(len(nights), 'night')} from {first} to {last} have nothing published; "
            + "; ".join(f"{each.partition} {each.note}" for each in nights[-NAMED:])
        )
    return Incident(f"run-{first}", "run", "open", first, last, (), sentence)


DriftIncidentState: TypeAlias = Literal["open", "recovered", "snoozed"]
KINDS: tuple[DriftKind, ...] = get_args(DriftKind)
WORDS: Mapping[DriftKind, str] = {
    "answers": "the model's answers drifted",
    "features": "features drifted",
    "data": "the data is not what it was",
    "reasons": "what moves scores is not what it was",
}


@dataclass(frozen=True, slots=True)
class Hit:
    """A column's part in an incident.

    Attributes
    ----------
    first, last
        The first night that led to an alarm, and the last night in alarm.
    nights
        How many nights it was in alarm.
    effect
        The largest estimated effect of these nights; None if it was unknown on one of them.
    because
        The reason of the last alarm.
    snoozed
        Whether the last alarm is snoozed.
    """

    column: str
    what: str
    first: str
    last: str
    nights: int
    effect: float | None
    because: str
    snoozed: bool


@dataclass(frozen=True, slots=True)
class DriftIncident:
    """A series of nights with alarms of one kind.

    Attributes
    ----------
    id
        Built from ``found`` and ``kind``.
    first, found, last
        The first unusual night, the night on which the alarm was raised, and the last night in
        alarm.
    recovered
        The night on which it recovered; None if it has not.
    nights
        How many nights were in alarm.
    hits
        The columns in alarm, the largest estimated effect first.
    """

    id: str
    kind: DriftKind
    state: DriftIncidentState
    first: str
    found: str
    last: str
    recovered: str | None
    nights: int
    hits: tuple[Hit, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Each column once, in the order of the hits."""
        return tuple(dict.fromkeys(hit.column for hit in self.hits))

    def sentence(self) -> str:
        """A one-line summary for people."""
        names = first_few(self.columns)
        span = f"since {self.first}, found on {self.found}, last on {self.last}"
        end = {
            "open": "still open",
            "snoozed": "snoozed",
            "recovered": f"recovered by {self.recovered}",
        }[self.state]
        return f"{WORDS[self.kind]}: {names}; {span}; {end}"


@dataclass
class _Growing:
    """An incident while nights are added to it."""

    kind: DriftKind
    first: str
    found: str
    last: str
    hits: dict[tuple[str, str], Hit]
    nights: int = 0
    quiet: int = 0
    recovered: str | None = None

    def add(
        self,
        night: str,
        alarms: Iterable[Alarm],
        effects: Mapping[str, float | None],
        snoozed: Container[str],
    ) -> None:
        self.last, self.nights, self.quiet = night, self.nights + 1, 0
        for alarm in alarms:
            key = (alarm.question.column, alarm.question.what)
            old, now = self.hits.get(key), effects.get(alarm.question.column)
            # An effect that is unknown on one night has no maximum.
            largest = None if now is None or (old and old.effect is None) else now
            if old and old.effect is not None and largest is not None:
                largest = max(largest, old.effect)
            self.hits[key] = Hit(
                column=key[0],
                what=key[1],
                first=old.first if old else alarm.since,
                last=night,
                nights=old.nights + 1 if old else 1,
                effect=largest,
                because=alarm.because,
                snoozed=key[0] in snoozed,
            )

    def done(self) -> DriftIncident:
        last = [hit for hit in self.hits.values() if hit.last == self.last]
        state: DriftIncidentState = "open"
        if self.recovered is not None:
            state = "recovered"
        elif all(hit.snoozed for hit in last):
            state = "snoozed"
        return DriftIncident(
            id=f"{self.found}-{self.kind}",
            kind=self.kind,
            state=state,
            first=self.first,
            found=self.found,
            last=self.last,
            recovered=self.recovered,
            nights=self.nights,
            hits=tuple(sorted(self.hits.values(), key=_place)),
        )


def _place(hit: Hit) -> tuple[object, ...]:
    matters = float("-inf") if hit.effect is None else -hit.effect
    return hit.snoozed, matters, hit.column, hit.what


def group_alarms(nights: Iterable[NightDecision]) -> tuple[DriftIncident, ...]:
    """Build the incidents of nights in order, in the order in which they were found."""
    growing: dict[DriftKind, _Growing] = {}
    ended: list[_Growing] = []
    for night in nights:
        effects = {each.column: each.effect for each in night.drift.findings}
        for kind in KINDS:
            mine = [alarm for alarm in night.alarms.alarms if alarm.question.kind == kind]
            current = growing.get(kind)
            if mine:
                if current is None:
                    since = min(alarm.since for alarm in mine)
                    current = _Growing(kind, since, night.partition, night.partition, {})
                    growing[kind] = current
                current.add(night.partition, mine, effects, night.snoozed)
            elif current is not None:
                current.quiet += 1
                if current.quiet >= night.quiet:
                    current.recovered = night.partition
                    ended.append(growing.pop(kind))
    incidents = [each.done() for each in (*ended, *growing.values())]
    return tuple(sorted(incidents, key=lambda each: (each.found, KINDS.index(each.kind))))
