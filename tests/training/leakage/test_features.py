"""A feature that tells the label or names its row is found, an honest one is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from assay.contract.definition import Field, Role
from assay.training.leakage import report as results
from assay.training.leakage import stage as checks
from tests.training.leakage.tables import LABELS, both, contract, feature, found, sides, suspects


def leaks(task: str) -> dict[str, Callable[[pd.DataFrame], pd.Series]]:
    """What a column that tells the label may look like; none needs to rise with it."""
    made: dict[str, dict[str, Callable[[pd.DataFrame], pd.Series]]] = {
        "binary": {
            "string": lambda rows: rows["late"].map({True: "refund", False: "none"}),
            "float": lambda rows: rows["late"] * 3 + rows["weight"].fillna(0) % 1,
            "integer": lambda rows: 2 * rows["stops"] + rows["late"],
            "boolean": lambda rows: ~rows["late"],
        },
        "multiclass": {
            # Only the lost ones are told, nothing of the others.
            "string": lambda rows: (rows["late"] == "lost").map({True: "claim", False: "none"}),
            "float": lambda rows: rows["late"].map({"late": 1.0, "early": np.nan, "lost": 0.5}),
            "boolean": lambda rows: rows["late"] == "early",
        },
        "regression": {
            "float": lambda rows: (rows["late"] - 1) ** 3,
            "integer": lambda rows: (rows["late"] * 60).astype(int),
            "string": lambda rows: np.floor(np.log(rows["late"]) * 5).astype(str),
        },
    }
    return made[task]


@pytest.mark.parametrize(
    ("task", "kind"), [(task, kind) for task in LABELS for kind in leaks(task)]
)
def test_a_feature_that_tells_the_label(task: str, kind):
    frames = tuple(rows.assign(leak=leaks(task)[kind](rows)) for rows in both(task))
    check = found(frames, task, feature("leak", kind))["label_power"]
    assert (check.outcome, check.columns) == ("suspect", ("leak",))
    assert check.observed > check.limit == 0.98
    assert check.detail.startswith("'leak' alone ")
    assert check.numbers[0]["column"] == "leak"
    # Every feature is listed with what it tells, most first.
    powers = [row["power"] for row in check.numbers]
    assert powers == sorted(powers, reverse=True)
    assert len(powers) == 5


@pytest.mark.parametrize("task", LABELS)
def test_a_leak_that_holds_in_training_only_is_no_power(task: str):
    train, holdout = both(task)
    random = np.random.default_rng(0)
    train["leak"] = train["late"].astype(str)
    holdout["leak"] = random.permutation(holdout["late"].astype(str))
    assert found((train, holdout), task, feature("leak", "string"))["label_power"].outcome == "ok"


def test_two_features_that_tell_the_label_are_both_named():
    train, holdout = (rows.assign(a=rows["late"], b=rows["late"]) for rows in both())
    told = found((train, holdout), "binary", feature("a", "boolean"), feature("b", "boolean"))
    check = told["label_power"]
    assert check.columns == ("a", "b")
    assert check.detail.endswith(" over the limit of 0.98; so is 'b'")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rows: rows[:20], "one side has 20 rows only"),
        (lambda rows: rows.assign(late=True), "no class of the label"),
        (lambda rows: rows.assign(late=np.arange(len(rows)) < 4), "no class of the label"),
        (
            lambda rows: rows.assign(late=rows["late"].astype("boolean").where(rows.index != 5)),
            "rows without a label",
        ),
    ],
)
def test_power_is_unknown_where_chance_could_make_it(change, why: str):
    train, holdout = both()
    check = found((train, change(holdout)))["label_power"]
    assert check.outcome == "unknown"
    assert why in check.detail
    assert check.observed is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda late: late * 0, "same number"),
        (lambda late: late.where(late.index != 5), "no finite number"),
        (lambda late: late.where(late.index != 5, np.inf), "no finite number"),
    ],
)
def test_power_over_numbers_that_teach_nothing_is_unknown(change, why: str):
    train, holdout = both("regression")
    check = found((train, holdout.assign(late=change(holdout["late"]))), "regression")
    assert (check["label_power"].outcome, why in check["label_power"].detail) == ("unknown", True)


# ---------------------------------------------------------------------------- identifiers


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("string", lambda rows: [f"P-{number}" for number in rows["parcel"]]),
        ("integer", lambda rows: rows["parcel"] * 7),
        ("float", lambda rows: rows["parcel"].astype(float)),
    ],
)
def test_an_identifier_that_poses_as_a_feature(kind, values):
    frames = tuple(rows.assign(ref=values(rows)) for rows in both())
    check = found(frames, "binary", feature("ref", kind))["identifier"]
    assert (check.outcome, check.columns, check.observed) == ("suspect", ("ref",), 1.0)
    assert len(check.examples) == results.EXAMPLES
    assert set(check.examples[0]) == {"ref"}


def test_a_measurement_is_no_identifier_though_all_its_values_differ():
    frames = tuple(rows.assign(speed=rows["parcel"] + 0.5) for rows in both())
    assert found(frames, "binary", feature("speed", "float"))["identifier"].outcome == "ok"


@pytest.mark.parametrize(
    ("groups", "outcome"), [(10, "ok"), (1000, "suspect")], ids=["of many rows", "of few rows"]
)
def test_a_part_of_the_key_may_be_a_feature_if_it_names_groups(groups: int, outcome: str):
    frames = tuple(rows.assign(customer=rows["parcel"] % groups) for rows in both())
    customer = feature("customer", "integer", Role.KEY)
    check = found(frames, "binary", customer)["identifier"]
    assert check.outcome == outcome
    assert check.numbers[0]["column"] == "customer"
    assert check.numbers[0]["key"] is True
    # The same values in a column that is no key are a feature like any other.
    assert found(frames, "binary", feature("customer", "integer"))["identifier"].outcome == "ok"


def test_the_whole_key_as_a_feature():
    of = contract()
    fields = tuple(
        Field("parcel", (Role.KEY, Role.FEATURE), "integer", False, 1)
        if each.name == "parcel"
        else each
        for each in of.fields
    )
    changed = type(of)(of.name, of.file, "", fields, (), "late")
    check = checks.identifier(sides(changed, *both()), 1.0)
    assert (check.outcome, check.columns) == ("suspect", ("parcel",))
    assert "is the key" in check.detail


def test_too_few_rows_to_tell_an_identifier():
    train, holdout = both()
    check = found((train[:49], holdout))["identifier"]
    assert (check.outcome, check.observed) == ("unknown", None)
    assert check.detail == "training has 49 rows only, 50 are needed"


def test_a_column_with_a_few_values_only_is_no_identifier():
    frames = tuple(rows.assign(code=rows["parcel"].where(rows.index < 49)) for rows in both())
    assert found(frames, "binary", feature("code", "float"))["identifier"].outcome == "ok"


def test_measurements_alone_hold_no_names():
    of = contract()
    fields = tuple(each for each in of.fields if each.name not in ("depot", "stops"))
    bare = type(of)(of.name, of.file, "", fields, (), "late")
    check = checks.identifier(sides(bare, *both()), 0.95)
    assert (check.outcome, check.observed, check.columns) == ("ok", 0.0, ())


def test_among_few_rows_too_a_function_of_the_label_is_found() -> None:
    train, holdout = (each.head(200).copy() for each in both("regression"))
    for side in (train, holdout):
        side["price"] = 1e4 - 25 * side["late"]
    price = feature("price", "float")
    assert suspects((train, holdout), "regression", price)["label_power"].columns[0] == "price"
    for side in (train, holdout):
        side["price"] = side["price"].to_numpy()[::-1]
    assert "label_power" not in suspects((train, holdout), "regression", price)
