"""The parts of compiled models, each by the law it keeps."""

from __future__ import annotations

import ctypes
import ctypes.util
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assay.columns.categories import Categories
from assay.columns.features import CategoryColumn
from assay.compiled.array_types import NotCompiled, public_name
from assay.compiled.columns import (
    AcceptedValues,
    Category,
    ColumnEncoder,
    NumberColumn,
    Vocabulary,
    build_inputs,
)
from assay.compiled.edge_cases import FeaturesInMemory
from assay.compiled.kernels_columns import ranks
from assay.compiled.kernels_single import exponential
from assay.compiled.post_transform import Isotonic
from assay.compiled.ranks import build_grid
from assay.compiled.trees.forest import Forest, Tree, plan_ranks, rounded_down
from assay.compiled.trees.kernels_scan import look_up_bits

WIDE = st.floats(allow_nan=False) | st.integers(-5, 5).map(float)
ANY = WIDE | st.sampled_from([math.nan, 0.0, -0.0])


@settings(deadline=None, max_examples=300)
@given(st.lists(WIDE, max_size=60), st.lists(ANY, min_size=1, max_size=60))
def test_a_rank_is_how_many_thresholds_lie_below(given_: list[float], asked: list[float]) -> None:
    thresholds = np.unique(np.array(given_, np.float64) + 0.0)
    with np.errstate(over="ignore"):
        near = [np.nextafter(thresholds, way) for way in (-np.inf, np.inf)]
    values = np.concatenate([np.array(asked), thresholds, *near])
    low, high = np.empty(len(values), np.uint8), np.empty(len(values), np.uint8)
    ranks(values, *build_grid(thresholds), 255, low, high)
    null = np.isnan(values)
    wanted = np.searchsorted(thresholds, values[~null], "left")
    assert (low[~null] == wanted).all()
    assert (high[~null] == wanted).all()
    assert set(low[null]) <= {0}
    assert set(high[null]) <= {255}


def test_a_grid_of_even_thresholds_has_one_in_a_cell() -> None:
    assert build_grid(np.arange(200.0)).half == 1
    assert build_grid(np.array([])).half == 1
    assert len(build_grid(np.array([-1e308, 0.0, 1e308])).starts) == 1  # too far apart to divide


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 40), st.randoms(use_true_random=False))
def test_bits_of_states_become_columns_of_bytes(squares: int, states: int, random: object) -> None:
    rng = np.random.default_rng(random.getrandbits(32))  # type: ignore[attr-defined]
    words = rng.integers(0, 2**64, states, np.uint64)
    state = rng.integers(0, states, 8 * squares).astype(np.uint16)
    out = np.zeros((8, 8 * squares), np.uint8)
    look_up_bits(state, words, out.view(np.uint64))
    assert (out == words[state].view(np.uint8).reshape(-1, 8).T).all()


@given(
    hnp.arrays(np.float64, 20, elements=st.floats(allow_nan=False)),
    hnp.arrays(np.float32, 20, elements=st.floats(width=32)),
)
def test_rounding_a_threshold_down_moves_no_number_of_32_bits(
    thresholds: np.ndarray, values: np.ndarray
) -> None:
    with np.errstate(over="ignore"):
        values = np.concatenate([values, thresholds.astype(np.float32)])
    values = np.concatenate([values, np.nextafter(values, np.float32(0))])
    down = rounded_down(thresholds)
    assert (down.astype(np.float32) == down).all()
    for threshold, rounded in zip(thresholds, down, strict=True):
        assert ((values <= threshold) == (values <= rounded)).all()


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=12),
    st.integers(1, 4),
    st.booleans(),
)
def test_many_thresholds_go_to_several_columns(
    nodes: list[tuple[int, bool]], most: int, scaled: bool
) -> None:
    """A chain of nodes, each with a leaf to its left."""
    count = len(nodes)
    kinds = np.arange(2 * count + 1) < count
    tree = Tree(
        left=np.where(kinds, np.arange(2 * count + 1) + count, -1),
        right=np.where(kinds, np.append(np.arange(1, count), np.repeat(2 * count, count + 2)), -1),
        column=np.zeros(2 * count + 1, np.int64),
        threshold=np.array([float(number) for number, _ in nodes] + [0.0] * (count + 1)),
        null_left=np.array([left for _, left in nodes] + [False] * (count + 1)),
        asks=np.full(2 * count + 1, -1),
        values=np.zeros((2 * count + 1, 1)),
        weight=np.ones(2 * count + 1),
    )
    number = NumberColumn(0, scaled, 4.5, 0.0, 1.0)
    found = plan_ranks(Forest([tree], np.zeros(1), single=False), [number], most)
    values = np.array([math.nan, math.inf, -math.inf, *np.arange(-1, 11, 0.5)])
    inputs = build_inputs(
        ColumnEncoder(("x",), (), (), (number,)), AcceptedValues(null=True, infinite=True)
    )
    [block] = inputs.rows(FeaturesInMemory(len(values), {"x": values}, {})).blocks(100)
    columns = np.zeros((found.columns, len(values)), np.uint8)
    found.ranks.check(1, found.columns, 255)
    found.ranks.write(block, columns, 255)
    for node, (threshold, null_left) in enumerate(nodes):
        right = columns[found.column[node]] > found.limit[node]
        seen = np.where(np.isnan(values), 4.5 if scaled else np.nan, values)
        assert (right == ~((seen <= threshold) | (np.isnan(seen) & null_left))).all()


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(1, 9), st.integers(1, 8))
def test_blocks_cover_all_rows_once(count: int, parts: int, multiple: int) -> None:
    words = Vocabulary(("a", "b"), np.array([0, 1, 2, 3], np.uint16))
    encoded = ColumnEncoder(
        ("x",), ("y",), (words,), (NumberColumn(0), Category(0, np.arange(4.0)))
    )
    inputs = build_inputs(encoded, AcceptedValues(null=True, infinite=True))
    codes = (np.arange(count) % 4 - 1).astype(np.int32)
    given_ = FeaturesInMemory(
        count,
        {"x": np.arange(float(count))},
        {"y": CategoryColumn(codes, Categories(["b", "new", "a"]))},
    )
    blocks = list(inputs.rows(given_).blocks(parts * multiple, multiple))
    assert [block.start for block in blocks][1:] == [block.stop for block in blocks][:-1]
    assert blocks[-1].stop == count
    assert all(block.rows <= parts * multiple for block in blocks)
    assert all(len(block.states[0]) % multiple == 0 for block in blocks)
    numbers = np.concatenate([block.numbers[0] for block in blocks])
    states = np.concatenate([block.states[0][: block.rows] for block in blocks])
    assert (numbers == np.arange(count)).all()
    assert (states == np.array([1, 2, 0, 3])[codes]).all()


@given(st.floats(1e-3, 1e3), st.floats(-1e3, 1e3), st.booleans())
def test_limits_are_the_last_numbers_that_are_accepted(
    scale: float, mean: float, single: bool
) -> None:
    number = NumberColumn(0, True, 0.0, mean, scale)
    accepts = AcceptedValues(null=False, infinite=False, single=single)
    limits = build_inputs(ColumnEncoder(("x",), (), (), (number,)), accepts).limits
    for limit, way in ((limits.low[0], -np.inf), (limits.high[0], np.inf)):
        assert accepts.finite(number.encoded(limit))
        beyond = float(np.nextafter(limit, way, dtype=np.float64)) if abs(limit) < 1.7e308 else way
        assert np.isinf(beyond) or not accepts.finite(number.encoded(beyond))
    assert not limits.null[0]


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=9, unique=True),
    st.lists(st.floats(0, 1), min_size=1, max_size=20),
)
def test_isotonic_is_what_numpy_interpolates(knots: list[float], asked: list[float]) -> None:
    places = np.unique(np.array(knots) + 0.0)
    heights = np.sort(np.random.default_rng(len(knots)).random(len(places)))
    found = Isotonic(places, heights)
    found.check()
    values = np.concatenate([asked, places, np.nextafter(places, 0), np.nextafter(places, 1)])
    wanted = np.interp(np.clip(values, places[0], places[-1]), places, heights)
    np.testing.assert_array_equal(found(values), wanted)


def test_a_name_is_that_of_the_very_class() -> None:
    from sklearn.linear_model import Ridge

    class Own(Ridge):
        pass

    assert public_name(Ridge()) == "sklearn.linear_model.Ridge"
    assert public_name(Own()).endswith("Own")
    with pytest.raises(NotCompiled, match="mean"):
        odd = NumberColumn(0, True, 0.0, 1e300, 1e-300)
        object.__setattr__(odd, "mean", np.inf)
        build_inputs(
            ColumnEncoder(("x",), (), (), (odd,)), AcceptedValues(null=False, infinite=False)
        )


def test_the_exponential_of_32_bits_is_that_of_the_c_library() -> None:
    asked = np.concatenate(
        [
            np.random.default_rng(3).normal(0, 20, 30_000),
            [0.0, -0.0, 1e-40, 88.7, 88.72283, 88.73, -87.4, -103.9, -104.0, np.inf, -np.inf],
        ]
    ).astype(np.float32)
    expf = ctypes.CDLL(ctypes.util.find_library("m")).expf
    expf.restype, expf.argtypes = ctypes.c_float, [ctypes.c_float]
    got = np.empty(len(asked), np.float32)
    exponential(asked.astype(np.float64), got)
    np.testing.assert_array_equal(got, np.array([expf(each) for each in asked], np.float32))
    exponential(np.array([math.nan]), got[:1])
    assert np.isnan(got[0])
