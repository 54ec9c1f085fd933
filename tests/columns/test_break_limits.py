"""A gross break is in alarm at once and held; what nights and sampling explain is neither."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from assay.columns import autocorrelation, break_limits, distance, summary_statistics
from assay.columns.features import FrameFeatures
from assay.columns.grid import SCORE_GRID, NumberGrid
from assay.columns.grid_builder import build_grid
from assay.columns.profile import Profile
from assay.columns.profile_counter import compute_profile
from assay.columns.reference import Reference, build_reference
from assay.model.prediction import PROBABILITY as SCORE
from assay.monitor.drift.budget import alarms, evidence
from assay.monitor.drift.drift import DriftDecision, decide
from assay.project.params import Monitor, Publish, Quarantine
from assay.project.params.monitoring import Budget
from assay.score.publication_checks import RunCounts, hold_reasons
from assay.store import RecentRuns

NIGHTS, ROWS = 18, 355
COLUMNS = [f"x{place}" for place in range(12)]
MONITOR = Monitor()


def table(seed: int, nights: int = 1, rows: int = ROWS) -> pd.DataFrame:
    """Fourteen columns, of which the first one matters most; nights differ in level."""
    random = np.random.default_rng(seed)
    level = np.repeat(random.normal(0, 0.1, (nights, len(COLUMNS))), rows, axis=0)
    values = random.normal(size=level.shape) + level
    values[:, ::2] = np.exp(values[:, ::2])
    found = pd.DataFrame(values, columns=COLUMNS)
    found["c"] = random.choice(["a", "b", "c"], len(found), p=[0.6, 0.3, 0.1])
    found["d"] = random.choice(["u", "v"], len(found))
    return found


def scored(rows: pd.DataFrame) -> pd.DataFrame:
    logit = 1.2 * rows["x0"] + 0.3 * rows["x1"] - 0.5 * rows["x3"] - 2
    return rows.assign(**{SCORE: 1 / (1 + np.exp(-logit.clip(-30, 30)))})


def reference_on(rows: pd.DataFrame, nights: int) -> Reference:
    per = len(rows) // nights
    names = pd.Series([f"{place:03}" for place in np.arange(len(rows)) // per])
    return build_reference(scored(rows), names, COLUMNS, ["c", "d"], {SCORE: SCORE_GRID})


@cache
def taught(nights: int) -> Reference:
    return reference_on(table(2, nights), nights)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return reference_on(table(1, NIGHTS), NIGHTS)


def counted(reference: Reference, rows: pd.DataFrame) -> Profile:
    return compute_profile(FrameFeatures(scored(rows)), reference.grid)


def judged(reference: Reference, rows: pd.DataFrame) -> DriftDecision:
    return decide(reference, counted(reference, rows), MONITOR, len(rows))


def held(reference: Reference, rows: pd.DataFrame) -> tuple[str, ...]:
    """Of a store in which nothing was published yet."""
    found = break_limits.describe_breaks(
        reference, counted(reference, rows), reference.scores, MONITOR.budget, MONITOR.limits
    )
    facts = RunCounts(len(rows), 0, 0, {}, {}, None, 0, None, breaks=found)
    return hold_reasons(facts, (), Quarantine(), Publish(), RecentRuns(), date(2024, 3, 1))


def test_each_of_three_broken_nights_is_in_alarm_at_once_and_held(reference: Reference) -> None:
    nights = [table(seed) for seed in range(100, 112)]
    for place in (5, 6, 7):
        nights[place]["x0"] *= 60
    decisions = [judged(reference, rows) for rows in nights]
    found = list(
        alarms(
            (
                evidence(f"{day:02}", "b", decision, reference, MONITOR)
                for day, decision in enumerate(decisions)
            ),
            MONITOR.budget,
        )
    )
    assert [bool(night.alarms) for night in found] == [5 <= place <= 7 for place in range(12)]
    for place in (5, 6, 7):
        of = {(each.question.column, each.question.kind) for each in found[place].alarms}
        assert {("x0", "features"), (SCORE, "answers")} <= of
        assert decisions[place].crossed
        assert any("x0: distance" in reason for reason in decisions[place].reasons)
    assert [bool(held(reference, rows)) for rows in nights] == [
        5 <= place <= 7 for place in range(12)
    ]
    (broken, *_) = (f for f in decisions[5].findings if f.column == SCORE)
    words = f"distance {broken.distance:.3f} beyond its break limit {broken.break_limit:.3f}"
    (first, *_) = held(reference, nights[5])
    assert first == f"gross break: probability: {words}, {break_limits.EXPLAINED}"
    assert words in {each.because for each in found[5].alarms}, "the same words in an incident"
    assert f"probability: {words}" in decisions[5].reasons


def infinite(rows: pd.DataFrame) -> pd.Series:
    return rows["x0"].mask(np.arange(len(rows)) % 10 == 0, np.inf)


BROKEN = {
    "a million million times as large": lambda rows: rows["x0"] * 1e12,
    "constant": lambda rows: rows["x0"] * 0 + 1.0,
    "negated": lambda rows: -rows["x0"],
    "infinite in a tenth": infinite,
    "null in two thirds": lambda rows: rows["x0"].mask(np.arange(len(rows)) % 3 > 0),
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("nights", [10, 18, 40])
def test_one_broken_feature_decides_alone(how: str, nights: int) -> None:
    reference, rows = taught(nights), table(3)
    good = judged(reference, rows)
    assert not any(finding.breaks for finding in good.findings)
    rows["x0"] = BROKEN[how](rows)
    decision = decide(
        reference,
        # The score is another matter: what the model makes of it.
        {**counted(reference, rows), SCORE: counted(reference, table(3))[SCORE]},
        MONITOR,
        len(rows),
    )
    assert decision.crossed
    broken = {finding.column for finding in decision.findings if finding.breaks}
    assert broken == {"x0"}
    for finding in decision.findings:
        for each in finding.breaks:
            assert each.value > each.limit and each.words in finding.reasons
            assert each.limit in {
                finding.break_limit,
                finding.ks_break_limit,
                finding.null_break_limit,
                MONITOR.max_new_category_share,
                finding.moved_break_limit,
                nights,  # on none of which the column was constant
            }


def test_a_tenth_of_the_rows_at_an_impossible_value_is_a_break() -> None:
    reference, rows = taught(40), table(3)
    values = 45 + rows["x1"] / 100
    far = pd.DataFrame({**table(2, 40), "x1": 45 + table(2, 40)["x1"] / 100})
    reference = reference_on(far, 40)
    good = judged(reference, rows.assign(x1=values))
    assert not any(finding.breaks for finding in good.findings)
    zero = values.mask(np.arange(len(rows)) % 10 == 0, 0.0)
    found = {each.column: each for each in judged(reference, rows.assign(x1=zero)).findings}
    (broken,) = [each for each in found["x1"].breaks if each.what == "Wasserstein distance"]
    assert found["x1"].decisive
    assert broken.value > broken.limit >= 20 * max(reference.moved["x1"])


@pytest.mark.parametrize("tail", [1.5, 2.5])
def test_a_far_value_of_a_long_tail_is_none(tail: float) -> None:
    random = np.random.default_rng(11)

    def rows(nights: int) -> pd.DataFrame:
        drawn = table(int(tail * 10), nights, rows=60)
        return drawn.assign(x1=random.pareto(tail, len(drawn)))

    reference, wrong = reference_on(rows(60), 60), 0
    for _ in range(300):
        found = {each.column: each for each in judged(reference, rows(1)).findings}
        wrong += bool(found["x1"].breaks)
    assert wrong <= 1


def test_one_value_in_every_row_is_a_break_where_no_night_had_it() -> None:
    random = np.random.default_rng(4)

    def rows(nights: int, each: int = 24) -> pd.DataFrame:
        drawn = table(nights, nights, rows=each)
        rare = pd.Series(random.random(len(drawn)) < 0.02).map({True: "yes", False: "no"})
        return drawn.assign(c=random.choice(list("abcdef"), len(drawn)), d=rare)

    reference = reference_on(rows(40), 40)
    assert reference.constant["c"] == 0 < reference.constant["d"]

    def breaks(night: pd.DataFrame) -> dict[str, list[str]]:
        found = judged(reference, night).findings
        return {
            each.column: [one.words for one in each.breaks if one.what == "one value"]
            for each in found
            if any(one.what == "one value" for one in each.breaks)
        }

    stuck = rows(1).assign(c="a", d="no", x1=0.25)
    told = "it says the same in all 24 rows, as on none of the 40 nights of the reference"
    assert breaks(stuck) == {"c": [told], "x1": [told]}
    assert breaks(rows(1)) == {}
    assert breaks(rows(1, each=4).assign(c="a")) == {}, "four of six letters are alike by chance"
    again = Reference.from_json(reference.to_json(), "r")
    assert again.constant == reference.constant
    old = replace(reference, constant={})
    assert break_limits.find_constant(old, "c", counted(reference, stuck)["c"]) is None


def test_a_night_in_one_narrow_place_is_not_one_value() -> None:
    """A sensor whose nights each lie close together, and the same that is stuck."""
    drawn = table(6, 40, rows=24)
    around = np.repeat(np.random.default_rng(8).normal(0, 9, 40), 24)
    reference = reference_on(drawn.assign(x1=around + drawn["x1"] / 1000), 40)
    assert reference.constant["x1"] == 0
    night = table(7, 1, rows=24)
    profile = counted(reference, night.assign(x1=around[5] + night["x1"] / 1000))
    assert break_limits.find_constant(reference, "x1", profile["x1"]) is None
    stuck = counted(reference, night.assign(x1=around[5]))
    assert break_limits.find_constant(reference, "x1", stuck["x1"]) is not None


def test_breaks_of_features_are_described_too(reference: Reference) -> None:
    rows = table(9)
    rows["x5"] = rows["x5"].mask(np.arange(len(rows)) % 3 > 0)
    profile = counted(reference, rows)
    asked = (reference, profile)
    assert break_limits.describe_breaks(*asked, reference.scores, Budget(), {}) == ()
    (told,) = break_limits.describe_breaks(*asked, reference.grid, Budget(), {})
    assert told.startswith("x5: null share changed by ")


def test_a_night_is_held_if_most_rows_lack_a_feature(reference: Reference) -> None:
    def emptied(share: float, rows: int = ROWS, by_hand: tuple[str, ...] = ()) -> tuple[str, ...]:
        night = table(100, rows=rows)
        night.loc[night.index < share * rows, ["x2", "c"]] = None
        profile = counted(reference, night)
        return break_limits.describe_emptied(reference, profile, MONITOR.budget, by_hand)

    assert [each.partition(":")[0] for each in emptied(1.0)] == ["c", "x2"]
    assert emptied(0.6)[1] == "x2: 60.00% of the rows have no value, 0.00% in the reference"
    assert emptied(0.4) == () == emptied(1.0, by_hand=("c", "x2")) == emptied(1.0, rows=0)
    facts = RunCounts(ROWS, 0, 0, {}, {}, None, 0, None, emptied=emptied(1.0))
    why = hold_reasons(facts, (), Quarantine(), Publish(), RecentRuns(), date(2024, 3, 1))
    assert why == tuple(f"empty column: {each}" for each in emptied(1.0))


def test_one_row_may_lack_what_some_rows_lacked_before() -> None:
    rows = table(3, NIGHTS)
    rows.loc[rows.index % 3 == 0, "x2"] = None
    before = reference_on(rows, NIGHTS)
    lacking = counted(before, table(100, rows=1).assign(x2=np.nan))
    assert break_limits.describe_emptied(before, lacking, MONITOR.budget, ()) == ()


def test_a_limit_by_hand_is_never_taken_for_a_break(reference: Reference) -> None:
    rows = table(4).assign(x0=1.0)
    by_hand = MONITOR.model_copy(update={"limits": {"x0": 0.99, SCORE: 1.0}})
    decision = decide(reference, counted(reference, rows), by_hand, len(rows))
    assert not any(finding.breaks for finding in decision.findings)
    found = {each.column: each for each in decision.findings}
    assert (found["x0"].break_limit, found["x0"].ks_break_limit) == (0.99, None)
    assert found[SCORE].break_limit is None, "no distance is beyond 1"
    assert (
        break_limits.describe_breaks(
            reference, counted(reference, rows), reference.scores, Budget(), by_hand.limits
        )
        == ()
    )


def test_a_reference_without_nights_goes_by_sampling_alone() -> None:
    rows = table(5)
    untaught = reference_on(rows, 1)
    same = decide(untaught, counted(untaught, table(6)), MONITOR, ROWS, by_sampling=True)
    assert same.drifted == () and not same.crossed
    broken = table(6).assign(x0=table(6)["x0"] * 60)
    far = decide(untaught, counted(untaught, broken), MONITOR, ROWS, by_sampling=True)
    assert "x0" in far.drifted and far.crossed
    assert decide(untaught, counted(untaught, table(6)), MONITOR, ROWS).crossed


def test_a_column_that_never_varied_is_not_broken_by_one_new_row() -> None:
    rows = table(7, NIGHTS).assign(d="u")
    reference = reference_on(rows, NIGHTS)
    assert set(reference.distances["d"]) == {0.0}
    tonight = table(8).assign(d=["new", *["u"] * (ROWS - 1)])
    found = {each.column: each for each in judged(reference, tonight).findings}
    assert found["d"].breaks == () and found["d"].distance > 0
    tonight["d"] = "new"
    found = {each.column: each for each in judged(reference, tonight).findings}
    assert [each.what for each in found["d"].breaks] == ["distance"]


def test_a_small_night_may_stray_further() -> None:
    reference = reference_on(table(9, 40), 40)
    few, many = (counted(reference, table(10, rows=rows))["x1"] for rows in (20, 2000))
    limits = [
        break_limits.limits(reference, Budget(), "x1", night).distance for night in (few, many)
    ]
    assert limits[0] is None or limits[0] > 1.5 * limits[1]
    whole = counted(reference, table(11))["x1"]
    assert break_limits.limits(reference, Budget(), "x1", whole).distance == pytest.approx(
        limits[1]
    )


@pytest.mark.parametrize("freedom", [1, 2.4, 9, 364])
@pytest.mark.parametrize("at_most", [0.01, 1e-5, 1e-8])
def test_student_is_student_s_t(at_most: float, freedom: float) -> None:
    assert summary_statistics.student_t_quantile(at_most, freedom) == pytest.approx(
        stats.t.isf(at_most, freedom), rel=1e-6
    )
    wanted = stats.chi2.isf(at_most, round(freedom))
    assert (
        0.99 * wanted
        <= summary_statistics.chi_squared_quantile(at_most, round(freedom))
        < 1.25 * wanted
    )


def test_a_prediction_limit_is_passed_as_seldom_as_it_says() -> None:
    random = np.random.default_rng(12)
    for freedom in (1, 2, 10):
        draws = np.sqrt(random.chisquare(freedom, (4000, 19)))
        over = [row[-1] > break_limits.prediction_limit(row[:-1], 0.01, 0.0) for row in draws]
        assert 0.002 < np.mean(over) < 0.016


def test_new_nights_lie_further_from_a_reference_that_follows_itself() -> None:
    assert autocorrelation.distance_inflation(40, 0.0) == pytest.approx(1.0, abs=1e-3)
    random, step, nights = np.random.default_rng(14), 0.8, 12
    squares = []
    for _ in range(3000):
        odd = random.normal(size=400)
        for night in range(1, 400):
            odd[night] = step * odd[night - 1] + (1 - step**2) ** 0.5 * odd[night]
        own = odd[:nights]
        apart = own - (own.sum() - own) / (nights - 1)
        squares.append(((apart**2).mean(), (odd[300] - own.mean()) ** 2))
    before, after = np.mean(squares, axis=0)
    assert autocorrelation.distance_inflation(nights, step) == pytest.approx(
        np.sqrt(after / before), rel=0.05
    )


def test_a_reference_of_an_earlier_version_is_read_and_still_sees_breaks(
    reference: Reference,
) -> None:
    import json

    tree = json.loads(reference.to_json())
    for column in tree["columns"].values():
        for name in ("ks", "moved", "autocorrelation", "unseen"):
            del column[name]
    old = Reference.from_json(json.dumps(tree), "reference.json")
    assert old == replace(reference, ks={}, moved={}, autocorrelation={}, unseen={})
    rows = table(15)
    rows["x0"] *= 60
    broken = {f.column: f.breaks for f in judged(old, rows).findings if f.breaks}
    assert [each.what for each in broken["x0"]] == ["distance"]


def test_a_break_of_the_stated_share_shows_on_four_first_nights_in_five() -> None:
    reference, shown = taught(40), 0
    share = judged(reference, table(17)).finding("x1").break_share
    assert share is not None and 0.15 < share < 0.6
    for seed in range(20):
        rows = table(100 + seed)
        # The median, which is least noticed.
        rows.loc[np.random.default_rng(seed).random(len(rows)) < share, "x1"] = 0.0
        shown += bool(judged(reference, rows).finding("x1").breaks)
    assert shown >= 16


def test_the_share_of_a_break_is_that_of_the_fullest_cell() -> None:
    share = break_limits.break_share
    assert share(None, (1, 2)) is None
    assert share(0.5, (9, 0)) is None  # it says nothing else already
    assert share(0.9, (5, 5)) is None  # not even all rows
    few, many = share(0.1, (10, 10, 80)), share(0.1, (10,) * 10)
    assert few is not None and many is not None and few > 2 * many
    for counts in ((10, 10, 80), (10,) * 10):
        found = share(0.2, counts) / break_limits.SURELY
        before = np.array(counts) / sum(counts)
        moved = (1 - found) * before
        moved[before.argmax()] += found
        assert distance.js_distance(moved, before) == pytest.approx(0.2, abs=0.002)


def test_a_decision_says_what_its_first_night_shows(reference: Reference) -> None:
    decision = judged(reference, table(18))
    known = {f.column: f.break_share for f in decision.findings if f.break_share is not None}
    first, last = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    assert f"from {known[first]:.0%} of the values of {first}, {known[last]:.0%} of {last}" in (
        decision.power_words
    )
    assert replace(decision, findings=()).power_words == ""
    blind = tuple(replace(f, break_share=None) for f in decision.findings[1:])
    one = replace(decision, findings=(decision.findings[0], *blind))
    assert f"in {len(blind)} columns it takes several nights" in one.power_words


@pytest.mark.parametrize("far", [np.inf, -np.inf])
def test_infinities_are_told_from_large_numbers(reference: Reference, far: float) -> None:
    def infinite(values: list[float]) -> int:
        rows = table(16)
        rows.loc[: len(values) - 1, "x1"] = values
        return distance.infinite_count(reference.grid["x1"], counted(reference, rows)["x1"])

    assert infinite([far] * ROWS) == ROWS
    assert infinite([]) == 0 == infinite([1e6, -1e6, 1e300])
    assert infinite([far] * 7) == 7
    assert 5 <= infinite([far] * 7 + [np.sign(far) * 4.5]) <= 7


def test_a_column_that_was_always_zero_may_hold_anything_but_infinities() -> None:
    rows = table(14).assign(x1=0.0)
    grid = build_grid(rows, ["x1"], [])
    for value, infinite in ((0.25, 0), (np.inf, len(rows))):
        night = compute_profile(FrameFeatures(rows.assign(x1=value)), grid)["x1"]
        assert isinstance(grid["x1"], NumberGrid)
        assert distance.infinite_count(grid["x1"], night) == infinite
