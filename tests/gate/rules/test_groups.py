"""Intervals of two groups against published numbers, and the laws they keep."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.gate.rules import groups
from assay.gate.rules.groups import GroupValue
from assay.metrics.intervals.estimates import wilson_interval


def share(title: str, hits: int, rows: int, confidence: float = 0.95) -> GroupValue:
    """Of so many independent rows, with Wilson's interval."""
    found = hits / rows
    low, high = wilson_interval(found, rows, groups.critical_value(confidence))
    return GroupValue(title, rows, found, min(low, found), max(high, found))


def test_quantiles_of_the_normal_distribution() -> None:
    assert groups.critical_value(0.95) == pytest.approx(1.959963984540054, abs=1e-12)
    assert groups.critical_value(0.9) == pytest.approx(1.644853626951472, abs=1e-12)


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
    found = share("g", hits, rows)
    assert found.value == hits / rows
    assert (found.title, found.rows) == ("g", rows)
    assert round(found.low, 4) == low
    assert round(found.high, 4) == high


def newcombe(one: tuple[int, int], other: tuple[int, int]) -> tuple[float, float, float]:
    pair = groups.difference(share("a", *one), share("b", *other))
    return pair.value, round(pair.low, 4), round(pair.high, 4)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:873, table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_newcombe_as_published(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    value, found_low, found_high = newcombe(one, other)
    assert value == pytest.approx(abs(one[0] / one[1] - other[0] / other[1]))
    if one[0] or other[0]:
        assert (found_low, found_high) == (low, high)
    else:  # at a tie either may be called the larger: the interval or its mirror image
        assert (found_low, found_high) in {(low, high), (-high, -low)}


def test_a_ratio_is_where_fieller_has_it() -> None:
    """Symmetric intervals: Donner and Zou's ends are Fieller's, the roots of a square."""
    one, other = GroupValue("a", 10, 2.0, 1.6, 2.4), GroupValue("b", 10, 1.5, 1.2, 1.8)
    found = groups.ratio(one, other)
    # (other - t one)^2 = half_other^2 + t^2 half_one^2
    a, b, c = 2.0**2 - 0.4**2, -2 * 2.0 * 1.5, 1.5**2 - 0.3**2
    root = math.sqrt(b * b - 4 * a * c)
    assert found.value == 0.75
    assert found.low == pytest.approx((-b - root) / (2 * a), rel=1e-12)
    assert found.high == pytest.approx((-b + root) / (2 * a), rel=1e-12)
    assert found.title == "a and b"


def test_a_ratio_of_groups_that_go_together_is_where_fieller_has_it() -> None:
    one, other = GroupValue("a", 10, 2.0, 1.6, 2.4), GroupValue("b", 10, 1.5, 1.2, 1.8)
    found, r = groups.ratio(one, other, 0.7), 0.7
    # (other - t one)^2 = half_other^2 + t^2 half_one^2 - 2 t r half_other half_one
    a, b, c = 2.0**2 - 0.4**2, -2 * (2.0 * 1.5 - r * 0.3 * 0.4), 1.5**2 - 0.3**2
    root = math.sqrt(b * b - 4 * a * c)
    assert found.low == pytest.approx((-b - root) / (2 * a), rel=1e-12)
    assert found.high == pytest.approx((-b + root) / (2 * a), rel=1e-12)
    apart = groups.ratio(one, other)
    assert apart.low < found.low < found.value < found.high < apart.high


def test_a_difference_of_groups_that_go_together_is_the_paired_one() -> None:
    one, other = GroupValue("a", 1, 0.8, 0.5, 1.1), GroupValue("b", 1, 0.4, 0.0, 0.8)
    found = groups.difference(one, other, 0.5)
    half = math.sqrt(0.3**2 + 0.4**2 - 0.3 * 0.4)
    assert (found.low, found.high) == pytest.approx((0.4 - half, 0.4 + half))
    same = groups.difference(one, GroupValue("c", 1, 0.7, 0.4, 1.0), 1.0)
    assert same.low == same.value == same.high  # nothing but the shared error


def test_the_larger_comes_first_and_a_tie_keeps_its_order() -> None:
    small, large = GroupValue("s", 1, 0.1, 0.1, 0.2), GroupValue("l", 2, 0.5, 0.4, 0.6)
    for make in (groups.difference, groups.ratio):
        assert make(small, large) == make(large, small)
        assert make(small, large).first is large
        assert make(small, large).title == "l and s"
    same = GroupValue("t", 3, 0.1, 0.1, 0.1)
    assert groups.difference(small, same).first is small


def test_a_difference_keeps_unequal_halves() -> None:
    found = groups.difference(GroupValue("a", 1, 0.8, 0.5, 0.9), GroupValue("b", 1, 0.4, 0.36, 0.8))
    assert found.value == pytest.approx(0.4)
    assert found.low == pytest.approx(0.4 - 0.5)  # hypot(0.3, 0.4)
    assert found.high == pytest.approx(0.4 + math.hypot(0.1, 0.04))


def test_a_difference_of_intervals_of_no_width_has_none() -> None:
    found = groups.difference(GroupValue("a", 1, 0.8, 0.8, 0.8), GroupValue("b", 1, 0.4, 0.4, 0.4))
    assert found.low == found.value == found.high == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ((0.5, 0.4, 0.6), (0.0, 0.0, 0.1)),
        ((0.5, 0.4, 0.6), (-0.1, -0.2, 0.1)),
        ((0.5, 0.4, 0.6), (0.1, -0.1, 0.3)),
        ((0.5, 0.0, 1.0), (0.1, 0.05, 0.3)),
        ((0.5, -0.1, 1.0), (0.1, 0.05, 0.3)),
    ],
)
def test_no_ratio_of_what_may_be_nothing(
    first: tuple[float, float, float], second: tuple[float, float, float]
) -> None:
    with pytest.raises(ValueError, match=r"b .* over a .* is no ratio of numbers that are surely"):
        groups.ratio(GroupValue("a", 9, *first), GroupValue("b", 9, *second))


def test_a_ratio_may_have_a_group_that_reaches_zero() -> None:
    found = groups.ratio(GroupValue("a", 9, 0.5, 0.4, 0.6), GroupValue("b", 9, 0.1, 0.0, 0.3))
    assert found.low == 0.0
    assert found.high > 0.2


def test_where_the_divisor_may_be_twice_its_value_the_ratio_may_be_nothing() -> None:
    one, other = GroupValue("a", 9, 0.5, 0.4, 1.0), GroupValue("b", 9, 0.4, 0.3, 0.5)
    assert groups.ratio(one, other).low == 0.0
    inside = GroupValue("a", 9, 0.5, 0.4, 0.99)
    assert groups.ratio(inside, other).low > 0.0


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_a_chance_is_small_just_when_the_interval_ends_before_the_limit(
    sign: int, confidence: float
) -> None:
    certain = (1 - confidence) / 2
    value, limit = 0.5 * sign, 0.3 * sign
    for near, past in ((0.31, True), (0.3, False), (0.29, False), (0.5, True)):
        assert (groups.p_value(value, near * sign, limit, confidence) < certain) is past


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.95, 0.975, 0.99])
def test_rounding_does_not_let_chance_and_interval_disagree(confidence: float) -> None:
    certain = (1 - confidence) / 2
    for number in range(1, 400):
        value, end = 0.9 - number / 1000, 0.95 - number / 2000
        assert groups.p_value(value, end, end, confidence) >= certain
        assert groups.p_value(value, end, math.nextafter(end, 1), confidence) < certain
        assert groups.p_value(value, end, math.nextafter(end, 0), confidence) >= certain


def test_a_chance_is_the_normal_distributions() -> None:
    near = 0.5 - groups.critical_value(0.95) * 0.1
    assert groups.p_value(0.5, near, 0.2, 0.95) == pytest.approx(0.0013498980316, rel=1e-9)
    assert groups.p_value(0.5, 0.5, 0.2, 0.95) == 0.0
    assert groups.p_value(0.5, 0.4, 0.5, 0.95) == 0.5, "a value on the limit says nothing"
    # The end is not past the limit, and yet it is not likely.
    near = 0.5 - groups.critical_value(0.95) * 0.1
    assert groups.p_value(0.5, near, near + 0.001, 0.95) == pytest.approx(0.0255902, abs=1e-7)


def test_a_chance_of_few_degrees_is_student_s() -> None:
    near = 0.5 - groups.critical_value(0.95, 9.0) * 0.1
    assert groups.p_value(0.5, near, 0.2, 0.95, 9.0) == pytest.approx(stats.t.sf(3, 9), rel=1e-9)
    assert groups.critical_value(0.95, 9.0) == pytest.approx(2.2621571628, abs=1e-9)


def test_a_pair_is_no_surer_than_the_less_sure_of_both_groups() -> None:
    one, other = GroupValue("a", 9, 0.5, 0.4, 0.6, 12.0), GroupValue("b", 9, 0.4, 0.3, 0.5, 30.0)
    bare = GroupValue("c", 9, 0.4, 0.3, 0.5)
    for make in (groups.difference, groups.ratio):
        assert make(one, other).degrees == 12
        assert make(other, bare).degrees == 30
        assert make(bare, bare).degrees is None


counts = st.integers(1, 10_000).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows)))


@given(counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_a_share_lies_in_its_interval_within_0_and_1(
    pair: tuple[int, int], confidence: float
) -> None:
    hits, rows = pair
    found = share("g", hits, rows, confidence)
    assert 0 <= found.low <= found.value <= found.high <= 1
    other = share("g", rows - hits, rows, confidence)
    assert other.low == pytest.approx(1 - found.high, abs=1e-12)
    # The ends solve (p - end)^2 = z^2 end (1 - end) / n, where they are not cut off.
    z = groups.critical_value(confidence)
    for end in (found.low, found.high):
        if 0 < end < 1 and end != found.value:
            left = (found.value - end) ** 2
            assert left == pytest.approx(z * z * end * (1 - end) / rows, rel=1e-6)


@given(counts, counts)
def test_a_difference_lies_in_its_interval(one: tuple[int, int], other: tuple[int, int]) -> None:
    found = groups.difference(share("a", *one), share("b", *other))
    assert found.low <= found.value <= found.high
    assert 0 <= found.value <= 1
    assert found.low >= -1 and found.high <= 1 + 1e-12


@given(counts, counts)
def test_a_ratio_lies_in_its_interval_and_an_end_hits_its_line(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    pair = share("a", *one), share("b", *other)
    if not (one[0] and other[0]):
        return
    found = groups.ratio(*pair)
    assert 0 <= found.low <= found.value <= min(1.0, found.high)
    # Where MOVER's difference of second - t first is just 0, there is the end.
    first, second = found.first, found.second
    if 0 < found.low < found.value:
        t = found.low
        apart = second.value - t * first.value
        down = math.hypot(second.value - second.low, t * (first.high - first.value))
        assert apart == pytest.approx(down, rel=1e-6)
    if found.high > found.value and first.low > 0:
        t = found.high
        apart = t * first.value - second.value
        up = math.hypot(second.high - second.value, t * (first.value - first.low))
        assert apart == pytest.approx(up, rel=1e-6)
