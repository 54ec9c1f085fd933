"""What runs leave: Delta tables in a folder or bucket, written through delta-rs.

A run writes Parquet files under its own id, then `Store.publish_run` makes them visible in
one commit. The commit to ``predictions`` is the commit point: quarantine and profiles are
written before it, and readers ignore them unless their run is the visible one.
"""

from __future__ import annotations

from pipeline.store.check import Damage, Damaged
from pipeline.store.files import StagedFile
from pipeline.store.recent import Recent
from pipeline.store.release import Retracted
from pipeline.store.runs import RunEvent, RunRecord
from pipeline.store.staged import StagedRun
from pipeline.store.store import Store, open_store
from pipeline.store.sweep import Vacuumed
from pipeline.store.tables import predictions_schema, quarantine_schema
from pipeline.store.writer import PartWriter, write_part

__all__ = [
    "Damage",
    "Damaged",
    "PartWriter",
    "Recent",
    "Retracted",
    "RunEvent",
    "RunRecord",
    "StagedFile",
    "StagedRun",
    "Store",
    "Vacuumed",
    "open_store",
    "predictions_schema",
    "quarantine_schema",
    "write_part",
]
