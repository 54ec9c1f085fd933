"""Writes a compiled model as ONNX: a graph of standard operators, all in 64 bits.

Trees are one ``TreeEnsemble`` (ai.onnx.ml 5) with sets of states as members. Texts are looked up
by a ``LabelEncoder``; an empty text is a missing one, as ONNX has no missing texts. XGBoost sums in
32 bits, and so does its ensemble here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from assay.compiled.linear.linear import Weights
from assay.edge.c_source import Export
from assay.edge.flat import flatten
from assay.edge.onnx_checks import add_broken_check, refused_rows
from assay.edge.onnx_finish import add_scores, without_score
from assay.edge.onnx_operators import ML, Graph, encoded, look_up
from assay.edge.onnx_trees import add_trees
from assay.errors import ModelNotExported

OPSETS = {"": 18, ML: 5}
IR_VERSION = 10


def write_onnx(export: Export) -> bytes:
    """The file.

    Inputs are one column for each feature, of shape (rows, 1): numbers as float64 with NaN where
    missing, texts with "" where missing. Outputs are ``scores`` (rows, scores), NaN where there is
    none; ``raw`` (rows, outputs); ``broken_check`` (rows, 1), the number of the first check of the
    contract that a row breaks, or 0.

    Raises
    ------
    ModelNotExported
        ONNX cannot express a part of it.
    """
    from onnx import TensorProto, checker, helper

    model, finish = export.model, export.model.finish
    graph = Graph()
    if taken := {"scores", "raw", "broken_check"} & {*export.manifest.features}:
        raise ModelNotExported(
            "a feature has the name of an output",
            where=export.version,
            found=", ".join(sorted(taken)),
            fix="Write it as C: --to c.",
        )
    numbers, texts = list(model.inputs.numeric), list(model.inputs.categorical)
    states = [_state(graph, export, place) for place in range(len(texts))]
    raw = _raw(graph, export, states)
    scores = add_scores(graph, finish, raw)
    refused = graph.any(
        [*refused_rows(graph, export, states), without_score(graph, finish, scores)]
    )
    assert refused is not None
    outputs = {
        "scores": graph("Where", refused, graph.constant(np.nan), scores),
        "raw": graph("Identity", raw),
        "broken_check": add_broken_check(graph, export),
    }
    for name, value in outputs.items():
        graph.nodes.append(helper.make_node("Identity", [value], [name]))
    widths = (export.scores, model.body.outputs, 1)
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            export.name,
            [
                *(helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["rows", 1])
                  for name in numbers),
                *(helper.make_tensor_value_info(name, TensorProto.STRING, ["rows", 1])
                  for name in texts),
            ],
            [
                helper.make_tensor_value_info(
                    name,
                    TensorProto.INT64 if name == "broken_check" else TensorProto.DOUBLE,
                    ["rows", width],
                )
                for name, width in zip(outputs, widths, strict=True)
            ],
            list(graph.constants.values()),
        ),
        opset_imports=[helper.make_opsetid(domain, number) for domain, number in OPSETS.items()],
        ir_version=IR_VERSION,
        producer_name="assay export-model",
    )  # fmt: skip
    helper.set_model_props(made, _properties(export))
    checker.check_model(made)
    data: bytes = made.SerializeToString(deterministic=True)
    return data


def _properties(export: Export) -> dict[str, str]:
    manifest = export.manifest
    return {
        "version": export.version,
        "bundle": export.bundle,
        "contract": manifest.contract_digest,
        "task": manifest.task,
        "label": manifest.label,
        "classes": json.dumps(manifest.classes),
        "threshold": repr(manifest.threshold),
        "checks": json.dumps([rule.name for rule in export.rules.held]),
        "checks_left_out": json.dumps(export.rules.left_out),
    }


def _state(graph: Graph, export: Export, place: int) -> str:
    inputs = export.model.inputs
    names, found = inputs.categories[place], inputs.states_of(place).tolist()
    if "" in names:
        raise ModelNotExported(
            "one of the categories is the empty text, which is a missing one in ONNX",
            where=f"{export.version}, {inputs.categorical[place]}",
            fix="Write it as C: --to c.",
        )
    known = dict(zip(names, found, strict=False)) | {"": found[-1]}
    return look_up(graph, inputs.categorical[place], known, found[-2])


def _raw(graph: Graph, export: Export, states: Sequence[str]) -> str:
    flat = flatten(export.model)
    if flat.trees.trees:
        return add_trees(graph, export, flat, states)
    inputs = export.model.inputs
    first = graph("Shape", [*inputs.numeric, *inputs.categorical][0])  # the rows, and 1
    total = graph("Expand", graph.constant(flat.base.reshape(1, -1)), first)
    linear = len(flat.weights.intercept) > 0
    return _terms(graph, export, flat.weights, states, total) if linear else total


def _terms(graph: Graph, export: Export, terms: Weights, states: Sequence[str], total: str) -> str:
    outputs = len(terms.intercept)
    weights, known, null = (
        each.reshape(-1, outputs) for each in (terms.weights, terms.known, terms.null)
    )
    for at, place in enumerate(terms.place.tolist()):
        value = encoded(graph, export, terms, at)
        product = graph("Mul", value, graph.constant(weights[at : at + 1]))
        missing = graph("IsNaN", export.model.inputs.numeric[place])
        either = (graph.constant(each[at : at + 1]) for each in (null, known))
        total = graph("Add", graph("Add", total, product), graph("Where", missing, *either))
    for at, place in enumerate(terms.state_place.tolist()):
        table = terms.tables[terms.starts[at] : terms.starts[at + 1]].reshape(outputs, -1).T
        rows = graph("Squeeze", states[place], graph.constant([1], np.int64))
        total = graph("Add", total, graph("Gather", graph.constant(table), rows))
    return graph("Add", total, graph.constant(terms.intercept.reshape(1, -1)))
