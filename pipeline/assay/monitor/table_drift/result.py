"""The result of ``assay drift``: whether a table has drifted from the reference."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from assay.columns.reference import Reference
from assay.monitor.drift.drift import DriftDecision, drifted_words
from assay.project.params import Monitor

SCHEMA = 1


@dataclass(frozen=True)
class TableDrift:
    """A drift decision about a table.

    Attributes
    ----------
    table
        The table's name.
    version, bundle
        The promoted version it was compared with, empty if a bundle was named; the bundle's digest.
    """

    table: str
    version: str
    bundle: str
    limits: Monitor
    decision: DriftDecision

    def headline(self) -> str:
        """The result in one sentence."""
        if self.decision.crossed:
            return f"Limits crossed in {self.table}"
        if self.decision.drifted:
            return f"Within limits, {self.drifted_words}: {self.table}"
        return f"Within limits: {self.table}"

    @property
    def drifted_words(self) -> str:
        """How many features drifted, and what share of them may."""
        decision = self.decision
        return drifted_words(
            len(decision.drifted), decision.features, self.limits.max_drifted_share
        )

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        decision = self.decision
        return {
            "schema": SCHEMA,
            "table": self.table,
            "rows": decision.rows,
            "version": self.version,
            "bundle": self.bundle,
            "crossed": decision.crossed,
            "reasons": list(decision.reasons),
            "limits": {
                "quantile": decision.quantile,
                "nights": decision.nights,
                "max_drifted_share": self.limits.max_drifted_share,
                "max_null_share_change": self.limits.max_null_share_change,
                "max_new_category_share": self.limits.max_new_category_share,
            },
            "features": decision.features,
            "drifted": list(decision.drifted),
            "drifted_share": decision.drifted_share,
            "findings": [asdict(finding) for finding in decision.findings],
        }


def drop_scores(reference: Reference) -> Reference:
    """The reference without the model's scores, which a table before scoring does not have."""
    grid = {name: cells for name, cells in reference.grid.items() if name not in reference.scores}
    profile = {name: reference.profile[name] for name in grid}
    return replace(reference, grid=grid, profile=profile, scores=(), slices=())
