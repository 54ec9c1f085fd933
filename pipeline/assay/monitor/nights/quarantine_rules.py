"""Which rules a night's quarantined rows broke, counted on a limited number of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pyarrow.compute as pc

from assay.store import Run, Store

LOOKED_AT = 100_000
"""About how many quarantined rows are read at most."""


def count_broken_rules(store: Store, record: Run) -> Mapping[str, int]:
    """Rule -> how many rows broke it, the most frequent first."""
    # Only the visible run's files are read. Their rows may carry an older run's id, after a replay.
    if not record.rows_quarantined or store.visible_run(record.partition) != record.run_id:
        return {}
    counted: Counter[str] = Counter()
    rows = 0
    for batch in store.quarantine_batches(record.partition, ["broken_rules"]):
        counted.update(pc.list_flatten(batch.column(0)).to_pylist())
        rows += batch.num_rows
        if rows >= LOOKED_AT:
            break
    return dict(sorted(counted.items(), key=lambda each: (-each[1], each[0])))
