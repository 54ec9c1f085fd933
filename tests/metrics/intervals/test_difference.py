from __future__ import annotations

import dataclasses
import math
from dataclasses import replace

import numpy as np
import pytest

from assay.metrics.intervals.decisions import orient_difference
from assay.metrics.intervals.difference import Difference, differences
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from assay.project.tasks import LOWER_IS_BETTER, METRICS, SHARES
from tests.metrics.intervals import scenes

CASES = [(task, name) for task in METRICS for name in METRICS[task]]


def compared(
    old: LabelledScores, new: LabelledScores, units: SamplingUnits | None = None
) -> dict[str, Difference]:
    """By row, unless it is said by what."""
    return differences(old, new, units=units or SamplingUnits.rows(len(old)), confidence=0.95)


def resampled(
    old: LabelledScores, new: LabelledScores, replicates: int = 1000
) -> dict[str, np.ndarray]:
    """Differences in resamples of the rows."""
    random = np.random.default_rng(11)
    drawn: dict[str, list[float]] = {}
    for _ in range(replicates):
        rows = random.integers(0, len(old), size=len(old))
        before, after = (one.take(rows).evaluator().metrics() for one in (old, new))
        for name in after:
            drawn.setdefault(name, []).append(after[name] - before[name])
    return {name: np.array(of_name) for name, of_name in drawn.items()}


@pytest.mark.parametrize("task", scenes.SCENES)
def test_the_standard_error_is_that_of_resampled_rows(task) -> None:
    old, new = scenes.SCENES[task](800, 5)
    found, drawn = compared(old, new), resampled(old, new)
    assert list(found) == list(METRICS[task])
    for name, difference in found.items():
        # Resampled, a calibration error is that with noise, whose bias is not that of its own.
        wide = 0.35 if name in ("calibration_error", "p90_error") else 0.12
        assert difference.standard_error == pytest.approx(drawn[name].std(), rel=wide), name


@pytest.mark.parametrize("task", scenes.SCENES)
def test_values_are_those_of_the_metrics(task) -> None:
    old, new = scenes.SCENES[task](300, 6)
    for name, difference in compared(old, new).items():
        assert difference.champion == pytest.approx(old.values()[name], abs=1e-12)
        assert difference.challenger == pytest.approx(new.values()[name], abs=1e-12)
        assert difference.value == difference.challenger - difference.champion
        assert difference.low < difference.value < difference.high
        assert difference.why is None and difference.method
        bounds = difference.distribution
        assert bounds is not None
        assert bounds.interval(0.95) == (difference.low, difference.high)


@pytest.mark.parametrize("task", scenes.SCENES)
@pytest.mark.parametrize("seed", range(3))
def test_models_swapped_negate(task, seed) -> None:
    old, new = scenes.SCENES[task](250, seed)
    there, back = compared(old, new), compared(new, old)
    for name in there:
        # What was drawn for one order of the models is not what was drawn for the other.
        near = 0.1 if name == "calibration_error" else 1e-9
        assert back[name].value == pytest.approx(-there[name].value)
        assert back[name].standard_error == pytest.approx(there[name].standard_error, rel=near)
        assert back[name].skew == pytest.approx(-there[name].skew)


@pytest.mark.parametrize("task", scenes.SCENES)
def test_the_order_of_rows_does_not_matter(task) -> None:
    old, new = scenes.SCENES[task](250, 9)
    order = np.random.default_rng(1).permutation(250)
    there, moved = (
        compared(old, new),
        compared(old.take(order), new.take(order)),
    )
    for name in there:
        near = 1e-6 if name == "calibration_error" else 1e-9
        assert moved[name].standard_error == pytest.approx(there[name].standard_error, rel=near)
        assert moved[name].value == pytest.approx(there[name].value, abs=1e-12)


@pytest.mark.parametrize("task", scenes.SCENES)
def test_four_times_the_rows_halve_the_standard_error(task) -> None:
    old, new = scenes.SCENES[task](400, 2)
    rows = np.tile(np.arange(400), 4)
    few, many = compared(old, new), compared(old.take(rows), new.take(rows))
    for name in few:
        if name not in ("calibration_error", "p90_error"):  # their bias is not halved
            ratio = many[name].standard_error / few[name].standard_error
            assert ratio == pytest.approx(0.5, rel=0.03), name


@pytest.mark.parametrize("task", scenes.SCENES)
def test_the_same_model_differs_in_nothing(task) -> None:
    old, _ = scenes.SCENES[task](100, 4)
    for difference in compared(old, old).values():
        assert (difference.value, difference.standard_error) == (0, 0)
        assert (difference.low, difference.high) == (0, 0)


def test_another_threshold_changes_answers_only() -> None:
    old, _ = scenes.binary(300, 4)
    found = compared(old, dataclasses.replace(old, threshold=0.7))
    for name in ("auc", "average_precision", "log_loss", "brier"):
        assert (found[name].value, found[name].standard_error) == (0, 0)
    for name in ("accuracy", "precision", "recall", "f1"):
        assert found[name].standard_error > 0
    assert found["recall"].value < 0


def test_other_scores_with_the_same_answers_leave_doubt_about_the_answers() -> None:
    old, _ = scenes.binary(300, 4)
    tilted = np.where(old.scores >= 0.45, old.scores**0.9, old.scores**1.1)
    found = compared(old, dataclasses.replace(old, scores=tilted))
    assert found["accuracy"].value == 0
    assert found["accuracy"].standard_error == pytest.approx(1 / 300)
    assert found["recall"].low < 0 < found["recall"].high


@pytest.mark.parametrize("task", scenes.SCENES)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_none_leaves_no_value(task, bad) -> None:
    old, new = scenes.SCENES[task](50, 1)
    new.scores[7] = bad
    for name, difference in compared(old, new).items():
        assert difference.value is difference.standard_error is difference.distribution is None
        assert difference.why == "a truth or a score is not valid"
        assert orient_difference(name, difference) is None


@pytest.mark.parametrize("task", scenes.SCENES)
def test_no_rows_leave_no_value(task) -> None:
    old, new = (scored.take(np.arange(0)) for scored in scenes.SCENES[task](50, 1))
    assert {found.why for found in compared(old, new).values()} == {"no rows"}


@pytest.mark.parametrize("task", scenes.SCENES)
def test_few_rows_have_a_value_and_no_interval(task) -> None:
    old, new = (scored.take(np.arange(9)) for scored in scenes.SCENES[task](50, 1))
    for difference in compared(old, new).values():
        assert difference.standard_error is None and difference.low is None
        assert difference.distribution is None
        assert "fewer than 10" in difference.why
        assert difference.few and difference.needed >= 10


def test_one_class_only_says_so() -> None:
    old, new = scenes.binary(200, 1)
    rows = np.flatnonzero(~old.truth)
    found = compared(old.take(rows), new.take(rows))
    assert found["auc"].value is None
    assert found["auc"].why == "0 positives and 142 negatives, fewer than 10 of a label"
    assert all(difference.few for difference in found.values())
    assert all(difference.distribution is None for difference in found.values())


def test_a_champion_that_says_no_to_all_has_no_precision() -> None:
    old, new = scenes.binary(200, 1)
    found = compared(dataclasses.replace(old, threshold=1.0), new)
    assert found["precision"].why == "champion: no row is predicted positive"
    assert found["precision"].challenger is not None
    assert found["recall"].distribution is not None


@pytest.mark.parametrize("which", ["champion", "challenger"])
def test_constant_scores_are_measured_without_a_warning(which) -> None:
    old, new = scenes.binary(200, 1)
    flat = dataclasses.replace(old, scores=np.full(200, 0.4))
    pair = (flat, new) if which == "champion" else (old, flat)
    found = compared(*pair)
    assert getattr(found["auc"], which) == 0.5
    assert found["auc"].standard_error > 0


@pytest.mark.parametrize(("units", "rarer"), [(None, 100), (20, 20)])
def test_two_faultless_models_leave_doubt(units: int | None, rarer: int) -> None:
    truth = np.random.default_rng(1).permutation(400) < 100
    old = LabelledScores("binary", truth, np.where(truth, 0.9, 0.1))
    new = LabelledScores("binary", truth, np.where(truth, 0.8, 0.3) + np.arange(400) / 10_000)
    found = compared(old, new, None if units is None else nights(400, units))["auc"]
    assert (found.value, found.degrees) == (0, rarer - 1)
    assert found.standard_error == pytest.approx(1 / (rarer + 2))


def test_a_faultless_regression_has_no_derivative_and_no_interval() -> None:
    old, new = scenes.regression(200, 1)
    found = compared(old, dataclasses.replace(new, scores=new.truth))
    assert found["rmse"].value is not None and found["rmse"].distribution is None
    assert found["rmse"].why == "it has no derivative here" and not found["rmse"].few
    assert found["mae"].distribution is not None


def test_a_class_without_rows_has_no_auc() -> None:
    old, new = scenes.multiclass(200, 1)
    rows = np.flatnonzero(old.truth < 2)
    found = compared(old.take(rows), new.take(rows))
    assert "no row of class c" in found["auc"].why
    assert found["balanced_accuracy"].distribution is not None


def test_a_percentile_needs_rows_beyond_it() -> None:
    old, new = (scored.take(np.arange(30)) for scored in scenes.regression(100, 1))
    found = compared(old, new)
    assert found["p90_error"].why == "too few rows lie beyond the 90th percentile"
    assert found["p90_error"].few
    assert found["mae"].distribution is not None


def test_errors_that_are_all_alike_have_no_percentile_s_interval() -> None:
    truth = np.arange(100.0)
    old = LabelledScores("regression", truth, truth + 1 + 0.5 * (truth % 2))
    new = LabelledScores("regression", truth, truth + 1 + 0.5 * (truth % 3 > 0))
    # Of either model more than one error in ten is 1.5, whichever rows are drawn.
    found = compared(old, new)["p90_error"]
    assert (found.value, found.low, found.high) == (0, 0, 0)
    other = dataclasses.replace(new, scores=truth + 1 + 0.7 * (truth % 3 > 0))
    found = compared(old, other)["p90_error"]
    assert found.value == pytest.approx(0.2) and found.distribution is None
    assert found.why == "too many errors are equal to the 90th percentile" and not found.few


# ------------------------------------------------------------------------ units of rows


def nights(rows: int, count: int) -> SamplingUnits:
    return SamplingUnits("night", count, (np.arange(rows) * count // rows).astype(np.intp))


@pytest.mark.parametrize("task", scenes.SCENES)
def test_rows_written_twice_within_their_unit_tell_nothing_more(task) -> None:
    old, new = scenes.SCENES[task](400, 2)
    rows = np.repeat(np.arange(400), 3)
    once = compared(old, new)
    units = SamplingUnits("pair", 400, rows.astype(np.intp))
    thrice = compared(old.take(rows), new.take(rows), units)
    for name, one in once.items():
        # Where half a row more is counted on either side, it is half of one of more rows.
        near = 0.04 if one.method == SHARES else 0.1 if name == "p90_error" else 0.005
        assert thrice[name].standard_error == pytest.approx(one.standard_error, rel=near), name
        if name != "p90_error":
            assert thrice[name].design_effect == pytest.approx(3, rel=0.04), name


@pytest.mark.parametrize("task", scenes.SCENES)
def test_what_units_are_called_does_not_matter(task) -> None:
    old, new = scenes.SCENES[task](400, 3)
    units = replace(nights(400, 20), name="store")
    other = np.random.default_rng(1).permutation(20)[units.codes]
    there, renamed = (
        compared(old, new, units),
        compared(old, new, SamplingUnits("store", 20, other.astype(np.intp))),
    )
    for name, one in there.items():
        near = 1e-6 if name == "calibration_error" else 1e-9
        assert renamed[name].standard_error == pytest.approx(one.standard_error, rel=near)
        assert renamed[name].design_effect == pytest.approx(one.design_effect, rel=near)


@pytest.mark.parametrize("task", scenes.SCENES)
def test_fewer_than_ten_units_are_doubted_and_fewer_than_three_say_nothing(task) -> None:
    old, new = scenes.SCENES[task](400, 3)
    for difference in compared(old, new, nights(400, 9)).values():
        assert difference.distribution is not None
        assert difference.doubt == "it has 9 nights, fewer than 10"
        assert (difference.few, difference.needed) == (False, 10)
    for difference in compared(old, new, nights(400, 2)).values():
        assert difference.distribution is None and difference.value is not None
        assert difference.why == "2 nights, fewer than 10"
        assert (difference.few, difference.needed) == (True, 10)
    for difference in compared(*scenes.SCENES[task](3000, 3), nights(3000, 10)).values():
        assert difference.distribution is not None and difference.doubt is None


def test_too_few_positives_are_too_few_rows_and_no_verdict() -> None:
    old, new = scenes.binary(600, 3)
    rows = np.concatenate([np.flatnonzero(~old.truth), np.flatnonzero(old.truth)[:6]])
    for positives in (6, 0):
        part = rows[: len(rows) - 6 + positives]
        found = compared(old.take(part), new.take(part))
        for name, difference in found.items():
            assert difference.few and difference.distribution is None, name
        assert (found["auc"].value is None) == (positives == 0)
        assert found["recall"].needed == (None if not positives else -(-len(part) * 10 // 6))


def test_log_loss_on_few_rows_and_heavy_tails_are_doubted() -> None:
    for rows, doubted in ((1249, {"log_loss"}), (1250, set())):
        found = compared(*scenes.binary(rows, 1))
        assert {name for name, one in found.items() if one.doubt} == doubted
    old, new = scenes.regression(5000, 1)
    assert not any(one.doubt for one in compared(old, new).values())
    heavy = old.truth + np.random.default_rng(4).standard_t(1.2, size=5000)
    wild = dataclasses.replace(new, scores=heavy)
    for pair in ((old, wild), (wild, old)):
        found = compared(*pair)
        assert {name for name, one in found.items() if one.doubt} == {"rmse", "r2"}


def test_two_sets_of_rows_are_no_pair() -> None:
    old, new = scenes.binary(50, 1)
    with pytest.raises(ValueError, match="same rows"):
        compared(old, new.take(np.arange(49)))
    with pytest.raises(ValueError, match="same rows"):
        compared(old, scenes.regression(50, 1)[0])


# ------------------------------------------------------------------------- more is better


@pytest.mark.parametrize(("task", "name"), CASES)
def test_turned_is_above_0_for_the_better_model(task, name) -> None:
    old, new = scenes.SCENES[task](2000, 8)  # the second averages noise away
    difference = compared(old, new)[name]
    bounds = orient_difference(name, difference)
    assert bounds is not None
    if name == "bias":
        assert bounds.value == pytest.approx(abs(difference.champion) - abs(difference.challenger))
    else:
        sign = -1 if name in LOWER_IS_BETTER else 1
        assert (bounds.value, bounds.skew) == (sign * difference.value, sign * difference.skew)
    assert bounds.standard_error == difference.standard_error
    if name in ("auc", "rmse", "mae", "bias", "accuracy", "r2"):
        assert bounds.value > 0


@pytest.mark.parametrize(
    ("champion", "challenger", "skew"),
    [(0.9, 0.4, -0.3), (-0.9, -0.4, 0.3), (0.9, -0.4, 0.0), (-0.9, 0.4, 0.0), (0.9, 0.0, 0.0)],
)
def test_a_bias_that_stays_on_its_side_of_0_is_skewed_as_the_difference(
    champion: float, challenger: float, skew: float
) -> None:
    old, new = scenes.regression(100, 3)
    difference = replace(
        compared(old, new)["bias"], champion=champion, challenger=challenger, skew=0.3
    )
    bounds = orient_difference("bias", difference)
    assert bounds is not None and bounds.skew == skew


@pytest.mark.parametrize("shift", [0.4, -1.3])
def test_the_distance_of_a_bias_from_0_varies_no_more_than_stated(shift) -> None:
    old, new = scenes.regression(400, 3)
    old = dataclasses.replace(old, scores=old.scores + shift)
    difference = compared(old, new)["bias"]
    random = np.random.default_rng(2)
    drawn = []
    for _ in range(1000):
        rows = random.integers(0, 400, size=400)
        before, after = (one.take(rows).evaluator().metrics()["bias"] for one in (old, new))
        drawn.append(abs(before) - abs(after))
    assert difference.standard_error > 0.93 * np.std(drawn)
    bounds = orient_difference("bias", difference)
    assert bounds.value == pytest.approx(abs(difference.champion) - abs(difference.challenger))
    if shift > 0:
        assert bounds.skew == pytest.approx(-difference.skew)
    else:
        assert bounds.skew == 0


def test_without_an_interval_there_is_nothing_to_turn() -> None:
    bare = Difference(
        *(0.5, 0.6, 0.1, None, 0.0, None, None, None, "-"),
        *("few", None, False, None, None, None),
    )
    assert orient_difference("auc", bare) is None
