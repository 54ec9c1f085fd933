"""The evidence for a promotion, as lines of a tag's message. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.errors import PromotionRefused
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
        The verdict's outcome, :data:`NONE` without a verdict, None if no tag states it.
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


def parse_evidence(trailers: Mapping[str, str]) -> PromotionEvidence:
    """Evidence from a tag's trailers, except the verdict's digest, which callers read."""
    outcome = trailers.get("Outcome")
    champion = trailers.get("Champion")
    return PromotionEvidence(
        outcome=outcome if outcome in _OUTCOMES else None,
        champion=champion if champion != NONE else None,
        override=trailers.get("Override"),
    )


def format_override(reasons: Sequence[PromotionRefused]) -> str | None:
    """The reasons that a person overruled as one line; None if there are none."""
    told = [each.what + (f" ({each.found})" if each.found else "") for each in reasons]
    return "; ".join(told) or None
