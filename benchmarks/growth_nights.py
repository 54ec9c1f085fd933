"""Nights for `benchmarks.growth`: one is scored, labelled and monitored; the others are copies.

A copy has the same rows, profile, labels, metrics, decision and page under another night and run.
It goes through the store as any night does, so what a night leaves there is the same; only the
model, which does not depend on history, is not asked again.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.model.prediction import PROBABILITY
from assay.monitor import monitor_nights
from assay.monitor.drift.night_decision import read_decisions
from assay.monitor.nights.night import night_path
from assay.performance import labels
from assay.performance.labels import TOGETHER
from assay.project import layout, params, partitions
from assay.store import Run, StagedRun, Store, open_store, write_part
from assay.store.delta.tables import PREDICTIONS, QUARANTINE
from assay.store.runs import FACTS
from benchmarks.measure import say
from tests import projects
from tests.faults.deeds import NIGHT, Score


def make(build: Path) -> Path:
    """The promoted project with its one real night, made once; delete the folder to renew it."""
    made = build / "one-night"
    if made.exists():
        return made
    say("growth: making and promoting a small project (once)")
    root = build / "making"
    shutil.rmtree(root, ignore_errors=True)
    build.mkdir(parents=True, exist_ok=True)
    projects.promoted(root)
    given = params.load(root)
    Score().prepare(root)()
    raw = pq.read_table(root / layout.RAW / f"day={NIGHT}", partitioning=None)
    truths = root / "truths.csv"
    raw.select(["parcel", "late"]).to_pandas().dropna().to_csv(truths, index=False)
    labels.run(root, given, NIGHT, NIGHT, truths)
    monitor_nights.run(root, given, NIGHT, NIGHT)
    return root.rename(made)


class GrowingProject:
    """A copy of that project whose store is filled with nights."""

    def __init__(self, root: Path) -> None:
        self.root, self.params = root, params.load(root)
        self.store: Store = open_store(root, self.params)
        record = self.store.published_run(NIGHT)
        assert record is not None, "the night was scored"
        self.record: Run = record
        self.profile = self.store.profile(record.run_id, NIGHT)
        self.rows = {
            PREDICTIONS: self.store.predictions(NIGHT),
            QUARANTINE: self.store.quarantine(NIGHT),
        }
        self.labels = self.store.labels(NIGHT)
        self.performance = self.store.performance(NIGHT).to_pylist()
        self.pages = {
            suffix: (root / night_path(NIGHT, suffix)).read_text(encoding="utf-8")
            for suffix in (".json", ".html")
        }
        self.decision = read_decisions(self.store)[NIGHT]
        # The store is filled from nothing; the one real night goes.
        shutil.rmtree(root / "store")
        for suffix in self.pages:
            (root / night_path(NIGHT, suffix)).unlink()
        (root / layout.PERFORMANCE / f"{NIGHT}.json").unlink()

    def publish(self, nights: Sequence[str]) -> None:
        """All that the store does when nights are scored and published together."""
        for night in nights:
            self.store.published_run(night)  # whether the night is up to date
        turns = self.store.turns(nights)
        self._events("started", turns)
        given, runs = self.params.publish, list[StagedRun]()
        for night in nights:
            run = self._staged(night, turns[night])
            self.store.recent_runs(night, self.record.version, given, PROBABILITY, runs)
            runs.append(run)
        self.store.publish_runs(runs)
        self._events("published", turns)

    def _staged(self, night: str, base: int) -> StagedRun:
        return StagedRun(
            run=replace(self.record, run_id=_run_of(night), partition=night, base=base),
            predictions=(self._written(PREDICTIONS, night),),
            quarantine=(self._written(QUARANTINE, night),),
            profile=self.profile,
            predictions_schema=self.rows[PREDICTIONS].schema,
            quarantine_schema=self.rows[QUARANTINE].schema,
        )

    def _written(self, table: Any, night: str) -> Any:
        rows = self.rows[table].drop_columns([self.store.column])
        at = rows.schema.get_field_index("run_id")
        rows = rows.set_column(at, "run_id", pa.array([_run_of(night)] * rows.num_rows))
        path = self.store.part_path_for(table, night, _run_of(night), "0")
        return write_part(self.store.table_uri(table), path, rows)

    def _events(self, event: Any, turns: Mapping[str, int]) -> None:
        facts = {name: getattr(self.record, name) for name in FACTS}
        self.store.append_run_events(
            *(
                Run(
                    **{
                        **facts,
                        "run_id": _run_of(night),
                        "partition": night,
                        "base": base,
                        "event": event,
                        "at": datetime.now(UTC),
                    }
                )
                for night, base in turns.items()
            )
        )

    def look_after(self, nights: Sequence[str]) -> None:
        """Labels, metrics, decisions and pages of nights, as their commands leave them.

        The metrics go in together: to take them night by night is what is measured later.
        """
        for start in range(0, len(nights), TOGETHER):
            group = dict.fromkeys(nights[start : start + TOGETHER], self.labels)
            self.store.append_labels(group, "labels.input", "benchmark")
        for night in nights:
            for suffix, text in self.pages.items():
                path = self.root / night_path(night, suffix)
                path.write_text(self._renamed(text, night), encoding="utf-8")
        column = self.store.column
        self.store.append_decisions(
            replace(
                self.decision,
                partition=night,
                run_id=_run_of(night),
                alarms=replace(self.decision.alarms, partition=night),
            ).row(column)
            for night in nights
        )
        self.store.append_performance(
            {**row, column: night, "run_id": _run_of(night)}
            for night in nights
            for row in self.performance
        )

    def _renamed(self, text: str, night: str) -> str:
        return text.replace(NIGHT, night).replace(self.record.run_id, _run_of(night))

    def add_input(self, night: str) -> None:
        """The night's rows in the input, their times moved to the night.

        Each night lacks two other rows: one with the very rows of the night before is held.
        """
        rows = partitions.read(self.root / layout.RAW, "day", start=NIGHT, end=NIGHT)
        moved = date.fromisoformat(night) - date.fromisoformat(NIGHT)
        without = pa.array([moved.days % rows.num_rows, (7 * moved.days + 3) % rows.num_rows])
        rows = rows.filter(pc.invert(pc.is_in(pa.array(range(rows.num_rows)), without)))
        for at, field in enumerate(rows.schema):
            if pa.types.is_timestamp(field.type):
                by = pa.scalar(moved, pa.duration(field.type.unit))
                rows = rows.set_column(at, field, pc.add(rows.column(at), by))
        at = rows.schema.get_field_index("day")
        rows = rows.set_column(at, "day", pa.array([night] * rows.num_rows))
        partitions.write(rows, self.root / layout.RAW, "day", "part-00000")


def _run_of(night: str) -> str:
    return f"{night.replace('-', '')}T000000Z-00000000"
