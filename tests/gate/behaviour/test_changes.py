from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from assay.errors import BehaviourError
from assay.gate.behaviour.changes import compose_changes, parse_change
from assay.gate.behaviour.column_values import to_python_list
from assay.project.params.behaviour import ColumnChange
from tests.gate.behaviour.models import rows


def altered(*changes: dict[str, Any], seed: int = 1) -> pd.DataFrame:
    frame = rows()
    kept = frame.copy()
    after = compose_changes([ColumnChange.model_validate(each) for each in changes], [seed])(frame)
    pd.testing.assert_frame_equal(frame, kept)
    return after


def test_set() -> None:
    assert set(altered({"column": "depot", "set": "moon"})["depot"]) == {"moon"}
    assert altered({"column": "express", "set": None})["express"].isna().all()


def test_add_keeps_gaps_and_types() -> None:
    before = rows()
    after = altered({"column": "distance", "add": 10}, {"column": "pieces", "add": -1})
    np.testing.assert_allclose(after["distance"], before["distance"] + 10)
    assert after["pieces"].dtype == before["pieces"].dtype
    assert (after["pieces"] == before["pieces"] - 1).all()


def test_add_a_span_to_times() -> None:
    after = altered({"column": "sent", "add": "90min"})
    assert (after["sent"] - rows()["sent"] == pd.Timedelta(minutes=90)).all()


def test_multiply_rounds_whole_numbers() -> None:
    before = rows()
    after = altered({"column": "pieces", "multiply": 1.5}, {"column": "distance", "multiply": 2})
    assert after["pieces"].tolist() == [round(n * 1.5) for n in before["pieces"]]
    np.testing.assert_allclose(after["distance"], before["distance"] * 2)


def test_shuffle_keeps_the_values_and_follows_the_seed() -> None:
    once, again, other = (
        altered({"column": "distance", "shuffle": True}, seed=seed) for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(once, again)
    assert not once["distance"].equals(other["distance"])
    assert sorted(once["distance"].dropna()) == sorted(rows()["distance"].dropna())


def test_two_shuffles_do_not_keep_columns_together() -> None:
    after = altered({"column": "parcel", "shuffle": True}, {"column": "pieces", "shuffle": True})
    pairs = dict(zip(rows()["parcel"], rows()["pieces"], strict=True))
    assert any(pairs[p] != n for p, n in zip(after["parcel"], after["pieces"], strict=True))


def test_swap_and_back_is_nothing() -> None:
    swap = {"column": "depot", "swap": ("north", "west")}
    before, after = rows()["depot"].tolist(), altered(swap)["depot"].tolist()
    other = {"north": "west", "west": "north", "south": "south"}
    assert after == [other[depot] for depot in before]
    assert altered(swap, swap)["depot"].tolist() == before


def test_swap_with_null() -> None:
    after = altered({"column": "distance", "swap": (None, 5.0)})
    assert [v == 5.0 for v in to_python_list(after["distance"])] == rows()[
        "distance"
    ].isna().tolist()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"column": "dept", "set": "x"}, "no column 'dept'"),
        ({"column": "pieces", "set": "x"}, "holds numbers"),
        ({"column": "pieces", "add": 0.5}, "whole numbers"),
        ({"column": "depot", "add": 1}, "cannot be added to column 'depot'"),
        ({"column": "pieces", "add": "1h"}, "cannot be added to column 'pieces'"),
        ({"column": "sent", "add": 1}, "cannot be added to column 'sent'"),
        ({"column": "sent", "add": "soon"}, "nothing that can be added to times"),
        ({"column": "express", "multiply": 2}, "no numbers to multiply"),
        ({"column": "depot", "swap": ("north", 1)}, "holds text"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(BehaviourError, match=reason):
        altered(change)


def test_python_may_pass_a_function_a_mapping_or_several() -> None:
    frame = rows()
    one = parse_change({"column": "depot", "swap": ["north", "west"]})(frame)
    both = parse_change([{"column": "depot", "set": "x"}, {"column": "pieces", "set": 1}])(frame)
    assert not one["depot"].equals(frame["depot"])
    assert set(both["depot"]) == {"x"} and set(both["pieces"]) == {1}
    assert parse_change(lambda f: f.assign(pieces=3))(frame)["pieces"].eq(3).all()
    with pytest.raises(ValidationError):
        parse_change({"column": "depot", "put": "x"})
