"""One model's metrics with intervals: references, laws of units, and how often they cover."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from assay.metrics.evaluator import FEWEST
from assay.metrics.influence import Influence, sampling_variation
from assay.metrics.intervals.estimates import estimate_share, estimates, wilson_interval
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.ranks import RankedScores
from assay.metrics.sampling_units import SamplingUnits
from assay.metrics.skill import NO_SKILL
from assay.project.tasks import METRICS
from tests.metrics.intervals import scenes

SKILLS = [("binary", "brier_skill"), ("multiclass", "brier_skill"), ("regression", "mae_skill")]
Z = float(special.ndtri(0.975))


def one(task: str, rows: int, seed: int) -> LabelledScores:
    return scenes.SCENES[task](rows, seed)[1]


def nights(rows: int, count: int) -> SamplingUnits:
    return SamplingUnits("night", count, (np.arange(rows) * count // rows).astype(np.intp))


def measured(scored: LabelledScores, units: SamplingUnits | None = None, confidence: float = 0.95):
    return estimates(scored, units or SamplingUnits.rows(len(scored)), confidence)


# ------------------------------------------------------------------------ references


@pytest.mark.parametrize(
    ("hits", "rows", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(hits: int, rows: int, low: float, high: float) -> None:
    assert wilson_interval(hits / rows, rows, Z) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("task", METRICS)
def test_values_are_those_of_the_metrics_and_lie_in_their_intervals(task: str) -> None:
    scored = one(task, 400, 3)
    found = measured(scored)
    assert tuple(found) == METRICS[task]
    for name, value in scored.values().items():
        estimate = found[name]
        assert estimate.value == pytest.approx(value, abs=1e-12)
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.low < estimate.high and estimate.why is None and not estimate.few
        assert estimate.degrees > 1
        if name != "p90_error":
            assert estimate.design_effect == pytest.approx(1, abs=0.01), name


def test_an_auc_s_interval_is_delongs_on_the_log_odds() -> None:
    random = np.random.default_rng(1)
    positive = random.random(60) < 0.4
    p = np.round(special.expit(random.normal(positive, 1.0)), 1)
    high, low = p[positive][:, None], p[~positive][None, :]
    wins = (high > low) + 0.5 * (high == low)
    area, m, n = wins.mean(), *wins.shape
    pairs = wins.mean(axis=1).var(ddof=1) / m + wins.mean(axis=0).var(ddof=1) / n
    found = measured(LabelledScores("binary", positive, p))["auc"]
    reach = stats.t.ppf(0.975, found.degrees) * np.sqrt(pairs * 60 / 59) / area / (1 - area)
    wanted = special.expit(special.logit(area) + np.array([-reach, reach]))
    assert (found.low, found.high) == pytest.approx(tuple(wanted), abs=1e-9)


@pytest.mark.parametrize("units", [SamplingUnits.rows(300), nights(300, 20)])
def test_an_average_precision_s_interval_lies_around_it_less_its_bias(units: SamplingUnits) -> None:
    scored = one("binary", 300, 4)
    found = measured(scored, units)["average_precision"]
    order = RankedScores(scored.truth, scored.scores)
    varies = sampling_variation(Influence(order.average_precision_influence()), units)
    bias = order.average_precision_bias(units)
    assert bias > 0
    middle = special.logit(found.value) - bias / (found.value * (1 - found.value))
    unbiased = special.expit(middle)
    reach = special.stdtrit(varies.degrees, 0.975) * varies.standard_error
    half = reach / (unbiased * (1 - unbiased))
    ends = special.expit([middle - half, middle + half])
    assert (found.low, found.high) == pytest.approx(tuple(ends))


def test_a_share_s_interval_is_wilson_s_with_the_quantile_of_t() -> None:
    scored = one("binary", 500, 2)
    hits = (scored.predicted_positive == scored.truth).mean()
    found = measured(scored)["accuracy"]
    reach = float(stats.t.ppf(0.975, found.degrees))
    assert (found.low, found.high) == pytest.approx(wilson_interval(hits, 499, reach), abs=1e-6)


def test_a_mean_s_interval_is_the_t_of_its_rows_where_nothing_is_skewed() -> None:
    error = np.concatenate([np.linspace(-2, 2, 101), np.linspace(-2, 2, 101)]) + 0.3
    found = measured(LabelledScores("regression", np.zeros(202), error))["bias"]
    wanted = stats.t.interval(0.95, found.degrees, 0.3, error.std(ddof=1) / np.sqrt(202))
    assert (found.low, found.high) == pytest.approx(wanted, abs=1e-9)


def test_a_faultless_ranking_is_not_certain() -> None:
    positive = np.arange(30) < 12
    found = measured(LabelledScores("binary", positive, np.linspace(1, 0, 30)))["auc"]
    assert 0.7 < found.low < 0.9
    assert (found.value, found.high) == (1, 1)


# ------------------------------------------------------------------------ laws


def test_more_confidence_is_wider_and_more_rows_are_narrower() -> None:
    def width(rows: int, confidence: float) -> float:
        found = measured(one("binary", rows, 4), confidence=confidence)["auc"]
        return found.high - found.low

    assert width(500, 0.99) > width(500, 0.8)
    # Sixteen times the rows make a quarter of the width.
    assert width(500, 0.95) / width(8000, 0.95) == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize("task", METRICS)
def test_the_order_of_rows_does_not_matter(task: str) -> None:
    scored, units = one(task, 400, 5), nights(400, 20)
    order = np.random.default_rng(1).permutation(400)
    there, moved = measured(scored, units), measured(scored.take(order), units.take(order))
    for name, found in there.items():
        near = 1e-6 if name == "calibration_error" else 1e-9
        assert (moved[name].low, moved[name].high) == pytest.approx(
            (found.low, found.high), abs=near
        )


@pytest.mark.parametrize("task", METRICS)
def test_rows_written_thrice_within_their_unit_tell_nothing_more(task: str) -> None:
    scored = one(task, 400, 6)
    rows = np.repeat(np.arange(400), 3)
    thrice = measured(scored.take(rows), SamplingUnits("parcel", 400, rows.astype(np.intp)))
    for name, found in measured(scored).items():
        # DeLong's variance divides by one row less of either label.
        near = 0.02 if name == "auc" else 0.001
        width = found.high - found.low
        assert thrice[name].low == pytest.approx(found.low, abs=near * width), name
        assert thrice[name].high == pytest.approx(found.high, abs=near * width), name
        assert thrice[name].design_effect == pytest.approx(3, rel=0.03), name


@pytest.mark.parametrize("task", METRICS)
def test_what_units_are_called_does_not_matter(task: str) -> None:
    scored, units = one(task, 400, 7), replace(nights(400, 20), name="store")
    assert units.codes is not None
    other = np.random.default_rng(1).permutation(20)[units.codes].astype(np.intp)
    renamed = measured(scored, SamplingUnits("store", 20, other))
    for name, found in measured(scored, units).items():
        near = 1e-6 if name == "calibration_error" else 1e-9
        assert (renamed[name].low, renamed[name].high) == pytest.approx(
            (found.low, found.high), abs=near
        )
        assert renamed[name].design_effect == pytest.approx(found.design_effect, rel=1e-6)


# ------------------------------------------------------------------------ too few


@pytest.mark.parametrize("task", METRICS)
def test_fewer_than_ten_units_are_doubted_and_fewer_than_three_say_nothing(task: str) -> None:
    scored = one(task, 400, 8)
    for name, found in measured(scored, nights(400, 9)).items():
        assert found.low is not None and found.high is not None, name
        assert found.doubt == "it has 9 nights, fewer than 10", name
        assert (found.few, found.needed) == (False, 10)
    for name, found in measured(scored, nights(400, 2)).items():
        assert found.value is not None and found.low is None and found.high is None, name
        assert found.why == "2 nights, fewer than 10"
        assert (found.few, found.needed) == (True, 10)


@pytest.mark.parametrize("seed", range(12))
def test_ten_nights_always_have_an_answer_whatever_their_labels(seed: int) -> None:
    """Positives of a quarter of the nights: their number and sizes decide, not luck."""
    random = np.random.default_rng(seed)
    units, truth = nights(3000, 10), np.zeros(3000, dtype=bool)
    truth[random.choice(900, 40, replace=False)] = True
    scored = LabelledScores("binary", truth, np.clip(random.random(3000) + 0.3 * truth, 0, 1))
    for name, found in measured(scored, units).items():
        assert found.low is not None and found.doubt is None and not found.few, name


def test_nine_nights_are_doubtful_by_twice_the_quantile_and_more() -> None:
    scored = one("binary", 2000, 8)
    nine, ten = (measured(scored, nights(2000, many))["auc"] for many in (9, 10))
    assert nine.degrees < 0.7 * ten.degrees


@pytest.mark.parametrize("positives", [0, 1, FEWEST - 1])
def test_too_few_of_a_label_means_no_interval_yet(positives: int) -> None:
    scored = LabelledScores("binary", np.arange(500) < positives, np.linspace(0.9, 0.1, 500))
    found = measured(scored)
    for name, each in found.items():
        assert each.low is None and each.high is None and each.why, name
        # Never a missing value that a rule would take for a failure.
        assert each.few, name
    assert (found["auc"].value is None) == (positives == 0)
    needed = None if not positives else -(-500 * FEWEST // positives)
    assert found["accuracy"].needed == needed


def test_a_rare_class_has_no_interval_on_means_over_classes_only() -> None:
    scored = one("multiclass", 400, 2)
    truth = np.where(scored.truth == 2, 0, scored.truth)
    truth[:4] = 2
    found = measured(LabelledScores("multiclass", truth, scored.scores, scored.classes))
    assert found["macro_f1"].why == "4 rows of class c, fewer than 10"
    assert found["macro_f1"].value is not None and found["macro_f1"].few
    assert (found["macro_f1"].low, found["macro_f1"].needed) == (None, 1000)
    assert found["accuracy"].low is not None and not found["accuracy"].few


def test_no_yes_at_all_is_no_precision_yet() -> None:
    scored = LabelledScores("binary", np.repeat([True, False], 50), np.full(100, 0.2))
    found = measured(scored)
    assert (found["precision"].value, found["precision"].few) == (None, True)
    assert found["precision"].why == "no row is predicted positive"
    assert found["auc"].value == 0.5 and found["recall"].value == 0


def test_labels_that_are_all_alike_have_no_r2_and_errors_of_0_no_derivative() -> None:
    flat = LabelledScores("regression", np.full(50, 3.0), np.linspace(2, 4, 50))
    assert measured(flat)["r2"].value is None
    assert measured(flat)["mae"].low is not None
    exact = measured(LabelledScores("regression", np.arange(50.0), np.arange(50.0)))["rmse"]
    assert (exact.value, exact.low, exact.few) == (0, None, False)
    assert exact.why == "it has no derivative here"


def test_a_few_large_errors_leave_the_root_of_their_squares_above_their_mean_size() -> None:
    random = np.random.default_rng(1)
    truth = np.exp(random.normal(3, 2, 60))
    found = measured(LabelledScores("regression", truth, np.full(60, 20.0)))
    assert 0 < found["mae"].low <= found["rmse"].low <= found["rmse"].value


@pytest.mark.parametrize(("task", "name"), SKILLS)
def test_a_constant_has_a_skill_of_0_at_most_and_no_interval_to_pass_with(
    task: str, name: str
) -> None:
    scored = one(task, 400, 3)
    best = np.median(scored.truth) if task == "regression" else scored.truth.mean()
    if task == "multiclass":
        best = np.bincount(scored.truth, minlength=len(scored.classes)) / 400
    scores = np.broadcast_to(best, scored.scores.shape).copy()
    found = measured(LabelledScores(task, scored.truth, scores, scored.classes))[name]
    assert found.value == pytest.approx(0, abs=1e-12)
    assert (found.low, found.why, found.few) == (None, NO_SKILL, False)


def test_a_skill_is_decided_where_the_brier_score_itself_is_not() -> None:
    # Few positives: how many there are is what the Brier score varies with.
    random = np.random.default_rng(5)
    p = special.expit(random.normal(-6, 2, size=4000))
    scored = LabelledScores("binary", random.random(4000) < p, p)
    found, share = measured(scored), scored.truth.mean()
    assert found["brier"].high > share * (1 - share)
    assert found["brier_skill"].low > 0.05


def test_a_skill_is_1_at_most() -> None:
    truth = np.arange(100) % 4 == 0
    p = np.where(truth, 1.0, 0.0)
    p[:2] = (0.2, 0.4)  # a positive and a negative that are missed
    found = measured(LabelledScores("binary", truth, p))["brier_skill"]
    assert 0.9 < found.value < found.high == 1


@pytest.mark.parametrize(("task", "name"), SKILLS)
def test_scores_of_shuffled_rows_hardly_ever_pass_for_skill(task: str, name: str) -> None:
    passed = 0
    for seed in range(200):
        scored = one(task, 300, seed)
        order = np.random.default_rng(seed).permutation(300)
        mean = scored.scores.mean(axis=0)
        scores = mean + (scored.scores[order] - mean) / 20
        low = measured(LabelledScores(task, scored.truth, scores, scored.classes))[name].low
        passed += low >= 0
    assert passed <= 200 * 0.05


def test_a_doubt_comes_with_the_number() -> None:
    assert "1,250" in measured(one("binary", 300, 1))["log_loss"].doubt
    assert measured(one("binary", 300, 1))["brier"].doubt is None
    assert measured(one("binary", 1250, 1))["log_loss"].doubt is None


# ------------------------------------------------------------------------ shares of rows


def test_a_share_by_row_by_unit_and_of_too_few() -> None:
    chosen = np.arange(200) % 4 == 0
    by_row = estimate_share(chosen, SamplingUnits.rows(200), 0.95)
    assert by_row.value == 0.25
    assert (by_row.low, by_row.high) == pytest.approx(wilson_interval(0.25, 199, Z), abs=0.002)
    together = estimate_share(np.sort(chosen), nights(200, 20), 0.95)
    assert together.value == 0.25 and together.design_effect > 5
    assert together.high - together.low > 2 * (by_row.high - by_row.low)
    few = estimate_share(chosen, nights(200, 9), 0.95)
    assert (few.value, few.doubt, few.needed) == (0.25, "it has 9 nights, fewer than 10", 10)
    assert few.low < 0.25 < few.high
    none = estimate_share(chosen, nights(200, 2), 0.95)
    assert (none.value, none.low, none.few, none.needed) == (0.25, None, True, 10)
    assert estimate_share(chosen[:9], SamplingUnits.rows(9), 0.95).why == "9 rows, fewer than 10"
    none = estimate_share(chosen[:0], SamplingUnits.rows(0), 0.95)
    assert (none.value, none.why, none.few) == (None, "no rows", True)
    # That none was chosen of so many nights is not that none ever is.
    never = estimate_share(np.zeros(200, dtype=bool), nights(200, 20), 0.95)
    assert never.low == 0 and never.high > 0.1


# ------------------------------------------------------------------------ coverage

TRIALS = 120


@pytest.fixture(scope="module")
def covered() -> dict[str, int]:
    """How many intervals at 0.9, of samples of 500 rows, hold the value on a million rows."""
    random = np.random.default_rng(7)

    def sample(rows: int) -> LabelledScores:
        p = special.expit(random.normal(-1, 1, rows))
        return LabelledScores("binary", random.random(rows) < p, p, threshold=0.35)

    truths = sample(1_000_000).values()
    counts = dict.fromkeys(truths, 0)
    for _ in range(TRIALS):
        for name, found in measured(sample(500), confidence=0.9).items():
            counts[name] += found.low <= truths[name] <= found.high
    return counts


@pytest.mark.parametrize(
    "metric",
    [
        *("auc", "average_precision", "log_loss", "brier"),
        *("accuracy", "precision", "recall", "f1"),
    ],
)
def test_intervals_cover_as_often_as_they_say(covered: dict[str, int], metric: str) -> None:
    assert stats.binomtest(covered[metric], TRIALS, 0.9).pvalue > 0.001


def test_thirty_nights_are_covered_by_night_and_not_by_row() -> None:
    """Errors with an intraclass correlation of 0.2 in 30 nights of 40 rows."""
    random = np.random.default_rng(9)
    units, trials = nights(1200, 30), 300
    held = {"night": 0, "row": 0}
    for _ in range(trials):
        shared = random.normal(0, np.sqrt(0.2), 30)[units.codes]
        error = shared + random.normal(0, np.sqrt(0.8), 1200)
        influence = (
            LabelledScores("regression", np.zeros(1200), error).evaluator().influences()["bias"]
        )
        for name, by in (("night", units), ("row", SamplingUnits.rows(1200))):
            low, high = (
                sampling_variation(Influence(influence.rows), by)
                .distribution(error.mean())
                .interval(0.95)
            )
            held[name] += low <= 0 <= high
    assert stats.binomtest(held["night"], trials, 0.95).pvalue > 0.001
    assert held["row"] / trials < 0.65  # a design effect of 8.8: two intervals in five miss
