"""Registered versions and stage holders, read from git's tags.

One call of git is enough. Neither GTO nor DVC is imported, so that a scoring run starts at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assay.errors import NoChampion, PromotionRefused, VersionUnknown
from assay.registry import git, tags
from assay.registry.tags import TagEvent, version_sort_key
from assay.reports.verdict import Outcome

NONE = "none"
"""Outcome of a version that was promoted without a verdict."""

_OUTCOMES = frozenset({*(each.value for each in Outcome), NONE})


@dataclass(frozen=True, kw_only=True)
class PromotionEvidence:
    """The evidence for a promotion or a rollback.

    Parameters
    ----------
    verdict
        Digest of the verdict on this bundle, None without one.
    outcome
        The verdict's outcome, :data:`NONE` without a verdict, None if no promotion stated it.
    champion
        The version it was compared with, or that it replaces.
    override
        What a person overruled, None if the gate's outcome was PASS.
    approved
        Who approved it and is none of its authors, None where nobody has to.
    """

    verdict: str | None = None
    outcome: str | None = None
    champion: str | None = None
    override: str | None = None
    approved: str | None = None

    def trailers(self) -> dict[str, str | None]:
        """Trailer lines for a tag's message."""
        return {
            "Verdict": self.verdict,
            "Outcome": self.outcome,
            "Champion": self.champion or NONE,
            "Override": self.override,
            "Approved": self.approved,
        }


def parse_evidence(event: TagEvent) -> PromotionEvidence:
    """The evidence that a tag names; no outcome if it lacks a line, or was moved since."""
    outcome, champion = event.trailers.get("Outcome"), event.trailers.get("Champion")
    verdict = event.digest("Verdict")
    complete = event.digest("Bundle") is not None and (verdict is not None or outcome == NONE)
    unmoved = event.trailers.get("Commit") == event.commit
    return PromotionEvidence(
        verdict=verdict,
        outcome=outcome if outcome in _OUTCOMES and complete and unmoved else None,
        champion=champion if champion != NONE else None,
        override=event.trailers.get("Override"),
        approved=event.trailers.get("Approved"),
    )


def format_override(reasons: Sequence[PromotionRefused]) -> str | None:
    """The reasons that a person overruled as one line; None if there are none."""
    texts = [each.what + (f" ({each.found})" if each.found else "") for each in reasons]
    return "; ".join(texts) or None


UNKNOWN = "unknown"
"""Stands for a digest that no tag names. It equals no digest, so no check passes with it."""

Kind = Literal["promote", "rollback", "unassign"]


@dataclass(frozen=True)
class Version:
    """A registered bundle. ``bundle`` and ``verdict`` may be :data:`UNKNOWN`.

    ``outcome`` is the gate's outcome, all of them if tags differ, and None if the tag that
    registered it is not as a promotion wrote it.
    ``override`` is everything that was ever overruled to promote it, None if nothing was.
    ``tag`` is the name of the tag that registered it, "" before that.
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
    tag: str = ""


@dataclass(frozen=True, kw_only=True)
class Assignment(PromotionEvidence):
    """A stage assigned to a version, or taken from it (``unassign``), on the tag's evidence.

    ``version`` is the commit's hash if the commit is not a version; ``tag`` is the tag's name.
    """

    stage: str
    version: str
    at: str
    by: str
    why: str
    kind: Kind
    tag: str


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

    @property
    def next_counter(self) -> int:
        """The number of the next tag of a stage."""
        return 1 + max((each.counter for each in self.events), default=0)

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
    evidence = [parse_evidence(event) for event in (registration, *moves)]
    # Of tags that contradict each other, one was edited.
    outcomes = dict.fromkeys(each.outcome for each in evidence if each.outcome)
    overrides = dict.fromkeys(each.override for each in evidence if each.override)
    return Version(
        name=registration.artifact,
        version=registration.version,
        commit=registration.commit,
        bundle=_agreed("Bundle", (registration, *moves)),
        verdict=_agreed("Verdict", (registration, *moves)),
        by=registration.by,
        at=registration.at,
        why=registration.why,
        outcome=" and ".join(outcomes) if evidence[0].outcome else None,
        override="; ".join(overrides) or None,
        tag=registration.name,
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
        known = vars(parse_evidence(event))
        history.append(
            Assignment(
                stage=stage,
                version=label,
                at=event.at,
                by=event.by,
                why=event.why,
                kind=kind,
                tag=event.name,
                **known,
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
    kind = event.trailers.get("Kind")
    if kind in ("promote", "rollback"):
        return "promote" if kind == "promote" else "rollback"
    # Made by hand: moving to an older version on the trail is a rollback, else a promotion.
    older = label in trail and label != trail[-1] and label.startswith("v")
    return "rollback" if older and version_sort_key(label) < _order_of(trail[-1]) else "promote"


def _order_of(label: str) -> tuple[int, int, int, bool, str]:
    # A commit without a version counts as the newest, so leaving it for a version is a rollback.
    return version_sort_key(label) if label.startswith("v") else (1 << 31, 0, 0, True, "")


def artifact_name(root: Path, name: str) -> str:
    """The artifact's full name in GTO and DVC, with the project's folder in its repository."""
    _, folder = git.root_and_prefix(root)
    return f"{folder}:{name}" if folder else name


def read_state(root: Path, name: str) -> RegistryState:
    """The registry state of the artifact, from the repository's tags."""
    full = artifact_name(root, name)
    return fold(tags.parse_tags(git.tags(root), full))


def read_versions(root: Path, name: str) -> tuple[Version, ...]:
    """Registered versions, the lowest first, without deregistered ones."""
    return read_state(root, name).versions


def read_version(root: Path, name: str, wanted: str) -> Version:
    """One version by its number, ``v0.1.0`` or ``0.1.0``; errors as for `select_version`."""
    return select_version(read_state(root, name), name, wanted)


def coming_version(
    root: Path, name: str, known: RegistryState, commit: str, bundle: str, bump: tags.Bump
) -> Version:
    """What a bundle at a commit will be once it is promoted; not registered yet."""
    return Version(
        name=artifact_name(root, name),
        version=tags.next_version(known.numbers, bump),
        commit=commit,
        bundle=bundle,
        verdict=UNKNOWN,
        by="",
        at="",
        why="",
    )


def select_version(known: RegistryState, name: str, wanted: str) -> Version:
    """One version of a state, ``v0.1.0`` or ``0.1.0``.

    Raises
    ------
    VersionUnknown
        There is no such version; names those that exist.
    """
    version = known.find(wanted if wanted.startswith("v") else f"v{wanted}")
    if version is None:
        there = ", ".join(each.version for each in known.versions)
        raise VersionUnknown(
            f"{name} has no version {wanted}",
            expected=f"one of {there}" if there else "a registered version",
            found=None if there else "none yet",
            fix="If another clone made it: git fetch --tags.",
        )
    return version


def read_champion(root: Path, name: str, stage: str) -> Version:
    """The version that holds the stage, with its bundle's digest; errors as `select_champion`."""
    return select_champion(read_state(root, name), name, stage)


def select_champion(known: RegistryState, name: str, stage: str) -> Version:
    """The version that holds the stage in a state.

    Raises
    ------
    NoChampion
        Nothing holds the stage, or its holder cannot be trusted: a commit that is no version, or a
        version whose tags name no digest or two.
    """
    label = known.holders.get(stage)
    if label is None:
        raise NoChampion(
            f"no version of {name} holds the stage {stage}",
            found="a deprecated artifact" if known.deprecated else None,
            fix="Promote one: assay promote. If another clone did: git fetch --tags.",
        )
    champion = known.find(label)
    if champion is None:
        raise NoChampion(
            f"the tag of the stage {stage} is at a commit that was never made a version of {name}",
            expected="a commit with a version's tag, as assay promote makes it",
            found=label[:10],
            fix="Check that commit out and run assay promote.",
        )
    if champion.bundle == UNKNOWN:
        several = known.bundle_digests(champion)
        raise NoChampion(
            f"{champion.version} of {name} holds the stage {stage}, but its tags do not say which"
            " bundle it is",
            expected="one digest in a line 'Bundle: sha256:…'",
            found=", ".join(digest[:19] for digest in several) or "none",
            fix="Promote another commit, delete the tag that was made by hand, or assay rollback."
            if several
            else f"Check {champion.version} out and run assay promote, or assay rollback.",
        )
    return champion
