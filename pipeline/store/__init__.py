"""What runs leave: Delta tables in a folder or bucket, written through delta-rs.

A run writes Parquet files under its own id, then `Store.publish` makes them visible in one
commit. The commit to ``predictions`` is the commit point: quarantine and profiles are
written before it, and readers ignore them unless their run is the published one.
"""

from __future__ import annotations

from pipeline.store.files import PartWriter, StagedFile, write_part
from pipeline.store.runs import RunEvent, RunRecord
from pipeline.store.store import Store, open_store
from pipeline.store.tables import predictions_schema, quarantine_schema

__all__ = [
    "PartWriter",
    "RunEvent",
    "RunRecord",
    "StagedFile",
    "Store",
    "open_store",
    "predictions_schema",
    "quarantine_schema",
    "write_part",
]
