"""A few offending rows of each rule, for reports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.contract.model import Contract
from pipeline.contract.result import EXAMPLES, plain
from pipeline.contract.rows import RowCheck


class Examples:
    """Counts per rule and the first few rows that break it, over any number of batches."""

    def __init__(self, contract: Contract) -> None:
        self.counts: dict[str, int] = {}
        self.rows: dict[str, list[dict[str, Any]]] = {}
        # What the rule is about comes first: on a phone the rest is out of sight.
        # A rule over whole rows whose columns could not be told from its text shows the keys.
        self._columns = {
            rule.name: list(dict.fromkeys((*rule.columns, *contract.keys)))
            for rule in contract.rules
        }

    def add(self, batch: pa.RecordBatch | pa.Table, check: RowCheck) -> None:
        """Take in a batch and what ``check_rows`` found in it."""
        for rule, mask in check.broken.items():
            self.counts[rule] = self.counts.get(rule, 0) + int(mask.sum())
            kept = self.rows.setdefault(rule, [])
            places = np.flatnonzero(mask)[: EXAMPLES - len(kept)]
            if len(places):
                rows = batch.select(self._columns[rule]).take(pa.array(places)).to_pylist()
                kept += [{name: plain(value) for name, value in row.items()} for row in rows]
