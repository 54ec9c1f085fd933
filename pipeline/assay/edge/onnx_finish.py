"""Links, calibrations, and rows without a score, as ONNX operators."""

from __future__ import annotations

import numpy as np

from assay.columns.features import Floats
from assay.compiled.kernels_single import (
    CUBIC,
    HIGHEST,
    LINEAR,
    LOWEST,
    POWERS,
    SCALE,
    SQUARE,
)
from assay.compiled.post_transform import Calibrator, Isotonic, PostTransform, Sigmoid
from assay.edge.onnx_operators import Graph


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
    found = graph.single(graph("Mul", graph("Add", graph("Mul", high, square), low), power))
    small, large = (
        graph(kind, value, graph.constant(limit))
        for kind, limit in (("Less", LOWEST), ("Greater", HIGHEST))
    )
    found = graph("Where", small, graph.constant(0.0), found)
    return graph("Where", large, graph.constant(np.inf), found)


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
