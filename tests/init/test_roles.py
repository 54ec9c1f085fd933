from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from assay.init.names import column_names
from assay.init.roles import ColumnUse, Said, decide_uses
from tests.init.frames import facts_of

ROWS = 400


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "Customer ID": [f"C{number:05}" for number in rng.permutation(ROWS)],
            "branch_id": rng.integers(1000, 1090, ROWS),
            "e-mail": [f"a{number}@example.com" for number in range(ROWS)],
            "contact": [f"+49 170 {number:07}" for number in range(ROWS)],
            "Gender": rng.choice(["f", "m"], ROWS),
            "age": rng.integers(18, 90, ROWS),
            "country": ["DE"] * ROWS,
            "plan": rng.choice(["basic", "plus"], ROWS),
            "town": rng.choice([f"town {number}" for number in range(300)], ROWS),
            "remark": ["a long story that is told again and again " * 3] * (ROWS // 2)
            + ["another long story that nobody reads to its end " * 3] * (ROWS // 2),
            "spent": rng.gamma(2, 50, ROWS),
            "visits": rng.integers(0, 5, ROWS),
            "opened": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 90, ROWS), unit="D"),
            "born": pd.Timestamp("1980-01-01")
            + pd.to_timedelta(rng.integers(0, 9000, ROWS), unit="D"),
            "churned": rng.random(ROWS) < 0.3,
        }
    )


def uses(
    frame: pd.DataFrame, said: Said | None = None, leaks: Mapping[str, str] | None = None
) -> dict[str, ColumnUse]:
    plain = column_names(map(str, frame))
    return decide_uses(facts_of(frame), "churned", plain, leaks or {}, said or Said())


def test_each_column_gets_the_use_that_a_person_would_give_it(frame: pd.DataFrame) -> None:
    assert {name: each.use for name, each in uses(frame).items()} == {
        "Customer ID": "key",
        "branch_id": "left out",
        "e-mail": "left out",
        "contact": "left out",
        "Gender": "sensitive",
        "age": "sensitive",
        "country": "left out",
        "plan": "feature",
        "town": "left out",
        "remark": "left out",
        "spent": "feature",
        "visits": "feature",
        "opened": "time",
        "born": "left out",
    }


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("branch_id", "says who, not how"),
        ("e-mail", "personal: each value looks like an e-mail address"),
        ("contact", "personal: each value looks like a phone number"),
        ("country", "always 'DE'"),
        ("town", "put rare ones together"),
        ("remark", "free text"),
        ("born", "a time"),
    ],
)
def test_what_is_left_out_has_a_reason(frame: pd.DataFrame, name: str, why: str) -> None:
    assert why in uses(frame)[name].why


def test_few_values_are_sliced(frame: pd.DataFrame) -> None:
    sliced = {name for name, each in uses(frame).items() if each.sliced}
    assert sliced == {"Gender", "plan", "visits"}


def test_what_a_person_says_is_not_guessed(frame: pd.DataFrame) -> None:
    said = Said(
        time="born", keys=("plan",), group="branch_id", sensitive=("town",), left_out=("visits",)
    )
    found = uses(frame, said)
    assert [found[name].use for name in ("born", "plan", "branch_id", "town", "visits")] == [
        "time", "key", "key", "sensitive", "left out",
    ]  # fmt: skip
    assert found["opened"].use == "left out"


def test_a_leak_is_left_out_and_told(frame: pd.DataFrame) -> None:
    found = uses(frame, leaks={"spent": "it gives the label away"})["spent"]
    assert (found.use, found.why) == ("left out", "it gives the label away")
    assert "feature" in found.unsure


def test_the_time_of_the_event_is_taken_before_other_times(frame: pd.DataFrame) -> None:
    more = frame.rename(columns={"opened": "contract_end", "born": "created_at"})
    assert uses(more)["created_at"].use == "time"
    holes = frame.assign(opened=frame["opened"].where(frame.index % 9 > 0))
    assert uses(holes)["born"].use == "time"


def test_a_time_that_is_always_the_same_is_shown_as_one(frame: pd.DataFrame) -> None:
    found = uses(frame.assign(left=pd.Timestamp("2024-01-05")))["left"]
    assert found.why == "always 2024-01-05 00:00:00: it can tell no row from another"
