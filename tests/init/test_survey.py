"""What a sample of the rows shows: leaks, what a split leaves nothing of, and equal rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assay.init.survey import equal_rows, find_group_names, find_leaks
from assay.project.tasks import Task
from tests.init.frames import facts_of
from tests.init.test_render import planned

ROWS = 4000


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    amount = rng.gamma(2, 50, ROWS)
    bad = amount + rng.normal(0, 20, ROWS) > 110
    kind = rng.choice(["a", "b", "c"], ROWS)
    return pd.DataFrame(
        {
            "amount": amount,
            "bad": bad,
            "written_off": np.where(bad, rng.uniform(1, 100, ROWS), 0.0),
            "status": np.where(bad, "closed", "open"),
            "kind": kind,
            "kind_code": pd.Series(kind).map({"a": 10, "b": 20, "c": 30}),
            "is_a": kind == "a",
            "petal": rng.uniform(0, 9999, ROWS) + 9999 * (kind == "a"),
            "in_cents": np.round(amount * 100),
            "odd": np.where(np.arange(ROWS) % 50, amount, np.inf),
            "noise": rng.choice([f"{number:05}" for number in range(ROWS)], ROWS),
        }
    )


@pytest.mark.parametrize(
    ("label", "task", "columns", "leaks"),
    [
        # The label was made of amount; whether that is known before, only a person knows.
        ("bad", "binary", "amount written_off status kind noise odd", "written_off status"),
        # A measure that parts one class from the others may do so by right.
        ("kind", "multiclass", "kind_code is_a amount petal", "kind_code is_a"),
        ("amount", "regression", "in_cents bad noise", "in_cents"),
    ],
)
def test_what_is_known_only_with_the_label_is_found(
    rows: pd.DataFrame, label: str, task: Task, columns: str, leaks: str
) -> None:
    assert {*find_leaks(rows, label, task, columns.split())} == {*leaks.split()}


def test_few_rows_or_few_of_a_class_accuse_nobody(rows: pd.DataFrame) -> None:
    assert find_leaks(rows.head(50), "bad", "binary", ["status"]) == {}
    rare = rows.assign(rare=rows.index < 2)
    assert find_leaks(rare, "rare", "binary", ["amount", "noise"]) == {}


@pytest.mark.parametrize("many", [124, 300, 900])
def test_of_few_rows_too_a_function_of_the_label_gives_it_away(many: int) -> None:
    rng = np.random.default_rng(4)
    y, noise = rng.normal(6, 2, many), rng.normal(size=many)
    few = pd.DataFrame({"y": y, "price": 1e4 - 25 * y, "noise": noise})
    few["near"] = y + rng.normal(0, 1, many)
    assert {*find_leaks(few, "y", "regression", ["price", "noise", "near"])} == {"price"}


def test_what_the_training_window_has_no_values_of_is_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    number, late = np.arange(3000), np.arange(3000) >= 2700
    frame = pd.DataFrame(
        {
            "sent": pd.date_range("2024-01-01", periods=3000, freq="30min"),
            "weight": rng.gamma(2, 3, 3000),
            "begun": np.where(late, rng.gamma(2, 3, 3000), np.nan),
            "version": np.where(late, 2, 1),
            "tried": np.where((number > 300) & (number < 330), rng.gamma(2, 3, 3000), np.nan),
            "flag": np.where(rng.random(3000) < 0.5, "yes", None),
            "fate": rng.choice(["home", "lost"], 3000),
        }
    )
    plan = planned(frame, tmp_path, "fate")
    assert [each.name for each in plan.having("feature")] == ["weight", "flag"]
    why = {each.name: each.why for each in plan.left_out}
    assert why["begun"].startswith("no value in the training window (2024-01-01 to 2024-0")
    assert why["version"].startswith("always 1 in the training window (2024-01-01 to ")
    assert "but from 2024-01-07 to 2024-01-07: without those days" in why["tried"]


def test_what_names_the_group_is_found() -> None:
    country = np.repeat([f"land {number}" for number in range(50)], 10)
    rows = pd.DataFrame(
        {
            "country": country,
            "iso": np.repeat([f"L{max(number, 1):02}" for number in range(50)], 10),  # one twice
            "number": np.repeat(np.arange(50) * 7, 10),
            "latitude": np.repeat(np.linspace(-40, 60, 50), 10),
            "continent": np.repeat(["north", "south"], 250),
            "year": np.tile(np.arange(10), 50),
        }
    )
    assert set(find_group_names(rows, "country", list(rows))) == {"iso", "number"}


def test_what_comes_again_with_labels_of_its_own_may_be_a_group(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    buoy, day = np.repeat(np.arange(78), 200), rng.integers(0, 200, 78 * 200)
    hour = rng.integers(0, 24, len(buoy))
    cases = rng.integers(1, 60, len(buoy)) * (rng.random(len(buoy)) < 0.2)
    of_buoy, of_day = rng.normal(0, 0.2, 78)[buoy], rng.normal(0, 0.2, 200)[day]
    often = 0.3 + of_buoy + (hour - 12) / 40 + 0.3 * (cases > 0)
    frame = pd.DataFrame(
        {
            "observed": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(day * 1440 + hour * 60 + rng.integers(0, 60, len(buoy)), unit="min"),
            "buoy": buoy * 7 + 41001,
            "owner_name": [f"person {number}" for number in buoy],
            "ship": rng.choice([f"ship {number}" for number in range(78)], len(buoy)),
            "hour": hour,
            "cases": cases,
            "high": rng.random(len(buoy)) < often,
        }
    )
    plan = planned(frame, tmp_path, "high")
    assert [each for each in plan.doubts if "--group" in each] == [
        "buoy, owner_name: labels of one value are alike: --group with its name takes intervals "
        "over its values, not over nights, if they are machines, people or the like"
    ]
    for said in ({"group": "buoy"}, {"left_out": ("buoy", "owner_name")}):
        doubts = planned(frame, tmp_path, "high", **said).doubts
        assert not [each for each in doubts if "--group" in each]
    # Where nights are as unlike as buoys are, intervals over them are wide enough.
    frame["high"] = rng.random(len(frame)) < often + of_day
    assert not [each for each in planned(frame, tmp_path, "high").doubts if "--group" in each]


def equal(frame: pd.DataFrame) -> float:
    return equal_rows(facts_of(frame), frame)


def test_coarse_values_and_rounded_numbers_are_equal_by_chance() -> None:
    rng = np.random.default_rng(6)
    assert equal(pd.DataFrame(rng.integers(1, 6, (1000, 2)), columns=["a", "b"])) == 1.0
    frame = pd.DataFrame({"a": rng.normal(size=500).round(2), "b": rng.integers(1, 4, 500)})
    assert 0.2 < equal(frame) < 0.6


def test_copies_are_not_allowed() -> None:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"a": rng.normal(size=1000), "b": rng.integers(1, 6, 1000)})
    assert equal(frame) == 0.0
    assert equal(pd.concat([frame, frame.head(100)], ignore_index=True)) == 0.0
