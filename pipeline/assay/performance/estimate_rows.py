"""The estimated performance of a night, as rows of the performance table."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assay.performance.estimate.night import estimate_night

if TYPE_CHECKING:
    from assay.columns.profile import Profile
    from assay.model.bundle import Bundle
    from assay.performance.estimate.trust import ColumnDrift
    from assay.store import Run


def rows(
    column: str,
    record: Run,
    loaded: Bundle,
    profile: Profile,
    confidence: float,
    findings: Iterable[ColumnDrift],
) -> list[dict[str, Any]]:
    """Rows of the performance table: each estimated metric of a run, overall and by slice.

    Parameters
    ----------
    column
        The partition column.
    """
    about = {
        column: record.partition,
        "run_id": record.run_id,
        "model_version": record.version,
        "bundle": record.bundle,
        "maturity_days": None,
        "at": datetime.now(UTC),
    }
    found = estimate_night(loaded, profile, confidence, findings)
    return [{**about, **row} for row in found.rows()]
