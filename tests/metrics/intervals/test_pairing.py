"""How the errors of two groups go together: as the difference's own series of units says."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import special

from assay.metrics.following import STEPS, Following
from assay.metrics.influence import Influence, sampling_variation, sums_variation
from assay.metrics.intervals import pairing
from assay.metrics.intervals.own import left_out_units
from assay.metrics.intervals.pairing import contributions, correlations, share_contributions
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from assay.project.tasks import METRICS
from tests.metrics.intervals import scenes


def two_groups(
    name: str, shared: float, seed: int = 1
) -> tuple[np.ndarray, np.ndarray, SamplingUnits]:
    """Values of rows, their group (0, 1 or 2), and their unit, whose effect all groups share."""
    random = np.random.default_rng(seed)
    codes = np.sort(random.integers(0, 30, 3000)).astype(np.intp)
    effects = random.normal(size=30)
    values = random.normal(size=3000) + shared * effects[codes]
    return values, random.integers(0, 3, 3000), SamplingUnits(name, 30, codes)


def of_mean(values: np.ndarray, rows: np.ndarray, units: SamplingUnits):
    return contributions(Influence(values[rows]), rows, units)


def test_it_is_the_correlation_of_what_units_add() -> None:
    values, group, units = two_groups("store", 1.0)
    rows = [np.flatnonzero(group == one) for one in range(2)]
    added = [of_mean(values, each, units) for each in rows]
    (found,) = correlations(added, units)
    one, other = (each.sums for each in added)
    assert found == pytest.approx(
        float(one @ other) / float(np.sqrt((one @ one) * (other @ other)))
    )
    assert found > 0.8
    # The sums are what the group's own standard error is made of.
    own = sampling_variation(Influence(values[rows[0]]), units.take(rows[0]))
    assert float(np.sqrt(one @ one)) == pytest.approx(own.standard_error)


@pytest.mark.parametrize("name", ["store", "night"])
def test_the_difference_of_two_groups_is_covered_and_far_narrower(name: str) -> None:
    held, ratios = 0, []
    for seed in range(150):
        values, group, units = two_groups(name, 1.0, seed)
        rows = [np.flatnonzero(group == one) for one in range(2)]
        added = [of_mean(values, each, units) for each in rows]
        (r,) = correlations(added, units)
        reach = pairing._reach(
            np.array([each.sums for each in added]),
            np.array([each.noise for each in added]),
            units,
        )
        half = np.sqrt(reach @ reach - 2 * r * reach.prod())
        held += abs(values[rows[0]].mean() - values[rows[1]].mean()) <= half
        ratios.append(half / np.sqrt(reach @ reach))
    assert held / 150 >= 0.92
    assert np.median(ratios) < 0.35


def test_the_noise_of_both_groups_is_in_their_difference() -> None:
    """Known to be noise, what the nights of a group show is not taken for nights that follow."""
    values, group, units = two_groups("night", 0.0, seed=2)
    rows = [np.flatnonzero(group == one) for one in range(2)]
    added = [of_mean(values, each, units) for each in rows]
    (found,) = correlations(added, units)
    sums, noise = added[0].sums - added[1].sums, added[0].noise + added[1].noise
    own = [pairing._reach(each.sums[None], np.array([each.noise]), units)[0] for each in added]
    apart = pairing._reach(sums[None], np.array([noise]), units)[0]
    assert found == pytest.approx((own[0] ** 2 + own[1] ** 2 - apart**2) / (2 * own[0] * own[1]))
    without = pairing._reach(sums[None], np.array([0.0]), units)[0]
    assert without != pytest.approx(apart, rel=1e-3)


def test_where_nights_share_nothing_all_of_their_variance_is_noise() -> None:
    shares = []
    for seed in range(30):
        values, group, units = two_groups("night", 0.0, seed)
        added = of_mean(values, np.flatnonzero(group == 0), units)
        shares.append(added.noise / float(np.var(added.sums, ddof=1)))
    assert np.median(shares) == pytest.approx(1.0, rel=0.15)


def test_groups_of_other_units_have_none() -> None:
    values, _, units = two_groups("store", 1.0)
    rows = [np.flatnonzero(units.codes < 15), np.flatnonzero(units.codes >= 15)]
    (found,) = correlations([of_mean(values, each, units) for each in rows], units)
    assert found == pytest.approx(0.0, abs=1e-12)


def test_pairs_come_in_the_order_of_combinations_and_what_is_missing_is_none() -> None:
    values, group, units = two_groups("night", 1.0)
    added = [of_mean(values, np.flatnonzero(group == one), units) for one in range(3)]
    found = correlations([added[0], None, added[1], added[2]], units)
    known = dict(zip(combinations(range(4), 2), found, strict=True))
    assert [pair for pair, one in known.items() if one is None] == [(0, 1), (1, 2), (1, 3)]
    assert known[0, 3] == pytest.approx(correlations([added[0], added[2]], units)[0])
    assert known[0, 3] != pytest.approx(known[0, 2])
    assert correlations([None, added[0]], units) == [None]


def test_a_correlation_never_exceeds_one_though_each_reach_is_an_estimate() -> None:
    found = []
    for seed in range(60):
        values, group, units = two_groups("night", 0.5, seed)
        added = [of_mean(values, np.flatnonzero(group == one), units) for one in range(2)]
        found += correlations(added, units)
    assert max(found) == 1 and min(found) >= -1


def test_many_pairs_are_as_few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values, group, units = two_groups("night", 1.0)
    added = [of_mean(values, np.flatnonzero(group == one), units) for one in range(3)]
    found = correlations(added, units)
    monkeypatch.setattr(pairing, "AT_ONCE", 1)
    assert correlations(added, units) == pytest.approx(found)


@pytest.mark.parametrize("name", ["store", "night"])
def test_the_reach_of_a_group_is_that_of_its_own_interval(name: str) -> None:
    values, group, units = two_groups(name, 1.0)
    added = [of_mean(values, np.flatnonzero(group == one), units) for one in range(2)]
    sums, noise = np.array([each.sums for each in added]), np.array([each.noise for each in added])
    found = pairing._reach(np.vstack([sums, np.zeros(30)]), np.append(noise, 0.0), units)
    for reach, each in zip(found, added, strict=False):
        own = sums_variation(each.sums, units, each.noise)
        error = float(np.sqrt(each.sums @ each.sums * own.longer))
        assert reach == pytest.approx(error * special.stdtrit(own.degrees, 0.975))
    assert found[2] == 0


def test_a_group_of_some_nights_has_the_noise_of_these() -> None:
    values, _, units = two_groups("night", 0.0)
    rows = np.flatnonzero(units.codes % 3 == 0)
    added, part = of_mean(values, rows, units), units.take(rows)
    assert np.flatnonzero(added.sums).tolist() == list(range(0, 30, 3))
    # A third of the nights have all of it: over all of them it is a third of theirs.
    own = part.noise(values[rows] - values[rows].mean()) / len(rows) ** 2
    assert added.noise == pytest.approx(own / 3)
    assert added.noise == pytest.approx(float(np.mean(np.square(added.sums))), rel=0.5)


@pytest.mark.parametrize("task", METRICS)
def test_what_a_unit_adds_is_what_the_metric_loses_without_it(task: str) -> None:
    scored: LabelledScores = scenes.SCENES[task](4000, 3)[0]
    codes = np.repeat(np.arange(20), 200).astype(np.intp)
    units, every = SamplingUnits("store", 20, codes), np.arange(4000)
    added = pairing.metric_contributions(scored, every, units)
    whole = scored.values()
    for name, one in added.items():
        lost = np.array(
            [
                whole[name] - scored.take(np.flatnonzero(codes != u)).values()[name]
                for u in range(20)
            ]
        )
        wanted = 0.6 if name in ("p90_error", "calibration_error") else 0.95
        assert np.corrcoef(one.sums, lost)[0, 1] > wanted, name


def test_the_percentile_that_is_paired_is_the_one_that_is_shown() -> None:
    errors = np.random.default_rng(3).permutation(np.arange(1.0, 56.0))
    scored = LabelledScores("regression", np.zeros(55), errors)
    units = SamplingUnits("night", 11, np.repeat(np.arange(11), 5).astype(np.intp))
    assert scored.values()["p90_error"] == 50
    found = pairing.metric_contributions(scored, np.arange(55), units)["p90_error"]
    usual = of_mean(-(errors <= 50).astype(float), np.arange(55), units)
    assert found is not None and found.sums == pytest.approx(usual.sums)


@pytest.mark.parametrize("task", METRICS)
def test_every_metric_of_a_task_is_paired(task: str) -> None:
    scored: LabelledScores = scenes.SCENES[task](1200, 3)[0]
    codes = np.repeat(np.arange(20), 60).astype(np.intp)
    units, group = SamplingUnits("night", 20, codes), np.arange(1200) % 2
    added = []
    for one in range(2):
        rows = np.flatnonzero(group == one)
        added.append(pairing.metric_contributions(scored.take(rows), rows, units))
    found = pairing.paired_metrics(added, units)
    assert set(found) == set(METRICS[task])
    assert all(one is not None and -1 <= one <= 1 for (one,) in found.values())


def test_a_metric_of_the_projects_own_is_paired_like_the_same_of_assays() -> None:
    values, group, units = two_groups("store", 1.0)
    rows = [np.flatnonzero(group == one) for one in range(2)]
    own = [
        left_out_units(lambda chosen: float(values[chosen].mean()), each, units) for each in rows
    ]
    (found,) = correlations(own, units)
    (usual,) = correlations([of_mean(values, each, units) for each in rows], units)
    assert found == pytest.approx(usual, abs=0.01)
    assert left_out_units(lambda chosen: np.nan, rows[0], units) is None


def test_a_share_among_some_rows_is_the_mean_of_these() -> None:
    values, group, units = two_groups("night", 1.0)
    rows = np.flatnonzero(group == 0)
    chosen, among = values[rows] > 0.5, values[rows] < 1.5
    found = share_contributions(chosen, among, rows, units)
    usual = of_mean((values > 0.5).astype(float), rows[among], units)
    assert found is not None and usual is not None
    assert found.sums == pytest.approx(usual.sums) and found.noise == pytest.approx(usual.noise)


def test_a_pair_that_never_varies_leaves_the_others_as_they_are() -> None:
    values, group, units = two_groups("night", 1.0)
    added = [of_mean(values, np.flatnonzero(group == one), units) for one in range(2)]
    never = of_mean(np.ones(3000), np.flatnonzero(group == 2), units)
    (usual,) = correlations(added, units)
    assert correlations([added[0], never, added[1]], units) == [None, pytest.approx(usual), None]


def test_each_metric_is_paired_as_its_own_nights_follow_and_none_without_a_pair() -> None:
    values, group, units = two_groups("night", 0.3)
    slowly = Following(losses=(0.0, *(float(step == 0.95) for step in STEPS)))
    units = SamplingUnits("night", 30, units.codes, slowly)
    added = [of_mean(values, np.flatnonzero(group == one), units) for one in range(2)]
    named = [{"auc": one, "brier": one, "recall": None} for one in added]
    found = pairing.paired_metrics(named, units)
    assert set(found) == {"auc", "brier"}
    assert found["brier"] == pytest.approx(correlations(added, units))
    assert found["auc"] == pytest.approx(correlations(added, units.of_metric("auc")))
    assert found["auc"] != pytest.approx(found["brier"], rel=1e-3)


def test_what_has_no_units_or_no_derivative_adds_nothing() -> None:
    values, _, units = two_groups("night", 1.0)
    few, every = np.flatnonzero(units.codes < 2), np.arange(3000)
    assert of_mean(values, few, units) is None
    assert of_mean(values, np.flatnonzero(units.codes < 3), units) is not None
    assert of_mean(values, every, SamplingUnits.rows(3000)) is None
    assert contributions(Influence(np.full(3000, np.nan)), every, units) is None
    nobody = np.zeros(3000, dtype=bool)
    assert share_contributions(nobody, nobody, every, units) is None
    never = share_contributions(nobody, ~nobody, every, units)
    assert never is not None and correlations([never, never], units) == [None]
