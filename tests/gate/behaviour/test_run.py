"""A behaviour of params.yaml, asked of the rows that it names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from assay.errors import BehaviourError
from assay.gate.behaviour.checks import run
from assay.gate.behaviour.subject import select_rows
from assay.project.params.behaviour import Behaviour, Range
from tests.gate.behaviour.models import fates, probability, rows, subject

ONE = TypeAdapter(Behaviour)


def spec(check: str, **more: Any) -> Any:
    common = {"name": "b", "owner": "us", "because": "why"}
    return ONE.validate_python({"check": check, **common, **more})


FARTHER = {"column": "distance", "add": 100}
SPECS = {
    "invariance": {"change": {"column": "depot", "shuffle": True}, "within": 0.0},
    "direction": {"change": FARTHER, "expect": "not_lower"},
    "minimum": {"cases": ({"name": "far", "row": {"distance": 2000.0}, "min": 0.9},)},
    "robustness": {"perturb": "missing", "within": 0.5},
    "monotonicity": {"column": "distance", "from": 0.0, "to": 400.0, "expect": "increasing"},
}


@pytest.mark.parametrize("check", SPECS)
def test_every_check_runs_and_gives_the_same_each_time(check: str) -> None:
    asked = spec(check, **SPECS[check])
    result = run(asked, subject(), rows(), 1)
    assert result.passed
    assert run(asked, subject(), rows(), 1) == result


@pytest.mark.parametrize("check", [name for name in SPECS if name != "invariance"])
def test_every_check_fails_the_opposite_of_a_good_model(check: str) -> None:
    def worse(frame: pd.DataFrame) -> np.ndarray:
        late = 1 - probability(frame)
        return np.where(frame["distance"].isna(), late / 9 if check == "robustness" else late, late)

    more = {**SPECS[check], **({"within": 0.2} if check == "robustness" else {})}
    assert not run(spec(check, **more), subject(worse), rows(), 1).passed


def test_tolerance_and_share_reach_every_check() -> None:
    for check in ("direction", "monotonicity"):
        turned = {"not_lower": "not_higher", "increasing": "decreasing"}
        more = {**SPECS[check], "expect": turned[str(SPECS[check]["expect"])]}
        assert not run(spec(check, **more), subject(), rows(), 1).passed
        assert run(spec(check, **more, within=1.0), subject(), rows(), 1).passed
        assert run(spec(check, **more, max_failed=1.0), subject(), rows(), 1).passed


def test_a_class_reaches_every_check() -> None:
    many = subject(fates, "multiclass")
    for check in ("direction", "monotonicity"):
        assert run(spec(check, **SPECS[check], **{"class": "late"}), many, rows(), 1).passed
        assert not run(spec(check, **SPECS[check], **{"class": "lost"}), many, rows(), 1).passed


def test_a_shuffle_follows_the_seed() -> None:
    asked = spec("invariance", change={"column": "distance", "shuffle": True}, within=0.01)
    one, other = (run(asked, subject(), rows(), seed) for seed in (1, 2))
    assert one.examples != other.examples


def test_an_error_names_the_behaviour() -> None:
    asked = spec("invariance", change={"column": "dept", "set": "x"}, within=0.0)
    with pytest.raises(BehaviourError) as caught:
        run(asked, subject(), rows(), 1)
    assert caught.value.line() == (
        "params.yaml: gate.behaviour 'b': the rows have no column 'dept'. Did you mean 'depot'?"
    )


def test_examples_name_the_place_in_the_whole_table() -> None:
    asked = spec("invariance", change=FARTHER, within=0.0, where={"depot": "west"}, rows=3)
    places = {example.row for example in run(asked, subject(), rows(), 1).examples}
    assert places <= set(np.flatnonzero(rows()["depot"] == "west").tolist())


@pytest.mark.parametrize(
    ("where", "fits"),
    [
        ({}, lambda f: f["pieces"] > 0),
        ({"depot": "west"}, lambda f: f["depot"] == "west"),
        ({"depot": ("west", "north")}, lambda f: f["depot"] != "south"),
        ({"distance": None}, lambda f: f["distance"].isna()),
        ({"express": True}, lambda f: f["express"]),
        ({"pieces": Range(min=3)}, lambda f: f["pieces"] >= 3),
        ({"distance": Range(min=50, max=200.5)}, lambda f: f["distance"].between(50, 200.5)),
        ({"depot": "west", "express": False}, lambda f: (f["depot"] == "west") & ~f["express"]),
        ({"sent": "2024-01-01 03:00"}, lambda f: f["sent"] == "2024-01-01 03:00"),
    ],
)
def test_where(where: dict[str, Any], fits: Any) -> None:
    frame = rows()
    found = select_rows(frame, where, 1000)
    assert found.places.tolist() == np.flatnonzero(fits(frame)).tolist()
    pd.testing.assert_frame_equal(found.frame, frame[fits(frame)].reset_index(drop=True))


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        (
            {"depot": "moon"},
            r"^no row fits where \(depot\) \(found depot: north, south, west\)$",
        ),
        (
            {"sent": "1999-01-01", "distance": Range(min=10_000)},
            r"found sent: .*, 2024-01-01 04:00:00 or \d+ more; distance: 0\S* to \d\S*\)$",
        ),
        ({"dept": "west"}, "no column 'dept'"),
        ({"pieces": "many"}, "holds numbers"),
        ({"depot": Range(min=1)}, "no numbers to lie in a range"),
    ],
)
def test_where_that_fits_nothing_is_refused(where: dict[str, Any], reason: str) -> None:
    with pytest.raises(BehaviourError, match=reason):
        select_rows(rows(), where, 1000)


def test_values_of_a_sensitive_column_are_not_named() -> None:
    with pytest.raises(BehaviourError) as caught:
        select_rows(rows(), {"depot": "moon"}, 1000, sensitive=("depot",))
    assert caught.value.line() == "no row fits where (depot)"


def test_an_empty_holdout_is_refused() -> None:
    with pytest.raises(BehaviourError, match="no rows to ask it of"):
        run(spec("robustness", perturb="missing"), subject(), rows().head(0), 1)


@given(st.integers(1, 300), st.integers(1, 60))
def test_rows_are_spread_evenly_and_none_comes_twice(number: int, wanted: int) -> None:
    places = select_rows(pd.DataFrame({"x": range(number)}), {}, wanted).places
    assert len(places) == min(number, wanted)
    gaps = np.diff(places)
    assert (gaps > 0).all()
    assert not len(gaps) or gaps.max() - gaps.min() <= 1
    if wanted > 1:
        assert (places[0], places[-1]) == (0, number - 1)
