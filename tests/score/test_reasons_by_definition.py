"""A row's reasons of contributions that are given: which, in which order, and how they are told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.columns.profile import merge_profiles
from assay.compiled.contributions import Contributions
from assay.contract.columns import Columns
from assay.contract.definition import MASK
from assay.contract.loader import load_contract_text
from assay.errors import ParamsError
from assay.model import reasons
from assay.project.params import Reasons
from assay.score import row_reasons
from assay.score.row_reasons import RowReasons

CONTRACT = load_contract_text(
    """
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series


class Row(pa.DataFrameModel):
    key: Series[int] = pa.Field(metadata={"role": "key"})
    time: Series[pd.Timestamp] = pa.Field(metadata={"role": "time"})
    a: Series[float] = pa.Field(nullable=True, metadata={
        "role": "feature", "reason": "how long it was open", "reason_code": "A1"})
    b: Series[int] = pa.Field(nullable=True, description="a count", metadata={"role": "feature"})
    c: Series[str] = pa.Field(nullable=True, metadata={"role": ["feature", "sensitive"]})
    late: Series[bool] = pa.Field(metadata={"role": "label"})
""",
    "contract.py",
).without_label()


class Fixed:
    """Contributions that are given, in the order of the rows' keys."""

    features, against = ("a", "b", "c"), "reference"
    texts: frozenset[str] = frozenset()
    at_once = 0
    """The most rows that were asked for together."""

    def __init__(self, values: np.ndarray) -> None:
        self.given = values

    def contributions(self, rows: Columns) -> Contributions:
        at = rows.exact("key").values
        Fixed.at_once = max(Fixed.at_once, len(at))
        return Contributions(self.features, self.given[at], np.zeros(self.given.shape[1]))


def told(values: np.ndarray, said: list[Any], asked: Reasons, **manifest: Any) -> pa.Table:
    count = len(values)
    rows = pa.table(
        {
            "key": pa.array(range(count), pa.int64()),
            "a": pa.array([None, 0.5, 2.0, 1e-7][i % 4] for i in range(count)).cast(pa.float64()),
            "b": pa.array([None] * count, pa.int64()),
            "c": pa.array([None if i % 3 == 2 else "x" for i in range(count)], pa.string()),
        }
    )
    kind = pa.string() if manifest else pa.bool_()
    scored = SimpleNamespace(
        predictions=pa.table({"key": rows["key"], "prediction": pa.array(said, kind)}),
        good=Columns(CONTRACT, rows),
    )
    known = SimpleNamespace(**{"task": "binary", "classes": (), "sensitive": (), **manifest})
    explained = RowReasons(Fixed(values), SimpleNamespace(manifest=known), CONTRACT, asked)
    return explained.explain(scored)


@given(
    st.lists(
        st.tuples(*[st.floats(-2, 2).map(lambda x: round(x, 1))] * 3, st.booleans() | st.none()),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 100),
    st.sampled_from(["above", "all", "sample"]),
    st.sampled_from(["adverse", "both"]),
)
def test_the_strongest_are_told_of_each_row(
    rows: list[Any], top: int, which: Any, direction: Any
) -> None:
    values = np.array([row[:3] for row in rows])[:, None]
    said = [row[3] for row in rows]
    asked = Reasons(top=top, rows=which, direction=direction)
    found, counts = told(values, said, asked)
    for row, mine, decided in zip(values[:, 0], found["reasons"].to_pylist(), said, strict=True):
        if decided is None or (which == "above" and not decided):
            assert mine is None
            continue
        size = row if direction == "adverse" else np.abs(row)
        want = [i for i in sorted(range(3), key=lambda i: (-size[i], i)) if size[i] > 0][:top]
        assert [each["feature"] for each in mine] == ["abc"[i] for i in want]
        assert [each["contribution"] for each in mine] == [row[i] for i in want]
        total = np.abs(row).sum()
        assert [each["share"] for each in mine] == [abs(row[i]) / total for i in want]
    scored = values[[each is not None for each in said], 0]
    assert counts["reasons@b"].total == pytest.approx(np.abs(scored[:, 1]).sum())
    assert counts["reasons@b"].rows == len(scored)


def test_words_codes_and_cells_of_a_reason() -> None:
    values = np.tile([3.0, 2.0, 1.0], (5, 1))[:, None]
    found, _ = told(values, [True] * 5, Reasons(top=9))
    first, second, third = zip(*found["reasons"].to_pylist(), strict=True)
    assert {(each["reason"], each["code"]) for each in first} == {("how long it was open", "A1")}
    assert [each["value"] for each in first] == [None, "0.5", "2", "1e-7", None]
    # A feature that is null in every row; one that nobody may see.
    assert {(each["reason"], each["value"]) for each in second} == {("a count", None)}
    assert [each["value"] for each in third] == [MASK, MASK, None, MASK, MASK]
    assert set(found["reasons_against"].to_pylist()) == {"reference"}


def test_of_fifty_classes_the_predicted_one_is_explained_in_few_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    classes = tuple(f"c{i}" for i in range(50))
    values = np.random.default_rng(1).normal(size=(40, 50, 3))
    said = [classes[(7 * i) % 50] if i % 5 else None for i in range(40)]
    asked = Reasons(direction="both", top=1)  # what is above: each has a class
    at_once = told(values, said, asked, task="multiclass", classes=classes)
    monkeypatch.setattr(row_reasons, "AT_ONCE", 150 * 7)
    monkeypatch.setattr(Fixed, "at_once", 0)
    found, counts = told(values, said, asked, task="multiclass", classes=classes)
    assert found.to_pylist() == at_once[0].to_pylist()
    assert Fixed.at_once == 7
    assert merge_profiles(counts, counts)["reasons@a"].rows == 2 * 32
    for i, (mine,) in enumerate(each or [None] for each in found["reasons"].to_pylist()):
        row = values[i, (7 * i) % 50]
        want = None if i % 5 == 0 else row[np.abs(row).argmax()]
        assert (mine and mine["contribution"]) == want


def test_a_row_whose_contributions_are_unknown_has_none() -> None:
    values = np.array([[[1.0, 2.0, 3.0]], [[np.nan] * 3], [[3.0, 2.0, 1.0]]])
    found, counts = told(values, [True] * 3, Reasons(top=1))
    names = [each and each[0]["feature"] for each in found["reasons"].to_pylist()]
    assert names == ["c", None, "a"]
    assert found["reasons_against"].to_pylist() == ["reference", None, "reference"]
    assert counts["reasons@a"].rows == 2


@pytest.mark.parametrize("rows", ["all", "sample"])
def test_a_regression_has_no_row_that_is_above(rows: Any) -> None:
    with pytest.raises(ParamsError, match=r"score\.reasons\.rows: .*expected all or sample"):
        row_reasons.check_reasons(Reasons(), "regression")
    row_reasons.check_reasons(Reasons(rows=rows), "regression")
    row_reasons.check_reasons(Reasons(), "multiclass")
    row_reasons.check_reasons(None, "regression")


def test_texts_of_the_contract_come_first() -> None:
    assert dict(reasons.words(CONTRACT)) == {"a": "how long it was open", "b": "a count", "c": "c"}
    assert CONTRACT.field("a").reason_code == "A1"


def test_features_without_a_reason_are_named() -> None:
    line = row_reasons.nameless(CONTRACT)
    assert line.startswith("contract.py: no reason for people to read (score.reasons): b, c: ")


def test_of_a_large_night_about_twenty_thousand_rows_count() -> None:
    rows = (0, 1, 20_000, 20_001, 1_000_000)
    assert [row_reasons.one_row_of(each) for each in rows] == [1, 1, 1, 2, 50]
