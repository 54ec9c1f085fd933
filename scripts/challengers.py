"""Three challengers for the demonstration, and what the gate has to say of each.

Each is a change that somebody could make in good faith: one breaks the model for a single
airport, one is judged on too few days to be told, and one is better.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERDICT = "reports/gate/verdict.json"

MIXED = '''"""The flights, with a mistake: LGA's labels before June are mixed up."""

from __future__ import annotations

import pandas as pd

from data import source


def flights() -> pd.DataFrame:
    rows = source.flights()
    mixed = (rows["origin"] == "LGA") & (rows["date"] < "2013-06-01")
    labels = rows.loc[mixed, "late"].sample(frac=1, random_state=1)
    rows.loc[mixed, "late"] = labels.to_numpy()
    return rows
'''


class Unexpected(Exception):
    """The gate said something else than it must."""


@dataclass(frozen=True)
class Challenger:
    """A change to the project, and the answer that it must get.

    ``edits`` are texts of params.yaml and what to put there; ``files`` are added. ``outcome``
    is the verdict's, ``rule`` one that decides it, and ``says`` is in that rule's finding.
    """

    name: str
    title: str
    outcome: str
    rule: str
    says: str
    edits: tuple[tuple[str, str], ...]
    files: dict[str, str] = field(default_factory=dict)

    @property
    def passes(self) -> bool:
        return self.outcome == "PASS"

    def apply(self, project: Path) -> None:
        """Make the change.

        Raises
        ------
        Unexpected
            params.yaml holds no such text.
        """
        params = project / "params.yaml"
        text = params.read_text(encoding="utf-8")
        for old, new in self.edits:
            if text.count(old) != 1:
                raise Unexpected(f"params.yaml holds '{old}' {text.count(old)} times, not once")
            text = text.replace(old, new)
        params.write_text(text, encoding="utf-8")
        for name, content in self.files.items():
            (project / name).write_text(content, encoding="utf-8")

    def check(self, project: Path) -> str:
        """The finding that had to be there, in words.

        Raises
        ------
        Unexpected
            The verdict is another, or nothing in it says what it must.
        """
        verdict = json.loads((project / VERDICT).read_text(encoding="utf-8"))
        if verdict["outcome"] != self.outcome:
            raise Unexpected(f"the verdict is {verdict['outcome']}, not {self.outcome}")
        for finding in verdict["findings"]:
            if self._is_it(finding):
                return f"{finding['outcome']} {finding['rule']}: {finding['detail']}"
        raise Unexpected(f"no finding of '{self.rule}' is {self.outcome} and says '{self.says}'")

    def _is_it(self, finding: dict[str, Any]) -> bool:
        return (
            finding["rule"] == self.rule
            and finding["outcome"] == self.outcome
            and self.says in f"{finding.get('slice', '')} {finding['detail']}"
        )


CHALLENGERS = (
    Challenger(
        name="mixed-labels",
        title="A challenger that learnt from mixed-up labels of one airport",
        outcome="FAIL",
        rule="no airport pays for it",
        says="origin=LGA",
        edits=(("source: data.source.flights", "source: data.mixed.flights"),),
        files={"data/mixed.py": MIXED},
    ),
    Challenger(
        name="two-days",
        title="A smaller model, held out on two days only",
        outcome="INCONCLUSIVE",
        rule="no worse than the champion",
        says="it takes about 10 nights",
        edits=(
            ("max_iter: 200", "max_iter: 70"),
            ("max_leaf_nodes: 31", "max_leaf_nodes: 15"),
            (
                'holdout: {from: "2013-06-01", to: "2013-06-30"}',
                'holdout: {from: "2013-06-09", to: "2013-06-10"}',
            ),
        ),
    ),
    Challenger(
        name="fewer-features",
        title="A challenger that tries fewer features at each split",
        outcome="PASS",
        rule="no worse than the champion",
        says="meets the limit",
        edits=(("l2_regularization: 1.0,", "l2_regularization: 1.0, max_features: 0.4,"),),
    ),
)
