"""What the front page knows of one night: values, and the one word that sums them up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["published", "held", "failed", "unfinished", "retracted", "missing"]
"""What readers have of a night, and if nothing, how its last run ended."""

Standing: TypeAlias = Literal[
    "ok", "drift", "unseen", "held", "failed", "unfinished", "retracted", "missing"
]
"""A night in one word: the state, and of a published night what monitoring said."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What ``assay monitor`` said of a night.

    Attributes
    ----------
    run_id
        The run that was judged.
    times
        Column -> its distance as a multiple of its limit; None if it could not be computed.
    over
        The columns that crossed any limit of theirs.
    """

    run_id: str
    crossed: bool
    reasons: tuple[str, ...]
    drifted: int
    features: int
    times: Mapping[str, float | None]
    over: frozenset[str]

    @property
    def share(self) -> float | None:
        """Share of the features that drifted; None without features."""
        return self.drifted / self.features if self.features else None


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric of a night: expected without labels, or computed with those that came.

    Attributes
    ----------
    maturity_days
        How long labels were waited for; 0 of an estimate.
    trusted
        False of an estimate that is not to be trusted.
    """

    value: float
    low: float | None
    high: float | None
    maturity_days: int
    trusted: bool = True


@dataclass(frozen=True, slots=True)
class Night:
    """One night of the front page.

    Attributes
    ----------
    note
        Why nothing was published, or what became of a later run of a published night.
    drift
        None if the run that readers see was not monitored; ``unseen`` says why, if more is known.
    page
        Whether the night has a page of its own.
    """

    partition: str
    state: State
    run_id: str = ""
    version: str = ""
    published_at: str = ""
    rows_read: int | None = None
    rows_scored: int | None = None
    rows_quarantined: int | None = None
    note: str = ""
    drift: Drift | None = None
    unseen: str = ""
    estimated: Measured | None = None
    realized: Measured | None = None
    page: bool = False

    @property
    def standing(self) -> Standing:
        if self.state != "published":
            return self.state
        if self.drift is None:
            return "unseen"
        return "drift" if self.drift.crossed else "ok"

    @property
    def quarantine_share(self) -> float | None:
        """Refused rows as a share of those read; None if nothing is known or was read."""
        if not self.rows_read or self.rows_quarantined is None:
            return None
        return self.rows_quarantined / self.rows_read

    def reasons(self) -> tuple[str, ...]:
        """What a person should read about the night, the gravest first."""
        found = [self.note] if self.note else []
        if self.drift is not None and self.drift.crossed:
            found += self.drift.reasons
        if self.state == "published" and self.unseen:
            found.append(self.unseen)
        return tuple(found)
