"""Runs that are made of a few numbers: their files are real, their rows need no model."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assay.columns.profile import ColumnProfile, Profile
from assay.store import (
    Run,
    StagedFile,
    StagedRun,
    Store,
    predictions_schema,
    quarantine_schema,
    write_part,
)

KEYS = pa.schema([("id", pa.int64())])
NOON = datetime(2013, 7, 1, 12, tzinfo=UTC)
PROFILE: Profile = {
    "b": ColumnProfile(3, 1, (1, 1), 3.0, 5.0, 1.0, 2.0),
    "a": ColumnProfile(3, 0, (2, 1), 0.0, 0.0, None, None),
}


@dataclass(frozen=True)
class Maker:
    """Makes runs of a store; a run's rows are told apart by the number in their key."""

    store: Store
    keys: pa.Schema = KEYS

    def rows(self, run_id: str, ids: list[int]) -> pa.Table:
        schema = predictions_schema("date", KEYS, "binary")
        whole = [
            {
                "id": i, "prediction": i > 1, "probability": i / 100, "model_version": "v1.0.0",
                "bundle": "sha256:ab", "run_id": run_id, "scored_at": NOON,
            }
            for i in ids
        ]  # fmt: skip
        return pa.Table.from_pylist(whole, schema).drop_columns(["date"])

    def refused(self, run_id: str, ids: list[int]) -> pa.Table:
        schema = quarantine_schema("date", KEYS)
        whole = [
            {
                "id": i, "broken_rules": ["a", "b"], "row": "{}", "model_version": "v1.0.0",
                "bundle": "sha256:ab", "run_id": run_id, "quarantined_at": NOON,
            }
            for i in ids
        ]  # fmt: skip
        return pa.Table.from_pylist(whole, schema).drop_columns(["date"])

    def write(
        self, table: Any, run_id: str, partition: str, rows: pa.Table
    ) -> tuple[StagedFile, ...]:
        """Two files, one if there is one row; of no rows one file, but none in quarantine."""
        parts = [rows.slice(0, 1), rows.slice(1)]
        wanted = [part for part in parts if part.num_rows] or parts[: table == "predictions"]
        return tuple(
            write_part(
                self.store.table_uri(table),
                self.store.part_path_for(table, partition, run_id, f"0.{number}"),
                part,
            )
            for number, part in enumerate(wanted)
        )

    def stage(
        self,
        run_id: str,
        partition: str = "p",
        good: list[int] | None = None,
        bad: list[int] | None = None,
        **more: Any,
    ) -> StagedRun:
        """A run that has written everything and started from the partition as it is now."""
        base = self.store.turn(partition) if "base" not in more else more.pop("base")
        run = event(run_id, "started", partition=partition, input="i", base=base)
        predictions = self.rows(run_id, [1] if good is None else good)
        known: dict[str, Any] = {
            "run": run,
            "predictions": self.write("predictions", run_id, partition, predictions),
            "quarantine": self.write(
                "quarantine", run_id, partition, self.refused(run_id, bad or [])
            ),
            "profile": None,
            "predictions_schema": predictions_schema("date", self.keys, "binary"),
            "quarantine_schema": quarantine_schema("date", KEYS),
        }
        return StagedRun(**{**known, **more})

    def run(
        self,
        run_id: str,
        partition: str = "p",
        good: list[int] | None = None,
        bad: list[int] | None = None,
        **more: Any,
    ) -> StagedRun:
        """A run from start to end, with its events."""
        self.begin(run_id, partition)
        staged = self.stage(run_id, partition, good, bad, **more)
        self.store.publish_run(staged)
        self.event(run_id, "published", 1, **counts(staged))
        return staged

    def hold(self, run_id: str, partition: str = "p", **more: Any) -> StagedRun:
        """A run that was held, with its events."""
        self.begin(run_id, partition)
        staged = self.stage(run_id, partition, **more)
        files = self.store.hold(staged)
        self.event(run_id, "held", 1, files=files, detail="odd", **counts(staged))
        return staged

    def begin(self, run_id: str, partition: str = "p") -> None:
        base = self.store.turn(partition)
        self.event(run_id, "started", 0, partition=partition, base=base)

    def event(self, run_id: str, kind: Any, minutes: int = 0, **more: Any) -> None:
        self.store.append_run_events(event(run_id, kind, minutes, **more))

    def seen(self, partition: str = "p") -> tuple[list[int], list[int]]:
        """The keys that readers see: scored, and refused."""
        tables = (self.store.predictions(partition), self.store.quarantine(partition))
        scored, refused = (sorted(table.column("id").to_pylist()) for table in tables)
        return scored, refused

    def age(self, days: float) -> None:
        """Let every data file of the store have been written some days ago."""
        then = datetime.now(UTC).timestamp() - days * 86400
        for path in Path(self.store.uri).rglob("*"):
            if path.is_file() and "_delta_log" not in path.parts:
                os.utime(path, (then, then))

    def active(self, table: str) -> list[str]:
        """The names of all active files of a table."""
        from deltalake import DeltaTable

        opened = DeltaTable(self.store.table_uri(table))
        return sorted(uri.rpartition("/")[2] for uri in opened.file_uris())

    def files(self, table: str) -> list[str]:
        """The names of all data files in a table's folder, active or not."""
        found = Path(self.store.table_uri(table)).rglob("*parquet*")
        return sorted(path.name for path in found if "_delta_log" not in path.parts)


def counts(staged: StagedRun) -> dict[str, Any]:
    """What a run says of itself when it has ended; without a profile it counted no rows."""
    scored = sum(file.rows for file in staged.predictions)
    return {
        "partition": staged.partition,
        "base": staged.base,
        "rows_scored": None if staged.profile is None else scored,
        "rows_quarantined": sum(file.rows for file in staged.quarantine),
    }


def event(run_id: str, kind: Any, minutes: int = 0, **more: Any) -> Run:
    known: dict[str, Any] = {
        "partition": "p", "name": "n", "version": "v1.0.0", "bundle": "sha256:ab", "contract": "c",
    }  # fmt: skip
    at = NOON + timedelta(minutes=minutes)
    return Run(run_id=run_id, event=kind, at=at, **{**known, **more})


@pytest.fixture(name="event", scope="session")
def event_fixture() -> Callable[..., Run]:
    return event


@pytest.fixture(scope="session")
def maker() -> type[Maker]:
    return Maker


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "a store"), "date")


@pytest.fixture
def make(store: Store) -> Maker:
    return Maker(store)


@pytest.fixture(scope="session")
def profile() -> Profile:
    return PROFILE


@pytest.fixture(scope="session")
def at_once() -> Callable[[Callable[[int], object], int], list[Exception]]:
    """Call ``work(1)`` to ``work(times)`` from threads that start together; what they raised."""

    def run(work: Callable[[int], object], times: int) -> list[Exception]:
        gate, errors = threading.Barrier(times), []

        def one(number: int) -> None:
            gate.wait()
            try:
                work(number)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=one, args=(n,)) for n in range(1, times + 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return errors

    return run
