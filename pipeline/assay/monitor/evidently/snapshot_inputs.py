"""The monitored nights to show in Evidently, from their documents and the store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from assay.errors import AssayError
from assay.monitor.nights import history
from assay.monitor.nights.content import ReportContent, night_content
from assay.monitor.nights.facts import KnownNights
from assay.monitor.nights.summary import NightSummary, overall_metrics
from assay.monitor.nights.summary_read import parse_summary
from assay.project.params import Params
from assay.project.partitions import parse_day
from assay.registry.pin import run_bundle_loader
from assay.store import RunRecord, Store

DRAWN = 2
"""Version of the drawing; increment it when the same facts are drawn differently."""


@dataclass(frozen=True)
class SnapshotInput:
    """A night's document, not parsed yet, and the other inputs of its snapshot.

    Attributes
    ----------
    run_id
        The published run.
    performance
        The currently known metrics: more than the document holds, once labels have arrived.
    """

    partition: str
    document: str
    run_id: str
    performance: tuple[Mapping[str, Any], ...]

    def name(self) -> UUID:
        """An id from hashes of the night and of the facts about it: the same for the same facts."""
        facts = [DRAWN, self.document, self.run_id, [dict(row) for row in self.performance]]
        halves = (self.partition, json.dumps(facts, sort_keys=True))
        return UUID("".join(hashlib.sha256(half.encode()).hexdigest()[:16] for half in halves))


@dataclass(frozen=True)
class SnapshotContent:
    """A night's facts.

    Attributes
    ----------
    at
        Its position on a time axis: its date, or the time of publication if it is no date.
    """

    told: ReportContent
    summary: NightSummary
    at: datetime


def list_inputs(facts: KnownNights) -> Iterator[SnapshotInput]:
    """The published nights that have a document, in order."""
    for partition in sorted(facts.documents.keys() & facts.visible.keys()):
        measured = overall_metrics(facts.measured.get(partition, ()))
        run_id = facts.visible[partition]
        # A document that is not text fails later, when it is parsed, and is reported then.
        yield SnapshotInput(partition, facts.documents[partition].text, run_id, measured)


def load_contents(
    root: Path,
    params: Params,
    store: Store,
    nights: Mapping[UUID, SnapshotInput],
    left_out: dict[str, str],
) -> Iterator[tuple[UUID, SnapshotContent]]:
    """The facts of nights, with their ids; profiles are read in one scan.

    Parameters
    ----------
    left_out
        Receives the nights that cannot be shown, and why.
    """
    partitions = [night.partition for night in nights.values()]
    published = {each.record.partition: each for each in history.read_published(store, partitions)}
    fetch = run_bundle_loader(root, params)
    for name, night in nights.items():
        found = published.get(night.partition)
        try:
            summary = parse_summary(night.document, params.monitor)
            if found is None or not found.record.run_id == summary.run_id == night.run_id:
                left_out[night.partition] = "it was scored again; monitor it again"
                continue
            loaded, profile = fetch(found.record), found.profile()
        except AssayError as error:
            left_out[night.partition] = error.line()
        except ValueError as error:
            left_out[night.partition] = f"its document is not what assay monitor wrote: {error}"
        else:
            task = loaded.manifest.task
            told = night_content(summary, loaded.reference, task, profile, night.performance)
            yield name, SnapshotContent(told, summary, _at(night.partition, found.record))


def _at(partition: str, record: RunRecord) -> datetime:
    """Without a time zone: Evidently shows it unchanged."""
    day = parse_day(partition)
    if day is not None:
        return datetime(day.year, day.month, day.day)
    published = record.at or datetime.fromtimestamp(0, UTC)
    return published.astimezone(UTC).replace(tzinfo=None)
