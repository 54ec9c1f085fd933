"""Published nights that are made of a few rows and need no model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from assay.store import Run, StagedRun, Store, predictions_schema, quarantine_schema, write_part

KEYS = pa.schema([("parcel", pa.int64()), ("name", pa.string())])
NOON = datetime(2024, 3, 2, 12, tzinfo=UTC)


def publish(
    store: Store,
    partition: str,
    rows: list[dict[str, Any]],
    run_id: str = "r1",
    task: Any = "binary",
) -> None:
    """Publish rows that say what a key and a model would; the stamp is added."""
    schema = predictions_schema(store.column, KEYS, task, any("reasons" in row for row in rows))
    stamp = {"model_version": "v1", "bundle": "sha256:ab", "run_id": run_id, "scored_at": NOON}
    table = pa.Table.from_pylist([{**stamp, **row} for row in rows], schema)
    file = write_part(
        store.table_uri("predictions"),
        store.part_path_for("predictions", partition, run_id, "0"),
        table.drop_columns([store.column]),
    )
    store.publish_run(
        StagedRun(
            run=Run(
                run_id=run_id, event="started", partition=partition, version="x", bundle="x",
                base=store.turn(partition),
            ),
            predictions=(file,),
            quarantine=(),
            profile=None,
            predictions_schema=schema,
            quarantine_schema=quarantine_schema(store.column, KEYS),
        )
    )  # fmt: skip
