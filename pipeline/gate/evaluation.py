"""What evaluate wrote, as frozen, typed values.

Only the shape is checked here. Whether a number may be believed (NaN, an interval that is
upside down) is for the rules to say, as a finding that a person can read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipeline import layout
from pipeline.errors import DataError, StageInputMissing
from pipeline.tasks import METRICS, Task

SCHEMA = 1
MEND = "Run evaluate again: dvc repro evaluate."


@dataclass(frozen=True)
class Measured:
    """One metric: its value and interval, or None and the reason why there is none."""

    value: float | None
    low: float | None
    high: float | None
    why: str | None = None


@dataclass(frozen=True)
class Slice:
    """The rows with one value of one slice field; ``metrics`` is None if they are too few."""

    field: str
    value: str
    rows: int
    positives: int | None
    metrics: Mapping[str, Measured] | None
    why: str | None = None

    @property
    def title(self) -> str:
        return f"{self.field}={self.value}"


@dataclass(frozen=True)
class Evaluation:
    """All of evaluation.json; digests are ``sha256:<hex>``, confidence is a share.

    ``positives`` and ``threshold`` are a binary model's, and None of any other.
    """

    task: Task
    name: str
    candidate: str
    bundle: str
    data: str
    contract: str
    rows: int
    positives: int | None
    threshold: float | None
    confidence: float
    replicates: int
    metrics: Mapping[str, Measured]
    slices: tuple[Slice, ...]
    types: tuple[str, ...] = ()


def read(root: Path) -> Evaluation:
    """Read the project's evaluation.json.

    Raises
    ------
    StageInputMissing
        Evaluate has not run.
    DataError
        The file is malformed; names the key.
    """
    path = root / layout.EVALUATION
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StageInputMissing(
            "evaluate has not run: no such file", where=layout.EVALUATION, mend="Run: dvc repro."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"cannot be read as UTF-8 text ({error})", where=layout.EVALUATION, mend=MEND
        ) from None
    return parse(text, layout.EVALUATION)


def parse(text: str, where: str) -> Evaluation:
    """The evaluation in ``text``; ``where`` is what errors call the file.

    Raises
    ------
    DataError
        The text is no evaluation; names the key.
    """
    try:
        return _evaluation(_Node(json.loads(text, object_pairs_hook=_once), ""))
    except (ValueError, RecursionError) as error:
        raise DataError(f"not an evaluation: {error}", where=where, mend=MEND) from None


class _Node:
    """A JSON mapping that knows its place in the file."""

    def __init__(self, tree: Any, key: str) -> None:
        if not isinstance(tree, dict):
            raise ValueError(f"{key or 'the file'} is {_kind(tree)}, not a mapping")
        self.tree = tree
        self.key = key

    def path(self, name: str) -> str:
        return f"{self.key}.{name}" if self.key else name

    def get(self, name: str) -> Any:
        if name not in self.tree:
            raise ValueError(f"{self.path(name)} is missing")
        return self.tree[name]

    def text(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str) or not value:
            raise ValueError(f"{self.path(name)} is {_kind(value)}, not a text")
        return value

    def count(self, name: str) -> int:
        value = self.get(name)
        if type(value) is not int or value < 0:
            raise ValueError(f"{self.path(name)} is {value!r}, not a count")
        return value

    def number(self, name: str) -> float:
        value = self.maybe_number(name)
        if value is None:
            raise ValueError(f"{self.path(name)} is null, not a number")
        return value

    def maybe_number(self, name: str) -> float | None:
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{self.path(name)} is {_kind(value)}, not a number")
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{self.path(name)} is too large") from None

    def maybe_text(self, name: str) -> str | None:
        return self.text(name) if self.tree.get(name) is not None else None

    def items(self, name: str) -> list[tuple[str, Any]]:
        value = self.get(name)
        if not isinstance(value, list):
            raise ValueError(f"{self.path(name)} is {_kind(value)}, not a list")
        return [(f"{self.path(name)}[{index}]", item) for index, item in enumerate(value)]


def _evaluation(node: _Node) -> Evaluation:
    if node.get("schema") != SCHEMA:
        raise ValueError(f"schema is {node.get('schema')!r}, not {SCHEMA}")
    task = _task(node)
    binary = task == "binary"
    slices = tuple(_slice(_Node(item, key), binary) for key, item in node.items("slices"))
    titles = [part.title for part in slices]
    twice = sorted({title for title in titles if titles.count(title) > 1})
    if twice:
        raise ValueError(f"slices has {', '.join(twice)} more than once")
    confidence = node.number("confidence")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}, not between 0 and 1")
    return Evaluation(
        task=task,
        name=node.text("name"),
        candidate=node.text("candidate"),
        bundle=node.text("bundle"),
        data=node.text("data"),
        contract=node.text("contract"),
        rows=node.count("rows"),
        positives=node.count("positives") if binary else None,
        threshold=node.number("threshold") if binary else None,
        confidence=confidence,
        replicates=node.count("replicates"),
        metrics=_metrics(_Node(node.get("metrics"), "metrics")),
        slices=slices,
        types=tuple(_type(key, item) for key, item in node.items("types")),
    )


def _task(node: _Node) -> Task:
    given = node.text("task")
    for task in METRICS:
        if task == given:
            return task
    raise ValueError(f"task is '{given}', not one of {', '.join(METRICS)}")


def _slice(node: _Node, binary: bool) -> Slice:
    value = node.get("value")
    if not isinstance(value, str | int | float):
        raise ValueError(f"{node.path('value')} is {_kind(value)}, not a slice's value")
    metrics = node.get("metrics")
    why = node.maybe_text("why")
    if metrics is None and why is None:
        raise ValueError(f"{node.path('why')} is missing: metrics is null for no reason")
    return Slice(
        field=node.text("field"),
        value=str(value),
        rows=node.count("rows"),
        positives=node.count("positives") if binary else None,
        metrics=None if metrics is None else _metrics(_Node(metrics, node.path("metrics"))),
        why=why,
    )


def _metrics(node: _Node) -> Mapping[str, Measured]:
    parts = {name: _Node(part, node.path(name)) for name, part in node.tree.items()}
    return MappingProxyType(
        {
            name: Measured(
                value=part.maybe_number("value"),
                low=part.maybe_number("low"),
                high=part.maybe_number("high"),
                why=part.maybe_text("why"),
            )
            for name, part in parts.items()
        }
    )


def _type(key: str, item: Any) -> str:
    if not isinstance(item, str) or not item:
        raise ValueError(f"{key} is {_kind(item)}, not a type's name")
    return item


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError("a key is there twice")
    return tree
