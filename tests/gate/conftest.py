"""A tiny project with a hand-written evaluation, and no model that could be loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import digests, layout, params
from pipeline.bundle import digest_of

PARAMS = """
name: tiny
seed: 1
ingest: {source: data.source:rows, partition_by: day}
contract: {file: data/contract.py}
prepare:
  train: {from: "2020-01-01", to: "2020-01-31"}
  holdout: {from: "2020-02-01", to: "2020-02-28"}
train:
  select_by: auc
  candidates:
    prior: {class: sklearn.dummy.DummyClassifier}
gate:
  tests: tests/model
  rules:
    - {name: ranks late ones first, metric: auc, min: 0.7, owner: us, because: it must}
    - {name: no place is left behind, metric: auc, slice: place, min: 0.6, owner: us, because: all}
score: {input: data/raw}
spark: {master: "local[1]"}
"""

TEST = """
def test_holds(policy):
    assert len(policy.rules) == 2
"""


def part(value: str, low: float, high: float) -> dict[str, Any]:
    metric = {"value": (low + high) / 2, "low": low, "high": high}
    return {
        "field": "place",
        "value": value,
        "rows": 300,
        "positives": 90,
        "selected": 60,
        "metrics": {"auc": metric},
    }


class Tiny:
    """The project's root and what a test may want to change in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write(layout.PARAMS, PARAMS)
        self.write("data/contract.py", "")
        self.write(layout.HOLDOUT_TABLE, "rows")
        self.write(f"{layout.BUNDLE}/manifest.json", '{"files": {}}')
        self.write("tests/model/test_it.py", TEST)
        self.evaluation()

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    @property
    def params(self) -> params.Params:
        return params.load(self.root)

    def tree(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "task": "binary",
            "name": "tiny",
            "candidate": "prior",
            "bundle": digest_of(self.root / layout.BUNDLE),
            "data": digests.data(self.root),
            "contract": digests.contract_at(self.root, self.params),
            "rows": 600,
            "positives": 180,
            "selected": 120,
            "threshold": 0.5,
            "confidence": 0.95,
            "replicates": 500,
            "metrics": {"auc": {"value": 0.8, "low": 0.75, "high": 0.85}},
            "slices": [part("east", 0.7, 0.9), part("west", 0.65, 0.7)],
            "types": [],
        }

    def evaluation(self, **changes: Any) -> None:
        self.write(layout.EVALUATION, json.dumps({**self.tree(), **changes}))


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    return Tiny(tmp_path)


@pytest.fixture
def make_part() -> Callable[[str, float, float], dict[str, Any]]:
    return part
