"""What a Prometheus reads of a server."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from assay.model.batch import ScoredBatch
from assay.serve.current import CurrentVersion


class Metrics:
    """Counts requests, their time and their rows."""

    def __init__(self) -> None:
        every = self._every = CollectorRegistry()
        self.requests = Counter("assay_requests", "By status", ["status"], registry=every)
        self.seconds = Histogram("assay_request_seconds", "Until the answer", registry=every)
        self.waiting = Gauge("assay_waiting_requests", "Read or scored now", registry=every)
        self._rows = Counter("assay_rows", "Rows by outcome", ["outcome"], registry=every)
        self._broken = Counter("assay_broken_rules", "Rows by rule", ["rule"], registry=every)
        self._version = Gauge("assay_version", "1", ["version", "bundle"], registry=every)
        self._behind = Gauge("assay_behind", "1: the stage's cannot serve", registry=every)

    def count(self, batches: Sequence[ScoredBatch]) -> None:
        """Count the rows of batches: with a score, refused, and without a score by the model."""
        for batch in batches:
            refused = int(batch.bad.sum())
            self._rows.labels("refused").inc(refused)
            self._rows.labels("unscored").inc(batch.null_scores)
            self._rows.labels("scored").inc(batch.rows - refused - batch.null_scores)
            for rule, rows in batch.broken.items():
                self._broken.labels(rule).inc(rows)

    def text(self, current: CurrentVersion) -> bytes:
        """In Prometheus' text format."""
        self._version.clear()
        self._version.labels(*current.identity).set(1)
        self._behind.set(current.behind is not None)
        return generate_latest(self._every)
