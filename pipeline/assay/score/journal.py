"""Records a run's events: one when it starts, one when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assay.registry.pin import PinnedVersion
from assay.score.tally import Tally
from assay.store import RunEvent, Store
from assay.store.runs import Event

if TYPE_CHECKING:
    from assay.score.inputs.types import NightInput


@dataclass(frozen=True)
class Journal:
    """The events of one run; holds the fields that all of them share."""

    store: Store
    pinned: PinnedVersion
    name: str
    night: NightInput
    run_id: str
    carrier: str
    base: int

    def event(
        self,
        event: Event,
        tally: Tally | None = None,
        seconds: float | None = None,
        detail: str = "",
        files: str = "",
    ) -> None:
        """Append one event to the runs table."""
        self.store.append_run_event(
            RunEvent(
                run_id=self.run_id,
                event=event,
                at=datetime.now(UTC),
                partition=self.night.value,
                name=self.name,
                version=self.pinned.version.version,
                bundle=self.pinned.bundle.digest,
                contract=self.pinned.contract_digest,
                input=self.night.fingerprint,
                carrier=self.carrier,
                scorer=self.pinned.scorer,
                base=self.base,
                rows_read=tally.rows if tally else None,
                rows_scored=tally.scored if tally else None,
                rows_quarantined=tally.quarantined if tally else None,
                seconds=seconds,
                detail=detail,
                files=files,
            )
        )

    def commit_metadata(self) -> dict[str, str]:
        """Commit metadata that identifies the run, in case its events are lost."""
        return {
            "run_id": self.run_id,
            "name": self.name,
            "version": self.pinned.version.version,
            "bundle": self.pinned.bundle.digest,
            "contract": self.pinned.contract_digest,
            "input": self.night.fingerprint,
        }
