"""Values of a feature that only rows without a label have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contract.definition import Contract, Role
from assay.training.leakage.report import Check
from assay.training.leakage.unlabelled import unlabelled
from tests.training.leakage.tables import both, contract, feature, found, sides


def split(rows: pd.DataFrame, lacks: pd.Series, of: Contract | None = None) -> Check:
    """The check of a training window in which some rows lack their label."""
    of = of or contract()
    bare = rows[lacks].assign(late=None)
    pair = sides(of, rows[~lacks], bare)
    return unlabelled(pair, pair.holdout, 0.02)


def test_a_category_that_never_has_a_label_is_suspect_in_the_report():
    train, holdout = both()
    lacks = train["depot"] == "west"
    told = found((train[~lacks], holdout), lacking=train[lacks].assign(late=None))["unlabelled"]
    assert (told.outcome, told.columns) == ("suspect", ("depot",))
    rows = int(lacks.sum())
    assert told.observed == pytest.approx(rows / len(train))
    assert told.examples == ({"value": "west", "rows": rows, "labelled": 0},)
    assert told.detail.startswith(f"'depot': 0 of {rows:,} rows with west have a label; 3")


@pytest.mark.parametrize(
    ("column", "of", "value"),
    [
        ("express", lambda rows: rows["express"], True),
        ("stops", lambda rows: rows["stops"] == 4, "4"),
        ("weight", lambda rows: rows["weight"].isna(), None),
    ],
)
def test_each_kind_of_value_is_seen(column, of, value):
    train, _ = both()
    told = split(train, of(train))
    assert (told.outcome, told.columns) == ("suspect", (column,))
    assert told.examples[0]["value"] == value


def test_a_range_of_numbers_is_seen_in_its_parts():
    train, _ = both()
    told = split(train, train["weight"] > train["weight"].quantile(0.8))
    assert (told.outcome, told.columns) == ("suspect", ("weight",))
    assert told.observed == pytest.approx(0.19, abs=0.04)
    assert all(" to " in row["value"] for row in told.examples)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.01, 0.5, 0.99]))
def test_labels_that_lack_by_chance_are_no_suspicion(seed: int, share: float):
    train, _ = both()
    lacks = pd.Series(np.random.default_rng(seed).random(len(train)) < share)
    assert split(train, lacks).outcome == "ok"


def test_what_is_rare_or_has_some_labels_is_learnt():
    train, _ = both()
    rare = train.assign(depot=train["depot"].mask(train.index < 25, "moon"))
    assert split(rare, rare["depot"] == "moon").outcome == "ok"
    west = train["depot"] == "west"
    assert split(train, west & (train.index % 5 > 0)).outcome == "ok"
    assert split(train, west & (train.index % 30 > 0)).outcome == "suspect"


def test_a_private_value_is_not_shown():
    of = contract("binary", feature("zone", "string", Role.SENSITIVE))
    train = both()[0].assign(zone=lambda rows: rows["depot"] + "-secret")
    told = split(train, train["depot"] == "west", of)
    assert told.columns == ("depot", "zone")
    alone = split(train.assign(depot="one"), train["depot"] == "west", of)
    assert alone.columns == ("zone",)
    assert "secret" not in f"{told}{alone}"


def test_a_private_category_that_shifted_is_not_shown():
    train, holdout = both()
    of = feature("zone", "string", Role.PII)
    frames = train.assign(zone="a-secret"), holdout.assign(zone="b-secret")
    told = found(frames, "binary", of)["category_shift"]
    assert told.columns == ("zone",) and "secret" not in str(told)
