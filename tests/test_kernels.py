"""Machine code that says what NumPy says, with or without a place to keep it."""

from __future__ import annotations

import errno
import importlib.util
import math
from pathlib import Path
from types import ModuleType

import numba.core.caching
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline import kernels
from pipeline.kernels import BLOCK, LANES

VALUES = st.floats(width=64) | st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf, -math.inf])
SIZES = st.integers(0, 3 * LANES) | st.sampled_from([BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def columns(draw: st.DrawFn) -> np.ndarray:
    """A few drawn values, repeated in some order to a column of any length."""
    few = draw(st.lists(VALUES, min_size=1, max_size=20))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.choice(np.array(few), draw(SIZES))
    values.flags.writeable = draw(st.booleans())
    return values


def counted(values: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, tuple[float, ...]]:
    counts = np.full(len(edges) + 1, 77, dtype=np.int64)
    return counts, kernels.count_numbers(values, edges, counts)


@settings(deadline=None)
@given(columns(), st.lists(FINITE, max_size=30, unique=True).map(sorted))
def test_counts_are_those_of_a_search(values: np.ndarray, given_edges: list[float]) -> None:
    edges = np.unique(np.array(given_edges) + 0.0)
    counts, (total, squares, low, high) = counted(values, edges)
    cells = np.searchsorted(edges, values[~np.isnan(values)], side="right")
    assert counts.tolist() == np.bincount(cells, minlength=len(edges) + 1).tolist()
    finite = values[np.isfinite(values)]
    assert (low, high) == (finite.min(initial=math.inf), finite.max(initial=-math.inf))
    with np.errstate(over="ignore"):
        size, square = np.abs(finite).sum(), (finite * finite).sum()
    assert squares == pytest.approx(square, rel=1e-12)
    if math.isfinite(size):
        assert total == pytest.approx(math.fsum(finite), rel=0, abs=1e-13 * size)


def test_sums_of_many_rows_stay_accurate() -> None:
    rng = np.random.default_rng(0)
    values = rng.lognormal(sigma=3, size=1_000_000) + 1e6
    _, (total, squares, _, _) = counted(values, np.empty(0))
    assert total == pytest.approx(math.fsum(values), rel=1e-14)
    assert squares == pytest.approx(math.fsum(values * values), rel=1e-14)


def test_sums_too_large_for_a_float_are_infinite() -> None:
    _, (total, squares, low, high) = counted(np.full(5, 1e308), np.array([0.0]))
    assert (total, squares, low, high) == (math.inf, math.inf, 1e308, 1e308)


@settings(deadline=None)
@given(columns())
def test_the_extent_is_that_of_what_is_known(values: np.ndarray) -> None:
    nulls, low, high = kernels.extent(values)
    known = values[~np.isnan(values)]
    assert nulls == len(values) - len(known)
    assert (low, high) == (known.min(initial=math.inf), known.max(initial=-math.inf))


@settings(deadline=None)
@given(hnp.arrays(np.int32, st.integers(0, 50), elements=st.integers(-1, 4)))
def test_codes_are_counted_nulls_first(codes: np.ndarray) -> None:
    counts = np.full(6, 77, dtype=np.int64)
    kernels.count_codes(codes, counts)
    assert counts.tolist() == np.bincount(codes + 1, minlength=6).tolist()


@settings(deadline=None)
@given(columns(), st.integers(0, 2**32))
def test_gaps_become_nan(values: np.ndarray, seed: int) -> None:
    present = np.random.default_rng(seed).random(len(values)) < 0.7
    filled = np.empty(len(values))
    kernels.fill(values, present, filled)
    np.testing.assert_array_equal(filled, np.where(present, values, np.nan))


MODULE = """\
from pipeline.kernels import jit

@jit(["float64(float64)", "int64(int64)"])
def twice(value):
    return 2 * value
"""


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "doubling.py"
    path.write_text(MODULE, encoding="utf-8")
    return path


def test_what_one_process_compiled_the_next_one_loads(module: Path) -> None:
    first, second = load(module).twice, load(module).twice
    assert sum(first.stats.cache_hits.values()) == 0
    assert sum(second.stats.cache_hits.values()) == 2
    assert (second(1.5), second(2)) == (3.0, 4)


def test_nowhere_to_keep_machine_code(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])
    twice = load(module).twice
    assert (twice(1.5), twice(2)) == (3.0, 4)


@pytest.mark.parametrize("fails", ["_save_index", "_save_data", "_load_index"])
def test_a_full_disk_or_an_unreadable_cache(
    module: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(numba.core.caching.IndexDataCacheFile, fails, full)
    twice = load(module).twice
    assert (twice(1.5), twice(2)) == (3.0, 4)


def test_a_mistake_in_the_function_is_not_mistaken_for_one_of_the_cache() -> None:
    with pytest.raises(numba.core.errors.TypingError):

        @kernels.jit("float64(float64)")
        def wrong(value: float) -> float:
            return value.nothing  # type: ignore[attr-defined]
