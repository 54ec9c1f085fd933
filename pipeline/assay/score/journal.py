"""The events of runs: one when it starts, one when it ends.

A run starts before anything of its night is opened, so whatever becomes of it is recorded: how it
failed, or, if it was killed, that it started and never ended.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from assay.errors import AssayError
from assay.project.params import Carrier
from assay.registry.pin import PinnedVersion
from assay.score.tally import Tally
from assay.store import RunEvent, Store
from assay.store.runs import Event


def new_run_id(now: datetime) -> str:
    """An id that sorts by time."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


@dataclass(frozen=True, kw_only=True)
class Journal:
    """The events of one run; holds the fields that all of them share.

    Attributes
    ----------
    pinned
        None if the run failed before there was a version.
    base
        The turn of the partition when the run started (`Store.turn`).
    input, carrier
        Fingerprint of the input, and how its rows are read; empty until the input is found.
    """

    store: Store
    name: str
    partition: str
    base: int
    pinned: PinnedVersion | None = None
    input: str = ""
    carrier: Carrier | str = ""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    run_id: str = ""

    def __post_init__(self) -> None:
        if not self.run_id:
            object.__setattr__(self, "run_id", new_run_id(self.started))

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
            partition=self.partition,
            **self._model(),
            name=self.name,
            input=self.input,
            carrier=self.carrier,
            scorer=self.pinned.scorer if self.pinned else "",
            base=self.base,
            rows_read=tally.rows if tally else None,
            rows_scored=tally.scored if tally else None,
            rows_quarantined=tally.quarantined if tally else None,
            seconds=seconds,
            detail=detail,
            files=files,
        )

    def failed(self, error: BaseException) -> RunEvent:
        """The event that the run ended with an error."""
        seconds = (datetime.now(UTC) - self.started).total_seconds()
        detail = str(error) or ("interrupted" if isinstance(error, KeyboardInterrupt) else "")
        return self.entry("failed", seconds=seconds, detail=(detail or type(error).__name__)[:500])

    def commit_metadata(self) -> dict[str, str]:
        """Commit metadata that identifies the run, in case its events are lost."""
        return {"run_id": self.run_id, "name": self.name, **self._model(), "input": self.input}

    def _model(self) -> dict[str, str]:
        if self.pinned is None:
            return {"version": "", "bundle": "", "contract": ""}
        return {
            "version": self.pinned.version.version,
            "bundle": self.pinned.bundle.digest,
            "contract": self.pinned.contract_digest,
        }


def record_starts(journals: Sequence[Journal], detail: str = "") -> None:
    """Record that runs of one store started, in one commit."""
    journals[0].store.append_run_events(
        *(each.entry("started", detail=detail) for each in journals)
    )


def record_never_begun(
    store: Store, name: str, nights: Iterable[str], error: BaseException
) -> None:
    """Record that nights with nothing published could not even begin, each as a run that failed.

    Does not raise: the user has to see ``error``, even if the store cannot be written.
    """
    with suppress(AssayError):
        visible = store.visible_runs()
        lost = [
            Journal(store=store, name=name, partition=night, base=turn)
            for night, turn in store.turns([each for each in nights if each not in visible]).items()
        ]
        if lost:
            starts = [each.entry("started") for each in lost]
            store.append_run_events(*starts, *(each.failed(error) for each in lost))
