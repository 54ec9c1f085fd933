"""An export in ONNX gives the compiled model's own answers in onnxruntime, or there is none."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from assay.columns.features import FrameFeatures
from assay.compiled.edge_cases import load_features
from assay.edge import command, onnx_check, onnx_graph, onnx_trees
from assay.edge.c_source import Export
from assay.edge.hard_rows import differences, expected
from assay.errors import ExportUnproven, ModelNotExported
from tests.compiled.fitted import CASES, SMALL, Case, rows
from tests.edge.exported import CHOSEN, export, sample

# Where onnxruntime takes a node and a leaf of one number, or a leaf alone, for something else.
DEEP = [
    case
    for case in CASES
    if str(case).startswith("CatBoostClassifier(iterations=9,grow_policy=Depthwise")
]


def expressed(found: Export) -> Export:
    return dataclasses.replace(found, rules=command.expressed(found.rules))


def compared(found: Export, data: bytes) -> int:
    answers = onnx_check.runner(onnx_check.session(data), found.model)
    return command.compare(found, sample(found), answers, onnx_check.empty_as_missing)


@pytest.mark.parametrize("case", [*CHOSEN, *DEEP], ids=str)
def test_onnx_is_equal_on_the_hard_rows(case: Case) -> None:
    found = expressed(export(case))
    assert compared(found, onnx_graph.write_onnx(found)) > 1000


@cache
def session_of(form: str) -> Any:
    return onnx_check.session(onnx_graph.write_onnx(expressed(export(SMALL[form]))))


@pytest.mark.parametrize("form", SMALL)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=25)
@given(frame=rows())
def test_onnx_is_equal_on_any_rows(form: str, frame: pd.DataFrame) -> None:
    found = expressed(export(SMALL[form]))
    model = found.model
    asked = onnx_check.empty_as_missing(
        load_features(FrameFeatures(frame), model.inputs.numeric, model.inputs.categorical)
    )
    wanted = expected(model, found.contract, found.rules, asked)
    assert differences(wanted, onnx_check.runner(session_of(form), model)(asked), 1e-12) == ""


def test_one_bit_of_one_leaf_is_found() -> None:
    found = expressed(export(SMALL["scan"]))
    body: Any = found.model.body
    values = body.nodes.values.copy()
    values[0] = np.nextafter(values[0], np.inf)
    changed = dataclasses.replace(body, nodes=dataclasses.replace(body.nodes, values=values))
    model = dataclasses.replace(found.model, body=changed)
    data = onnx_graph.write_onnx(dataclasses.replace(found, model=model))
    with pytest.raises(ExportUnproven, match="the raw output differs in"):
        compared(found, data)


def test_the_file_names_version_bundle_and_checks() -> None:
    found = expressed(export(SMALL["linear"]))
    made = onnx.load_from_string(onnx_graph.write_onnx(found))
    said = {each.key: each.value for each in made.metadata_props}
    assert (said["version"], said["bundle"]) == ("v0.1.0", "sha256:b0")
    assert json.loads(said["checks"])[0] == "floor: not null"
    assert set(json.loads(said["checks_left_out"])) == {
        "line: str_matches(^L[0-9]+$)",
        "older_than_floor",
        "line: str_startswith(L)",
        "line: str_length(min_value=2, max_value=4)",
        "shift: str_endswith(m)",
    }
    assert [each.name for each in made.graph.input] == ["age", "load", "floor", "line", "shift"]


def test_the_same_model_gives_the_same_bytes() -> None:
    found = expressed(export(SMALL["scan"]))
    assert onnx_graph.write_onnx(found) == onnx_graph.write_onnx(found)


def test_what_onnx_cannot_express_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    found = expressed(export(SMALL["scan"]))
    inputs = found.model.inputs
    empty = (("", *inputs.categories[0][1:]), inputs.categories[1])
    model = dataclasses.replace(found.model, inputs=dataclasses.replace(inputs, categories=empty))
    with pytest.raises(ModelNotExported, match=r"v0\.1\.0, line: one of the categories is the emp"):
        onnx_graph.write_onnx(dataclasses.replace(found, model=model))
    named = dataclasses.replace(found.manifest, features=("age", "raw"))
    with pytest.raises(ModelNotExported, match=r"name of an output \(found raw\)"):
        onnx_graph.write_onnx(dataclasses.replace(found, manifest=named))
    monkeypatch.setattr(onnx_trees, "MOST_MEMBERS", 0)
    with pytest.raises(ModelNotExported, match=r"more categories than onnxruntime can hold"):
        onnx_graph.write_onnx(found)


def test_a_file_that_is_none_is_one_line() -> None:
    with pytest.raises(ExportUnproven, match="onnxruntime does not take the file"):
        onnx_check.session(b"no model")
