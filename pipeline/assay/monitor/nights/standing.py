"""Where a night stands, in one word and in the words for people. Pure.

This is decided here and nowhere else: the front page, the night's own page and document,
``assay status``, ``assay monitor`` and its exit code all ask `stand`, and show its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

NightState: TypeAlias = Literal["published", "held", "failed", "unfinished", "retracted", "missing"]
"""What readers have of a night, and if nothing, how its last run ended."""

Standing: TypeAlias = Literal[
    "ok",
    "drift",
    "over",
    "incident",
    "snoozed",
    "recovered",
    "unseen",
    "held",
    "failed",
    "unfinished",
    "retracted",
    "missing",
]
"""A night in one word: the state, and of a published night what monitoring said."""

WORDS: Mapping[Standing, str] = {
    "ok": "within limits",
    "drift": "limits crossed",
    "over": "over a limit, no alarm",
    "incident": "in an open incident",
    "snoozed": "in a snoozed incident",
    "recovered": "in a recovered incident",
    "unseen": "not monitored",
    "held": "held",
    "failed": "failed",
    "unfinished": "started, never ended",
    "retracted": "taken back",
    "missing": "no run",
}

ALARMING = frozenset[Standing]({"drift", "incident"})
"""The standings of a published night on which ``assay monitor`` ends with 4."""


class Spell(Protocol):
    """An incident, as far as it matters to the nights that it spans."""

    @property
    def state(self) -> Literal["open", "recovered", "snoozed"]: ...
    @property
    def first(self) -> str: ...
    @property
    def last(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Stand:
    """The answer about a night.

    Attributes
    ----------
    incidents
        What is known of the incidents of drift that the night lies in, a sentence each.
    """

    standing: Standing
    incidents: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return WORDS[self.standing]

    @property
    def alarming(self) -> bool:
        return self.standing in ALARMING

    def headline(self, partition: str) -> str:
        """The answer in one sentence."""
        return f"{self.words[0].upper()}{self.words[1:]} on {partition}"


def inside(spell: Spell, partition: str) -> bool:
    """Whether a night lies in an incident: until its last alarm, or while it is not over."""
    return spell.first <= partition and (spell.state != "recovered" or partition <= spell.last)


def stand(
    state: NightState,
    crossed: bool | None,
    incidents: Iterable[tuple[Spell, str]] = (),
    together: bool = False,
) -> Stand:
    """Where a night stands.

    Parameters
    ----------
    crossed
        Whether the night by itself crossed its limits; None if nobody looked at what readers see.
    incidents
        Those that the night lies in, with what is to be said of each.
    together
        Whether the night was looked at together with those before it. Then a crossing that is part
        of no incident is within the budget of false alarms.
    """
    mine = list(incidents)
    sentences = tuple(sentence for _, sentence in mine)
    if state != "published":
        return Stand(state)
    if crossed is None:
        return Stand("unseen", sentences)
    states = {spell.state for spell, _ in mine}
    if crossed and together and not states:
        return Stand("over")
    if crossed and ("open" in states or "snoozed" not in states):
        return Stand("drift", sentences)
    if "open" in states:
        return Stand("incident", sentences)
    if "snoozed" in states:  # somebody looked at it, and let it be for a while
        return Stand("snoozed", sentences)
    return Stand("recovered" if states else "ok", sentences)
