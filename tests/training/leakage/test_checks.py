"""All checks on clean sides, shifts, and what nights lack."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.project.params.behaviour import LEAKAGE_CHECKS
from assay.training.leakage import stage as checks
from assay.training.leakage.features import UnsampledSource
from tests.training.leakage.tables import (
    HOLDOUT,
    LABELS,
    both,
    contract,
    found,
    frame,
    sides,
    source,
    suspects,
)


@pytest.mark.parametrize("task", LABELS)
def test_clean_sides_pass_every_check(task: str):
    told = found(both(task), task)
    assert tuple(told) == LEAKAGE_CHECKS
    outcomes = {name: each.outcome for name, each in told.items()}
    assert outcomes == dict.fromkeys(LEAKAGE_CHECKS, "ok")
    for each in told.values():
        assert each.observed is not None
        assert each.limit is None or each.observed <= each.limit


@pytest.mark.parametrize("task", LABELS)
@pytest.mark.parametrize("empty", [(True, False), (False, True), (True, True)])
def test_a_side_without_rows_is_never_ok(task: str, empty: tuple[bool, bool]):
    frames = tuple(each[:0] if gone else each for each, gone in zip(both(task), empty, strict=True))
    told = found(frames, task)
    assert tuple(told) == LEAKAGE_CHECKS
    assert {each.outcome for each in told.values()} == {"unknown"}
    where = {(True, False): "in training", (False, True): "in the holdout"}
    assert all(
        where.get(empty, "training and the holdout") in each.detail for each in told.values()
    )


@pytest.mark.parametrize("task", LABELS)
def test_columns_without_any_value_are_no_suspicion(task: str):
    gone = ["depot", "weight", "express", "stops"]
    train, holdout = (each.assign(**dict.fromkeys(gone)) for each in both(task))
    told = suspects((train, holdout), task)
    assert told == {}


def test_a_column_that_only_the_holdout_lacks_has_shifted():
    train, holdout = both()
    told = suspects((train, holdout.assign(depot=None)))
    assert list(told) == ["category_shift"]
    check = told["category_shift"]
    assert check.columns == ("depot",)
    assert check.examples[0] == {"value": None, "training": 0.0, "holdout": 1.0}
    assert check.numbers[0]["distance"] == 1.0


# ---------------------------------------------------------------------------------- shifts


def test_all_columns_that_shifted_are_named():
    train, holdout = both()
    told = found((train, holdout.assign(depot="moon", express=True)))["category_shift"]
    assert told.columns == ("depot", "express")
    assert told.detail.startswith("'depot' differs in 100.00% of rows")
    assert told.detail.endswith("; too much so do 'express'")


def test_categories_that_training_hardly_knows():
    train, holdout = both()
    holdout.loc[: HOLDOUT // 3, "depot"] = "moon"
    told = suspects((train, holdout))
    assert list(told) == ["category_shift"]
    check = told["category_shift"]
    assert check.columns == ("depot",)
    assert check.examples[0]["value"] == "moon"
    assert check.numbers[0]["distance"] == pytest.approx(1 / 3, abs=0.01)
    assert check.observed == check.numbers[0]["beyond"]


@pytest.mark.parametrize("task", LABELS)
def test_a_label_whose_shares_differ(task: str):
    train, holdout = both(task)
    late = holdout["late"]
    lean = late == "late" if task == "multiclass" else late > late.median()
    kept = holdout[lean if task != "binary" else late].iloc[:400]
    told = found((train, kept), task)
    check = told["label_shift"]
    assert (check.outcome, check.columns) == ("suspect", ("late",))
    assert check.observed > check.limit == 0.1
    assert told["category_shift"].outcome == "ok"


def test_a_label_that_is_missing_in_a_regression_is_unknown():
    train, holdout = both("regression")
    holdout.loc[3, "late"] = np.nan
    assert found((train, holdout), "regression")["label_shift"].outcome == "unknown"


def seasonal(train_days: int, holdout_days: int) -> tuple[Any, Any]:
    """Depot and label go with the season, which turns once in 200 days."""
    train, holdout = both("regression")
    made = []
    for side, first, days in ((train, 0, train_days), (holdout, train_days, holdout_days)):
        day = first + np.arange(len(side)) * days // len(side)
        summer = np.sin(day * 2 * np.pi / 200)
        random = np.random.default_rng(first)
        made.append(
            side.assign(
                sent=pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D"),
                depot=np.where(random.random(len(side)) < 0.5 + 0.45 * summer, "north", "south"),
                late=10 * summer + random.normal(0, 1, len(side)),
            )
        )
    return made[0], made[1]


def test_seasons_that_training_shows_are_no_shift():
    told = found(seasonal(300, 40), "regression")
    for name, column in (("label_shift", "late"), ("category_shift", "depot")):
        assert told[name].outcome == "ok", told[name].detail
        (row,) = [each for each in told[name].numbers if each["column"] == column]
        assert row["in_training"] >= row["distance"] > 0.3
    # One that training is too short for, and one that goes beyond every season, still are.
    told = found(seasonal(90, 60), "regression")
    assert {name for name, each in told.items() if each.outcome == "suspect"} == {
        "label_shift",
        "category_shift",
    }
    train, holdout = seasonal(300, 40)
    told = found((train, holdout.assign(depot="moon")), "regression")["category_shift"]
    assert told.outcome == "suspect"
    assert "windows of training differ from its other rows" in told.detail


def test_without_categories_nothing_shifts():
    of = contract()
    fields = tuple(each for each in of.fields if each.name not in ("depot", "express"))
    bare = type(of)(of.name, of.file, "", fields, (), "late")
    check = checks.category_shift(sides(bare, *both()), 0.1)
    assert (check.outcome, check.observed, check.numbers) == ("ok", 0.0, ())


# ----------------------------------------------------------------------------- at scoring


def test_a_column_that_the_scoring_source_lacks():
    of = contract()
    told = checks.not_at_scoring(sides(of, *both()), source(of, drop="stops"))
    assert (told.outcome, told.columns, told.observed) == ("suspect", ("stops",), 1.0)
    assert told.detail == "data/raw: 'stops' is not there"


@pytest.mark.parametrize(("nulls", "outcome"), [(40, "ok"), (95, "suspect")])
def test_a_feature_that_has_no_value_yet_when_nights_are_scored(nulls: int, outcome: str):
    of = contract()
    told = checks.not_at_scoring(sides(of, *both()), source(of, {"weight": nulls}))
    assert told.outcome == outcome
    numbers = {row["column"]: row for row in told.numbers}
    assert numbers["weight"]["null_at_scoring"] == nulls / 100
    assert numbers["weight"]["null_in_training"] == pytest.approx(0.05, abs=0.02)


def test_what_is_null_in_training_too_may_be_null_at_night():
    of = contract()
    train, holdout = (each.assign(weight=None) for each in both())
    told = checks.not_at_scoring(sides(of, train, holdout), source(of, {"weight": 100}))
    assert told.outcome == "ok"


def test_a_source_that_cannot_be_looked_at_is_unknown_and_says_why():
    of = contract()
    told = checks.not_at_scoring(sides(of, *both()), UnsampledSource("score.input is a query"))
    assert (told.outcome, told.detail, told.observed) == ("unknown", "score.input is a query", None)


def test_frames_of_other_seeds_stay_clean():
    """The limits leave room for chance: twenty pairs of small samples, not one suspicion."""
    for seed in range(10, 30):
        frames = (
            frame("binary", 600, "2024-01-01", seed),
            frame("binary", 200, "2024-06-01", seed + 100),
        )
        assert suspects(frames) == {}
