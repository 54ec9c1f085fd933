"""How many new categories a night may have: what chance brings is no break, what is broken is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from assay.columns import break_limits, summary_statistics
from assay.columns.distance import new_category_share
from assay.columns.features import FrameFeatures
from assay.columns.grid import SCORE_GRID
from assay.columns.profile import ColumnProfile
from assay.columns.profile_counter import compute_profile
from assay.columns.reference import Reference, build_reference
from assay.project.params.monitoring import Budget

LEAST = 0.02
NIGHTS = 30


def towns(random: np.random.Generator, nights: int, rows: int, many: int, clump: int) -> list[str]:
    """Towns of which few are common and most are rare; ``clump`` rows of a night are of one."""
    shares = 1 / np.arange(1, many + 1)
    found = random.choice(many, nights * rows // clump, p=shares / shares.sum())
    return [f"town {town}" for town in np.repeat(found, clump)]


def taught(values: list[str], rows: int) -> Reference:
    names = pd.Series([f"{place:03}" for place in np.arange(len(values)) // rows])
    frame = pd.DataFrame({"town": values, "p": 0.5})
    return build_reference(frame, names, [], ["town"], {"p": SCORE_GRID})


def night_of(reference: Reference, values: list[str]) -> ColumnProfile:
    frame = pd.DataFrame({"town": values, "p": 0.5})
    return compute_profile(FrameFeatures(frame), reference.grid)["town"]


def over(reference: Reference, values: list[str]) -> bool:
    night = night_of(reference, values)
    most = break_limits.new_category_limit(reference, Budget(), "town", night, LEAST)
    return new_category_share(reference.profile["town"], night) > most


@pytest.mark.parametrize(
    ("rows", "many", "clump"),
    [(50, 170, 1), (50, 170, 5), (50, 900, 1), (1_000, 3_000, 1), (1_000, 3_000, 5)],
)
def test_what_chance_brings_is_no_break_and_what_a_fault_brings_is(
    rows: int, many: int, clump: int
) -> None:
    random = np.random.default_rng(rows + many + clump)
    simple = alarms = 0
    for _ in range(12):
        reference = taught(towns(random, NIGHTS, rows, many, clump), rows)
        for _ in range(25):
            values = towns(random, 1, rows, many, clump)
            night = night_of(reference, values)
            simple += new_category_share(reference.profile["town"], night) > LEAST
            alarms += over(reference, values)
            assert over(reference, [f"city {value}" for value in values])
    assert alarms <= 1
    assert simple > 20 or rows == 1_000, "else this shows nothing"


def test_a_person_s_limit_is_always_allowed() -> None:
    random = np.random.default_rng(3)
    reference = taught(["a", "b", "c", "d"] * 300, 40)
    assert reference.unseen["town"] == (0.0,) * 30
    usual = night_of(reference, ["a"] * 1000)
    limit = break_limits.new_category_limit(reference, Budget(), "town", usual, 0.3)
    assert limit == 0.3
    assert break_limits.new_category_limit(reference, Budget(), "town", usual, LEAST) == LEAST
    few = night_of(reference, [str(random.integers(9)) for _ in range(3)])
    assert break_limits.new_category_limit(reference, Budget(), "town", few, LEAST) < 1


@pytest.mark.parametrize("mean", [0.001, 0.5, 7.0, 120.0, 499.0, 501.0, 20_000.0])
@pytest.mark.parametrize("at_most", [0.05, 1e-3, 1e-6])
def test_the_quantile_of_a_count_is_that_of_scipy(mean: float, at_most: float) -> None:
    found = summary_statistics.poisson_quantile(mean, at_most)
    exact = stats.poisson.isf(at_most, mean)
    assert found == pytest.approx(exact, abs=0 if mean < 500 else 3)
