"""Runs an export in ONNX on rows, to see what onnxruntime makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from assay.columns.features import CategoryColumn
from assay.compiled.edge_cases import FeaturesInMemory
from assay.compiled.scorer import CompiledModel
from assay.edge.hard_rows import Expected
from assay.errors import ExportUnproven


def session(data: bytes) -> Any:
    """A session of one thread: with two, onnxruntime adds up the trees in parts.

    Raises
    ------
    ExportUnproven
        onnxruntime does not take the file.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ExportUnproven(
            "onnxruntime does not take the file, so it was not written",
            where="onnxruntime",
            found=" ".join(str(error).split())[:300],
        ) from None


def empty_as_missing(rows: FeaturesInMemory) -> FeaturesInMemory:
    """The rows with empty texts as missing ones, which ONNX does not tell apart."""
    columns = {}
    for name, (codes, categories) in rows.of_categories.items():
        empty = np.array([text == "" for text in categories] + [False], np.bool_)
        columns[name] = CategoryColumn(np.where(empty[codes], -1, codes).astype(np.int32),
                                       categories)  # fmt: skip
    return replace(rows, of_categories=columns)


def feed(rows: FeaturesInMemory, model: CompiledModel) -> dict[str, Any]:
    """The rows as a session takes them."""
    given: dict[str, Any] = {
        name: rows.of_numbers[name].reshape(-1, 1) for name in model.inputs.numeric
    }
    for name in model.inputs.categorical:
        codes, categories = rows.of_categories[name]
        texts = np.append(categories.objects, [""]).astype(object)  # the last for a missing one
        given[name] = texts[codes].reshape(-1, 1)
    return given


def runner(run: Any, model: CompiledModel) -> Callable[[FeaturesInMemory], Expected]:
    """What a session makes of rows."""

    def answers(rows: FeaturesInMemory) -> Expected:
        scores, raw, broken = run.run(["scores", "raw", "broken_check"], feed(rows, model))
        return Expected(raw, scores, np.isnan(scores).any(axis=1), broken[:, 0])

    return answers
