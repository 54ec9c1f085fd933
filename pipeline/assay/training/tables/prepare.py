"""From checked rows to the training and the holdout table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from assay.contract.load import load as load_contract
from assay.errors import StageInputMissing
from assay.project import layout, partitions
from assay.project.params import Params
from assay.project.tasks import task_of
from assay.training.tables import split


def run(root: Path, params: Params, as_json: bool = False) -> dict[str, Any]:
    """Split ``data/checked`` by time into ``data/prepared``.

    Raises
    ------
    StageInputMissing
        ``data/checked`` is not there.
    LabelError
        A window has no labelled row, or labels that teach nothing.
    """
    source, column = root / layout.CHECKED, params.ingest.partition_by
    if not partitions.values(source, column):
        raise StageInputMissing(
            "there are no checked rows", where=layout.CHECKED, mend="Run dvc repro contract."
        )
    contract = load_contract(root / params.contract.file, root=root)
    task = task_of(contract.field(contract.label).kind, contract.label)
    days = partitions.values(source, column)
    table = partitions.read(source, column, start=days[0], end=days[-1])
    facts: dict[str, Any] = {}
    with partitions.replaced(root / layout.PREPARED) as made:
        for name, window in (("train", params.prepare.train), ("holdout", params.prepare.holdout)):
            seen = split.within(table, contract.time, window)
            rows = split.labelled(seen, contract.label)
            facts[name] = {
                "window": str(window),
                **split.label_facts(rows, contract.label, task, name, window),
                "without_label": seen.num_rows - rows.num_rows,
            }
            rows = split.ordered(rows, contract.time, contract.keys)
            pq.write_table(rows, made / f"{name}.parquet")
    if as_json:
        print(json.dumps(facts))
        return facts
    for name, item in facts.items():
        print(
            f"prepare: {name}, {item['window']}: {item['rows']:,} rows, {_words(item)}, "
            f"{item['without_label']:,} without a label left out"
        )
    return facts


def _words(item: dict[str, Any]) -> str:
    if "positives" in item:
        return f"{item['positives'] / item['rows']:.1%} positive"
    if "classes" in item:
        return f"{len(item['classes'])} classes"
    return f"mean {item['mean']:.4g}"
