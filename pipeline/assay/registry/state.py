"""The registry's state, folded from immutable events. Pure.

It follows GTO's rules, so that ``gto show`` and Assay name the same champion. A stage is held by
the version that was assigned last, among those that still have it: unassigning one version gives
the stage back to the one before. A deregistered version holds nothing, nor does any version of a
deprecated artifact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from assay.registry import evidence
from assay.registry.tags import TagEvent, version_sort_key

UNKNOWN = "unknown"
"""Stands for a digest that no tag names. It equals no digest, so no check passes with it."""

Kind = Literal["promote", "rollback", "unassign"]


@dataclass(frozen=True)
class Version:
    """A registered bundle. ``bundle`` and ``verdict`` may be :data:`UNKNOWN`.

    ``outcome`` is the gate's outcome when it was last promoted, None if no tag states it.
    ``override`` is everything that was ever overruled to promote it, None if nothing was.
    """

    name: str
    version: str
    commit: str
    bundle: str
    verdict: str
    by: str
    at: str
    why: str
    outcome: str | None = None
    override: str | None = None


@dataclass(frozen=True)
class Assignment:
    """A stage assigned to a version, or taken from it (``unassign``).

    ``version`` is the commit's hash if the commit is not a version. The rest is the evidence that
    the tag names, as in `assay.registry.evidence.PromotionEvidence`.
    """

    stage: str
    version: str
    at: str
    by: str
    why: str
    kind: Kind
    verdict: str | None = None
    outcome: str | None = None
    champion: str | None = None
    override: str | None = None


@dataclass(frozen=True)
class RegistryState:
    """The state of one artifact.

    ``trails`` holds for each stage the versions to go back to, the newest last. ``numbers`` holds
    the commit of every version, including deregistered ones. ``latest`` is the time of the newest
    event in seconds. ``events`` are the events that it was folded from.
    """

    versions: tuple[Version, ...]
    numbers: Mapping[str, str]
    holders: Mapping[str, str]
    histories: Mapping[str, tuple[Assignment, ...]]
    trails: Mapping[str, tuple[str, ...]]
    deprecated: bool
    latest: int
    events: tuple[TagEvent, ...]

    def find(self, version: str) -> Version | None:
        return next((each for each in self.versions if each.version == version), None)

    def at_commit(self, commit: str) -> Version | None:
        """The version of a commit; of several the highest, which is the one that holds stages."""
        return next((each for each in reversed(self.versions) if each.commit == commit), None)

    def bundle_digests(self, version: Version) -> tuple[str, ...]:
        """Every bundle digest that tags at a version's commit name."""
        here = (event for event in self.events if event.commit == version.commit)
        digests = (event.digest("Bundle") for event in here)
        return tuple(dict.fromkeys(digest for digest in digests if digest is not None))

    def stages_of(self, version: str) -> tuple[str, ...]:
        """Stages that a version holds."""
        return tuple(sorted(stage for stage, held in self.holders.items() if held == version))

    def previous_holder(self, stage: str) -> str | None:
        """The version that held the stage before the current holder."""
        now = self.holders.get(stage)
        active = {each.version for each in self.versions}
        past = reversed(self.trails.get(stage, ()))
        return next((each for each in past if each != now and each in active), None)


def fold(events: Sequence[TagEvent]) -> RegistryState:
    """The state after ``events``, which belong to one artifact, oldest first."""
    registrations: dict[str, TagEvent] = {}
    numbers: dict[str, str] = {}
    deregistered: set[str] = set()
    for event in events:
        if event.version is None:
            continue
        numbers[event.version] = event.commit
        if event.action == "register":
            registrations[event.version] = event
            deregistered.discard(event.version)
        else:
            deregistered.add(event.version)

    moves = [
        (event, _label(event.commit, registrations))
        for event in events
        if event.action in ("assign", "unassign")
    ]
    versions = [
        _version(event, [move for move, label in moves if label == name])
        for name, event in registrations.items()
        if name not in deregistered
    ]
    deprecated = bool(events) and events[-1].action == "deprecate"
    stages = sorted({event.stage for event, _ in moves if event.stage is not None})
    histories: dict[str, tuple[Assignment, ...]] = {}
    trails: dict[str, tuple[str, ...]] = {}
    holders: dict[str, str] = {}
    for stage in stages:
        own = [(event, label) for event, label in moves if event.stage == stage]
        histories[stage], trails[stage] = _walk(stage, own)
        holder = _holder(own, without=deregistered)
        if holder is not None and not deprecated:
            holders[stage] = holder
    return RegistryState(
        versions=tuple(sorted(versions, key=lambda each: version_sort_key(each.version))),
        numbers=numbers,
        holders=holders,
        histories=histories,
        trails=trails,
        deprecated=deprecated,
        latest=max((event.time for event in events), default=0),
        events=tuple(events),
    )


def _label(commit: str, registrations: Mapping[str, TagEvent]) -> str:
    """The version at a commit, else the commit's hash, as GTO names it."""
    here = [name for name, event in registrations.items() if event.commit == commit]
    return max(here, key=version_sort_key) if here else commit


def _version(registration: TagEvent, moves: Sequence[TagEvent]) -> Version:
    assert registration.version is not None
    told = [evidence.parse_evidence(event.trailers) for event in (registration, *moves)]
    outcomes = [each.outcome for each in told if each.outcome]
    overrides = dict.fromkeys(each.override for each in told if each.override)
    return Version(
        name=registration.artifact,
        version=registration.version,
        commit=registration.commit,
        bundle=_agreed("Bundle", (registration, *moves)),
        verdict=_agreed("Verdict", (registration, *moves)),
        by=registration.by,
        at=registration.at,
        why=registration.why,
        outcome=outcomes[-1] if outcomes else None,
        override="; ".join(overrides) or None,
    )


def _agreed(key: str, events: Iterable[TagEvent]) -> str:
    """The digest that the tags of one version name, :data:`UNKNOWN` if they contradict each other.

    Stage tags count too: a version that was registered by hand gets its digest when it is promoted.
    """
    named = {digest for event in events if (digest := event.digest(key)) is not None}
    return named.pop() if len(named) == 1 else UNKNOWN


def _holder(moves: Sequence[tuple[TagEvent, str]], *, without: set[str]) -> str | None:
    last = {label: event for event, label in moves}
    having = [
        (event.when, label)
        for label, event in last.items()
        if event.action == "assign" and label not in without
    ]
    return max(having)[1] if having else None


def _walk(
    stage: str, moves: Sequence[tuple[TagEvent, str]]
) -> tuple[tuple[Assignment, ...], tuple[str, ...]]:
    """The history of a stage, and the trail of versions that rollbacks follow.

    A rollback removes the versions after its target from the trail, so that a second rollback goes
    further back.
    """
    history: list[Assignment] = []
    trail: list[str] = []
    for event, label in moves:
        kind = _kind(event, label, trail)
        told = evidence.parse_evidence(event.trailers)
        history.append(
            Assignment(
                stage=stage,
                version=label,
                at=event.at,
                by=event.by,
                why=event.why,
                kind=kind,
                verdict=event.digest("Verdict"),
                outcome=told.outcome,
                champion=told.champion,
                override=told.override,
            )
        )
        if kind == "unassign":
            trail = [each for each in trail if each != label]
        elif kind == "rollback" and label in trail:
            del trail[len(trail) - trail[::-1].index(label) :]
        elif trail[-1:] != [label]:
            trail.append(label)
    return tuple(history), tuple(trail)


def _kind(event: TagEvent, label: str, trail: Sequence[str]) -> Kind:
    if event.action == "unassign":
        return "unassign"
    said = event.trailers.get("Kind")
    if said == "promote":
        return "promote"
    if said == "rollback":
        return "rollback"
    # Made by hand: moving to an older version on the trail is a rollback, else a promotion.
    older = label in trail and label != trail[-1] and label.startswith("v")
    return "rollback" if older and version_sort_key(label) < _order_of(trail[-1]) else "promote"


def _order_of(label: str) -> tuple[int, int, int, bool, str]:
    # A commit without a version counts as the newest, so leaving it for a version is a rollback.
    return version_sort_key(label) if label.startswith("v") else (1 << 31, 0, 0, True, "")
