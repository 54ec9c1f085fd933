"""Words that people rank, and bands of numbers, are found to be ordered; others are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contract.loader import load_contract
from assay.init.checks import find_order
from tests import projects

ORDERS = [
    ("XS", "S", "M", "XL"),
    ("Low", "Medium", "High", "Very High"),
    ("niedrig", "mittel", "hoch"),
    ("Fair", "Good", "Very Good", "Premium", "Ideal"),
    ("< 18", "18-24", "25 - 34", "65+"),
    ("under 10", "10 to 20", "20 to 30", "over 30"),
    ("$0-50k", "$50k-100k", "$100k+"),
    ("strongly_disagree", "neutral", "strongly_agree"),
]


@given(
    st.sampled_from(ORDERS).flatmap(lambda each: st.tuples(st.just(each), st.permutations(each)))
)
def test_an_order_is_found_however_the_values_come(
    given: tuple[tuple[str, ...], list[str]],
) -> None:
    order, values = given
    assert find_order(values) == order


@pytest.mark.parametrize(
    "values",
    [
        ("red", "green", "blue"),
        ("low", "high"),  # two differ, and that is all
        ("low", "medium", "north"),
        ("1", "2", "3"),
        ("2021", "2022", "2023"),
        ("10-20", "10-30", "20-30"),
        ("Mon", "Tue", "Wed"),
        ("a 1", "b 2", "c 3"),
        ("low", "Low", "high"),
        (),
    ],
)
def test_what_has_none_gets_none(values: tuple[str, ...]) -> None:
    assert find_order(values) == ()


def test_the_order_of_a_file_is_in_the_contract(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "id": range(400),
            "sold": pd.date_range("2024-01-01", periods=400, freq="6h"),
            "mood": pd.Categorical(
                rng.choice(["meh", "nice", "wow"], 400),
                ["wow", "meh", "nice", "unseen"],
                ordered=True,
            ),
            "risk": rng.choice(["low", "medium", "high"], 400),
            "colour": pd.Categorical(rng.choice(["red", "green", "blue"], 400)),
            "back": rng.random(400) < 0.4,
        }
    )
    frame.to_parquet(tmp_path / "t.parquet", index=False)
    told = projects.call(tmp_path, "assay", "init", "p", "--data", "t.parquet", "--target", "back")
    assert "wow < meh < nice" in told
    contract = load_contract(tmp_path / "p/data/contract.py", "data/contract.py")
    assert contract.ordered == {"mood": ("wow", "meh", "nice"), "risk": ("low", "medium", "high")}
