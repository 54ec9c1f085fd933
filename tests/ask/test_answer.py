"""What labels of a list say: right on average, with the error that it has."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import special, stats

from assay.ask import answer, sample
from assay.ask.pool import Pool
from assay.metrics.estimate import Estimate
from assay.metrics.influence import sampling_variation
from assay.metrics.intervals.difference import Difference
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import NIGHT, SamplingUnits
from assay.reports.verdict import Outcome
from tests.gate.build import comparison, evaluation, gate, rule

ROWS, NIGHTS = 3_000, 30


def pool_of(
    scores: list[np.ndarray], known: np.ndarray | None = None, threshold: float = 0.3
) -> Pool:
    nights = np.repeat(np.arange(NIGHTS), ROWS // NIGHTS)
    return Pool(
        pa.table({"night": nights, "row": np.arange(ROWS)}),
        tuple(scores),
        (threshold,) * len(scores),
        np.full(ROWS, np.nan) if known is None else known,
        SamplingUnits(NIGHT, NIGHTS, nights),
    )


def asked(metric: str, pool: Pool, truth: np.ndarray, budget: int, seed: int) -> object:
    effects = answer.effects(metric, pool, pool.expected)[0]
    design = sample.design(sample.spread(effects, pool.expected, pool.unknown), budget)
    drawn = design.draw(pool.order, seed)
    return answer.measure(metric, pool, design, drawn, truth[drawn], 0.95)


def test_rows_are_in_order_of_their_nights_and_of_what_is_expected() -> None:
    keys = pa.table({"night": ["b", "a", "a", "b"], "row": [1, 2, 3, 4]})
    known = np.array([np.nan, np.nan, 0.0, np.nan])
    pool = Pool(
        keys, (np.array([0.9, 0.1, 0.5, 0.2]),), (0.5,), known, SamplingUnits(NIGHT, 2, np.ones(4))
    )
    assert pool.order.tolist() == [2, 1, 3, 0]


def test_a_digest_is_of_scores_to_the_digits_that_machines_share() -> None:
    one, near, far = (pool_of([np.full(ROWS, 0.5 + off)]).digest for off in (0.0, 3e-13, 2e-12))
    assert one == near != far


@pytest.mark.parametrize("metric", ["precision", "recall", "auc", "average_precision", "brier"])
def test_estimates_of_one_pool_lie_around_what_all_its_labels_say(metric: str) -> None:
    random = np.random.default_rng(4)
    scores = random.beta(1, 4, ROWS)
    truth = (random.random(ROWS) < scores**1.2).astype(np.float64)  # not quite calibrated
    pool = pool_of([scores])
    right = LabelledScores("binary", truth == 1, scores, threshold=0.3).values()[metric]
    found = [asked(metric, pool, truth, 200, seed) for seed in range(120)]
    values = np.array([each.value for each in found])  # type: ignore[attr-defined]
    assert abs(values.mean() - right) < 4 * values.std() / 120**0.5
    lows = [each.low <= right <= each.high for each in found]  # type: ignore[attr-defined]
    # Of these rows the interval is wider than it need be: it is about other nights too.
    assert np.mean(lows) > 0.93


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_where_all_labels_are_of_one_kind_there_is_no_value(label: float) -> None:
    scores = np.random.default_rng(6).beta(1, 4, ROWS)
    found = asked("accuracy", pool_of([scores]), np.full(ROWS, label), ROWS, 1)
    assert found.value is None and "none of one kind" in found.why  # type: ignore[attr-defined]


def test_a_change_is_told_by_the_rows_on_which_models_differ() -> None:
    random = np.random.default_rng(5)
    scores = random.beta(1, 4, ROWS)
    other = np.clip(scores + random.normal(0, 0.03, ROWS), 0.01, 0.99)
    truth = (random.random(ROWS) < scores).astype(np.float64)
    pool = pool_of([scores, other])
    effects = answer.effects("accuracy", pool, pool.expected)[0]
    differ = (scores >= 0.3) != (other >= 0.3)
    assert ((effects.slope != 0) == differ).all()
    every = int(differ.sum())
    found = asked("accuracy", pool, truth, every, 1)
    values = [
        LabelledScores("binary", truth == 1, each, threshold=0.3).values()["accuracy"]
        for each in (scores, other)
    ]
    assert isinstance(found, Difference)
    assert found.value == pytest.approx(values[0] - values[1])
    assert found.low is not None and found.high is not None
    assert found.low < values[0] - values[1] < found.high


def test_known_labels_count_as_they_are() -> None:
    random = np.random.default_rng(6)
    scores = random.beta(1, 3, ROWS)
    truth = (random.random(ROWS) < scores).astype(np.float64)
    known = np.where(np.arange(ROWS) < 2_900, truth, np.nan)
    found = asked("recall", pool_of([scores], known), truth, 100, 1)
    right = LabelledScores("binary", truth == 1, scores, threshold=0.3).values()["recall"]
    assert isinstance(found, Estimate) and found.value == pytest.approx(right)


def test_too_few_are_said_by_design() -> None:
    scores = np.full(ROWS, 0.004)
    scores[:100] = 0.5
    truth = np.zeros(ROWS)
    found = asked("recall", pool_of([scores]), truth, 40, 1)
    assert isinstance(found, Estimate) and found.few and found.value is None
    assert found.why == "the labels are worth fewer than 10 rows of the rarer label"


def test_log_loss_of_few_labels_is_in_doubt() -> None:
    random = np.random.default_rng(7)
    scores = random.beta(2, 3, ROWS)
    truth = (random.random(ROWS) < scores).astype(np.float64)
    few, many = (asked("log_loss", pool_of([scores]), truth, each, 1) for each in (400, 1_300))
    assert isinstance(few, Estimate) and isinstance(many, Estimate)
    assert few.doubt is not None and "400 rows, fewer than the 1,250" in few.doubt
    assert many.doubt is None
    wanted = rule(metric="log_loss", max=5.0)
    judged, why = answer.judge(wanted, pool_of([scores]), few, evaluation(), gate())
    assert (judged.outcome, why) == (Outcome.INCONCLUSIVE, few.doubt)


def test_the_rule_itself_decides() -> None:
    random = np.random.default_rng(8)
    scores = random.beta(1, 3, ROWS)
    truth = (random.random(ROWS) < scores).astype(np.float64)
    pool = pool_of([scores])
    found = asked("precision", pool, truth, 300, 1)
    assert isinstance(found, Estimate)
    said = {
        least: answer.judge(rule(metric="precision", min=least), pool, found, evaluation(), gate())
        for least in (found.low, found.value, 0.99)
    }
    outcomes = [judged.outcome for judged, _ in said.values()]
    assert outcomes == [Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL]
    assert [why for _, why in said.values()] == [None, "the limit lies within the interval", None]
    (judged, _), *_ = said.values()
    assert (judged.rows, judged.units, judged.unit) == (ROWS, NIGHTS, "night")


@pytest.mark.parametrize("metric", ["auc", "accuracy", "precision", "recall", "f1", "brier"])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_labels_that_are_all_alike_never_give_what_no_model_can_have(
    metric: str, label: float
) -> None:
    """They stand for more rows than there are of the other kind."""
    random = np.random.default_rng(6)
    pool = pool_of([random.beta(1, 2, ROWS) for _ in range(2)], threshold=0.5)
    for budget in (30, 60, 200, 1_000, ROWS):
        found = asked(metric, pool, np.full(ROWS, label), budget, 1)
        assert isinstance(found, Difference)
        if found.value is None:
            assert found.few and found.why and "few" in found.why
        else:
            assert all(0 <= each <= 1 for each in (found.champion, found.challenger))
    if label:  # every label is known, and nobody is negative
        assert asked("auc", pool, np.ones(ROWS), ROWS, 1).value is None


def test_a_limit_and_a_change_say_what_they_ask_for() -> None:
    assert answer.limit_of(rule(metric="auc", min=0.7)) == 0.7
    assert answer.limit_of(rule(metric="brier", max=0.2)) == 0.2
    gain = rule(kind="change", metric="accuracy", gain=0.1)
    assert answer.limit_of(gain) == pytest.approx(0.1)


def test_what_stays_if_all_is_labelled_is_the_nights_and_the_labels_own_chance() -> None:
    random = np.random.default_rng(7)
    scores = random.beta(2, 3, ROWS)
    pool = pool_of([scores], threshold=0.5)
    effects = answer.effects("accuracy", pool, pool.expected)[0]
    drawn = [((random.random(ROWS) < scores) == (scores >= 0.5)).mean() for _ in range(1_500)]
    every = pool_of([scores], known=scores, threshold=0.5)  # nothing is left to chance
    nights = sampling_variation(effects.influence(every.expected), pool.units).standard_error
    found = answer.least_variance(pool, effects)
    assert found == pytest.approx(nights**2 + np.var(drawn), rel=0.05)


def test_nights_follow_by_the_losses_that_the_labels_show(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(8)
    scores = random.beta(2, 3, ROWS)
    truth = (random.random(ROWS) < scores).astype(np.float64)
    seen = []

    def followed(units: SamplingUnits, losses: np.ndarray, outputs: np.ndarray) -> SamplingUnits:
        seen.append((losses, outputs))
        return units

    monkeypatch.setattr(SamplingUnits, "followed", followed)
    asked("brier", pool_of([scores]), truth, ROWS, 1)
    ((losses, outputs),) = seen
    assert losses == pytest.approx(np.square(scores - truth))
    assert outputs is scores


def test_one_model_with_too_few_labels_has_a_metric_without_a_value() -> None:
    random = np.random.default_rng(9)
    pool = pool_of([random.beta(1, 200, ROWS)])
    found = asked("auc", pool, np.zeros(ROWS), 20, 1)
    assert isinstance(found, Estimate) and found.value is None and found.few


def every_label(metric: str, confidence: float = 0.95) -> tuple[Estimate, float, float]:
    """What all labels of a pool say, with the standard error and degrees of their influences."""
    random = np.random.default_rng(10)
    scores = random.beta(2, 3, ROWS)
    truth = (random.random(ROWS) < scores).astype(np.float64)
    pool = pool_of([scores])
    design = sample.design(
        sample.spread(answer.effects(metric, pool, pool.expected)[0], pool.expected, pool.unknown),
        ROWS,
    )
    drawn = design.draw(pool.order, 1)
    found = answer.measure(metric, pool, design, drawn, truth[drawn], confidence)
    assert isinstance(found, Estimate)
    labels = scores.copy()
    labels[drawn] = truth[drawn]  # of precision, those above the threshold are all that count
    units = pool.units.followed(np.square(scores) + labels * (1 - 2 * scores), scores)
    varies = sampling_variation(answer.effects(metric, pool, labels)[0].influence(labels), units)
    return found, varies.standard_error, varies.degrees


@pytest.mark.parametrize("metric", ["accuracy", "precision", "recall", "auc"])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_interval_of_a_share_is_one_of_its_log_odds(metric: str, confidence: float) -> None:
    found, error, degrees = every_label(metric, confidence)
    assert found.value is not None and found.low is not None and found.high is not None
    below, middle, above = special.logit([found.low, found.value, found.high])
    assert above - middle == pytest.approx(middle - below)
    reach = (above - middle) * found.value * (1 - found.value)
    assert reach == pytest.approx(error * stats.t.ppf((1 + confidence) / 2, degrees))


@pytest.mark.parametrize("metric", ["brier", "log_loss", "brier_skill"])
def test_the_interval_of_a_loss_is_as_wide_as_its_error(metric: str) -> None:
    found, error, degrees = every_label(metric)
    assert found.value is not None and found.low is not None and found.high is not None
    assert found.low < found.value < found.high and found.degrees == degrees
    width = 2 * error * stats.t.ppf(0.975, degrees)
    assert found.high - found.low == pytest.approx(width, rel=0.1)


def test_labels_that_were_known_count_for_the_doubt_of_a_log_loss() -> None:
    random = np.random.default_rng(7)
    scores = random.beta(2, 3, ROWS)
    truth = (random.random(ROWS) < scores).astype(np.float64)
    known = np.where(np.arange(ROWS) < 900, truth, np.nan)
    more, less = (
        asked("log_loss", pool_of([scores], known), truth, budget, 1) for budget in (350, 349)
    )
    assert isinstance(more, Estimate) and isinstance(less, Estimate)
    assert more.doubt is None and less.doubt is not None and "1,249 rows" in less.doubt
    assert asked("brier", pool_of([scores]), truth, 400, 1).doubt is None


def test_a_model_may_be_worse_than_no_model_and_its_loss_above_one() -> None:
    random = np.random.default_rng(11)
    scores = random.beta(0.3, 0.3, ROWS).clip(0.001, 0.999)
    truth = (random.random(ROWS) < 0.5).astype(np.float64)
    pool = pool_of([scores])
    skill, loss = (asked(metric, pool, truth, 2_000, 1) for metric in ("brier_skill", "log_loss"))
    assert isinstance(skill, Estimate) and isinstance(loss, Estimate)
    assert skill.value is not None and skill.value < 0
    assert loss.value is not None and loss.value > 1


def test_a_change_of_log_loss_by_few_labels_is_in_doubt_too() -> None:
    random = np.random.default_rng(12)
    scores = random.beta(2, 3, ROWS)
    truth = (random.random(ROWS) < scores).astype(np.float64)
    other = np.clip(scores + random.normal(0, 0.05, ROWS), 0.01, 0.99)
    found = asked("log_loss", pool_of([scores, other]), truth, 400, 1)
    assert isinstance(found, Difference) and found.doubt is not None and "400 rows" in found.doubt


def test_a_share_of_one_has_no_interval_but_a_change_of_nothing_has() -> None:
    random = np.random.default_rng(13)
    scores = random.beta(0.5, 0.5, ROWS).clip(0.01, 0.99)
    right = (scores >= 0.3).astype(np.float64)
    one = asked("accuracy", pool_of([scores]), right, ROWS, 1)
    assert isinstance(one, Estimate) and one.value is None
    assert one.why == "the labels are too few for a value"
    both = asked("brier", pool_of([scores, scores]), right, ROWS, 1)
    assert isinstance(both, Difference) and both.value == 0
    wrong = np.where(right == 1, 0.1, 0.9)
    apart = asked("accuracy", pool_of([scores, wrong]), right, ROWS, 1)
    assert isinstance(apart, Difference)
    assert (apart.champion, apart.challenger, apart.value) == (0, 1, 1)
    gain = rule(kind="change", metric="accuracy", gain=0.1)
    judged, why = answer.judge(gain, pool_of([scores, wrong]), apart, comparison(), gate())
    assert (judged.outcome, judged.units, why) == (Outcome.PASS, NIGHTS, None)
