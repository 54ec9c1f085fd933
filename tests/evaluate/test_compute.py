from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import LabelError, RunError, SchemaMismatch
from pipeline.evaluate.compute import evaluate
from pipeline.evaluate.results import Evaluation
from pipeline.evaluate.terminal import worst_first
from pipeline.metrics import metric
from pipeline.params import METRICS, Evaluate

SETTINGS = Evaluate(replicates=100, confidence=0.9, min_slice_rows=50)


@pytest.fixture
def frame() -> pd.DataFrame:
    random = np.random.default_rng(11)
    p = random.beta(2, 3, 900)
    return pd.DataFrame(
        {
            "late": random.random(900) < p,
            "origin": random.choice(["EWR", "JFK", "LGA"], 900),
            "rain": np.where(np.arange(900) < 60, None, "no"),
            "rare": np.where(np.arange(900) < 49, "few", "many"),
            "p": p,
        }
    )


def run(frame: pd.DataFrame, slices: tuple[str, ...] = (), seed: int = 1) -> Evaluation:
    return evaluate(frame, "late", frame["p"], 0.4, slices, SETTINGS, seed)


def test_values_are_those_of_the_metrics(frame: pd.DataFrame) -> None:
    found = run(frame)
    assert tuple(found.metrics) == METRICS
    for name, one in found.metrics.items():
        assert one.value == pytest.approx(metric(name, frame["late"], frame["p"], 0.4))
    assert (found.rows, found.positives) == (900, int(frame["late"].sum()))


def test_slices_cover_every_row_and_hold_their_own_metrics(frame: pd.DataFrame) -> None:
    found = run(frame, ("origin", "rain"))
    assert [(part.field, part.value) for part in found.slices] == [
        ("origin", "EWR"),
        ("origin", "JFK"),
        ("origin", "LGA"),
        ("rain", "(missing)"),
        ("rain", "no"),
    ]
    for field in ("origin", "rain"):
        assert sum(part.rows for part in found.slices if part.field == field) == 900
    missing = found.slices[3]
    rows = frame["rain"].isna()
    assert missing.rows == 60
    assert missing.metrics is not None
    assert missing.metrics["auc"].value == pytest.approx(
        metric("auc", frame["late"][rows], frame["p"][rows], 0.4)
    )


def test_a_small_slice_is_listed_without_metrics(frame: pd.DataFrame) -> None:
    few = run(frame, ("rare",)).slices[0]
    assert (few.value, few.rows, few.metrics) == ("few", 49, None)
    assert few.why == "49 rows, fewer than 50"
    assert few.plain()["metrics"] is None


def test_a_slice_with_one_class_has_no_auc_and_no_interval(frame: pd.DataFrame) -> None:
    frame["sort"] = np.where(frame["late"], "all late", "none late")
    for part in run(frame, ("sort",)).slices:
        assert part.metrics is not None
        assert part.metrics["auc"].value is None
        assert "one class only" in (part.metrics["auc"].why or "")
        assert all(one.low is None and one.why for one in part.metrics.values())


def test_one_slice_does_not_depend_on_another(frame: pd.DataFrame) -> None:
    both = run(frame, ("rain", "origin")).slices
    alone = run(frame, ("origin",)).slices
    assert both[2:] == alone
    assert run(frame, ("origin",), seed=2).slices != alone


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1.0, 2.0, np.nan] * 300),
        pd.Series([1, 2, None] * 300, dtype="Int64"),
        pd.Series([True, False, None] * 300, dtype="boolean"),
        pd.Series(["a", "b", None] * 300, dtype="category"),
        pd.Series(pd.to_datetime(["2013-01-01", "2013-01-02", None] * 300)),
        pd.Series(["[red]", "", None] * 300),
    ],
    ids=lambda column: str(column.dtype),
)
def test_null_of_any_type_is_a_slice_of_its_own(frame: pd.DataFrame, column: pd.Series) -> None:
    frame["field"] = column
    parts = run(frame, ("field",)).slices
    assert [part.rows for part in parts] == [300, 300, 300]
    assert "(missing)" in [part.value for part in parts]


def test_json_has_no_nan_and_the_same_bytes_each_time(frame: pd.DataFrame) -> None:
    frame["sort"] = frame["late"].astype(str)
    texts = {
        json.dumps(run(frame, ("origin", "rare", "sort")).plain(), allow_nan=False)
        for _ in range(2)
    }
    assert len(texts) == 1


def test_summary_is_flat_and_short(frame: pd.DataFrame) -> None:
    found = run(frame)
    summary = found.summary()
    assert set(summary) == {*METRICS, "rows", "positives"}
    assert summary["auc"] == round(found.metrics["auc"].value or 0, 6)


def test_worst_slices_come_first_and_unknown_ones_last(frame: pd.DataFrame) -> None:
    ranked = worst_first(run(frame, ("origin", "rare")).slices)
    values = [part.metrics["auc"].value for part in ranked[:-1] if part.metrics is not None]
    assert values == sorted(value for value in values if value is not None)
    assert ranked[-1].value == "few"


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda f: f.iloc[:0], LabelError, "no rows"),
        (lambda f: f.drop(columns="late"), LabelError, "no such column"),
        (lambda f: f[f["late"]], LabelError, "one class only"),
        (
            lambda f: f.assign(late=f["late"].astype(float).where(f.index > 0)),
            LabelError,
            "missing",
        ),
        (lambda f: f.assign(late=f["late"].astype(int) + 1), LabelError, "not a label"),
        (lambda f: f.assign(late="yes"), LabelError, "not a label"),
        (lambda f: f.assign(p=f["p"].where(f.index > 0)), RunError, "no probability"),
        (lambda f: f.assign(p=f["p"] + 1), RunError, "no probability"),
    ],
)
def test_refuses_what_cannot_be_judged(frame, change, error, text) -> None:
    with pytest.raises(error, match=text) as caught:
        run(change(frame))
    assert "\n" not in caught.value.line()


def test_refuses_a_slice_field_that_is_not_there(frame: pd.DataFrame) -> None:
    with pytest.raises(SchemaMismatch, match="'dest'"):
        run(frame, ("dest",))


def test_refuses_another_number_of_probabilities(frame: pd.DataFrame) -> None:
    with pytest.raises(RunError, match="one probability a row"):
        evaluate(frame, "late", frame["p"][:-1], 0.4, (), SETTINGS, 1)
