"""All checks, in the order of the report."""

from __future__ import annotations

from pipeline.leakage.identifier import identifier
from pipeline.leakage.power import label_power
from pipeline.leakage.results import Check, unknown
from pipeline.leakage.rows import near_duplicates, same_key, time_overlap
from pipeline.leakage.scoring import not_at_scoring
from pipeline.leakage.shift import category_shift, label_shift
from pipeline.leakage.sides import Sides
from pipeline.leakage.source import Seen, Unseen
from pipeline.params_gate import LEAKAGE_CHECKS
from pipeline.params_leakage import Leakage


def run_all(sides: Sides, seen: Seen | Unseen, limits: Leakage) -> tuple[Check, ...]:
    """What each check says of the two sides and of what the nights are scored from.

    A side without rows shows nothing, so every check is ``unknown`` then, never ``ok``.
    """
    empty = [
        name
        for name, side in (("training", sides.train), ("the holdout", sides.holdout))
        if side.rows == 0
    ]
    if empty:
        return tuple(
            unknown(name, f"no rows in {' and '.join(empty)}", None) for name in LEAKAGE_CHECKS
        )
    return (
        same_key(sides),
        near_duplicates(sides, limits.max_duplicate_share),
        time_overlap(sides),
        label_power(sides, limits.max_label_power, limits.sample_rows),
        identifier(sides, limits.max_identifier_share),
        category_shift(sides, limits.max_category_shift),
        label_shift(sides, limits.max_label_shift),
        not_at_scoring(sides, seen),
    )
