"""What a comparison says, as frozen values, and how they look in comparison.json.

Only the shape is checked when the file is read. Whether a number may be believed (NaN, an
interval that is upside down) is for the rules to say, as a finding that a person can read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast, get_args

from assay.metrics.estimate import Estimate, read_estimate
from assay.metrics.intervals.difference import Difference
from assay.project import jsonfile, layout
from assay.project.jsonfile import Node, kind
from assay.project.tasks import HEADLINE, METRICS, Task, goodness

SCHEMA = 2

State = Literal["none", "compared", "unreadable", "features_missing", "incomparable"]
"""``none``: nothing holds the stage. ``unreadable``: a champion is there but its bundle
cannot be had, loaded or made to score. ``features_missing``: the holdout lacks columns that
it needs, or holds another kind of them. ``incomparable``: it answers another question (task,
classes or label). Only ``compared`` has numbers."""

SIGNIFICANT = 12
"""Digits of a number in the file. Digits after the point would make a small standard error 0."""


@dataclass(frozen=True)
class Challenger:
    """The bundle that was selected."""

    candidate: str
    bundle: str


@dataclass(frozen=True)
class Champion:
    """The version that holds the stage; what is not known of it is None.

    Both are known of one that was compared with.
    """

    version: str | None
    bundle: str | None


@dataclass(frozen=True)
class SliceComparison:
    """The rows of `assay.metrics.slices.SliceRows`; no ``differences`` where they are too few."""

    field: str
    value: str
    rows: int
    units: int
    differences: Mapping[str, Difference] | None
    why: str | None = None

    @property
    def title(self) -> str:
        return f"{self.field}={self.value}"


@dataclass(frozen=True)
class Stability:
    """How far the challenger's answers are from the champion's, whatever the truth is.

    ``distance`` is the Jensen-Shannon distance of both score histograms. ``flipped`` is the
    share of rows with another prediction and ``rows`` is how many those are; a regression
    has neither.
    """

    distance: float
    flipped: Estimate | None
    rows: int | None


@dataclass(frozen=True)
class Comparison:
    """All of comparison.json; digests are ``sha256:<hex>``, confidence is a share.

    ``why`` says why there are no numbers; where there are, what may make them unfair, if
    anything does.
    """

    name: str
    task: Task
    state: State
    why: str | None
    challenger: Challenger
    champion: Champion | None
    data: str
    contract: str
    rows: int
    unit: str
    units: int
    confidence: float
    differences: Mapping[str, Difference] | None
    slices: tuple[SliceComparison, ...]
    stability: Stability | None

    def plain(self) -> dict[str, object]:
        """JSON values, in the order of the file."""
        champion, stability = self.champion, self.stability
        return {
            "schema": SCHEMA,
            "name": self.name,
            "task": self.task,
            "state": self.state,
            "why": self.why,
            "challenger": {
                "candidate": self.challenger.candidate,
                "bundle": self.challenger.bundle,
            },
            "champion": None
            if champion is None
            else {"version": champion.version, "bundle": champion.bundle},
            "data": self.data,
            "contract": self.contract,
            "rows": self.rows,
            "unit": self.unit,
            "units": self.units,
            "confidence": self.confidence,
            "differences": _all_plain(self.differences),
            "slices": [
                {
                    "field": part.field,
                    "value": part.value,
                    "rows": part.rows,
                    "units": part.units,
                    "differences": _all_plain(part.differences),
                    "why": part.why,
                }
                for part in self.slices
            ],
            "stability": None
            if stability is None
            else {
                "distance": _short(stability.distance),
                "flipped": None if stability.flipped is None else stability.flipped.plain(),
                "rows": stability.rows,
            },
        }


def interval(one: Difference | None) -> Estimate | None:
    """The difference as a value with its interval, to be drawn or printed."""
    if one is None:
        return None
    return Estimate(
        one.value,
        one.low,
        one.high,
        one.why,
        one.degrees,
        one.design_effect,
        one.few,
        one.needed,
        one.doubt,
    )


def worst_first(found: Comparison) -> list[SliceComparison]:
    """Slices from where the challenger lost most; those without a value come last."""
    by = HEADLINE[found.task]

    def rank(part: SliceComparison) -> tuple[bool, float]:
        one = None if part.differences is None else part.differences.get(by)
        value = None if one is None else one.value
        return (value is None, 0.0 if value is None else goodness(by, value))

    return sorted(found.slices, key=rank)


def read(root: Path) -> Comparison:
    """Read the project's comparison.json.

    Raises
    ------
    StageInputMissing
        Compare has not run.
    DataError
        The file is malformed; names the key.
    """
    return parse(jsonfile.text_of(root, layout.COMPARISON, "compare"), layout.COMPARISON)


def parse(text: str, where: str) -> Comparison:
    """The comparison in ``text``; ``where`` is what errors call the file.

    Raises
    ------
    DataError
        The text is no comparison; names the key.
    """
    return jsonfile.parse(text, where, "compare", "a comparison", _comparison)


def _all_plain(differences: Mapping[str, Difference] | None) -> dict[str, object] | None:
    if differences is None:
        return None
    return {metric: _plain(one) for metric, one in differences.items()}


def _plain(one: Difference) -> dict[str, object]:
    return {
        "champion": _short(one.champion),
        "challenger": _short(one.challenger),
        "value": _short(one.value),
        "standard_error": _short(one.standard_error),
        "skew": _short(one.skew),
        "degrees": _short(one.degrees),
        "low": _short(one.low),
        "high": _short(one.high),
        "method": one.method,
        "why": one.why,
        "design_effect": _short(one.design_effect),
        "few": one.few,
        "needed": one.needed,
        "doubt": one.doubt,
    }


def _short(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return value
    return float(f"{value:.{SIGNIFICANT}g}")


def _comparison(node: Node) -> Comparison:
    node.schema(SCHEMA)
    state = cast(State, node.one_of("state", *get_args(State)))
    compared = state == "compared"
    confidence = node.number("confidence")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}, not between 0 and 1")
    slices = tuple(_slice(part) for part in node.nodes("slices"))
    titles = [part.title for part in slices]
    twice = sorted({title for title in titles if titles.count(title) > 1})
    if twice:
        raise ValueError(f"slices has {', '.join(twice)} more than once")
    champion = node.maybe_node("champion")
    differences = node.maybe_node("differences")
    stability = node.maybe_node("stability")
    # Numbers without a champion, or a champion without numbers, is a file somebody edited.
    for name, found in (("differences", differences), ("stability", stability)):
        if (found is not None) is not compared:
            raise ValueError(f"{name} is {'missing' if compared else 'there'}: state is {state}")
    if slices and not compared:
        raise ValueError(f"slices are there: state is {state}")
    if (champion is None) is not (state == "none"):
        raise ValueError(f"champion is {'null' if champion is None else 'there'}: state is {state}")
    why = node.maybe_text("why")
    if why is None and not compared:
        raise ValueError(f"why is missing: state is {state} for no reason")
    return Comparison(
        name=node.text("name"),
        task=cast(Task, node.one_of("task", *METRICS)),
        state=state,
        why=why,
        challenger=_challenger(node.node("challenger")),
        champion=None if champion is None else _champion(champion, compared),
        data=node.text("data"),
        contract=node.text("contract"),
        rows=node.count("rows"),
        unit=node.text("unit"),
        units=node.count("units"),
        confidence=confidence,
        differences=None if differences is None else _differences(differences),
        slices=slices,
        stability=None if stability is None else _stability(stability),
    )


def _challenger(node: Node) -> Challenger:
    return Challenger(candidate=node.text("candidate"), bundle=node.text("bundle"))


def _champion(node: Node, compared: bool) -> Champion:
    if compared:
        return Champion(version=node.text("version"), bundle=node.text("bundle"))
    return Champion(version=node.maybe_text("version"), bundle=node.maybe_text("bundle"))


def _stability(node: Node) -> Stability:
    flipped = node.maybe_node("flipped")
    return Stability(
        distance=node.number("distance"),
        flipped=None if flipped is None else read_estimate(flipped),
        rows=None if flipped is None else node.count("rows"),
    )


def _slice(node: Node) -> SliceComparison:
    value = node.get("value")
    if not isinstance(value, str):  # a category may be the empty text
        raise ValueError(f"{node.path('value')} is {kind(value)}, not a slice's value")
    differences = node.maybe_node("differences")
    why = node.maybe_text("why")
    if differences is None and why is None:
        raise ValueError(f"{node.path('why')} is missing: differences is null for no reason")
    return SliceComparison(
        field=node.text("field"),
        value=value,
        rows=node.count("rows"),
        units=node.count("units"),
        differences=None if differences is None else _differences(differences),
        why=why,
    )


def _differences(node: Node) -> Mapping[str, Difference]:
    parts = {name: Node(part, node.path(name)) for name, part in node.tree.items()}
    return MappingProxyType({name: _difference(part) for name, part in parts.items()})


def _difference(node: Node) -> Difference:
    value, why = node.maybe_number("value"), node.maybe_text("why")
    if value is None and why is None:
        raise ValueError(f"{node.path('why')} is missing: value is null for no reason")
    return Difference(
        champion=node.maybe_number("champion"),
        challenger=node.maybe_number("challenger"),
        value=value,
        standard_error=node.maybe_number("standard_error"),
        skew=node.number("skew"),
        degrees=node.maybe_number("degrees"),
        low=node.maybe_number("low"),
        high=node.maybe_number("high"),
        method=node.text("method"),
        why=why,
        design_effect=node.maybe_number("design_effect"),
        few=node.flag("few"),
        needed=node.maybe_count("needed"),
        doubt=node.maybe_text("doubt"),
    )
