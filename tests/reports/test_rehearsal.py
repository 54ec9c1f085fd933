"""rehearsal.json: what is written can be read, and nothing else can."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.errors import AssayError
from assay.reports.rehearsal import Cost, Parity, Rehearsal
from tests.gate.build import changed

FOUND = Rehearsal(
    name="parcels",
    bundle="sha256:1",
    data="sha256:2",
    contract="sha256:3",
    rows=400,
    tolerance=1e-12,
    parity=(
        Parity(carrier="files", rows=400, differing=0, largest=2.5e-16, seconds=1.25),
        Parity(carrier="local", rows=400, differing=400, largest=None, seconds=2.0),
    ),
    batch_rows=400,
    latency_ms=12.5,
    memory_mb=80.25,
    bundle_mb=0.5,
    carrier_seconds=9.5,
    why=None,
)


def tree() -> dict[str, Any]:
    return json.loads(json.dumps(FOUND.tree()))


@pytest.mark.parametrize("found", [FOUND, changed(FOUND, memory_mb=None, why="no /proc here")])
def test_what_is_written_is_what_is_read(found: Rehearsal) -> None:
    assert Rehearsal.parse(json.dumps(found.tree()), "it") == found


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": 2}, "schema is 2, not 1"),
        ({"parity": []}, "no carrier was rehearsed"),
        ({"parity": [tree()["parity"][0]] * 2}, "a carrier more than once"),
        (
            {"parity": [{**tree()["parity"][0], "differing": 401}]},
            "parity[0].differing is 401 of 400 rows",
        ),
        (
            {"parity": [{**tree()["parity"][0], "largest": "small"}]},
            "parity[0].largest is 'small', not a number",
        ),
        ({"memory_mb": None}, "why is missing: memory_mb is null for no reason"),
        ({"latency_ms": None}, "latency_ms is null, not a number"),
        ({"rows": 1.5}, "rows is 1.5, not a whole number"),
        ({"carrier_seconds": None}, "carrier_seconds is null, not a number"),
    ],
)
def test_a_file_that_somebody_edited_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(AssayError) as caught:
        Rehearsal.parse(json.dumps({**tree(), **change}), "rehearsal.json")
    assert told in caught.value.line()
    assert "dvc repro rehearse" in caught.value.line()


def test_what_a_batch_costs_is_told_together() -> None:
    assert FOUND.cost == Cost(batch_rows=400, latency_ms=12.5, memory_mb=80.25)
