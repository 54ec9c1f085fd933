"""Rows that are on both sides are found, and rows that are alike by chance are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.contract.definition import Field, Role
from assay.training.leakage import stage as checks
from tests.training.leakage.tables import HOLDOUT, both, contract, found, sides, suspects


def test_a_key_on_both_sides():
    train, holdout = both()
    holdout.loc[[3, 7], "parcel"] = train["parcel"].iloc[[100, 200]].to_numpy()
    told = suspects((train, holdout))
    assert list(told) == ["same_key"]
    check = told["same_key"]
    assert (check.observed, check.limit, check.columns) == (2.0, 0.0, ("parcel",))
    assert [row["parcel"] for row in check.examples] == train["parcel"].iloc[[100, 200]].tolist()
    assert check.detail.startswith(f"2 of {HOLDOUT:,} holdout rows (0.17%)")


def test_only_all_columns_of_a_key_together_make_a_key():
    train, holdout = both()
    train["depot"], holdout["depot"] = "north", "south"
    holdout["parcel"] = train["parcel"].to_numpy()[:HOLDOUT]
    fields = {each.name: each for each in contract().fields}
    depot = Field("depot", (Role.KEY,), "string", False, 3)
    of = contract()
    of = type(of)(of.name, of.file, "", tuple({**fields, "depot": depot}.values()), (), "late")
    told = checks.same_key(sides(of, train, holdout))
    assert (told.outcome, told.columns) == ("ok", ("parcel", "depot"))
    holdout.loc[5, "depot"] = "north"
    told = checks.same_key(sides(of, train, holdout))
    assert (told.outcome, told.observed) == ("suspect", 1.0)


def copied(train: pd.DataFrame, holdout: pd.DataFrame, rows: int) -> None:
    """The holdout's first rows get features and label of training's last ones."""
    names = ["depot", "weight", "express", "stops", "late"]
    holdout.loc[: rows - 1, names] = train[names].iloc[-rows:].to_numpy()


@pytest.mark.parametrize(("rows", "outcome"), [(12, "ok"), (36, "suspect")])
def test_rows_that_training_has_under_another_key(rows: int, outcome: str):
    train, holdout = both()
    copied(train, holdout, rows)
    holdout["weight"] = holdout["weight"] * (1 + 1e-7)  # as another program rounds it
    check = found((train, holdout))["near_duplicates"]
    assert check.outcome == outcome
    # Rows whose weight is null are alike by chance, a few copied ones among them.
    told = check.numbers[0]
    assert rows <= told["rows"] <= rows + 70
    assert check.observed <= told["share"] - told["by_chance"]
    if outcome == "suspect":
        assert check.limit == 0.01 < check.observed
        first = check.examples[0]
        assert set(first) == {"parcel in holdout", "parcel in training"}
        twin = train.set_index("parcel").loc[first["parcel in training"]]
        mine = holdout.set_index("parcel").loc[first["parcel in holdout"]]
        assert (twin["depot"], twin["stops"]) == (mine["depot"], mine["stops"])


def test_rows_of_few_coarse_features_are_alike_by_chance():
    train, holdout = (each.assign(weight=1.0) for each in both())
    check = found((train, holdout))["near_duplicates"]
    assert check.numbers[0]["share"] == 1.0
    assert check.numbers[0]["by_chance"] > 0.99
    assert check.outcome == "ok"


def test_rows_that_differ_in_one_feature_are_no_duplicates():
    train, holdout = both()
    copied(train, holdout, HOLDOUT)
    holdout["stops"] += 100
    check = found((train, holdout))["near_duplicates"]
    assert (check.numbers[0]["rows"], check.numbers[0]["same_label"]) == (0, None)


def test_rows_that_differ_in_a_column_that_is_no_feature_are_no_duplicates():
    train, holdout = both()
    copied(train, holdout, HOLDOUT)
    age = Field("age", (Role.SENSITIVE,), "integer", False, 3)
    train, holdout = (each.assign(age=np.arange(len(each))) for each in (train, holdout))
    assert found((train, holdout), "binary", age)["near_duplicates"].numbers[0]["rows"] < 9
    holdout["age"] = train["age"].iloc[-HOLDOUT:].to_numpy()
    check = found((train, holdout), "binary", age)["near_duplicates"]
    assert check.outcome == "suspect" and "all features and in 'age'" in check.detail
    assert check.columns[-1] == "age"


def test_duplicates_say_whether_their_labels_agree():
    train, holdout = both()
    train["weight"] = np.arange(len(train)) + 1.0
    holdout["weight"] = np.arange(len(holdout)) + 10_001.0
    copied(train, holdout, 100)
    holdout.loc[:24, "late"] = ~holdout["late"][:25].astype(bool)
    check = found((train, holdout))["near_duplicates"]
    assert (check.numbers[0]["rows"], check.numbers[0]["same_label"]) == (100, 0.75)


@pytest.mark.parametrize(
    ("copies", "noise", "outcome"), [(0, 0.3, "ok"), (150, 0.3, "suspect"), (0, 0.0, "suspect")]
)
def test_columns_that_hang_together_make_pairs_that_are_no_copies(
    copies: int, noise: float, outcome: str
):
    """A depot's parcels weigh the same; all that tells them from copies is that labels differ."""
    random = np.random.default_rng(7)
    made = []
    for each in both():
        depot = random.integers(0, 2000, len(each))
        flipped = random.random(len(each)) < noise
        same = {"depot": depot.astype(str), "weight": depot / 7, "stops": 1, "express": True}
        made.append(each.assign(**same, late=(depot % 2 == 0) ^ flipped))
    train, holdout = made
    copied(train, holdout, copies)
    train.loc[len(train) - copies :, "weight"] += 1000.0
    holdout.loc[: copies - 1, "weight"] += 1000.0
    holdout["late"] = holdout["late"].astype(bool)
    check = found((train, holdout))["near_duplicates"]
    told = check.numbers[0]
    assert told["share"] - told["by_chance"] > 0.4 and check.outcome == outcome


def test_a_label_that_is_nearly_always_the_same_clears_no_copies():
    train, holdout = both()
    copied(train, holdout, 100)
    train["late"], holdout["late"] = np.arange(len(train)) % 500 == 0, False
    check = found((train, holdout))["near_duplicates"]
    assert check.outcome == "suspect" and check.numbers[0]["same_label_by_chance"] <= 1


def test_a_holdout_that_starts_before_training_ends():
    train, holdout = both()
    holdout.loc[:1, "sent"] = train["sent"].max() - pd.Timedelta(hours=1)
    holdout.loc[2, "sent"] = train["sent"].max()
    told = suspects((train, holdout))
    assert list(told) == ["time_overlap"]
    assert (told["time_overlap"].observed, told["time_overlap"].columns) == (3.0, ("sent",))
    assert "training's last" in told["time_overlap"].detail


def test_a_side_without_times_is_unknown():
    train, holdout = both()
    check = checks.time_overlap(sides(contract(), train, holdout.assign(sent=pd.NaT)))
    assert (check.outcome, check.observed) == ("unknown", None)
