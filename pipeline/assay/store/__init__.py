"""The store: scoring results in Delta tables, in a folder or bucket, written through delta-rs.

A run writes Parquet files under its own id. `Store.publish_run` then makes them visible in one
commit to ``predictions``. Quarantine and profiles are written before that commit; readers ignore
them unless their run is the visible one.
"""

from __future__ import annotations

from assay.store.check import Damage, StoreDamaged
from assay.store.delta.location import StagedFile
from assay.store.delta.tables import predictions_schema, quarantine_schema
from assay.store.delta.writer import PartWriter, write_part
from assay.store.profiles import RecentRuns
from assay.store.release import Retraction
from assay.store.run_files import RunFiles
from assay.store.runs import Run, StagedRun
from assay.store.store import Store, open_store
from assay.store.vacuum import VacuumResult

__all__ = [
    "Damage",
    "PartWriter",
    "RecentRuns",
    "Retraction",
    "Run",
    "RunFiles",
    "StagedFile",
    "StagedRun",
    "Store",
    "StoreDamaged",
    "VacuumResult",
    "open_store",
    "predictions_schema",
    "quarantine_schema",
    "write_part",
]
