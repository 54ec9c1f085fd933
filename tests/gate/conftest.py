"""A tiny project with hand-written reports, and no model that could be loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Pytester forgets what is imported after it began, and to import again takes seconds.
import hypothesis  # noqa: F401
import pytest

import assay.gate.behaviour.checks
import assay.gate.stage
import assay.model.batch  # noqa: F401
from assay.gate.pytest_run import run as session
from assay.model.bundle_files import verified_digest
from assay.project import digests, layout, params
from tests.gate import build

PARAMS = """
name: tiny
seed: 1
ingest: {source: data.source.rows, partition_by: day}
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
    assert policy.names
"""


def part(value: str, low: float, high: float) -> dict[str, Any]:
    metric = {"value": (low + high) / 2, "low": low, "high": high}
    return {
        "field": "place",
        "value": value,
        "rows": 300,
        "units": 300,
        "positives": 90,
        "selected": 60,
        "selection_rate": build.share(60, 300).plain(),
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
        self.reports()

    def reports(self) -> None:
        """Everything that stages would have written about the files as they are."""
        self.evaluation()
        self.comparison()
        self.rehearsal()
        self.leakage()
        self.contract()

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    @property
    def params(self) -> params.Params:
        return params.load(self.root)

    def policy(self, *rules: str, **others: str) -> None:
        """Other rules, each as YAML without its owner and because, and other keys of gate."""
        lines = [f"    - {{{each}, owner: us, because: it must}}" for each in rules]
        more = [f"  {key}: {value}" for key, value in others.items()]
        before, _, rest = PARAMS.partition("  rules:\n")
        kept = rest.partition("score:")
        listed = "\n".join(lines) + "\n" if rules else kept[0]
        after = "\n".join(more) + "\n" if more else ""
        self.write(layout.PARAMS, f"{before}  rules:\n{listed}{after}score:{kept[2]}")

    def about(self) -> dict[str, str]:
        """The digests of what is here, as a report names them."""
        return {
            "bundle": verified_digest(self.root / layout.BUNDLE),
            "data": digests.data(self.root),
            "contract": digests.worktree_contract(self.root, self.params),
        }

    def tree(self) -> dict[str, Any]:
        """What evaluation.json holds."""
        return {
            "schema": 2,
            "task": "binary",
            "name": "tiny",
            "candidate": "prior",
            **self.about(),
            "rows": 600,
            "unit": "row",
            "units": 600,
            "positives": 180,
            "selected": 120,
            "threshold": 0.5,
            "confidence": 0.95,
            "metrics": {"auc": {"value": 0.8, "low": 0.75, "high": 0.85}},
            "slices": [part("east", 0.7, 0.9), part("west", 0.65, 0.7)],
            "types": [],
            "importance": {
                "metric": "auc",
                "rows": 600,
                "repeats": 5,
                "features": [{"feature": "hour", "drop": 0.1, "low": 0.1, "high": 0.1}],
            },
        }

    def evaluation(self, **changes: Any) -> None:
        self.write(layout.EVALUATION, json.dumps({**self.tree(), **changes}))

    def comparison(self, found: Any = None, **changes: Any) -> None:
        """What build made of it (or that there is no champion), about what is here."""
        about = self.about()
        found = found or build.alone("none")
        found = build.changed(
            found,
            challenger=build.changed(found.challenger, bundle=about["bundle"]),
            data=about["data"],
            contract=about["contract"],
        )
        self.write(layout.COMPARISON, json.dumps({**found.tree(), **changes}))

    def rehearsal(self, **changes: Any) -> None:
        found = build.rehearsal(**{**self.about(), **changes})
        self.write(layout.REHEARSAL, json.dumps(found.tree()))

    def leakage(self, data: str | None = None, **outcomes: str) -> None:
        about = self.about()
        found = build.leakage(**outcomes)
        tables = build.changed(found.data, holdout=data or about["data"])
        build.changed(found, contract=about["contract"], data=tables).write(self.root)

    def contract(self, **changes: Any) -> None:
        tree = {**build.contract().tree(), **changes}
        self.write(layout.CONTRACT_RESULT, json.dumps(tree))


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """Its model tests run with one of the plugins that are installed for other work here.

    To load all takes a third of a run. `promoted` was judged with them.
    """
    monkeypatch.setattr(session, "_installed_plugins", lambda *_: ["-p", "hypothesispytest"])
    return Tiny(tmp_path)


@pytest.fixture
def make_part() -> Callable[[str, float, float], dict[str, Any]]:
    return part
