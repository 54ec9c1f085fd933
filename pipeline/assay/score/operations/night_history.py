"""``assay history``: what happened to a night, run by run, and what its readers see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assay.errors import NothingScored
from assay.project.params import Params
from assay.store import RunEvent, RunRecord, open_store


@dataclass(frozen=True)
class NightHistory:
    """The events of a night's runs, the first one first.

    Attributes
    ----------
    visible
        The run that readers see, from the files of the predictions table; None if there is none.
    lost
        Whether no event tells that this run was published: it was killed right after its commit, or
        events were lost.
    """

    partition: str
    events: tuple[RunEvent, ...]
    visible: RunRecord | None
    lost: bool

    def document(self) -> dict[str, Any]:
        """As JSON values; times are ISO 8601 in UTC."""
        return {
            "partition": self.partition,
            "visible": None if self.visible is None else self.visible.run_id,
            "events": [_plain(event) for event in self.events],
        }


def run(root: Path, params: Params, night: str) -> NightHistory:
    """Collect a night's events.

    Raises
    ------
    NothingScored
        No run of the night has begun.
    StoreError
        The store is damaged or cannot be read.
    """
    store = open_store(root, params)
    events, visible = store.run_events(night), store.published_run(night)
    if not events and visible is None:
        raise NothingScored(
            f"no run of {store.column}={night} has begun",
            where=store.uri,
            fix="Run assay score for it; assay front shows the nights that there are.",
        )
    return NightHistory(night, tuple(events), visible, _is_lost(events, visible))


def _is_lost(events: Sequence[RunEvent], visible: RunRecord | None) -> bool:
    told = {event.run_id for event in events if event.event in ("published", "released")}
    return visible is not None and visible.run_id not in told


def _plain(event: RunEvent) -> dict[str, Any]:
    kept = asdict(event)
    del kept["partition"], kept["files"], kept["base"]
    return {**kept, "at": event.at.isoformat()}
