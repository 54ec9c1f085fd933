"""Writes a compiled model as ONNX: a graph of standard operators, all in 64 bits.

Trees are one ``TreeEnsemble`` (ai.onnx.ml 5) with sets of states as members. Texts are looked up
by a ``LabelEncoder``; an empty text is a missing one, as ONNX has no missing texts. XGBoost sums in
32 bits, and so does its ensemble here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import get_args

import numpy as np

from assay.columns.features import Floats
from assay.compiled.kernels_single import CUBIC, HIGHEST, LINEAR, LOWEST, POWERS, SCALE, SQUARE
from assay.compiled.linear.linear import Weights
from assay.compiled.post_transform import Calibrator, Isotonic, PostTransform, Sigmoid
from assay.edge.c_source import Export
from assay.edge.flat import flatten
from assay.edge.onnx_trees import ML, Graph, add_trees, encoded, look_up, zeros
from assay.edge.rules import DeviceRule, WholeValueKind
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
    names, states = inputs.categories[place], inputs.states_of(place).tolist()
    if "" in names:
        raise ModelNotExported(
            "one of the categories is the empty text, which is a missing one in ONNX",
            where=f"{export.version}, {inputs.categorical[place]}",
            fix="Write it as C: --to c.",
        )
    known = dict(zip(names, states, strict=False)) | {"": states[-1]}
    return look_up(graph, inputs.categorical[place], known, states[-2])


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


# --------------------------------- links, calibrations, and rows without a score, as ONNX operators


def _exp_single(graph: Graph, value: str) -> str:
    """``expf`` as in `assay.compiled.kernels_single`, in 64 bits; no value is NaN."""
    kept = graph("Clip", value, graph.constant(LOWEST), graph.constant(HIGHEST))
    scaled = graph("Mul", kept, graph.constant(SCALE))
    whole = graph("Round", scaled)
    rest = graph("Sub", scaled, whole)
    # The whole number is 32 times an exponent, and the place of a power of 2 below 2.
    exponent = graph("Floor", graph("Div", whole, graph.constant(32.0)))
    place = graph("Sub", whole, graph("Mul", exponent, graph.constant(32.0)))
    part = graph("Gather", graph.constant(POWERS), graph.cast(place, "INT64"))
    power = graph("Mul", part, graph("Pow", graph.constant(2.0), exponent))
    square = graph("Mul", rest, rest)
    high = graph("Add", graph("Mul", graph.constant(CUBIC), rest), graph.constant(SQUARE))
    low = graph("Add", graph("Mul", graph.constant(LINEAR), rest), graph.constant(1.0))
    result = graph.single(graph("Mul", graph("Add", graph("Mul", high, square), low), power))
    small, large = (
        graph(kind, value, graph.constant(limit))
        for kind, limit in (("Less", LOWEST), ("Greater", HIGHEST))
    )
    result = graph("Where", small, graph.constant(0.0), result)
    return graph("Where", large, graph.constant(np.inf), result)


def _linked(graph: Graph, finish: PostTransform, raw: str) -> str:
    one, last = graph.constant(1.0), graph.constant([1], np.int64)
    kept = graph.single if finish.single else (lambda value: value)

    def exp(value: str) -> str:
        return _exp_single(graph, value) if finish.single else graph("Exp", value)

    if finish.link == "identity":
        return raw
    if finish.link == "exp":
        return exp(raw)
    if finish.link == "softmax":
        most = graph("ReduceMax", raw, last, keepdims=1)
        raised = exp(kept(graph("Sub", raw, most)))
        return kept(graph("Div", raised, kept(graph("ReduceSum", raised, last, keepdims=1))))
    slope = graph.constant(-2.0 if finish.link == "half_logistic" else -1.0)
    loss = graph("Mul", raw, slope)
    if finish.single:
        loss = graph("Min", loss, graph.constant(float(np.float32(88.7))))
    return kept(graph("Div", one, kept(graph("Add", one, exp(loss)))))


def add_scores(graph: Graph, finish: PostTransform, raw: str) -> str:
    if finish.divisor > 1:
        raw = graph("Div", raw, graph.constant(float(finish.divisor)))
    linked = _linked(graph, finish, raw)
    if finish.classes == 2 and "logistic" in finish.link:
        rest = graph("Sub", graph.constant(1.0), linked)
        rest = graph.single(rest) if finish.single else rest
        linked = graph("Concat", rest, linked, axis=1)
    if finish.calibrators is None:
        return linked
    parts = []
    for place, calibrator in enumerate(finish.calibrators):
        part = graph("Gather", linked, graph.constant([place], np.int64), axis=1)
        parts.append(_calibrated(graph, calibrator, part))
    if finish.classes == 0:
        return parts[0]
    each, last = graph("Concat", *parts, axis=1), graph.constant([1], np.int64)
    total = graph("ReduceSum", each, last, keepdims=1)
    alike = graph.constant(np.full((1, finish.classes), 1 / finish.classes))
    none = graph("Equal", total, graph.constant(0.0))
    return graph("Where", none, alike, graph("Div", each, total))


def _calibrated(graph: Graph, calibrator: Calibrator | None, score: str) -> str:
    if calibrator is None:
        return score
    one = graph.constant(1.0)
    if isinstance(calibrator, Sigmoid):
        kept = graph("Clip", score, graph.constant(1e-12), graph.constant(1 - 1e-12))
        odds = graph("Log", graph("Div", kept, graph("Sub", one, kept)))
        sloped = graph("Mul", graph.constant(calibrator.slope), odds)
        line = graph("Add", sloped, graph.constant(calibrator.intercept))
        return graph("Div", one, graph("Add", one, graph("Exp", graph("Neg", line))))
    return _interpolated(graph, calibrator, score)


def _interpolated(graph: Graph, calibrator: Isotonic, score: str) -> str:
    """Linear interpolation between knots; the place among them is how many lie below."""
    knots, heights = calibrator.knots, calibrator.heights
    ends = (graph.constant(knots[place]) for place in (0, -1))
    score = graph("Clip", score, *ends)
    below = graph.cast(graph("Greater", score, graph.constant(knots.reshape(1, -1))), "INT64")
    place = graph("ReduceSum", below, graph.constant([1], np.int64), keepdims=1)

    def at(values: Floats) -> str:
        return graph("Gather", graph.constant(values), place)

    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.append(0.0, np.diff(heights) / np.diff(knots))
    before, knots_before = (np.append(each[:1], each[:-1]) for each in (heights, knots))
    sloped = graph("Mul", at(slopes), graph("Sub", score, at(knots_before)))
    between = graph("Add", sloped, at(before))
    return graph("Where", graph("Equal", at(knots), score), at(heights), between)


def without_score(graph: Graph, finish: PostTransform, scores: str) -> str:
    """Rows whose scores are no finite number, or no probabilities."""
    if finish.task == "regression":
        finite = graph("LessOrEqual", graph("Abs", scores), graph.constant(np.finfo(float).max))
        return graph("Not", finite)
    above = graph("GreaterOrEqual", scores, graph.constant(0.0))
    within = graph("And", above, graph("LessOrEqual", scores, graph.constant(1.0)))
    outside = graph.cast(graph("Not", within), "INT64")
    last = graph.constant([1], np.int64)
    return graph.cast(graph("ReduceMax", outside, last, keepdims=1), "BOOL")


# --------- what rows are refused, by the model's own library and by the contract, as ONNX operators

EXPRESSED = get_args(WholeValueKind)
"""The kinds of checks that ONNX can make: its operators see no letters of a text."""


def add_broken_check(graph: Graph, export: Export) -> str:
    first = graph.cast(zeros(graph, export), "INT64")
    for number, rule in reversed(list(enumerate(export.rules.held, start=1))):
        broken = _breaks(graph, export, rule)
        first = graph("Where", broken, graph.constant(number, np.int64), first)
    return first


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
    inputs, rows = export.model.inputs, []
    limits = inputs.limits
    for place, name in enumerate(inputs.numeric):
        if limits.low[place] > -np.inf:
            rows.append(graph("Less", name, graph.constant(limits.low[place])))
        if limits.high[place] < np.inf:
            rows.append(graph("Greater", name, graph.constant(limits.high[place])))
        if limits.null[place]:
            rows.append(graph("IsNaN", name))
    for place, state in enumerate(states):
        table = inputs.refused_states(place)
        if table.any():
            rows.append(graph("Gather", graph.constant(table, np.bool_), state))
    return rows
