"""The record of a pytest run, written by the pytest process and read by the gate.

The gate trusts only this record: a collected test without a report counts as not run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The outcome of a test is the worst of its reports; an unknown outcome counts as failed.
SEVERITY = ("passed", "xpassed", "xfailed", "skipped", "error", "failed")

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")
_DETAIL_LENGTH = 300


@dataclass
class PytestRecord:
    """Filled while pytest runs; ``outcomes`` and ``details`` are by node id.

    ``policy`` are the rules and behaviours in ``collected``; the others are model tests. ``places``
    are the ``FILE::CLASS.FUNCTION`` of collected tests. ``hooks`` maps a project file to its hooks
    that can change the outcome of a test. ``modules`` are the files of the project that the process
    loaded. ``short_of_memory`` is what the first test said that
    memory did not suffice for; "" if none did.
    """

    collected: list[str] = field(default_factory=list)
    policy: list[str] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    uncollected: dict[str, str] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    hooks: dict[str, str] = field(default_factory=dict)
    modules: list[str] = field(default_factory=list)
    short_of_memory: str = ""

    @property
    def tests(self) -> list[str]:
        """Node ids of the collected model tests, sorted."""
        return sorted({*self.collected} - {*self.policy})

    def add_report(self, node: str, outcome: str, detail: str, *, final: bool) -> None:
        """Add the report of one phase; ``final`` is True for the phase of the test itself."""
        known = outcome if outcome in SEVERITY else "failed"
        if known == "passed" and not final:
            return
        before = self.outcomes.get(node)
        if before is None or SEVERITY.index(known) > SEVERITY.index(before):
            self.outcomes[node] = known
            self.details[node] = detail

    def write(self, path: Path) -> None:
        """Write the record to ``path`` as JSON."""
        tree = {
            "collected": self.collected,
            "places": self.places,
            "policy": self.policy,
            "outcomes": self.outcomes,
            "details": self.details,
            "uncollected": self.uncollected,
            "hooks": self.hooks,
            "modules": self.modules,
            "short_of_memory": self.short_of_memory,
        }
        path.write_text(json.dumps(tree), encoding="utf-8")


def write_running_test(path: Path, node: str) -> None:
    """Store the running test's node id in a file beside the record at ``path``."""
    _running(path).write_text(node, encoding="utf-8")


def read_running_test(path: Path) -> str | None:
    """Node id of the test that started last, None if none did."""
    try:
        return normalize_detail(_running(path).read_text(encoding="utf-8"))
    except OSError:
        return None


def _running(path: Path) -> Path:
    return path.with_name("running")


def read_record(path: Path) -> PytestRecord:
    """The record in ``path``.

    Raises
    ------
    ValueError
        The record is missing or malformed: pytest did not finish.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ValueError("pytest left no record") from None
    if not isinstance(tree, dict):
        raise ValueError("pytest's record is no mapping")
    return PytestRecord(
        collected=_texts(tree, "collected"),
        places=_texts(tree, "places"),
        policy=_texts(tree, "policy"),
        outcomes=_text_by_node(tree, "outcomes"),
        details=_text_by_node(tree, "details"),
        uncollected=_text_by_node(tree, "uncollected"),
        hooks=_text_by_node(tree, "hooks"),
        modules=_texts(tree, "modules"),
        short_of_memory=_text(tree, "short_of_memory"),
    )


def normalize_detail(text: str, homes: Sequence[Path] = ()) -> str:
    """The first line of a failure, without paths and addresses that differ between runs."""
    first = next((line for line in text.splitlines() if line.strip()), "no message").strip()
    for home in homes:
        first = first.replace(f"{home}/", "").replace(str(home), ".")
    first = _ADDRESS.sub("0x...", first).encode("utf-8", "replace").decode()
    return first if len(first) <= _DETAIL_LENGTH else first[: _DETAIL_LENGTH - 3] + "..."


def _text(tree: Mapping[str, Any], key: str) -> str:
    value = tree.get(key)
    if not isinstance(value, str):
        raise ValueError(f"pytest's record has no {key}")
    return value


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
