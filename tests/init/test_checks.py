from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.cli.__main__ import main
from assay.contract.loader import load_contract
from assay.init.checks import FieldChecks, learn_checks
from tests.init.frames import facts_of


def learnt(values: Any) -> FieldChecks:
    column = pd.Series(values, name="x")
    return learn_checks(facts_of(column.to_frame())[0], column)


def test_numbers_get_room_on_both_sides() -> None:
    assert learnt(np.arange(10, 210)).limits == {"ge": 0, "le": 410}
    assert learnt(np.linspace(-1.0, 1.0, 200)).limits == {"ge": -3.0, "le": 3.0}


def test_what_lies_far_from_zero_has_no_more_room_than_it_is_apart() -> None:
    latitudes = learnt(np.linspace(44.8905, 45.0512, 200)).limits
    assert latitudes == {"ge": 44.72, "le": 45.22}
    assert learnt(np.linspace(2016.5, 2017.19, 200)).limits == {"ge": 2015.81, "le": 2017.88}
    assert learnt(np.linspace(-93.3, -93.1, 200)).limits == {"ge": -93.5, "le": -92.9}
    assert learnt(np.arange(2011, 2016)).limits == {"ge": 2007, "le": 2019}


def test_what_is_never_below_zero_stays_so() -> None:
    assert learnt(np.linspace(0.5, 1.0, 200)).limits["ge"] == 0
    assert learnt(np.concatenate([[0.5], np.linspace(99, 100, 999)])).limits["ge"] == 0


def test_what_is_as_large_as_a_float_can_be_has_no_limits() -> None:
    found = learnt([-1e308, 1e308])
    assert found.limits == {} and "nearly" in found.why


def test_a_heavy_tail_has_no_limit() -> None:
    found = learnt(np.concatenate([np.linspace(0, 1, 999), [1e6]]))
    assert found.limits == {"ge": 0} and "heavy tail" in found.why


def test_a_list_of_categories_only_if_each_was_seen_often() -> None:
    assert learnt(["a", "b"] * 100).limits == {"isin": ["a", "b"]}
    assert learnt(["a", "b"] * 100 + ["c"]).limits == {}
    assert learnt([f"{number:02}" for number in range(30)] * 10).limits == {}


def test_what_may_be_missing() -> None:
    assert learnt([1.0, None] * 100).nullable
    assert not learnt([1.0, 2.0] * 100).nullable
    assert learnt([1.0, 2.0] * 20).nullable  # forty rows say too little


@given(
    st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=50)
    | st.lists(st.integers(-(2**50), 2**50), min_size=1, max_size=50)
)
def test_every_value_that_was_seen_passes(values: list[float]) -> None:
    limits = learnt(values).limits
    assert all(limits.get("ge", -np.inf) <= value <= limits.get("le", np.inf) for value in values)


@pytest.mark.parametrize("seed", range(5))
def test_half_of_the_rows_foretell_the_other_half(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for values in (rng.normal(50, 10, 4000), rng.lognormal(0, 2, 4000), rng.poisson(3, 4000)):
        limits = learnt(values[:2000]).limits
        low, high = limits.get("ge", -np.inf), limits.get("le", np.inf)
        bad = np.count_nonzero((values[2000:] < low) | (values[2000:] > high))
        assert bad <= 2  # of 2,000: under the 0.1 % that contract.max_bad_share allows


# ---------------------------------------------------------------- the order of categories


def test_the_order_of_a_file_is_in_the_contract(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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
    given = ["--data", str(tmp_path / "t.parquet"), "--target", "back"]
    assert main(["init", str(tmp_path / "p"), *given]) == 0
    assert "wow < meh < nice" in " ".join(capsys.readouterr().out.split())
    contract = load_contract(tmp_path / "p/data/contract.py", "data/contract.py")
    assert contract.ordered == {"mood": ("wow", "meh", "nice")}
