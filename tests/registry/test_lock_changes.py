"""What makes dvc.lock stale, without git or DVC: changes, code, deps, and other commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.cli.__main__ import main
from assay.project import digests, layout, params
from assay.project.params import yaml_text
from assay.registry import dvc_lock
from assay.registry.dvc_lock import (
    MAKERS,
    LockChanges,
    compare,
    differences,
    foreign_commands,
    missing_deps,
)
from assay.registry.dvc_pipeline import Pipeline, PipelineStage, StageFile
from tests.builders.git_project import PARAMS_YAML
from tests.projects import PARCELS, ROOT

CODE = StageFile("train.py", "1", here=True, now="1")
RAW = StageFile("data/raw", "2", cached=True)
MADE = StageFile("models/bundle", "3", cached=True)
REPORT = StageFile("report.json", "4", here=True, now="4")


def bare(name: str, **given: Any) -> PipelineStage:
    """A current stage that reads and writes nothing."""
    facts: dict[str, Any] = {
        "recorded": True,
        "same_command": True,
        "frozen": False,
        "params": {},
        "recorded_params": {},
        "inputs": (),
        "outputs": (),
    }
    return PipelineStage(name=name, **{**facts, **given})


def stage(name: str = "train", **given: Any) -> PipelineStage:
    seed = {"params.yaml: seed": 1}
    facts = {"params": seed, "recorded_params": seed, "inputs": (CODE, RAW)}
    return bare(name, **{**facts, "outputs": (MADE, REPORT), **given})


INGEST = stage("ingest", inputs=(), outputs=(RAW,))


def told(*stages: PipelineStage, **others: str) -> list[str]:
    """The changes of the last stage; those before it must have none."""
    answer = compare(Pipeline(stages, others))
    assert set(answer.changes) <= {stages[-1].name}
    return list(answer.changes.get(stages[-1].name, ()))


def test_as_recorded_it_is_current() -> None:
    assert compare(Pipeline((INGEST, stage()), {})) == LockChanges({}, ())


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"recorded": False}, "it is not in dvc.lock"),
        ({"same_command": False}, "its command changed"),
        ({"params": {"params.yaml: seed": 2}}, "params.yaml: seed was 1 and is 2"),
        ({"params": {}}, "params.yaml: seed is gone"),
        ({"recorded_params": {}}, "params.yaml: seed is new"),
        ({"inputs": (replace(CODE, now="9"), RAW)}, "train.py changed"),
        ({"inputs": (replace(CODE, now=None), RAW)}, "train.py is gone"),
        ({"inputs": (replace(CODE, recorded=None), RAW)}, "train.py is not in its entry"),
        ({"inputs": (CODE, replace(RAW, recorded="9"))}, "data/raw is not what ingest left"),
        ({"outputs": (MADE, replace(REPORT, now="9"))}, "its output report.json was changed"),
        ({"outputs": (MADE, replace(REPORT, now=None))}, "its output report.json is gone"),
        (
            {"outputs": (MADE, replace(REPORT, here=False, now=None))},
            "its output report.json is kept by neither git nor DVC",
        ),
        (
            {"gone": (("input", "data/old"),)},
            "its input data/old is in dvc.lock, and gone from dvc.yaml",
        ),
        ({"outputs": (replace(MADE, recorded=None),)}, "its output models/bundle is not in dvc.lo"),
    ],
)
def test_each_change_is_named(change: dict[str, Any], line: str) -> None:
    (found,) = told(INGEST, stage(**change))
    assert found.startswith(line)


def test_a_frozen_stage_is_held_to_its_command_and_outputs_alone() -> None:
    loose = stage(frozen=True, params={}, inputs=(replace(CODE, now="9"), replace(RAW, now="9")))
    assert told(INGEST, loose) == []
    assert told(INGEST, replace(loose, same_command=False)) == ["its command changed"]


def test_data_that_a_dvc_file_tracks_is_compared_with_what_that_file_says() -> None:
    assert told(stage(), **{"data/raw": "2"}) == []
    assert told(stage(), **{"data/raw": "9"}) == ["data/raw is not what data/raw.dvc left"]


def test_a_part_of_an_output_is_held_to_what_other_stages_read_and_else_named_unseen() -> None:
    part = StageFile("data/raw/part", "5")
    first, second = stage("a", inputs=(part,), outputs=()), stage("b", inputs=(part,), outputs=())
    answer = compare(Pipeline((INGEST, first, second), {}))
    assert answer == LockChanges({}, (("a", part.path), ("b", part.path)))
    other = replace(second, inputs=(replace(part, recorded="6"),))
    answer = compare(Pipeline((INGEST, first, other), {}))
    assert answer.changes == {
        "a": ("data/raw/part is not what b read",),
        "b": ("data/raw/part is not what a read",),
    }
    assert answer.unseen == ()


def test_many_parameters_are_counted_and_not_listed() -> None:
    many = {f"params.yaml: k{number}": number for number in range(9)}
    found = told(stage(params=many, recorded_params=dict.fromkeys(many, -1), inputs=()))
    assert len(found) == 6
    assert found[-1] == "4 more parameters changed"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@given(values, values)
def test_there_is_a_difference_exactly_where_values_differ(was: Any, now: Any) -> None:
    assert list(differences(was, was, "k")) == []
    found = list(differences(was, now, "k"))
    assert bool(found) == (was != now)
    assert all(line.startswith("k") for line in found)


def test_a_difference_names_its_place() -> None:
    was = {"rules": [{"min": 0.7}, {"max": 1}], "tests": "x"}
    now = {"rules": [{"min": 0.5}, {"max": 1}], "severity": "warn"}
    assert list(differences(was, now, "gate")) == [
        "gate.rules[0].min was 0.7 and is 0.5",
        "gate.tests is gone",
        "gate.severity is new",
    ]
    assert list(differences([1], [1, 2], "k")) == ["k had 1 items and has 2"]
    (long,) = differences("a" * 99, "b", "k")
    assert len(long) < 60


def test_a_stage_that_dvc_yaml_lost_is_a_change_of_its_own() -> None:
    answer = compare(Pipeline((INGEST,), {}, gone=("train",)))
    assert answer.changes == {"train": ("it is in dvc.lock, and gone from dvc.yaml",)}


def test_thawed_no_stage_hides_behind_being_frozen() -> None:
    frozen = Pipeline((stage(frozen=True, params={}, inputs=(CODE,)),), {})
    assert compare(frozen).changes == {}
    assert compare(frozen.without_frozen()).changes == {"train": ("params.yaml: seed is gone",)}


# --------------------------------------------------------------------------- of the installed code

MAKES = bare("code", outputs=(StageFile(layout.CODE, "1"),), command="assay stage code")
OTHER = "sha256:0"


def made_by(command: str, digest: str | None, folder: str = "", **facts: bool) -> PipelineStage:
    """One that has the digest of its code in dvc.lock, or lacks it among its params."""
    path = f"{folder}/{layout.CODE}" if folder else layout.CODE
    found = {} if digest is None else {f"{path}: {(*command.split(), '')[2]}": digest}
    return bare("one", params=found, recorded_params=found, command=command, **facts)


def outdated(pipeline: Pipeline) -> Iterator[str]:
    return dvc_lock.outdated_stages(pipeline, digests.stage_digests())


def test_results_of_the_installed_code_are_current() -> None:
    now = digests.stage_digests()
    stages = (MAKES, *(made_by(f"assay stage {name} rest", now[name]) for name in digests.STAGES))
    assert [*outdated(Pipeline(stages, {}))] == []


@pytest.mark.parametrize("name", digests.STAGES)
def test_results_of_other_code_are_not(name: str) -> None:
    (line,) = outdated(Pipeline((MAKES, made_by(f"assay stage {name}", OTHER)), {}))
    assert line == "one: the installed code is not what made its results"


def test_a_package_of_the_projects_own_is_installed_code_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "installed_packages", lambda *_: {"company/rules.py": "1"})
    said = params.load(ROOT)
    written = {
        name: str(value) for name, value in dvc_lock.write_code_digests(tmp_path, said).items()
    }
    pipeline = Pipeline((MAKES, made_by("assay stage gate", written["gate"])), {})
    assert [*dvc_lock.outdated_stages(pipeline, written)] == []
    monkeypatch.setattr(digests, "installed_packages", lambda *_: {"company/rules.py": "2"})
    now = digests.with_packages(digests.stage_digests(), tmp_path, said)
    assert len([*dvc_lock.outdated_stages(pipeline, now)]) == 1


def test_a_stage_without_the_parameter_would_never_run_again() -> None:
    (line,) = outdated(Pipeline((MAKES, made_by("assay stage gate", None)), {}))
    assert line == "one: its params lack reports/code.json: [gate]"


def test_a_file_that_was_cut_short_says_nothing_of_what_dvc_yaml_asks_for() -> None:
    now = digests.stage_digests()["gate"]
    whole = made_by("assay stage gate", now)
    assert installed_now(replace(whole, params={})) == ()
    assert installed_now(replace(whole, params={}, recorded_params={})) != ()


def installed_now(one: PipelineStage) -> tuple[str, ...]:
    return tuple(outdated(Pipeline((MAKES, one), {})))


def test_without_the_stage_that_writes_digests_nothing_shows() -> None:
    (line,) = outdated(Pipeline((made_by("assay stage gate", None),), {}))
    assert "no stage makes reports/code.json" in line and "assay stage code" in line


def test_a_project_below_dvcs_root_is_found() -> None:
    makes = bare("code", outputs=(StageFile("sub/reports/code.json", "1"),))
    now = digests.stage_digests()["gate"]
    found = outdated(Pipeline((makes, made_by("assay stage gate", now, "sub")), {}, (), "sub"))
    assert [*found] == []


@pytest.mark.parametrize(
    "one",
    [
        made_by("python gate.py", OTHER),
        made_by("assay stage gate", OTHER, frozen=True),
        made_by("assay stage gate", OTHER, recorded=False),
    ],
)
def test_others_are_left_to_others(one: PipelineStage) -> None:
    assert [*outdated(Pipeline((MAKES, one), {}))] == []


def test_the_command_leaves_a_digest_for_each_stage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / layout.PARAMS).write_bytes((PARCELS / layout.PARAMS).read_bytes())
    assert main(["stage", "code", "--json", "--root", str(tmp_path)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == {"schema": 1, **digests.stage_digests()}
    assert json.loads((tmp_path / layout.CODE).read_text()) == printed
    assert len(set(digests.stage_digests().values())) == len(digests.STAGES)


# -------------------------------------------------------------------------- the project's own code

CLASS = "sklearn.dummy.DummyClassifier"
FILES = {
    "data/contract.py": "import pandas\n",
    "data/models.py": "from data.steps import SIGN\n",
    "data/steps.py": "",
}


def pipeline(*inputs: str, folder: str = "") -> Pipeline:
    above = f"{folder}/" if folder else ""
    train = bare(
        "train@prior",
        inputs=tuple(StageFile(above + path, "1") for path in inputs),
        outputs=(StageFile(f"{above}models/candidates/prior", "2", cached=True),),
    )
    look = bare("look", inputs=(StageFile(f"{above}data/contract.py", "1"),))
    return Pipeline((train, look), {}, folder=folder)


def lacking(made: Pipeline) -> tuple[str, ...]:
    given = params.parse(PARAMS_YAML.replace(CLASS, "data.models.Own"), "params.yaml")
    return tuple(missing_deps(made, given, FILES.get, ()))


def test_a_candidate_s_stage_names_all_that_its_class_needs() -> None:
    assert lacking(pipeline("data/models.py", "data/steps.py")) == ()
    assert lacking(pipeline("data")) == ()
    assert lacking(pipeline("data/models.py", "data/steps.py", folder="sub")) == ()
    assert lacking(pipeline("data/models.py")) == (
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
    assert tuple(missing_deps(pipeline(), params.parse(text, "params.yaml"), FILES.get, ())) == (
        "train@prior: data/models.py is not among its deps, and candidate prior needs it",
        "train@prior: data/steps.py is not among its deps, and candidate prior needs it",
    )


def test_what_the_contract_needs_is_named_by_some_stage() -> None:
    (train, _) = pipeline("data/models.py", "data/steps.py").stages
    assert lacking(Pipeline((train,), {})) == (
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
        one = bare("one", inputs=inputs, outputs=(StageFile(output, "2"),))
        told[inputs] = tuple(missing_deps(Pipeline((one,), {}), given, OWN.get, ()))
    assert f"one: {lacks} needs it" in told[look.inputs]
    assert told[both] == ()


# ---------------------------------------------------------------------- commands that are evidence


def made(path: str, command: str, folder: str = "") -> tuple[str, ...]:
    whole = f"{folder}/{path}" if folder else path
    judge = bare("judge", outputs=(StageFile(whole, "1"),), command=command)
    return tuple(foreign_commands(Pipeline((judge,), {}, folder=folder)))


@pytest.mark.parametrize(("path", "name"), MAKERS.items())
@pytest.mark.parametrize("options", ["", " --root sub/project", " --name=a-b"])
def test_assay_alone_is_evidence(path: str, name: str, options: str) -> None:
    assert made(path, f"assay stage {name}{options}") == ()
    assert made(path, f"assay stage {name}{options}", folder="sub") == ()


@pytest.mark.parametrize(
    "command",
    [
        "",
        "sh data/forge.sh",
        "assay stage gate || python forge.py",
        "assay stage gate; true",
        "assay stage gate\npython forge.py",
        "assay stage gate $(python forge.py)",
        "assay stage gate > out",
        "PATH=.:$PATH assay stage gate",
        "./assay stage gate",
        "assay stage gates",
        "assay gate",
        "assay stage evaluate",
    ],
)
@pytest.mark.parametrize("folder", ["", "sub"])
def test_anything_beside_it_is_named(command: str, folder: str) -> None:
    (line,) = made(layout.VERDICT, command, folder)
    assert line.startswith(f"judge: {layout.VERDICT} is made by `")
    assert line.endswith("where only `assay stage gate` alone is evidence") and "\n" not in line


def test_a_part_of_a_folder_is_asked_about_too_and_other_outputs_are_not() -> None:
    assert made(f"{layout.PREPARED}/holdout.parquet", "python split.py")
    assert made(layout.BUNDLE, "python train.py") == made("data/preparedness", "x") == ()


@pytest.mark.parametrize("root", [ROOT, ROOT / "tests" / "parcels"])
def test_the_stages_that_people_copy_judge_by_assay(root: Path) -> None:
    tree = yaml_text.load((root / layout.DVC_YAML).read_text(encoding="utf-8"))
    found = set()
    for stage in tree["stages"].values():
        body = stage.get("do", stage)
        outputs = [next(iter(each)) if isinstance(each, dict) else each for each in body["outs"]]
        for path in outputs:
            assert made(path, body["cmd"]) == ()
            found |= {name for kept, name in MAKERS.items() if path == kept}
    assert found == set(MAKERS.values())


def test_digests_are_found_again_only_after_a_file_of_assay_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = params.load(ROOT)
    first = dvc_lock.write_code_digests(tmp_path, said)
    monkeypatch.setattr(digests, "stage_digests", lambda: dict.fromkeys(digests.STAGES, OTHER))
    assert dvc_lock.write_code_digests(tmp_path, said) == first
    monkeypatch.setattr(digests, "package_digest", lambda: OTHER)
    assert dvc_lock.write_code_digests(tmp_path, said)["gate"] == OTHER
    (tmp_path / ".assay" / "code.json").write_text('{"of": ', encoding="utf-8")
    assert json.loads((tmp_path / layout.CODE).read_text(encoding="utf-8"))["gate"] == OTHER
    assert dvc_lock.write_code_digests(tmp_path, said)["gate"] == OTHER
