"""Whether a table has drifted from the reference."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from assay.columns.reference import Reference
from assay.monitor.drift.drift import DriftDecision
from assay.project.params import Monitor

SCHEMA = 1


@dataclass(frozen=True)
class TableDrift:
    """A decision, and what it is about.

    Attributes
    ----------
    table
        What was compared.
    version, bundle
        What with: the promoted version, empty where a bundle was named, and its digest.
    """

    table: str
    version: str
    bundle: str
    limits: Monitor
    decision: DriftDecision

    def headline(self) -> str:
        """The answer in one sentence."""
        crossed = "Limits crossed in" if self.decision.crossed else "Within limits:"
        return f"{crossed} {self.table}"

    def to_json(self) -> str:
        """Everything, one JSON document."""
        decision = self.decision
        tree: dict[str, Any] = {
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
        return json.dumps(tree, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def features_of(reference: Reference) -> Reference:
    """The reference without the model's answers, which a table that nobody scored lacks."""
    grid = {name: cells for name, cells in reference.grid.items() if name not in reference.scores}
    profile = {name: reference.profile[name] for name in grid}
    return replace(reference, grid=grid, profile=profile, scores=(), slices=())
