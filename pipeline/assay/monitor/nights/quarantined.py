"""Which rules a night's refused rows broke, as far as it takes to show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pyarrow.compute as pc

from assay.store import RunRecord, Store

LOOKED_AT = 100_000
"""At most about so many refused rows are read, however many there are."""


def broken_rules(store: Store, record: RunRecord) -> Mapping[str, int]:
    """Rule -> how many rows broke it, the commonest first."""
    # A night is the rows in its run's files; those that a replay took over name the run before.
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
