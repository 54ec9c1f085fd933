"""A scorer of the promoted parcels project, and its rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.project import layout, params
from assay.registry.pin import pin_named
from assay.score.table import TableScorer

NIGHT = "2024-03-01"


@pytest.fixture(scope="session")
def scorer(promoted: Path) -> TableScorer:
    values = params.load(promoted)
    return TableScorer(values, pin_named(promoted, values, None), "the request")


@pytest.fixture(scope="session")
def night(promoted: Path) -> pa.Table:
    """Rows of a night, some of which break the contract."""
    table = pq.read_table(promoted / layout.RAW / f"day={NIGHT}" / "part-00000.parquet")
    weight = [-1.0 if at % 7 == 3 else each for at, each in enumerate(table["weight"].to_pylist())]
    place = table.schema.get_field_index("weight")
    return table.set_column(place, "weight", pa.array(weight)).drop_columns(["late"])


@pytest.fixture(scope="session")
def records(night: pa.Table) -> list[dict[str, Any]]:
    """The same rows as JSON has them."""
    found: list[dict[str, Any]] = json.loads(json.dumps(night.to_pylist(), default=str))
    return found
