"""Which keys of params.yaml changed, and to what they belong."""

from __future__ import annotations

from typing import Any

import pytest

from assay.hosting.comment_changes import (
    SECTIONS,
    Changes,
    KeyChange,
    PartChange,
    changed_keys,
    part_keys,
)
from assay.project.params import Params

WAS: dict[str, Any] = {
    "seed": 1,
    "gate": {"rules": [{"name": "a", "min": 0.7}, {"name": "b", "min": 0.1}], "tests": "t"},
    "train": {"candidates": {"x": {"args": {"depth": 3}}}},
    "spark": {"conf": {}},
    "prepare": {"days": [1, 2]},
}


@pytest.mark.parametrize(
    ("now", "found"),
    [
        ({}, []),
        ({"seed": 2}, [KeyChange("seed", "1", "2")]),
        (
            {"gate": {"rules": [{"name": "b", "min": 0.1}, {"name": "a", "min": 0.6}]}},
            [KeyChange("gate.rules[a].min", "0.7", "0.6"), KeyChange("gate.tests", '"t"', None)],
        ),
        (
            {"gate": {"rules": [{"name": "a", "min": 0.7}, {"name": "c"}], "tests": "t"}},
            [
                KeyChange("gate.rules[c]", None, '{"name": "c"}'),
                KeyChange("gate.rules[b]", '{"name": "b", "min": 0.1}', None),
            ],
        ),
        ({"prepare": {"days": [1, 3]}}, [KeyChange("prepare.days", "[1, 2]", "[1, 3]")]),
        ({"spark": {"conf": {"a": None}}}, [KeyChange("spark.conf.a", None, "null")]),
        ({"seed": "ü"}, [KeyChange("seed", "1", '"ü"')]),
    ],
)  # fmt: skip
def test_each_difference_is_named(now: dict[str, Any], found: list[KeyChange]) -> None:
    assert list(changed_keys(WAS, {**WAS, **now})) == found


def test_rules_with_the_same_name_are_compared_as_a_list() -> None:
    rules = [{"name": "a"}, {"name": "a"}]
    (one,) = changed_keys({"gate": rules}, {"gate": rules[:1]})
    assert one.key == "gate"


def test_keys_go_to_the_part_that_they_belong_to() -> None:
    keys = tuple(KeyChange(key, "1", "2") for key in ("train.x", "gate[a].min", "spark.conf.y"))
    assert part_keys(keys, "model") == keys[:1]
    assert part_keys(keys, "policy") == keys[1:2]
    assert part_keys(keys, None) == keys[2:]


def test_the_sections_are_those_of_params_yaml() -> None:
    assert set(SECTIONS) <= set(Params.model_fields)


@pytest.mark.parametrize(
    ("model", "policy", "loud"),
    [(True, True, True), (True, False, False), (False, True, False), (True, None, False)],
)
def test_only_both_together_are_loud(model: bool, policy: bool | None, loud: bool) -> None:
    found = Changes((PartChange("model", model), PartChange("policy", policy)))
    assert found.policy_and_model is loud
