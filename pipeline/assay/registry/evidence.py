"""On what evidence a version was given a stage, as lines of a tag's message. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.errors import PromotionRefused
from assay.reports.verdict import Outcome

NONE = "none"
"""Outcome of a version that was promoted without a verdict on it."""

_OUTCOMES = frozenset({*(each.value for each in Outcome), NONE})


@dataclass(frozen=True, kw_only=True)
class PromotionEvidence:
    """What a promotion, or a way back, rested on.

    Parameters
    ----------
    verdict
        Digest of the verdict on this very bundle, None without one.
    outcome
        What that verdict said, :data:`NONE` without one, None where no tag tells.
    champion
        The version it was compared with, or whose place it takes.
    override
        What a person overruled, None if the gate said PASS.
    """

    verdict: str | None = None
    outcome: str | None = None
    champion: str | None = None
    override: str | None = None

    def trailers(self) -> dict[str, str | None]:
        """Lines for a tag's message."""
        return {
            "Verdict": self.verdict,
            "Outcome": self.outcome,
            "Champion": self.champion or NONE,
            "Override": self.override,
        }


def read(trailers: Mapping[str, str]) -> PromotionEvidence:
    """The way back. The verdict's digest is left to the reader, who knows other tags too."""
    outcome = trailers.get("Outcome")
    champion = trailers.get("Champion")
    return PromotionEvidence(
        outcome=outcome if outcome in _OUTCOMES else None,
        champion=champion if champion != NONE else None,
        override=trailers.get("Override"),
    )


def overruled(reasons: Sequence[PromotionRefused]) -> str | None:
    """Reasons that a person overruled, in one line; None without any."""
    told = [each.what + (f" ({each.found})" if each.found else "") for each in reasons]
    return "; ".join(told) or None
