"""Segments are where scores really move, in words that name the contract's columns."""

from __future__ import annotations

import numpy as np

from assay.plan.segments import DEPTH, MOST, Sample, find_segments


def sample(change: np.ndarray, **columns: np.ndarray) -> Sample:
    texts = {name: list(v) for name, v in columns.items() if v.dtype == object}
    numbers = {name: v for name, v in columns.items() if name not in texts}
    return Sample(change, np.abs(change) > 0.1, numbers, texts)


def test_the_rows_that_were_moved_are_found() -> None:
    random = np.random.default_rng(5)
    depot = random.choice(np.array(["north", "south", "west"], object), 3_000)
    weight = random.uniform(0, 10, 3_000)
    moved = (depot == "west") & (weight > 6)
    found = find_segments(sample(np.where(moved, 0.3, 0.0), depot=depot, weight=weight))
    mine = [each for each in found if each.mean_change > 0.29]
    assert sum(each.decided for each in mine) > 0.9 * moved.sum()
    for each in mine:
        assert "depot is west" in each.where and each.rows == each.decided
        assert any(words.startswith("weight over 6") for words in each.where)
    assert found[0] == mine[0]
    assert len(found) <= MOST and all(len(each.where) <= DEPTH for each in found)


def test_nulls_are_said_where_they_belong() -> None:
    weight = np.where(np.arange(900) % 3 == 0, np.nan, np.arange(900) / 90.0)
    found = find_segments(sample(np.where(np.isnan(weight), -0.2, 0.0), weight=weight))
    assert abs(found[0].mean_change + 0.2) < 1e-9
    assert "none" in found[0].where[0]


def test_where_nothing_moves_there_is_no_segment() -> None:
    assert find_segments(sample(np.zeros(500), weight=np.arange(500.0))) == ()
    assert find_segments(sample(np.arange(10.0), weight=np.arange(10.0))) == ()
    assert find_segments(sample(np.arange(500.0))) == ()
