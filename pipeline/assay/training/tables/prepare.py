"""Splits the checked rows into the training and the holdout table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assay.contract.loader import load_contract
from assay.errors import ParamsError, StageInputMissing
from assay.project import layout, partitions
from assay.project.params import Params
from assay.project.processes import system_allocator
from assay.project.tasks import infer_task
from assay.training.tables import split
from assay.training.tables.row_gather import ROW, RowGather


@dataclass(frozen=True)
class WindowRows:
    """The rows of one window; ``labels`` is from `assay.training.tables.split.label_facts`.

    ``apart`` is the number of rows that were left out since the holdout has rows of the same group.
    """

    window: str
    labels: dict[str, Any]
    without_label: int
    apart: int = 0

    def document(self) -> dict[str, Any]:
        found = {"window": self.window, **self.labels, "without_label": self.without_label}
        return found | ({"apart": self.apart} if self.apart else {})


def run(root: Path, params: Params) -> dict[str, WindowRows]:
    """Split ``data/checked`` by time into ``data/prepared``.

    Returns
    -------
    ``train`` and ``holdout``

    Raises
    ------
    StageInputMissing
        ``data/checked`` does not exist.
    ParamsError
        The contract lacks the column ``prepare.apart``.
    LabelError
        A window has no usable labels, or no group is left to train on.
    """
    source, column = root / layout.CHECKED, params.ingest.partition_by
    if not partitions.values(source, column):
        raise StageInputMissing(
            "there are no checked rows", where=layout.CHECKED, fix="Run dvc repro contract."
        )
    contract = load_contract(root / params.contract.file, params.contract.file, root=root)
    group = params.prepare.apart
    if group is not None and group not in contract.columns:
        raise ParamsError([f"{layout.PARAMS}: prepare.apart: {contract.file} has no '{group}'"])
    task = infer_task(contract.field(contract.label).kind, contract.label)
    groups = [] if group is None else [group]
    sides: dict[str, WindowRows] = {}
    with system_allocator(), partitions.replace_folder(root / layout.PREPARED) as made:
        table = RowGather(partitions.open_dataset(source, column))
        deciding = table.columns([contract.time, contract.label, *contract.keys, *groups])
        for name, window in (("train", params.prepare.train), ("holdout", params.prepare.holdout)):
            # Of a table of many rows even these few columns are large: none is kept for long.
            seen = split.filter_window(deciding, contract.time, window)
            rows = split.filter_labelled(seen, contract.label)
            labelled, without_label = rows.num_rows, seen.num_rows - rows.num_rows
            del seen
            if group is not None and name == "train":
                held = split.filter_window(deciding, contract.time, params.prepare.holdout)
                held = split.filter_labelled(held, contract.label)
                rows = split.without_groups_of(rows, held, group)
                del held
            facts = split.label_facts(rows, contract.label, task, name, window)
            apart = labelled - rows.num_rows
            sides[name] = WindowRows(str(window), facts, without_label, apart)
            order = split.sort_order(rows, contract.time, contract.keys)
            numbers = np.asarray(rows[ROW])[order]
            del rows, order
            table.write(numbers, made / f"{name}.parquet")
    return sides
