"""Counts what a server answers into the store, so that a day of requests is judged as a night."""

from __future__ import annotations

import logging
import secrets
import socket
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from assay.errors import AssayError, PublishConflict
from assay.model.batch import ScoredBatch, new_counter
from assay.project.params import Params
from assay.score.counted import publish_counted
from assay.score.table import TableScorer
from assay.store import open_store
from assay.store.counts import Counts

EVERY = 3600.0
"""Seconds between two times that counts are kept: so much is lost if the process is killed."""

_LOG = logging.getLogger(__name__)


class ServedCounts:
    """The counts of one process, which is a source of its own (`assay.store.counts`)."""

    def __init__(self, root: Path, params: Params) -> None:
        self._root, self._params, self._store = root, params, open_store(root, params)
        self._source = f"serve-{socket.gethostname()}-{secrets.token_hex(4)}"
        self._lock, self._keeping, self._sequence = Lock(), Lock(), 0
        self._open: dict[tuple[str, str], _Counted] = {}
        self._kept: list[Counts] = []
        self._days: set[str] = set()

    def add(self, scorer: TableScorer, batches: Sequence[ScoredBatch]) -> None:
        """Count the rows of some batches; threads may do so at once."""
        with self._lock:
            key = (f"{datetime.now(UTC):%Y-%m-%d}", scorer.pinned.version.version)
            for batch in batches:
                counted = self._open.setdefault(key, _Counted(scorer))
                counted.rows += batch.rows
                counted.broken.update(
                    rules[0] for rules in batch.quarantine["broken_rules"].to_pylist()
                )
                batch.count(counted.counter)

    def keep(self, ended: bool = False) -> None:
        """Append what is counted to the store, and publish the days that are over.

        Parameters
        ----------
        ended
            Publish today as well. Another process may add to it, and publish it again.
        """
        with self._keeping:
            self._keep(ended)

    def _keep(self, ended: bool) -> None:
        with self._lock:
            opened, self._open = self._open, {}
        for (day, _), counted in opened.items():
            self._kept.append(counted.counts(day, self._source, self._sequence))
            self._sequence += 1
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        try:
            if self._kept:
                self._store.append_counts(self._kept)
                self._days |= {each.partition for each in self._kept}
                self._kept.clear()
            for day in sorted(self._days if ended else {d for d in self._days if d < today}):
                try:
                    publish_counted(self._root, self._params, self._store, day)
                except PublishConflict as error:  # with rows of its own: that does not change
                    _LOG.warning("serve: %s", error)
                self._days.discard(day)
        except AssayError as error:
            _LOG.warning("serve: what was served is not in the store yet: %s", error)


class _Counted:
    def __init__(self, scorer: TableScorer) -> None:
        self.pinned, self.rows = scorer.pinned, 0
        self.broken: Counter[str] = Counter()
        self.counter = new_counter(scorer.pinned.bundle.reference)

    def counts(self, day: str, source: str, sequence: int) -> Counts:
        return Counts(
            partition=day,
            source=source,
            sequence=sequence,
            version=self.pinned.version.version,
            bundle=self.pinned.bundle.digest,
            rows=self.rows,
            broken=self.broken,
            profile=self.counter.profile(),
        )
