"""Operators of an ONNX graph, and those that several of its parts need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assay.edge.c_source import Export

ML = "ai.onnx.ml"


class Graph:
    """Operators and constants; a value is the name of what an operator gives."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def constant(self, value: Any, kind: Any = np.float64) -> str:
        from onnx import numpy_helper

        array = np.asarray(value, kind)
        name = f"constant/{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def __call__(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        name = f"{kind}/{len(self.nodes)}"
        made = helper.make_node(kind, list(inputs), [name], domain=domain, **attributes)
        self.nodes.append(made)
        return name

    def cast(self, value: str, kind: str) -> str:
        from onnx import TensorProto

        return self("Cast", value, to=getattr(TensorProto, kind))

    def single(self, value: str) -> str:
        """A value rounded to 32 bits, in 64."""
        return self.cast(self.cast(value, "FLOAT"), "DOUBLE")

    def any(self, values: Sequence[str]) -> str | None:
        found = None
        for value in values:
            found = value if found is None else self("Or", found, value)
        return found


def look_up(graph: Graph, column: str, known: Mapping[str, int], other: int) -> str:
    """A whole number for each text."""
    # A LabelEncoder without keys is none.
    keys, values = [*known] or [""], [*known.values()] or [other]
    return graph(
        "LabelEncoder", column, domain=ML, keys_strings=keys, values_int64s=values,
        default_int64=other,
    )  # fmt: skip


def encoded(graph: Graph, export: Export, terms: Any, at: int) -> str:
    """A number as the model takes it, in 64 bits."""
    value = export.model.inputs.numeric[terms.place[at]]
    if terms.scaled[at]:
        filled = graph("Where", graph("IsNaN", value), graph.constant(terms.fill[at]), value)
        less = graph("Sub", filled, graph.constant(terms.mean[at]))
        value = graph("Div", less, graph.constant(terms.scale[at]))
    return graph.single(value) if getattr(terms, "single", 0) else value


def zeros(graph: Graph, export: Export) -> str:
    """A column of zeros, of as many rows as the input."""
    inputs = export.model.inputs
    first = graph("Shape", [*inputs.numeric, *inputs.categorical][0])
    return graph("Expand", graph.constant([[0.0]]), first)
