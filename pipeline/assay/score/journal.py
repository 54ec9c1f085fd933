"""The events of runs: one when it starts, one when it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assay.project.params import Carrier
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
    carrier: Carrier
    base: int

    def entry(
        self,
        event: Event,
        tally: Tally | None = None,
        seconds: float | None = None,
        detail: str = "",
        files: str = "",
    ) -> RunEvent:
        """An event of the run, for `Store.append_run_events`."""
        return RunEvent(
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


def record_starts(journals: Sequence[Journal], detail: str, beside: bool) -> Callable[[], None]:
    """Record that runs started, in one commit.

    Parameters
    ----------
    journals
        Of one store; at least one.
    beside
        Whether to return at once and record it meanwhile: a commit takes as long as to score a
        thousand rows.

    Returns
    -------
    callable
        To be called before any other event, and before anything is published. It waits until the
        starts are recorded, and raises the StoreError if they could not be.
    """

    def record() -> None:
        journals[0].store.append_run_events(
            *(each.entry("started", detail=detail) for each in journals)
        )

    if not beside:
        record()
        return lambda: None
    errors: list[BaseException] = []

    def attempt() -> None:
        try:
            record()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=attempt, name="assay-started")
    thread.start()

    def wait() -> None:
        thread.join()
        if errors:
            raise errors.pop()

    return wait
