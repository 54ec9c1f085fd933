"""The mean of nights that follow each other: covered, nearly free where they do not, scale-free."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import fft, linalg, optimize, signal, special, stats

from assay.metrics import following
from assay.metrics.following import NOT_SEEN, STEPS, Following, follows, mean_of_nights

TRIALS = 400


def nights(step: float, effect: float, seed: int, many: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Series of shape (trials, nights) with a variance of 1, and each one's variance of noise."""
    random = np.random.default_rng(seed)
    drawn = random.normal(size=(TRIALS, many + 60)) * (1 - step**2) ** 0.5
    shared = signal.lfilter([1], [1, -step], drawn, axis=1)[:, 60:]
    own = random.normal(size=(TRIALS, many))
    return effect**0.5 * shared + (1 - effect) ** 0.5 * own, np.full(TRIALS, 1 - effect)


NO_EFFECT = (1.0, *(0.0 for _ in STEPS))


def reach(series: np.ndarray, noise: np.ndarray, known: Following = NOT_SEEN) -> np.ndarray:
    found = mean_of_nights(series, noise, known)
    return np.asarray(found.standard_error * special.stdtrit(found.degrees, 0.975))


@pytest.mark.parametrize(
    ("step", "effect", "least"),
    [(0.0, 1.0, 0.93), (0.5, 1.0, 0.92), (0.8, 1.0, 0.92), (0.8, 0.6, 0.85), (0.0, 0.0, 0.93)],
)
def test_intervals_cover_whatever_the_nights_share(
    step: float, effect: float, least: float
) -> None:
    series, noise = nights(step, effect, 1)
    held = np.abs(series.mean(axis=1)) <= reach(series, noise)
    assert held.mean() >= least, held.mean()


@pytest.mark.parametrize(("effect", "most"), [(1.0, 1.2), (0.0, 1.08)])
def test_independent_nights_cost_little_and_hardly_any_where_they_have_no_effect(
    effect: float, most: float
) -> None:
    series, noise = nights(0.0, effect, 2)
    usual = series.std(axis=1, ddof=1) / 30**0.5 * special.stdtrit(29, 0.975)
    assert 0.95 < np.median(reach(series, noise) / usual) < most


def test_losses_without_effects_do_not_make_a_metric_s_nights_noise() -> None:
    """Effects that the losses do not have, and that thirty nights show, widen the interval."""
    series, noise = nights(0.0, 0.5, 9)
    usual, quiet = (
        np.median(reach(series, noise, Following(losses=losses))) for losses in ((), NO_EFFECT)
    )
    assert quiet > 0.9 * usual


def test_losses_that_follow_closely_widen_what_seems_independent() -> None:
    series, noise = nights(0.8, 0.3, 3)
    slow, none = nights(0.8, 1.0, 4)
    for place in range(20):
        known = Following(losses=follows(slow[place], float(none[place])))
        alone = reach(series[place : place + 1], noise[place : place + 1])
        with_losses = reach(series[place : place + 1], noise[place : place + 1], known)
        assert with_losses[0] > 0.8 * alone[0]
    assert with_losses[0] > alone[0]


def certain(step: float) -> tuple[float, ...]:
    return (0.0, *(float(one == step) for one in STEPS))


def test_what_is_likely_beforehand_decides_where_the_nights_cannot_tell() -> None:
    """Thirty nights that are nearly all noise, with and without anything that follows."""
    series, noise = nights(0.8, 0.1, 7)
    usual, none, slow = (
        np.median(reach(series, noise, Following(known)))
        for known in ((), (NO_EFFECT,), (certain(0.8),))
    )
    assert none < usual < slow
    # The last one counts as much as all before it, and what is empty does not count.
    later = np.median(reach(series, noise, Following((certain(0.8), (), NO_EFFECT))))
    assert none < later < np.median(reach(series, noise, Following((NO_EFFECT, certain(0.8)))))


def test_many_clear_nights_refute_what_was_likely_beforehand_but_not_losses() -> None:
    series, noise = nights(0.0, 1.0, 8, many=200)
    usual, refuted, kept = (
        np.median(reach(series[:60], noise[:60], known))
        for known in (NOT_SEEN, Following((certain(0.8),)), Following(losses=certain(0.8)))
    )
    assert refuted < 1.05 * usual
    assert kept > 1.5 * usual


def averaged(sums: np.ndarray, noise: float, known: Following, share: float) -> float:
    """The quantile of the average over all cases, one by one and by their covariances."""
    count = len(sums)
    cosines = fft.dct(np.eye(count), norm="ortho", axis=0)
    values = (cosines @ sums)[1:]
    total = float(values @ values)
    before = np.array([following.INDEPENDENT] + [(1 - following.INDEPENDENT) / 10] * 10)
    before = np.array([following.NO_EFFECT, *(1 - following.NO_EFFECT) * before])
    for seen in known.beforehand:
        before = (before + np.array(seen)) / 2
    cases = []
    for case, step in enumerate((0.0, *STEPS)):
        follow = linalg.toeplitz(step ** np.arange(count))
        apart = np.diag(cosines @ follow @ cosines.T)[1:]
        base = (total / apart.sum()) ** 0.5
        widths = np.gradient(following.SPREADS)
        for spread, width in zip(following.SPREADS, widths, strict=True):
            effect = 0.0 if case == 0 else (base * spread) ** 2
            like = stats.norm.logpdf(values, 0, np.sqrt(effect * apart + noise)).sum()
            # Beforehand a size of effects is as likely as a power of it, for each coefficient.
            weight = np.exp(like) * before[case] * width * spread**following.POWER
            cases.append((case, weight, (effect * follow.mean() + noise / count) ** 0.5))
    of, weights, roots = (np.array(each) for each in zip(*cases, strict=True))
    weights = weights / weights.sum()
    if known.losses:
        own = np.bincount(of, weights)
        both = (own + np.array(known.losses)) / 2
        both[0] = min(both[0], own[0])
        weights = weights * (both / own)[of] / both.sum()
    return float(
        optimize.brentq(lambda x: weights @ stats.norm.cdf(x / roots) - share, 0, 9 * roots.max())
    )


CLOSELY = Following(losses=(0.2, *(float(step == 0.8) * 0.8 for step in STEPS)))


@pytest.mark.parametrize("known", [NOT_SEEN, Following((certain(0.9), NO_EFFECT)), CLOSELY])
@pytest.mark.parametrize("many", [12, 30])
def test_intervals_are_those_of_the_average_over_all_cases(known: Following, many: int) -> None:
    series, noise = nights(0.5, 0.4, 10, many)
    found = mean_of_nights(series[:4], noise[:4], known)
    for place in range(4):
        inner, outer = (
            averaged(series[place], float(noise[place]), known, share) for share in (0.975, 0.995)
        )
        error, degrees = found.standard_error[place], found.degrees[place]
        assert error * special.stdtrit(degrees, 0.975) == pytest.approx(inner, rel=1e-6)
        alone = series[place].std(ddof=1) / many**0.5
        if error > 1.02 * alone and degrees > 1.02:
            assert error * special.stdtrit(degrees, 0.995) == pytest.approx(outer, rel=1e-3)
        usual = alone * special.stdtrit(many - 1, 0.975)
        assert found.worth[place] == pytest.approx(many * min(1, (usual / inner) ** 2), rel=1e-6)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_scale_does_not_matter(factor: float) -> None:
    series, noise = nights(0.5, 0.7, 5)
    one, other = (
        mean_of_nights(series * scale, noise * scale**2, NOT_SEEN) for scale in (1.0, factor)
    )
    np.testing.assert_allclose(other.standard_error, one.standard_error * factor, rtol=1e-6)
    np.testing.assert_allclose(other.degrees, one.degrees, rtol=1e-6)
    np.testing.assert_allclose(other.worth, one.worth, rtol=1e-6)


def test_what_losses_say_are_shares_and_they_find_the_coefficient() -> None:
    for step in (0.0, 0.8):
        series, _ = nights(step, 1.0, 6, many=200)
        found = np.array([follows(one, 0.0) for one in series[:30]])
        np.testing.assert_allclose(found.sum(axis=1), 1.0)
        assert abs(float(np.median(found[:, 1:] @ STEPS)) - step) < 0.06
    assert follows(np.ones(30), 0.0) == () == follows(np.arange(2.0), 0.0)
    assert len(follows(np.array([0.0, 1.0, 3.0]), 0.1)) == 1 + len(STEPS)


def test_variances_of_cosines_are_those_of_the_covariance_itself() -> None:
    apart, means = following._cosines(25)
    for place, step in enumerate(STEPS):
        between = step ** np.abs(np.subtract.outer(np.arange(25), np.arange(25)))
        assert means[place] == pytest.approx(between.mean())
        # What is not the mean's is the cosines'.
        assert apart[place].sum() == pytest.approx(25 - 25 * between.mean())


def test_many_nights_use_the_limit_of_the_variances() -> None:
    exact, _ = following._cosines(200)
    limit, means = following._cosines(201)
    np.testing.assert_allclose(exact[:9], limit[:9, :-1], rtol=0.08)
    for place, step in enumerate(STEPS):
        waves = np.cos(np.pi * np.arange(1, 201) / 201)
        assert limit[place] == pytest.approx((1 - step**2) / (1 + step**2 - 2 * step * waves))
    assert means[0] == pytest.approx(1 / 201)
