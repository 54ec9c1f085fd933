"""How contributions depend on values: bands of rows and their pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.evaluation import dependence
from assay.evaluation.dependence import dependences, feature_bands
from assay.evaluation.reasons import ExplainedRows
from assay.reports.evaluation import LEAST_SHOWN


@given(st.integers(0, 10_000), st.integers(0, 300), st.integers(1, 60))
def test_numbers_are_in_order_and_every_shown_row_is_in_one_band(
    seed: int, rows: int, different: int
) -> None:
    random = np.random.default_rng(seed)
    values = random.integers(0, different, rows).astype(float)
    values[random.random(rows) < 0.2] = np.nan
    bands = feature_bands(pd.Series(values), random.normal(size=rows))
    known, missing = bands[bands["at"].notna()], int(np.isnan(values).sum())
    assert known["at"].is_monotonic_increasing and len(known) <= dependence.BANDS
    assert (bands["rows"] >= LEAST_SHOWN).all()
    assert ((bands["low"] <= bands["value"]) & (bands["value"] <= bands["high"])).all()
    assert [*bands["rows"]][len(known) :] == [missing] * (missing >= LEAST_SHOWN)
    counts = pd.Series(values).value_counts()
    if len(counts) <= min(dependence.BANDS, (rows - missing) // (2 * LEAST_SHOWN)):
        shown = {value: count for value, count in counts.items() if count >= LEAST_SHOWN}
        assert dict(zip(known["at"], known["rows"], strict=True)) == shown
    assert rows - missing < LEAST_SHOWN or len(known)


def test_a_band_is_the_middle_four_fifths_around_the_median() -> None:
    (band,) = feature_bands(pd.Series(np.full(11, 5)), np.arange(11.0)).to_dict("records")
    assert (band["low"], band["value"], band["high"], band["at"]) == (1, 5, 9, 5)


def test_categories_from_the_one_that_raises_most_and_the_rare_ones_together() -> None:
    names = np.repeat(["b", "a", "c", "d", ""], [20, 30, 6, 6, 10]).astype(object)
    names[-10:] = None
    added = np.select([names == "a", names == "b"], [2.0, 1.0], -1.0)
    bands = feature_bands(pd.Series(names), np.where(np.isin(names, ["c", "d"]), 9.0, added))
    assert [*zip(bands["name"], bands["rows"], strict=True)] == [
        ("a", 30),
        ("b", 20),
        ("(missing)", 10),
        ("(others)", 12),
    ]
    many = pd.Series(np.repeat([f"c{place:02}" for place in range(20)], 10))
    shown = feature_bands(many, np.zeros(200))
    assert len(shown) == dependence.CATEGORIES + 1 and [*shown["rows"]][-1] == 80


@pytest.mark.parametrize("dtype", ["bool", "boolean", "object"])
def test_truths_are_no_axis_of_numbers(dtype: str) -> None:
    bands = feature_bands(pd.Series([True, False] * 20).astype(dtype), np.zeros(40))
    assert {*bands["name"]} == {"True", "False"} and bands["at"].isna().all()


def explained(**columns: Any) -> ExplainedRows:
    frame = pd.DataFrame(columns)
    values = np.random.default_rng(1).normal(size=frame.shape) * 3.0 ** np.arange(frame.shape[1])
    return ExplainedRows(
        frame, np.arange(len(frame)), tuple(frame.columns), values, "log odds", "all"
    )


def test_the_strongest_are_drawn_on_one_axis() -> None:
    columns: dict[str, Any] = {f"f{place}": np.arange(100.0) for place in range(7)}
    columns["<b>"] = np.repeat(["<i>", "y"], 50)
    columns["gaps"] = np.where(np.arange(100) % 5 == 0, np.nan, np.arange(100.0))
    drawn, (low, high) = dependences(explained(**columns))
    assert [each.feature for each in drawn] == ["gaps", "<b>", "f6", "f5", "f4", "f3"]
    ends = [end for _, _, one in drawn[1].named for end in (one.low, one.value, one.high)]
    assert low < min(ends) <= max(ends) < high
    assert {(name, rows) for name, rows, _ in drawn[1].named} == {("<i>", 50), ("y", 50)}
    for each in drawn:
        text = str(each.picture)
        assert "<b>" not in text and "nan" not in text
        assert text.count("<circle") == (0 if each.feature == "<b>" else 5)
    assert "(missing)</text>" in str(drawn[0].picture) and "missing" not in str(drawn[2].picture)


def test_of_too_few_rows_and_of_what_moves_nothing_nothing_is_drawn() -> None:
    assert dependences(explained(x=np.arange(9.0)))[0] == []
    still = replace(explained(x=np.arange(50.0)), values=np.zeros((50, 1)))
    assert dependences(still)[0] == []
