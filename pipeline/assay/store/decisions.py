"""Drift decisions about runs: an append-only table, a row each time a night is judged otherwise.

The last row of a night by ``at`` counts; of its published run, if there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from assay.store import history
from assay.store.delta import rows
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import DECISIONS


def read_decisions(place: StoreLocation) -> dict[str, str]:
    """Night -> the decision that counts, as JSON; nights that are void are left out."""
    found = _latest(place, [place.column, "decision"])
    nights, texts = (found.column(name).to_pylist() for name in found.column_names)
    return {night: text for night, text in zip(nights, texts, strict=True) if text is not None}


def read_decided_runs(place: StoreLocation) -> dict[str, str]:
    """Night -> the run that its decision is about; costs less than reading the decisions."""
    found = _latest(place, [place.column, "run_id"])
    return dict(zip(*(found.column(name).to_pylist() for name in found.column_names), strict=True))


def append_decisions(place: StoreLocation, decided: Iterable[Mapping[str, Any]]) -> None:
    """Append rows in one commit, dated now; none appends nothing."""
    now = datetime.now(UTC)
    if given := [{**row, "at": now} for row in decided]:
        rows.append(place, DECISIONS, given)


def _latest(place: StoreLocation, columns: Sequence[str]) -> pa.Table:
    """The row of each night that counts, in the order of nights."""
    column = place.column
    names = list(dict.fromkeys([column, "run_id", "at", *columns]))
    found = rows.select(place, DECISIONS, {}, names).sort_by("at")
    visible = history.visible_runs(place)
    chosen: dict[str, tuple[bool, int]] = {}
    keys = (found.column(name).to_pylist() for name in (column, "run_id"))
    for number, (night, run_id) in enumerate(zip(*keys, strict=True)):
        rank = (visible.get(night) == run_id, number)
        chosen[night] = max(rank, chosen.get(night, rank))
    places = [chosen[night][1] for night in sorted(chosen)]
    return found.take(pa.array(places, pa.int64())).select(list(columns))
