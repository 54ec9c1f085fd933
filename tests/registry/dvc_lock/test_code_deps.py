"""Files of the project that a stage needs and does not name, without git or DVC."""

from __future__ import annotations

import pytest

from assay.project import layout, params
from assay.registry.dvc_lock.code_deps import missing_deps
from assay.registry.dvc_lock.compare import Pipeline, PipelineStage, StageFile
from tests.builders.git_project import PARAMS_YAML

CLASS = "sklearn.dummy.DummyClassifier"
FILES = {
    "data/contract.py": "import pandas\n",
    "data/models.py": "from data.steps import SIGN\n",
    "data/steps.py": "",
}


def pipeline(*inputs: str, folder: str = "") -> Pipeline:
    above = f"{folder}/" if folder else ""
    train = PipelineStage(
        name="train@prior",
        recorded=True,
        same_command=True,
        frozen=False,
        params={},
        recorded_params={},
        inputs=tuple(StageFile(above + path, "1") for path in inputs),
        outputs=(StageFile(f"{above}models/candidates/prior", "2", cached=True),),
    )
    look = PipelineStage(
        "look", True, True, False, {}, {}, (StageFile(f"{above}data/contract.py", "1"),), ()
    )
    return Pipeline((train, look), {}, folder=folder)


def found(made: Pipeline) -> tuple[str, ...]:
    given = params.parse(PARAMS_YAML.replace(CLASS, "data.models.Own"), "params.yaml")
    return missing_deps(made, given, FILES.get, ())


def test_a_candidate_s_stage_names_all_that_its_class_needs() -> None:
    assert found(pipeline("data/models.py", "data/steps.py")) == ()
    assert found(pipeline("data")) == ()
    assert found(pipeline("data/models.py", "data/steps.py", folder="sub")) == ()
    assert found(pipeline("data/models.py")) == (
        "train@prior: data/steps.py is not among its deps, and candidate prior needs it",
    )


@pytest.mark.parametrize(
    "nested",
    [
        "{class: a.B, args: {estimator: {class: data.models.Own}}}",
        "{function: data.models.build}",
    ],
)
def test_a_candidate_s_stage_names_what_its_function_or_inner_class_needs(nested: str) -> None:
    text = PARAMS_YAML.replace(f"{{class: {CLASS}}}", nested)
    assert text != PARAMS_YAML
    assert missing_deps(pipeline(), params.parse(text, "params.yaml"), FILES.get, ()) == (
        "train@prior: data/models.py is not among its deps, and candidate prior needs it",
        "train@prior: data/steps.py is not among its deps, and candidate prior needs it",
    )


def test_what_the_contract_needs_is_named_by_some_stage() -> None:
    (train, _) = pipeline("data/models.py", "data/steps.py").stages
    assert found(Pipeline((train,), {})) == (
        "no stage has data/contract.py among its deps, and the project's own code needs it",
    )


OWN = {"data/contract.py": "", "data/metrics.py": "", "data/rules.py": ""}
METRIC = "data/metrics.py is not among its deps, and metric data.metrics.saved"


@pytest.mark.parametrize(
    ("output", "lacks"),
    [
        (layout.EVALUATION, METRIC),
        (layout.COMPARISON, METRIC),
        (layout.VERDICT, "data/rules.py is not among its deps, and rule data.rules.few"),
    ],
)
def test_own_metrics_and_rules_are_named_where_they_run(output: str, lacks: str) -> None:
    text = PARAMS_YAML + "evaluate: {metrics: {data.metrics.saved: lower}}\n"
    rule = "{name: few, kind: own, function: data.rules.few, owner: a, because: b}"
    text = text.replace("  rules:\n", f"  rules:\n    - {rule}\n", 1)
    given = params.parse(text, "params.yaml")
    assert given.evaluate.metrics and given.gate.functions
    (_, look) = pipeline().stages
    both = tuple(StageFile(path, "1") for path in OWN)
    told = {}
    for inputs in (look.inputs, both):
        stage = PipelineStage("one", True, True, False, {}, {}, inputs, (StageFile(output, "2"),))
        told[inputs] = missing_deps(Pipeline((stage,), {}), given, OWN.get, ())
    assert f"one: {lacks} needs it" in told[look.inputs]
    assert told[both] == ()
