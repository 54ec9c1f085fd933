"""Which run of which night a target got last: an append-only table, a row for each export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from assay.store.delta import rows
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import EXPORTS


@dataclass(frozen=True)
class Exported:
    """What had changed of a night when a target got it.

    Attributes
    ----------
    number
        Of the target's exports, from 1 on without gaps.
    staged
        The name of the file before readers saw it; empty if the target is none of files.
    """

    partition: str
    run_id: str
    number: int
    staged: str = ""
    rows: int = 0


def read_exports(place: StoreLocation, target: str) -> list[Exported]:
    """What a target got, in order."""
    names = [place.column, "run_id", "number", "staged", "rows"]
    exported = rows.select(place, EXPORTS, {"target": target}, names).sort_by("number")
    return [Exported(*row.values()) for row in exported.to_pylist()]


def read_targets(place: StoreLocation, nights: Sequence[str] | None) -> list[str]:
    """The targets that got what had changed of some nights, or of any, sorted."""
    some = {} if nights is None else {place.column: nights}
    exported = rows.select(place, EXPORTS, some, ["target"])
    return sorted(set(exported.column("target").to_pylist()))


def append_export(place: StoreLocation, target: str, export: Exported) -> bool:
    """Record an export; False, and nothing is, if another was recorded under its number."""
    row = {
        **vars(export),
        place.column: export.partition,
        "target": target,
        "at": datetime.now(UTC),
    }
    return rows.append(
        place, EXPORTS, [row], lambda: len(read_exports(place, target)) == export.number - 1
    )
