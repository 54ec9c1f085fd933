"""What pytest saw, on its way from the pytest process to the gate.

The gate believes nothing that is not in here: a test that was collected but left no report
did not run, however it came about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.project import layout

if TYPE_CHECKING:
    # pytest loads the plugin in every project: pydantic waits until a finding is made.
    from assay.reports.verdict import Finding

# The worst of a test's reports is the test's; anything unknown counts as failed.
SEVERITY = ("passed", "xpassed", "xfailed", "skipped", "error", "failed")

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")
_DETAIL_LENGTH = 300


@dataclass
class Seen:
    """Collected while pytest runs; ``outcomes`` and ``details`` are by node id.

    ``places`` are ``FILE::CLASS.FUNCTION``: where each collected test stands. ``hooks`` are, by the
    project's file, those that change what pytest makes of a test.
    """

    collected: list[str] = field(default_factory=list)
    rules: dict[str, Finding] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    uncollected: dict[str, str] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    hooks: dict[str, str] = field(default_factory=dict)

    @property
    def tests(self) -> list[str]:
        """Node ids of the model tests that were collected, in the order of names."""
        policy = f"{layout.PARAMS}::"
        return sorted(node for node in {*self.collected} if not node.startswith(policy))

    def report(self, node: str, outcome: str, detail: str, *, final: bool) -> None:
        """Take one report of one phase; ``final`` says that the test itself was reached."""
        known = outcome if outcome in SEVERITY else "failed"
        if known == "passed" and not final:
            return
        before = self.outcomes.get(node)
        if before is None or SEVERITY.index(known) > SEVERITY.index(before):
            self.outcomes[node] = known
            self.details[node] = detail

    def write(self, path: Path) -> None:
        """Leave everything in ``path`` as JSON."""
        tree = {
            "collected": self.collected,
            "places": self.places,
            "rules": {node: finding.tree() for node, finding in self.rules.items()},
            "outcomes": self.outcomes,
            "details": self.details,
            "uncollected": self.uncollected,
            "hooks": self.hooks,
        }
        path.write_text(json.dumps(tree), encoding="utf-8")


def begin(path: Path, node: str) -> None:
    """Note beside the record at ``path`` which test runs now."""
    _running(path).write_text(node, encoding="utf-8")


def running(path: Path) -> str | None:
    """The test that began last, None if none did."""
    try:
        return plain_detail(_running(path).read_text(encoding="utf-8"))
    except OSError:
        return None


def _running(path: Path) -> Path:
    return path.with_name("running")


def read(path: Path) -> Seen:
    """The record in ``path``.

    Raises
    ------
    ValueError
        It is missing or malformed: pytest did not come to its end.
    """
    from assay.reports.verdict import Finding

    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ValueError("pytest left no record") from None
    if not isinstance(tree, dict):
        raise ValueError("pytest's record is no mapping")
    rules = tree.get("rules")
    if not isinstance(rules, dict):
        raise ValueError("pytest's record has no rules")
    return Seen(
        collected=_texts(tree, "collected"),
        places=_texts(tree, "places"),
        rules={node: Finding.of_tree(plain, node) for node, plain in rules.items()},
        outcomes=_text_by_node(tree, "outcomes"),
        details=_text_by_node(tree, "details"),
        uncollected=_text_by_node(tree, "uncollected"),
        hooks=_text_by_node(tree, "hooks"),
    )


def plain_detail(text: str, homes: Sequence[Path] = ()) -> str:
    """The first line of a failure without what differs from run to run or place to place."""
    first = next((line for line in text.splitlines() if line.strip()), "no message").strip()
    for home in homes:
        first = first.replace(f"{home}/", "").replace(str(home), ".")
    first = _ADDRESS.sub("0x...", first).encode("utf-8", "replace").decode()
    return first if len(first) <= _DETAIL_LENGTH else first[: _DETAIL_LENGTH - 3] + "..."


def _texts(tree: Mapping[str, Any], key: str) -> list[str]:
    value = tree.get(key)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"pytest's record has no {key}")
    return value


def _text_by_node(tree: Mapping[str, Any], key: str) -> dict[str, str]:
    value = tree.get(key)
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError(f"pytest's record has no {key}")
    return value
