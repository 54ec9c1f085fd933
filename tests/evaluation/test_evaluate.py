from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from assay.errors import LabelError, RunError
from assay.evaluation.evaluate import evaluate
from assay.metrics.intervals import pairing
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from assay.model import holdout
from assay.project.params import Evaluate
from assay.project.tasks import METRICS
from assay.reports.evaluation import Evaluation, group_rates, sort_slices

SETTINGS = Evaluate(confidence=0.9, min_slice_rows=50)


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


def run(
    frame: pd.DataFrame, slices: tuple[str, ...] = (), units: SamplingUnits | None = None
) -> Evaluation:
    """By row, unless it is said by what."""
    truth = holdout.labels(frame, "late", "binary", ())
    p = holdout.validate_scores(frame["p"], len(frame), "binary", ())
    scored = LabelledScores("binary", truth, p, (), 0.4)
    return evaluate(frame, scored, units or SamplingUnits.rows(len(frame)), slices, SETTINGS)


def values_of(frame: pd.DataFrame) -> dict[str, float]:
    truth, p = frame["late"].to_numpy(dtype=bool), frame["p"].to_numpy()
    return LabelledScores("binary", truth, p, (), 0.4).values()


def test_values_are_those_of_the_metrics(frame: pd.DataFrame) -> None:
    found = run(frame)
    assert tuple(found.metrics) == METRICS["binary"]
    for name, one in found.metrics.items():
        assert one.value == pytest.approx(values_of(frame)[name])
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
    assert missing.metrics["auc"].value == pytest.approx(values_of(frame[rows])["auc"])


def test_a_small_slice_is_listed_without_metrics(frame: pd.DataFrame) -> None:
    few = run(frame, ("rare",)).slices[0]
    assert (few.value, few.rows, few.metrics) == ("few", 49, None)
    assert few.why == "49 rows, fewer than 50"
    assert few.tree()["metrics"] is None


def test_a_slice_with_one_class_has_no_auc_and_no_interval(frame: pd.DataFrame) -> None:
    frame["sort"] = np.where(frame["late"], "all late", "none late")
    for part in run(frame, ("sort",)).slices:
        assert part.metrics is not None
        assert part.metrics["auc"].value is None
        assert "fewer than 10 of a label" in (part.metrics["auc"].why or "")
        assert all(one.low is None and one.why and one.few for one in part.metrics.values())


def test_one_slice_does_not_depend_on_another(frame: pd.DataFrame) -> None:
    both = run(frame, ("rain", "origin")).slices
    alone = run(frame, ("origin",)).slices
    assert both[2:] == alone


def test_groups_of_the_same_nights_are_correlated_and_those_of_rows_are_not(
    frame: pd.DataFrame,
) -> None:
    """Every third night is hard: all of its rows are misjudged more often, wherever they are."""
    nights = np.arange(900) // 30
    random = np.random.default_rng(2)
    frame["late"] = frame["late"] ^ ((nights % 3 == 0) & (random.random(900) < 0.95))
    found = run(frame, ("origin", "rare"), SamplingUnits("night", 30, nights.astype(np.intp)))
    # Of the groups of "rare" one has two nights only: nothing is known of the pair.
    (known,) = found.correlations
    assert (known.field, known.values) == ("origin", ("EWR", "JFK", "LGA"))
    assert set(known.metrics) == {*METRICS["binary"], "selection_rate"}
    for one, other in (("EWR", "JFK"), ("EWR", "LGA"), ("JFK", "LGA")):
        assert (known.between(one, other, "brier") or 0) > 0.3
    assert run(frame, ("origin",)).correlations == ()


def test_of_many_groups_pairs_are_not_correlated(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = SamplingUnits("night", 30, (np.arange(900) // 30).astype(np.intp))
    monkeypatch.setattr(pairing, "MOST_GROUPS", 3)
    assert [one.field for one in run(frame, ("origin",), units).correlations] == ["origin"]
    monkeypatch.setattr(pairing, "MOST_GROUPS", 2)
    assert run(frame, ("origin",), units).correlations == ()


def test_units_are_counted_everywhere_and_widen_intervals(frame: pd.DataFrame) -> None:
    """Rows are sorted by their score, so that those of a night are alike."""
    frame = frame.sort_values("p").assign(night=np.arange(900) // 30)
    by_row, by_night = run(frame, ("origin",)), run(frame, ("origin",), of("night", frame))
    assert (by_row.unit, by_row.units, by_night.unit, by_night.units) == ("row", 900, "night", 30)
    plain = by_night.tree()
    assert (plain["unit"], plain["units"]) == ("night", 30)
    for part in by_night.slices:
        nights = frame.loc[frame["origin"] == part.value, "night"].nunique()
        assert part.units == part.tree()["units"] == nights <= 30
    one, other = by_night.metrics["accuracy"], by_row.metrics["accuracy"]
    assert one.design_effect > 1.5 > other.design_effect
    assert one.high - one.low > other.high - other.low


def test_every_slice_has_the_share_of_its_rows_that_gets_a_yes(frame: pd.DataFrame) -> None:
    found = run(frame, ("origin", "rare"))
    for part in found.slices:
        rate = part.selection_rate
        assert part.selected is not None and rate is not None
        assert rate.value == pytest.approx(part.selected / part.rows)
        assert rate.low < rate.value < rate.high
        assert part.tree()["selection_rate"] == rate.plain()
    # A slice that is too small for metrics has it all the same.
    assert found.slices[3].metrics is None and found.slices[3].selection_rate.low is not None


def of(name: str, frame: pd.DataFrame) -> SamplingUnits:
    return SamplingUnits.of(name, frame[name])


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
        json.dumps(run(frame, ("origin", "rare", "sort")).tree(), allow_nan=False) for _ in range(2)
    }
    assert len(texts) == 1


def test_summary_is_flat_and_short(frame: pd.DataFrame) -> None:
    found = run(frame)
    summary = found.summary()
    assert set(summary) == {*METRICS["binary"], "rows", "positives", "selected"}
    assert summary["auc"] == round(found.metrics["auc"].value or 0, 6)


def test_worst_slices_come_first_and_unknown_ones_last(frame: pd.DataFrame) -> None:
    ranked = sort_slices(run(frame, ("origin", "rare")))
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


@pytest.mark.parametrize(
    ("task", "scores", "expected"),
    [
        ("binary", np.zeros(4), "one probability a row .expected shape \\(5,\\)"),
        ("multiclass", np.zeros(5), "one probability a row and class"),
        ("multiclass", np.full((5, 2), 0.5), "expected shape \\(5, 3\\)"),
        ("multiclass", np.full((5, 3), 0.5), "no probability.*5 of 5 rows"),
        ("regression", np.array([1, 2, np.inf, 0, 0]), "no number.*1 of 5 rows"),
    ],
)
def test_refuses_scores_of_another_shape_or_that_are_none(task, scores, expected: str) -> None:
    with pytest.raises(RunError, match=expected):
        holdout.validate_scores(scores, 5, task, ("a", "b", "c") if task == "multiclass" else ())


def other(task) -> LabelledScores:
    random = np.random.default_rng(5)
    if task == "regression":
        truth = random.normal(20, 5, 600)
        return LabelledScores(task, truth, truth + random.normal(1, np.linspace(1, 9, 600)))
    p = random.dirichlet([3, 2, 1], 600)
    truth = (random.random(600)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    return LabelledScores(task, truth, p, ("a", "b", "c"))


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks_have_their_own_metrics_and_no_positives(task) -> None:
    scored = other(task)
    frame = pd.DataFrame({"part": np.repeat(["first", "second", "third"], 200)})
    found = evaluate(frame, scored, SamplingUnits.rows(600), ("part",), SETTINGS)
    plain = found.tree()
    assert plain["task"] == task
    assert tuple(found.metrics) == METRICS[task]
    assert not any("selection_rate" in part.tree() for part in found.slices)
    assert not {"positives", "threshold"} & set(plain) | {"positives"} & set(found.summary())
    for part, start in zip(found.slices, (0, 200, 400), strict=True):
        expected = scored.take(np.arange(start, start + 200)).values()
        assert part.metrics is not None
        assert {name: one.value for name, one in part.metrics.items()} == pytest.approx(expected)
    assert json.dumps(plain, allow_nan=False)


def test_the_slice_with_the_largest_errors_is_the_worst() -> None:
    frame = pd.DataFrame({"part": np.repeat(["first", "second", "third"], 200)})
    found = evaluate(frame, other("regression"), SamplingUnits.rows(600), ("part",), SETTINGS)
    assert [part.value for part in sort_slices(found)] == ["third", "second", "first"]


def test_groups_of_people_have_error_rates(frame: pd.DataFrame) -> None:
    truth, p = frame["late"].to_numpy(dtype=bool), frame["p"].to_numpy()
    scored = LabelledScores("binary", truth, p, (), 0.4)
    rows = SamplingUnits.rows(len(frame))
    found = evaluate(frame, scored, rows, ("origin", "rain"), SETTINGS, ("origin",))
    assert found.sensitive == ("origin",)
    for part in found.slices:
        if part.field == "rain":
            assert part.false_positive_rate is part.false_negative_rate is None
            continue
        here = (frame["origin"] == part.value).to_numpy()
        rates = group_rates("binary", part)
        for name, among, said in (
            ("false_positive_rate", ~truth, p >= 0.4),
            ("false_negative_rate", truth, p < 0.4),
        ):
            one = rates[name]
            assert one is not None and one.value == pytest.approx(said[here & among].mean())
            assert one.low is not None and one.low < one.value < (one.high or 0)


def test_a_group_without_positives_has_no_rate_of_them(frame: pd.DataFrame) -> None:
    scored = LabelledScores("binary", np.zeros(900, dtype=bool), frame["p"].to_numpy(), (), 0.4)
    rows = SamplingUnits.rows(len(frame))
    found = evaluate(frame, scored, rows, ("rare",), SETTINGS, ("rare",))
    for part in found.slices:
        assert part.false_negative_rate is not None and part.false_positive_rate is not None
        assert part.false_negative_rate.value is None and part.false_negative_rate.few
        assert part.false_positive_rate.value is not None
