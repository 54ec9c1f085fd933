from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from assay.evaluation import compare
from assay.evaluation.compare import compare_slices
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from assay.project.params import Evaluate
from assay.reports.comparison import Stability

TRUTH = np.array([True, False, True, False])
shares = st.floats(0, 1)
scores = arrays.arrays(np.float64, 4, elements=shares)


def binary(given_scores: object, threshold: float = 0.5) -> LabelledScores:
    return LabelledScores(
        "binary", TRUTH, np.asarray(given_scores, dtype=np.float64), (), threshold
    )


def stability(
    old: LabelledScores, new: LabelledScores, units: SamplingUnits | None = None
) -> Stability:
    """By row, unless it is said by what."""
    return compare.stability(old, new, units or SamplingUnits.rows(len(old)), 0.95)


@given(scores)
def test_a_model_is_as_stable_as_can_be_beside_itself(given_scores: object) -> None:
    found = stability(binary(given_scores), binary(given_scores))
    assert found.flipped is not None
    assert (found.distance, found.flipped.value, found.rows) == (0.0, 0.0, 0)


@given(scores, scores, shares, shares)
def test_neither_model_comes_first(a: object, b: object, s: float, t: float) -> None:
    there = stability(binary(a, s), binary(b, t))
    back = stability(binary(b, t), binary(a, s))
    assert there.distance == pytest.approx(back.distance, abs=1e-9)
    assert (there.flipped, there.rows) == (back.flipped, back.rows)
    assert 0 <= there.distance <= 1


def test_each_model_decides_at_its_own_threshold() -> None:
    same = [0.1, 0.4, 0.6, 0.9]
    assert stability(binary(same, 0.5), binary(same, 0.3)).rows == 1
    flipped = stability(binary(same, 0.5), binary(same, 0.95)).flipped
    assert flipped is not None and flipped.value == 0.5


def test_scores_with_nothing_in_common_are_as_far_apart_as_can_be() -> None:
    assert stability(binary([0.01] * 4), binary([0.99] * 4)).distance == 1.0
    half = stability(binary([0.01, 0.01, 0.99, 0.99]), binary([0.99] * 4)).distance
    assert half == pytest.approx(np.sqrt(1 - 0.75 * np.log2(3) + 0.5), abs=1e-9)


def test_the_class_that_moved_most_is_the_one_that_counts() -> None:
    truth = np.array([0, 1, 2])
    before = np.array([[0.6, 0.2, 0.2]] * 3)
    after = np.array([[0.61, 0.39, 0.0]] * 3)
    old, new = (
        LabelledScores("multiclass", truth, one, ("a", "b", "c")) for one in (before, after)
    )
    found = stability(old, new)
    assert (found.distance, found.rows) == (1.0, 0)  # a's cell stays; b's and c's change
    swapped = LabelledScores("multiclass", truth, before[:, [1, 0, 2]], ("a", "b", "c"))
    assert stability(old, swapped).rows == 3


def test_numbers_are_counted_in_cells_of_the_champion_s() -> None:
    truth = np.arange(1000.0)
    old = LabelledScores("regression", truth, truth * 1e6)
    shifted = LabelledScores("regression", truth, truth * 1e6 + 2e8)
    found = stability(old, shifted)
    assert 0 < found.distance < 1
    assert (found.flipped, found.rows) == (None, None)
    assert stability(old, LabelledScores("regression", truth, truth * 1e6 + 1e12)).distance == 1.0


def test_a_slice_does_not_change_what_is_said_of_another() -> None:
    random = np.random.default_rng(5)
    p = random.random(400)
    truth = random.random(400) < p
    old = LabelledScores("binary", truth, np.clip(p + random.normal(0, 0.2, 400), 0, 1))
    new = LabelledScores("binary", truth, p)
    frame = pd.DataFrame({"a": ["x", "y"] * 200, "b": ["u"] * 200 + ["v"] * 200})
    settings = Evaluate(min_slice_rows=50)
    units = SamplingUnits("night", 40, (np.arange(400) // 10).astype(np.intp))
    alone = compare_slices(frame, old, new, units, ["a"], settings)
    both = compare_slices(frame, old, new, units, ["b", "a"], settings)
    assert both[2:] == alone
    paired = settings.model_copy(update={"pairs": (("a", "b"),)})
    pairs = compare_slices(frame, old, new, units, [], paired)
    assert [part.title for part in pairs] == [
        f"a & b={a} & {b}" for a in ("x", "y") for b in ("u", "v")
    ]
    assert all(part.differences is not None for part in pairs)
    # Nights are alike in a, and every one lies in one half of b.
    assert [part.units for part in both] == [20, 20, 40, 40]


def test_flips_that_come_by_night_are_surer_of_nothing() -> None:
    truth = np.arange(600) % 3 == 0
    old = LabelledScores("binary", truth, np.where(np.arange(600) < 150, 0.4, 0.7))
    new = LabelledScores("binary", truth, np.full(600, 0.7))
    nights = SamplingUnits("night", 20, (np.arange(600) // 30).astype(np.intp))
    by_row, by_night = stability(old, new).flipped, stability(old, new, nights).flipped
    assert by_row is not None and by_night is not None
    assert by_row.value == by_night.value == 0.25
    assert by_night.low < by_row.low < by_row.high < by_night.high
    assert by_night.design_effect > 20
    few = stability(old, new, SamplingUnits("night", 2, (np.arange(600) // 300).astype(np.intp)))
    assert few.rows == 150 and few.flipped is not None
    assert (few.flipped.low, few.flipped.few, few.flipped.why) == (
        *(None, True),
        "2 nights, fewer than 10",
    )
