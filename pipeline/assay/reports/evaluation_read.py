"""What evaluate wrote, as frozen, typed values.

Only the shape is checked here. Whether a number may be believed (NaN, an interval that is
upside down) is for the rules to say, as a finding that a person can read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from assay.metrics.estimate import Estimate, read_estimate
from assay.project import jsonfile, layout
from assay.project.jsonfile import Node, kind
from assay.project.tasks import METRICS, Task

SCHEMA = 2


@dataclass(frozen=True)
class Slice:
    """The rows with one value of one slice field; ``metrics`` is None if they are too few."""

    field: str
    value: str
    rows: int
    units: int
    positives: int | None
    selected: int | None
    selection_rate: Estimate | None
    metrics: Mapping[str, Estimate] | None
    why: str | None = None

    @property
    def title(self) -> str:
        return f"{self.field}={self.value}"


@dataclass(frozen=True)
class Evaluation:
    """All of evaluation.json; digests are ``sha256:<hex>``, confidence is a share.

    ``positives``, ``selected`` (rows it says yes to) and ``threshold`` are a binary model's,
    and None of any other.
    """

    task: Task
    name: str
    candidate: str
    bundle: str
    data: str
    contract: str
    rows: int
    unit: str
    units: int
    positives: int | None
    selected: int | None
    threshold: float | None
    confidence: float
    metrics: Mapping[str, Estimate]
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
    return parse(jsonfile.text_of(root, layout.EVALUATION, "evaluate"), layout.EVALUATION)


def parse(text: str, where: str) -> Evaluation:
    """The evaluation in ``text``; ``where`` is what errors call the file.

    Raises
    ------
    DataError
        The text is no evaluation; names the key.
    """
    return jsonfile.parse(text, where, "evaluate", "an evaluation", _evaluation)


def _evaluation(node: Node) -> Evaluation:
    node.schema(SCHEMA)
    task = _task(node)
    binary = task == "binary"
    slices = tuple(_slice(part, binary) for part in node.nodes("slices"))
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
        unit=node.text("unit"),
        units=node.count("units"),
        positives=node.count("positives") if binary else None,
        selected=node.count("selected") if binary else None,
        threshold=node.number("threshold") if binary else None,
        confidence=confidence,
        metrics=_metrics(node.node("metrics")),
        slices=slices,
        types=node.texts("types"),
    )


def _task(node: Node) -> Task:
    given = node.text("task")
    for task in METRICS:
        if task == given:
            return task
    raise ValueError(f"task is '{given}', not one of {', '.join(METRICS)}")


def _slice(node: Node, binary: bool) -> Slice:
    value = node.get("value")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{node.path('value')} is {kind(value)}, not a slice's value")
    metrics = node.get("metrics")
    why = node.maybe_text("why")
    if metrics is None and why is None:
        raise ValueError(f"{node.path('why')} is missing: metrics is null for no reason")
    return Slice(
        field=node.text("field"),
        value=str(value),
        rows=node.count("rows"),
        units=node.count("units"),
        positives=node.count("positives") if binary else None,
        selected=node.count("selected") if binary else None,
        selection_rate=read_estimate(node.node("selection_rate")) if binary else None,
        metrics=None if metrics is None else _metrics(node.node("metrics")),
        why=why,
    )


def _metrics(node: Node) -> Mapping[str, Estimate]:
    return MappingProxyType(
        {name: read_estimate(Node(part, node.path(name))) for name, part in node.tree.items()}
    )
