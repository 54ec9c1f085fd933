"""What rows are refused, by the model's own library and by the contract, as ONNX operators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.edge.c_source import Export
from assay.edge.onnx_operators import Graph, look_up, zeros
from assay.edge.rules import DeviceRule

EXPRESSED = frozenset(
    {
        "number not null",
        "text not null",
        "whole",
        "boolean",
        "range",
        "number in",
        "number not in",
        "text in",
        "text not in",
    }
)
"""The kinds of checks that ONNX can make."""


def add_broken_check(graph: Graph, export: Export) -> str:
    found = graph.cast(zeros(graph, export), "INT64")
    for number, rule in reversed(list(enumerate(export.rules.held, start=1))):
        broken = _breaks(graph, export, rule)
        found = graph("Where", broken, graph.constant(number, np.int64), found)
    return found


def _breaks(graph: Graph, export: Export, rule: DeviceRule) -> str:
    """Which rows break a check; a missing value breaks none but that there is a value."""
    inputs = export.model.inputs
    if rule.kind.startswith("text"):
        name = inputs.categorical[rule.place]
        if rule.kind == "text not null":
            return graph.cast(look_up(graph, name, {"": 1}, 0), "BOOL")
        listed, other = (0, 1) if rule.kind == "text in" else (1, 0)
        known = dict.fromkeys(rule.texts, listed) | {"": 0}
        return graph.cast(look_up(graph, name, known, other), "BOOL")
    name = inputs.numeric[rule.place]
    missing = graph("IsNaN", name)
    if rule.kind == "number not null":
        return missing
    if rule.kind in ("number in", "number not in", "boolean"):
        numbers = (0.0, 1.0) if rule.kind == "boolean" else rule.numbers
        each = [graph("Equal", name, graph.constant(number)) for number in numbers]
        holds = graph.any(each) or graph("Less", name, name)  # of an empty list: never
        holds = graph("Not", holds) if rule.kind == "number not in" else holds
    else:
        low = "Greater" if rule.open_low else "GreaterOrEqual"
        high = "Less" if rule.open_high else "LessOrEqual"
        above = graph(low, name, graph.constant(rule.low))
        holds = graph("And", above, graph(high, name, graph.constant(rule.high)))
        if rule.kind == "whole":
            holds = graph("And", holds, graph("Equal", graph("Floor", name), name))
    return graph("Not", graph("Or", missing, holds))


def refused_rows(graph: Graph, export: Export, states: Sequence[str]) -> list[str]:
    """Rows that the model's own library refuses."""
    inputs, found = export.model.inputs, []
    limits = inputs.limits
    for place, name in enumerate(inputs.numeric):
        if limits.low[place] > -np.inf:
            found.append(graph("Less", name, graph.constant(limits.low[place])))
        if limits.high[place] < np.inf:
            found.append(graph("Greater", name, graph.constant(limits.high[place])))
        if limits.null[place]:
            found.append(graph("IsNaN", name))
    for place, state in enumerate(states):
        table = inputs.refused_states(place)
        if table.any():
            found.append(graph("Gather", graph.constant(table, np.bool_), state))
    return found
