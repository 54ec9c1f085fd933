"""Machine code that says what NumPy says, with or without a place to keep it."""

from __future__ import annotations

import errno
import importlib.util
import math
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numba.core.caching
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assay.columns import count_kernels, kernels, sketch
from assay.columns.count_kernels import BLOCK
from assay.columns.grid import NumberGrid
from assay.columns.kernels import LANES
from assay.contract import columns as arrays

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


def cells_of(values: np.ndarray, grid: NumberGrid) -> np.ndarray:
    cells = np.full(len(values), 77, dtype=np.uint16)
    count_kernels.find_cells(values, *grid.finder, len(grid.fine), cells)
    return cells


@settings(deadline=None)
@given(columns(), st.lists(FINITE, max_size=60, unique=True).map(sorted))
def test_places_are_those_of_a_search(values: np.ndarray, given_edges: list[float]) -> None:
    edges = np.unique(np.array(given_edges) + 0.0)
    cells = cells_of(values, NumberGrid(tuple(edges.tolist())))
    expected = np.searchsorted(edges, values, side="right")
    assert cells.tolist() == np.where(np.isnan(values), len(edges) + 1, expected).tolist()


@settings(deadline=None)
@given(
    columns(),
    st.sampled_from([1.0, 0.1, 0.01]) | FINITE,
    st.lists(st.integers(-50, 50), min_size=1, max_size=60, unique=True).map(sorted),
)
def test_places_of_edges_that_are_close(values: np.ndarray, unit: float, steps: list) -> None:
    with np.errstate(over="ignore", under="ignore"):
        edges = np.unique(np.array(steps) * unit + 0.0)
        edges = np.unique(np.append(edges, np.nextafter(edges, np.inf)))
    edges = edges[np.isfinite(edges)]
    values = np.append(values, edges)
    cells = cells_of(values, NumberGrid(tuple(edges.tolist())))
    expected = np.searchsorted(edges, values, side="right")
    assert cells.tolist() == np.where(np.isnan(values), len(edges) + 1, expected).tolist()


@settings(deadline=None)
@given(columns(), st.integers(1, 9), st.integers(0, 2**32))
def test_cells_are_tallied_whole_and_by_part(values: np.ndarray, last: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, last + 1, len(values)).astype(np.uint16)
    codes = rng.integers(-1, 3, len(values)).astype(np.int32)
    parts = np.array([1, -1, 0, 1], dtype=np.int32)
    counts, sums = np.zeros((3, last + 1), np.int64), np.zeros((3, last + 1))
    ends = np.tile([0.0, 0.0, np.inf, -np.inf], (2, 1))
    with np.errstate(over="ignore", invalid="ignore"):
        count_kernels.tally(values, cells, counts[2], sums[2])
        count_kernels.tally_parts(values, cells, codes, parts, counts[:2], sums[:2], ends)
        for place, rows in ((2, codes < 9), (0, codes == 1), (1, (codes == -1) | (codes == 2))):
            own, at = values[rows], cells[rows]
            assert counts[place].tolist() == np.bincount(at, minlength=last + 1).tolist()
            finite = np.where(np.isfinite(own), own, 0.0)
            if np.abs(finite).sum() < 1e150:
                expected = np.bincount(at, finite, last + 1)
                assert sums[place] == pytest.approx(
                    expected, rel=1e-12, abs=np.abs(finite).sum() * 1e-12
                )
                if place < 2:
                    known = own[np.isfinite(own)]
                    assert ends[place, 1] == pytest.approx((known * known).sum(), rel=1e-9)
                    assert ends[place, 2:].tolist() == [
                        known.min(initial=np.inf),
                        known.max(initial=-np.inf),
                    ]


@settings(deadline=None)
@given(columns(), st.lists(VALUES.filter(math.isfinite), min_size=1, max_size=9))
def test_known_values_are_counted_and_others_end_it(values: np.ndarray, few: list) -> None:
    grid = NumberGrid((), (), tuple(np.unique(np.array(few) + 0.0).tolist()))
    if grid.known is None:
        return
    known = grid.known.lookup.values
    assert known.tolist() == list(grid.likely)
    counts, others = np.zeros(len(known) + 1, np.int64), np.full(len(values), 77.0)
    odd = values[~np.isin(values, known) & ~np.isnan(values)]
    found = count_kernels.count_known(values, *grid.known.lookup, counts, others)
    assert (found == -1 and len(odd) * 8 > len(values) / 3) or found == len(odd)
    if found == -1:
        assert not counts.any()
        return
    assert others[:found].tolist() == odd.tolist()
    assert counts[-1] == np.isnan(values).sum()
    assert counts[:-1].tolist() == [(values == value).sum() for value in known]


def test_a_few_others_are_gathered_and_many_end_it() -> None:
    grid = NumberGrid((), (), (1.0, 2.0))
    assert grid.known is not None
    values = np.tile([1.0, 2.0], 4 * BLOCK)
    values[::9] = 1.5
    counts, others = np.zeros(3, np.int64), np.empty(len(values))
    found = count_kernels.count_known(values, *grid.known.lookup, counts, others)
    assert found == len(values[::9]) and (others[:found] == 1.5).all()
    assert counts.sum() == len(values) - found
    values[::7] = 1.5
    assert count_kernels.count_known(values, *grid.known.lookup, counts, others) == -1


@settings(deadline=None)
@given(columns())
def test_hashes_fall_as_numpys_do(values: np.ndarray) -> None:
    least = sketch.empty_registers()
    count_kernels.update_registers(values, least)
    distinct = np.unique(values[~np.isnan(values)])
    assert sketch.to_registers(least) == sketch.build_registers(
        sketch.rank_hashes(sketch.hash_numbers(distinct))
    )


@settings(deadline=None)
@given(columns())
def test_moments_are_those_of_the_finite(values: np.ndarray) -> None:
    total, squares, low, high = count_kernels.moments(values)
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
    total, squares, _, _ = count_kernels.moments(values)
    assert total == pytest.approx(math.fsum(values), rel=1e-14)
    assert squares == pytest.approx(math.fsum(values * values), rel=1e-14)


def test_sums_too_large_for_a_float_are_infinite() -> None:
    total, squares, low, high = count_kernels.moments(np.full(5, 1e308))
    assert (total, squares, low, high) == (math.inf, math.inf, 1e308, 1e308)


@given(values=columns())
def test_the_extent_is_that_of_what_is_known(values: np.ndarray) -> None:
    nulls, low, high = arrays.extent(values)
    known = values[~np.isnan(values)]
    assert nulls == len(values) - len(known)
    assert (low, high) == (known.min(initial=math.inf), known.max(initial=-math.inf))


@settings(deadline=None)
@given(hnp.arrays(np.int32, st.integers(0, 50), elements=st.integers(-1, 4)))
def test_codes_are_counted_nulls_first(codes: np.ndarray) -> None:
    counts = np.full(6, 77, dtype=np.int64)
    assert count_kernels.count_codes(codes, counts)
    assert counts.tolist() == np.bincount(codes + 1, minlength=6).tolist()
    for other in (-2, 5, 2**31 - 1, -(2**31)):
        assert not count_kernels.count_codes(np.append(codes, np.int32(other)), counts)


@settings(deadline=None)
@given(columns(), st.integers(0, 20), st.integers(0, 2**32))
def test_gaps_become_nan(values: np.ndarray, first: int, seed: int) -> None:
    present = np.random.default_rng(seed).random(first + len(values)) < 0.7
    filled, bits = np.empty(len(values)), np.packbits(present, bitorder="little")
    found = kernels.fill_nulls(values, bits, first, filled)
    np.testing.assert_array_equal(filled, np.where(present[first:], values, np.nan))
    assert found == arrays.extent(filled)


MODULE = """\
from assay.columns.kernels import jit

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
    assert sum(first.compile().stats.cache_hits.values()) == 0
    assert sum(second.compile().stats.cache_hits.values()) == 2
    assert (second(1.5), second(2)) == (3.0, 4)


def test_kernels_are_loaded_without_what_only_compiling_needs() -> None:
    code = """
import sys
from assay.columns import count_kernels, kernels
from assay.compiled import kernels_columns
from assay.compiled.linear import kernels_linear
from assay.compiled.trees import kernels_contributions, kernels_scan
rooms = kernels, count_kernels, kernels_columns, kernels_linear, kernels_contributions
for room in (*rooms, kernels_scan):
    for each in list(vars(room).values()):
        if isinstance(each, kernels.Kernel):
            each.compile()
print({"numba.np.linalg", "scipy.linalg"} & set(sys.modules))
"""
    for _ in ("compiled", "cached"):
        told = subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True)
    assert told.stdout.strip() == b"set()"
    assert numba.__version__.startswith(kernels.LIGHT)


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

        @kernels.jit("float64(float64)", inner=True)
        def wrong(value: float) -> float:
            return value.nothing  # type: ignore[attr-defined]
