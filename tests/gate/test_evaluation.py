from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest

from assay.errors import DataError, StageInputMissing
from assay.metrics.estimate import Estimate
from assay.project import layout
from assay.reports.evaluation import (
    Evaluation,
    FeatureDrop,
    FeatureImportance,
    GroupCorrelations,
    SliceResult,
    sort_slices,
)
from tests.gate import build

AUC_OF_EAST = Estimate(0.8, 0.7, 0.9)


def test_reads_what_was_written(tiny: Any) -> None:
    found = Evaluation.read(tiny.root)
    assert found.metrics["auc"].low == 0.75
    assert [part.title for part in found.slices] == ["place=east", "place=west"]


def test_correlations_are_of_the_pairs_in_their_order() -> None:
    names = ("a", "b", "c", "d")
    each = [0.12, 0.13, 0.14, -0.23, None, 1.0]
    found = GroupCorrelations.of("place", names, {"auc": each})
    assert found.metrics["auc"] == "120 130 140 -230 - 1000"
    pairs = dict(zip(combinations(names, 2), each, strict=True))
    for (one, other), value in pairs.items():
        assert found.between(one, other, "auc") == found.between(other, one, "auc") == value
    assert found.between("a", "a", "auc") is None
    assert found.between("a", "e", "auc") is None
    assert found.between("a", "b", "f1") is None
    # Rounded down, which is the wider interval.
    assert GroupCorrelations.of("p", ("a", "b"), {"f1": [0.9999]}).metrics["f1"] == "999"
    assert GroupCorrelations.of("p", ("a", "b"), {"f1": [-0.0001]}).metrics["f1"] == "-1"


@pytest.mark.parametrize("text", ["", "1 2", "1 2 3 4", "1 2 x", "1 2 1001", "1  2 3", "1 2 0.3"])
def test_correlations_that_are_not_of_all_pairs_are_refused(text: str, tiny: Any) -> None:
    one = {"field": "place", "values": ["a", "b", "c"], "metrics": {"auc": text}}
    tiny.evaluation(correlations=[one])
    with pytest.raises(DataError, match="holds no 3 correlations in whole thousandths"):
        Evaluation.read(tiny.root)


def test_every_key_ends_up_in_its_place(tiny: Any) -> None:
    tree = tiny.tree()
    slices = [
        {**tree["slices"][0], "selected": 61},
        {**tree["slices"][1], "value": 1.5, "metrics": None, "why": "too few"},
    ]
    full = {
        "value": None,
        "low": 0.1,
        "high": 0.2,
        "why": "one class",
        "degrees": 8.5,
        "design_effect": 2.5,
        "few": True,
        "needed": 12,
        "doubt": "tails",
    }
    metrics = {"f1": full}
    said = Estimate(**build.share(60, 300).plain())  # type: ignore[arg-type]
    tiny.evaluation(slices=slices, metrics=metrics, types=["a.B"])
    counts = {"rows": 300, "units": 300, "positives": 90}
    east: dict[str, Any] = {"field": "place", **counts, "selection_rate": said}
    assert Evaluation.read(tiny.root) == Evaluation(
        task="binary",
        name="tiny",
        candidate="prior",
        bundle=tree["bundle"],
        data=tree["data"],
        contract=tree["contract"],
        rows=600,
        unit="row",
        units=600,
        positives=180,
        selected=120,
        threshold=0.5,
        confidence=0.95,
        metrics={"f1": Estimate(None, 0.1, 0.2, "one class", 8.5, 2.5, True, 12, "tails")},
        slices=(
            SliceResult(**east, value="east", selected=61, metrics={"auc": AUC_OF_EAST}),
            SliceResult(**east, value="1.5", selected=60, metrics=None, why="too few"),
        ),
        types=("a.B",),
        importance=FeatureImportance(
            metric="auc",
            rows=600,
            repeats=5,
            features=(FeatureDrop(feature="hour", drop=0.1, low=0.1, high=0.1),),
        ),
    )


def test_other_tasks_have_no_positives(tiny: Any) -> None:
    tree = tiny.tree()
    bare = [
        {k: v for k, v in part.items() if k not in ("positives", "selected", "selection_rate")}
        for part in tree["slices"]
    ]
    del tree["positives"], tree["selected"], tree["threshold"]
    tiny.write(layout.EVALUATION, json.dumps({**tree, "task": "regression", "slices": bare}))
    found = Evaluation.read(tiny.root)
    assert (found.task, found.positives, found.threshold) == ("regression", None, None)
    assert [part.positives for part in found.slices] == [None, None]
    assert [part.selection_rate for part in found.slices] == [None, None]


def test_is_frozen(tiny: Any) -> None:
    with pytest.raises(TypeError):
        Evaluation.read(tiny.root).metrics["auc"] = None  # type: ignore[index]


def test_a_slice_that_was_too_small_needs_a_reason(tiny: Any) -> None:
    small = {
        "field": "place",
        "value": 7,
        "rows": 3,
        "units": 3,
        "positives": 1,
        "selected": 1,
        "selection_rate": build.share(1, 3).plain(),
        "metrics": None,
    }
    tiny.evaluation(slices=[{**small, "why": "3 rows, fewer than 200"}])
    assert Evaluation.read(tiny.root).slices[0].value == "7"
    tiny.evaluation(slices=[small])
    with pytest.raises(DataError, match=r"slices\[0\].why is missing"):
        Evaluation.read(tiny.root)


def test_a_missing_file_names_itself(tiny: Any) -> None:
    (tiny.root / layout.EVALUATION).unlink()
    with pytest.raises(StageInputMissing, match=layout.EVALUATION):
        Evaluation.read(tiny.root)


AUC = {"value": 0.8, "low": 0.7, "high": 0.9}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"schema": 1}, "schema"),
        ({"task": "ranking"}, "task"),
        ({"task": None}, "task"),
        ({"positives": None}, "positives"),
        ({"bundle": None}, "bundle"),
        ({"rows": 1.5}, "rows"),
        ({"rows": -1}, "rows"),
        ({"rows": True}, "rows"),
        ({"unit": None}, "unit"),
        ({"units": None}, "units"),
        ({"confidence": 1.0}, "confidence"),
        ({"confidence": 1.5}, "confidence"),
        ({"confidence": 0.0}, "confidence"),
        ({"confidence": -0.5}, "confidence"),
        ({"confidence": float("nan")}, "confidence"),
        ({"confidence": None}, "confidence"),
        ({"metrics": []}, "metrics"),
        ({"metrics": {"auc": 0.8}}, "metrics.auc"),
        ({"metrics": {"auc": {"value": 0.8, "low": 0.7}}}, "metrics.auc.high"),
        ({"metrics": {"auc": {**AUC, "value": "0.8"}}}, "metrics.auc.value"),
        ({"metrics": {"auc": {**AUC, "value": True}}}, "metrics.auc.value"),
        ({"metrics": {"auc": {**AUC, "few": 1}}}, "metrics.auc.few"),
        ({"metrics": {"auc": {**AUC, "needed": 1.5}}}, "metrics.auc.needed"),
        ({"metrics": {"auc": {**AUC, "degrees": "9"}}}, "metrics.auc.degrees"),
        ({"slices": None}, "slices"),
        ({"slices": [{"field": "place"}]}, "slices[0].value"),
        ({"slices": [{"field": "place", "value": True}]}, "slices[0].value"),
        ({"slices": [{"field": "place", "value": None}]}, "slices[0].value"),
        ({"slices": [{"field": "place", "value": []}]}, "slices[0].value"),
        ({"types": [1]}, "types[0]"),
        ({"correlations": [{"field": "a", "values": ["b"]}]}, "correlations[0].metrics"),
    ],
)
def test_a_malformed_file_names_the_key(tiny: Any, changes: dict[str, Any], key: str) -> None:
    tiny.evaluation(**changes)
    with pytest.raises(DataError) as caught:
        Evaluation.read(tiny.root)
    assert caught.value.line().startswith(f"{layout.EVALUATION}: not an evaluation: {key} ")


def test_the_same_slice_twice_is_malformed(tiny: Any) -> None:
    tiny.evaluation(slices=tiny.tree()["slices"] * 2)
    with pytest.raises(DataError, match="place=east, place=west more than once"):
        Evaluation.read(tiny.root)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1, "schema": 1}', "\udcff"])
def test_what_is_no_json_mapping_is_malformed(tiny: Any, text: str) -> None:
    path = tiny.root / layout.EVALUATION
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match=layout.EVALUATION):
        Evaluation.read(tiny.root)


def test_nan_is_read_so_that_a_rule_can_fail_on_it(tiny: Any) -> None:
    tiny.evaluation(metrics={"auc": {**AUC, "value": float("nan")}})
    assert "NaN" in json.dumps(Evaluation.read(tiny.root).metrics["auc"].value)


def test_the_worst_slices_come_first_and_those_without_a_value_last() -> None:
    found = build.evaluation(
        build.share(80, 100),
        build.place("good", build.share(90, 100)),
        build.place("small", None, rows=20, selected=5),
        build.place("bad", build.share(60, 100)),
        build.place("lost", Estimate(None, None, None, "one class")),
    )
    assert [part.value for part in sort_slices(found)] == ["bad", "good", "small", "lost"]


def test_what_dvc_shows_is_flat_and_short() -> None:
    found = build.evaluation(build.share(2, 3))
    assert found.summary() == {
        "auc": 0.666667,
        "rows": 1000,
        "positives": found.positives,
        "selected": found.selected,
    }
    other = build.changed(found, task="regression", positives=None, selected=None)
    assert set(other.summary()) == {"auc", "rows"}
