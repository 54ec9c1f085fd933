"""The gate's answer on one bundle, and how the findings behind it combine.

A verdict names the digests of all it was about, so that promotion can tell whether it
still is. ``verdict_json`` writes it to a file and reads it back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

Kind = Literal["rule", "behaviour", "test"]
Direction = Literal["min", "max"]
Severity = Literal["block", "warn"]
State = Literal["none", "compared", "unreadable", "features_missing", "incomparable"]

STATES: dict[State, str] = {
    "none": "no champion yet; absolute rules only",
    "compared": "champion",
    "unreadable": "a champion that cannot be loaded",
    "features_missing": "a champion whose features are gone",
    "incomparable": "a champion that answers another question",
}
"""What became of the champion, in words."""


class Outcome(Enum):
    """What a finding, or a whole verdict, comes to."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Waiver:
    """Why and until which day (``2013-12-31``, included) a finding does not decide."""

    because: str
    owner: str
    until: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One rule in one place, one behaviour, or one model test.

    Parameters
    ----------
    rule
        The rule's or behaviour's name, or the test's node id.
    slice
        ``field=value``, or None for all rows.
    observed, low, high
        What was measured and its interval; None where there is none. Never NaN or infinite.
    limit, direction
        What ``observed`` is held against: at least (``min``) or at most (``max``).
    champion, challenger
        The two values of which ``observed`` is the difference.
    method
        How the interval came about.
    rows
        Those that were measured.
    unit, units, units_needed
        What varies (``night``, ``row`` or a column), how many there were, and about how many it
        would take to tell.
    design_effect
        How many times the variance is what it would be if rows were independent.
    severity
        A ``warn`` is shown and decides nothing.
    tolerated
        The policy lets this INCONCLUSIVE pass, by the rule's name.
    waiver
        The waiver that covers it, if it needs one.
    detail
        One sentence a person can act on.
    """

    rule: str
    kind: Kind
    outcome: Outcome
    detail: str
    metric: str | None = None
    slice: str | None = None
    observed: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    direction: Direction | None = None
    champion: float | None = None
    challenger: float | None = None
    method: str | None = None
    rows: int | None = None
    unit: str | None = None
    units: int | None = None
    units_needed: int | None = None
    design_effect: float | None = None
    severity: Severity = "block"
    tolerated: bool = False
    waiver: Waiver | None = None
    owner: str | None = None
    because: str | None = None

    def __post_init__(self) -> None:
        for name in (
            "observed",
            "low",
            "high",
            "limit",
            "champion",
            "challenger",
            "design_effect",
        ):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} is {value}; a finding holds finite numbers or None")

    @property
    def title(self) -> str:
        """The rule and, in brackets, its slice."""
        return f"{self.rule}[{self.slice}]" if self.slice else self.rule

    @property
    def decides(self) -> bool:
        """Whether the verdict looks at it."""
        return (
            self.severity == "block"
            and self.waiver is None
            and not (self.tolerated and self.outcome is Outcome.INCONCLUSIVE)
        )

    @property
    def blocks(self) -> bool:
        """Whether it keeps the verdict from being PASS."""
        return self.decides and self.outcome is not Outcome.PASS

    @property
    def standing(self) -> str:
        """Why it does not decide, in a word; empty if it does."""
        if self.waiver is not None:
            return f"waived until {self.waiver.until}"
        if self.severity == "warn":
            return "warning"
        return "" if self.decides else "tolerated"


def combine(findings: Iterable[Finding]) -> Outcome:
    """The outcome of all findings that decide together.

    None at all is FAIL, so is any FAIL; any INCONCLUSIVE makes the rest INCONCLUSIVE.
    """
    outcomes = {finding.outcome for finding in findings if finding.decides}
    if not outcomes or Outcome.FAIL in outcomes:
        return Outcome.FAIL
    if Outcome.INCONCLUSIVE in outcomes:
        return Outcome.INCONCLUSIVE
    return Outcome.PASS


@dataclass(frozen=True)
class Champion:
    """The version that the bundle was held against, and what became of it.

    ``version`` and ``bundle`` are None together with the state ``none``, and ``bundle`` also
    where the version's tags do not say which it is.
    """

    state: State
    version: str | None = None
    bundle: str | None = None

    @property
    def words(self) -> str:
        """For people: what the bundle was held against."""
        if self.version is None:
            return STATES[self.state]
        return f"{STATES[self.state]}, {self.version}" + (
            f" ({self.bundle[:19]})" if self.bundle else ""
        )


@dataclass(frozen=True, kw_only=True)
class ModelTests:
    """How many model tests were collected, how many of them came to an answer.

    ``champion`` is how many the champion's verdict rests on, None where there is none.
    """

    collected: int
    ran: int
    champion: int | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome, what it is bound to and what it rests on.

    Parameters
    ----------
    bundle, data, contract, policy, code
        Digests, ``sha256:<hex>``.
    reports
        Digest of the reports that the rules were decided on; None where there were none, which is
        never promoted.
    types
        Types in the model file beyond the loader's own list that params.yaml allowed.
    tests
        None if none were run.
    """

    outcome: Outcome
    name: str
    candidate: str
    bundle: str
    data: str
    contract: str
    policy: str
    code: str
    champion: Champion
    findings: tuple[Finding, ...]
    types: tuple[str, ...] = ()
    tests: ModelTests | None = None
    reports: str | None = None

    @property
    def model_tests(self) -> tuple[str, ...]:
        """Node ids of the model tests that it rests on."""
        tests = (each.rule for each in self.findings if each.kind == "test")
        return tuple(rule for rule in tests if "::" in rule)

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """Findings that keep it from being PASS, FAIL before INCONCLUSIVE."""
        found = [finding for finding in self.findings if finding.blocks]
        return tuple(sorted(found, key=lambda finding: finding.outcome is not Outcome.FAIL))
