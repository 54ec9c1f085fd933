"""Sketches that depend on the set of values alone, and estimates within what is promised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.columns import sketch

NAMES = st.dictionaries(st.text(max_size=3), st.integers(1, 9), max_size=40)


def registers(values: np.ndarray) -> bytes:
    return sketch.build_registers(sketch.rank_hashes(sketch.hash_numbers(values)))


@pytest.mark.parametrize("count", [0, 1, 10, 100, 1_000, 10_000, 300_000])
def test_the_estimate_is_near(count: int) -> None:
    values = np.arange(count, dtype=np.float64) * 0.37
    # Three standard errors of 3.2 %, and one value where there are few.
    assert sketch.estimate_distinct(registers(values)) == pytest.approx(count, rel=0.096, abs=1)


def test_the_estimate_is_not_biased() -> None:
    rng = np.random.default_rng(0)
    errors = [
        sketch.estimate_distinct(registers(rng.normal(size=5_000))) / 5_000 - 1 for _ in range(200)
    ]
    assert abs(np.mean(errors)) < 3 * 0.032 / np.sqrt(200)
    assert np.std(errors) == pytest.approx(0.032, rel=0.25)


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False), max_size=50), st.integers(0, 50))
def test_registers_are_those_of_the_set(values: list[float], cut: int) -> None:
    whole = np.array(values)
    parts = registers(whole[:cut]), registers(whole[cut:])
    assert (
        sketch.merge_registers(*parts) == sketch.merge_registers(*parts[::-1]) == registers(whole)
    )
    assert registers(np.append(whole, whole)) == registers(whole)
    assert sketch.from_text(sketch.to_text(registers(whole))) == registers(whole)


@settings(deadline=None)
@given(NAMES, NAMES, NAMES)
def test_the_names_that_are_kept_are_those_of_the_union(a: dict, b: dict, c: dict) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sketch, "NEW_KEPT", 7)
        ka, kb, kc = (sketch.select_names(each) for each in (a, b, c))
        union = {n: a.get(n, 0) + b.get(n, 0) + c.get(n, 0) for n in {**a, **b, **c}}
        assert sketch.merge_names(sketch.merge_names(ka, kb), kc) == sketch.select_names(union)
        assert sketch.merge_names(ka, sketch.merge_names(kb, kc)) == sketch.select_names(union)
        assert sketch.merge_names(ka, kb) == sketch.merge_names(kb, ka)
        assert len(sketch.select_names(union)) == min(7, len(union))
        assert all(union[name] == count for name, count in sketch.select_names(union))


def test_long_names_are_cut_and_stay_apart() -> None:
    long = ["x" * 80, "x" * 81, "x" * 82, "é" * 1_000_000]
    short = [sketch.shorten_name(name) for name in long]
    assert short[0] == long[0] and len(set(short)) == 4
    assert max(map(len, short)) == sketch.LONGEST_NAME
