"""Recorded and present hashes compared, without DVC: what is a change and what is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.registry.dvc_lock.compare import (
    LockChanges,
    Pipeline,
    PipelineStage,
    StageFile,
    compare,
    differences,
)

CODE = StageFile("train.py", "1", here=True, now="1")
RAW = StageFile("data/raw", "2", cached=True)
MADE = StageFile("models/bundle", "3", cached=True)
REPORT = StageFile("report.json", "4", here=True, now="4")


def stage(name: str = "train", **given: Any) -> PipelineStage:
    facts: dict[str, Any] = {
        "recorded": True,
        "same_command": True,
        "frozen": False,
        "params": {"params.yaml: seed": 1},
        "recorded_params": {"params.yaml: seed": 1},
        "inputs": (CODE, RAW),
        "outputs": (MADE, REPORT),
    }
    return PipelineStage(name=name, **{**facts, **given})


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
