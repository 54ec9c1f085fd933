"""The document of a plan over two nights, one of which readers have not seen."""

from __future__ import annotations

from typing import Any

from assay.plan.document import Plan, PlannedNight, Segment, SliceChange
from assay.plan.moved_rows import MovedRow
from assay.score.operations.changes import BINS, Changes

CHANGES = Changes(
    by=0.1,
    scale=0.3,
    both=40,
    only_new=2,
    only_old=1,
    decided=4,
    up=3,
    down=1,
    old_true=10,
    moved=5,
    total=2.0,
    largest=0.3,
    histogram=(0,) * 20 + (35,) + (0,) * (BINS - 22) + (5,),
)


def plan(**changed: Any) -> Plan:
    """A plan of a binary model."""
    seen = PlannedNight(
        day="2024-03-01",
        run_id="planned-1",
        readers_see="published-1",
        by_version="v0.1.0",
        read=44,
        scored=42,
        quarantined=2,
        changes=CHANGES,
        held=("too many rows",),
        alarms=("weight: distance",),
    )
    unseen = PlannedNight(day="2024-03-02", run_id="planned-2", read=7, scored=7)
    lost = PlannedNight(day="2024-03-03", why="a column is missing")
    facts: dict[str, Any] = {
        "name": "parcels",
        "plan": "sha256:" + "1" * 64,
        "version": "v0.2.0",
        "bundle": "sha256:" + "2" * 64,
        "commit": "3" * 40,
        "champion": "v0.1.0",
        "task": "binary",
        "threshold": 0.55,
        "old_threshold": 0.5,
        "by": 0.1,
        "nights": (seen, unseen, lost),
        "slices": (
            SliceChange(field="depot", value="west", rows=30, decided=4, up=3, down=1),
            SliceChange(field="depot", value=None, rows=10, decided=0, up=0, down=0),
        ),
        "segments": (
            Segment(where=("depot is west", "weight over 3"), rows=9, decided=3, mean_change=0.2),
        ),
        "sampled": 40,
        "unread": None,
        "usual": 0.02,
    }
    return Plan(**{**facts, **changed})


def moved_rows() -> tuple[MovedRow, ...]:
    """A row that rises and one that falls, of which no reason is known."""
    rise = MovedRow("2024-03-01", {"parcel": 7}, False, True, 0.4, 0.7, 0.3)
    fall = MovedRow("2024-03-01", {"parcel": 8}, True, False, 0.6, 0.35, -0.25)
    return rise, fall
