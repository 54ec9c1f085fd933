from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.errors import LabelError
from assay.formats.definition import ColumnFacts
from assay.init.label import decide_label, distance_from_median, refuse_few_groups
from tests.init.frames import facts_of

EVEN = 2.0


def facts(values: list[Any]) -> ColumnFacts:
    return facts_of(pd.DataFrame({"y": values}))[0]


@pytest.mark.parametrize(
    ("values", "positive", "share"),
    [
        ([True] * 30 + [False] * 70, None, 0.3),
        (["yes"] * 80 + ["no"] * 20, "yes", 0.8),
        (["No"] * 60 + ["Yes"] * 40, "Yes", 0.4),
        ([0] * 60 + [1] * 40, 1, 0.4),
        ([1.0] * 60 + [0.0] * 40, 1.0, 0.6),
        ([1] * 60 + [2] * 40, 2, 0.4),
        (["M"] * 60 + ["F"] * 40, "F", 0.4),  # the rarer one
    ],
)
def test_two_values_are_yes_or_no(values: list[Any], positive: Any, share: float) -> None:
    found = decide_label(facts(values), None, None, None)
    assert (found.task, found.positive, found.share) == ("binary", positive, share)
    assert found.baseline == pytest.approx(share * (1 - share))


def test_what_means_yes_can_be_said() -> None:
    column = facts(["M"] * 60 + ["F"] * 40)
    assert decide_label(column, None, None, None).unsure
    found = decide_label(column, None, "M", None)
    assert (found.positive, found.unsure) == ("M", "")
    with pytest.raises(LabelError, match="the target never has this value"):
        decide_label(column, None, "X", None)


def test_what_means_yes_is_said_in_the_words_of_the_file() -> None:
    column, words = facts([True] * 30 + [False] * 70), {True: "y", False: "n"}
    assert decide_label(column, None, None, None, words).evidence == "'y' in 30 of 100 rows"
    assert decide_label(column, None, "Y", None, words).positive is None
    assert decide_label(column, None, "N", None, words).positive is False
    with pytest.raises(LabelError, match="expected 'n' or 'y', found 'X'"):
        decide_label(column, None, "X", None, words)


@pytest.mark.parametrize("values", [["sue", "pay", "wait"] * 40, list(range(120))])
def test_only_one_of_two_values_can_mean_yes(values: list[Any]) -> None:
    with pytest.raises(LabelError, match="only a target of two values has one that means yes"):
        decide_label(facts(values), None, "sue", 1.0)


def test_a_text_of_nearly_all_numbers_is_refused_with_the_cell_to_fix() -> None:
    why = "all but 1 of 200 are numbers; the first other one is 'err' in line 8"
    column = replace(facts([f"{number}.5" for number in range(200)]), stays_text=why)
    with pytest.raises(LabelError, match=why):
        decide_label(column, None, None, None)


def test_a_target_without_bounds_is_refused() -> None:
    column = replace(facts([*np.linspace(0, 1, 99), np.inf]), infinite=1)
    with pytest.raises(LabelError, match="found infinite in 1 of 100 rows"):
        decide_label(column, None, None, 1.0)


def test_texts_and_numbers_in_a_row_are_classes() -> None:
    texts = decide_label(facts(["a", "b", "c"] * 40), None, None, None)
    assert (texts.task, texts.classes, texts.as_text) == ("multiclass", ("a", "b", "c"), False)
    assert texts.baseline == pytest.approx(2 / 3)
    codes = decide_label(facts([0.0, 1.0, 2.0] * 40), None, None, EVEN)
    assert (codes.task, codes.classes, codes.as_text) == ("multiclass", ("0", "1", "2"), True)
    assert "regression" in codes.unsure


def test_other_numbers_are_a_regression() -> None:
    values = list(np.linspace(-3, 5, 200))
    found = decide_label(facts(values), None, None, EVEN)
    assert (found.task, found.baseline, found.unsure) == ("regression", 2.0, "")
    assert distance_from_median(pd.Series([1, 2, 6, None])) == pytest.approx(5 / 3)
    assert distance_from_median(pd.Series(["a", "b"])) is None
    grades = decide_label(facts([3, 4, 5, 6, 7, 8] * 40), None, None, EVEN)
    assert grades.task == "regression" and "multiclass" in grades.unsure
    assert decide_label(facts([3, 4, 5] * 40), "multiclass", None, EVEN).task == "multiclass"


@pytest.mark.parametrize(
    ("values", "task", "words"),
    [
        ([None] * 100, None, "no value in any row"),
        (["a"] * 100, None, "the same in every row"),
        (["x"] * 60 + [None] * 40, None, "40 empty cells.*If an empty cell means no, write"),
        ([0] * 90 + [1] * 40 + [2] * 30 + [3] * 3, None, "how many, and not which: --task regress"),
        (["a"] * 99 + ["b"], None, "too rare.*'b' in 1 row"),
        (["a"] * 60 + ["b"] * 40 + ["c"] * 3, None, "too rare.*'c' in 3 rows"),
        ([f"text {number}" for number in range(200)], None, "too many classes"),
        (list(pd.date_range("2024-01-01", periods=100)), None, "the target is a time"),
        (["a", "b"] * 50, "regression", "a regression needs numbers"),
        (["a", "b", "c"] * 50, "binary", "two values"),
    ],
)
def test_what_cannot_be_learnt_is_refused(values: list[Any], task: Any, words: str) -> None:
    with pytest.raises(LabelError) as error:
        decide_label(facts(values), task, None, None)
    assert re.search(words, error.value.line())


def test_a_class_needs_groups_on_both_sides_of_a_split_by_groups() -> None:
    rows = pd.DataFrame(
        {"y": np.repeat(["Asia", "Oceania"], 100), "land": [*map(str, np.arange(100) // 10)] * 2}
    )
    label = decide_label(facts(list(rows["y"])), None, None, None)
    refuse_few_groups(rows, label, "land")
    rows.loc[100:, "land"] = ["new", "old"] * 50
    with pytest.raises(LabelError, match=r"at least 5 values of land .*found 'Oceania' with 2"):
        refuse_few_groups(rows, label, "land")


def test_rows_without_a_label_are_told_and_many_are_asked_about() -> None:
    few = decide_label(facts([1.0, 2.5] * 50 + [None] * 5), "regression", None, EVEN)
    assert few.evidence.endswith("none in 5 of 105 rows") and few.unsure.count("none in") == 0
    many = decide_label(facts(["yes", "no"] * 50 + [None] * 60), None, None, None)
    assert "none in 60 of 160 rows, which nothing is learnt from" in many.unsure
