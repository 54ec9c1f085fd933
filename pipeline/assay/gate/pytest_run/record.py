"""The record of a pytest run, written by the pytest process and read by the gate.

The gate trusts only this record: a collected test without a report counts as not run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal, get_args

TestResult = Literal["passed", "xpassed", "xfailed", "skipped", "error", "failed"]
# The outcome of a test is the worst of its reports; an unknown outcome counts as failed.
SEVERITY: tuple[TestResult, ...] = get_args(TestResult)

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")
_DETAIL_LENGTH = 300


@dataclass(frozen=True)
class Uncollected:
    """A file that pytest could not collect, or that skips itself, and why."""

    skipped: bool
    detail: str


@dataclass
class PytestRecord:
    """Filled while pytest runs; ``outcomes`` and ``details`` are by node id.

    ``policy`` are the rules and behaviours in ``collected``; the others are model tests. ``places``
    are the ``FILE::CLASS.FUNCTION`` of collected tests. ``hooks`` maps a project file to its hooks
    that can change the outcome of a test. ``modules`` are the files of the project that the process
    loaded. ``without_champion`` are tests that were skipped because there is no champion yet.
    ``short_of_memory`` is what the first test said that
    memory did not suffice for; "" if none did.
    """

    collected: list[str] = field(default_factory=list)
    policy: list[str] = field(default_factory=list)
    outcomes: dict[str, TestResult] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    uncollected: dict[str, Uncollected] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    hooks: dict[str, str] = field(default_factory=dict)
    modules: list[str] = field(default_factory=list)
    without_champion: list[str] = field(default_factory=list)
    short_of_memory: str = ""

    @property
    def tests(self) -> list[str]:
        """Node ids of the collected model tests, sorted."""
        return sorted({*self.collected} - {*self.policy})

    def add_report(self, node: str, outcome: str, detail: str, *, final: bool) -> None:
        """Add the report of one phase; ``final`` is True for the phase of the test itself."""
        known: TestResult = next((each for each in SEVERITY if each == outcome), "failed")
        if known == "passed" and not final:
            return
        before = self.outcomes.get(node)
        if before is None or SEVERITY.index(known) > SEVERITY.index(before):
            self.outcomes[node] = known
            self.details[node] = detail

    def write(self, path: Path) -> None:
        """Write the record to ``path`` as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


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
    # Pytest loads this module in every project, so pydantic is imported only when needed.
    from pydantic import TypeAdapter

    try:
        text = path.read_bytes()
    except OSError:
        raise ValueError("pytest left no record") from None
    record = TypeAdapter(PytestRecord).validate_json(text, strict=True)
    if lacking := {each.name for each in fields(PytestRecord)} - json.loads(text).keys():
        raise ValueError(f"pytest's record has no {', '.join(sorted(lacking))}")
    return record


def normalize_detail(text: str, homes: Sequence[Path] = ()) -> str:
    """The first line of a failure, without paths and addresses that differ between runs."""
    first = next((line for line in text.splitlines() if line.strip()), "no message").strip()
    for home in homes:
        first = first.replace(f"{home}/", "").replace(str(home), ".")
    first = _ADDRESS.sub("0x...", first).encode("utf-8", "replace").decode()
    return first if len(first) <= _DETAIL_LENGTH else first[: _DETAIL_LENGTH - 3] + "..."
