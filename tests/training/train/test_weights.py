"""Weights of rows: what they do to a fit, what takes them, and what they never reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from assay.contract.definition import Contract
from assay.contract.loader import load_contract_text
from assay.errors import ContractBroken, ContractFileError, PluginError
from assay.metrics.labelled_scores import LabelledScores
from assay.project.params import Train
from assay.project.params.candidates import Candidate
from assay.training.candidates.nested import fit_clone, weight_argument
from assay.training.candidates.pipeline import build_pipeline
from assay.training.train.fit import fit, training_rows

TEXT = """
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

class Row(pa.DataFrameModel):
    id: Series[int] = pa.Field(metadata={"role": "key"})
    at: Series[pd.Timestamp] = pa.Field(metadata={"role": "time"})
    x: Series[float] = pa.Field(metadata={"role": "feature"})
    w: Series[float] = pa.Field(ge=0, metadata={"role": "weight"})
    y: Series[float] = pa.Field(nullable=True, metadata={"role": "label"})
"""
RIDGE = {"class": "sklearn.linear_model.Ridge", "args": {"alpha": 1.0}}


def read(text: str = TEXT) -> Contract:
    return load_contract_text(text, "data/contract.py")


def frame(rows: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    x = rng.normal(size=rows)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "at": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(rows) // 10, unit="D"),
            "x": x,
            "w": rng.integers(0, 4, rows).astype(float),
            "y": 2 * x + np.where(x > 0, 3.0, 0.0) + rng.normal(size=rows),
        }
    )


def twice(of: Any) -> Any:
    return make_pipeline(FunctionTransformer(), of)


FITTED = {
    "alone": Ridge(),
    "behind steps": twice(twice(Ridge())),
    "a search": GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=2),
    "a search of steps": twice(GridSearchCV(twice(Ridge()), {"ridge__alpha": [1.0]}, cv=2)),
    "halving": HalvingGridSearchCV(Ridge(), {"alpha": [1.0]}, cv=2, min_resources=20),
    "another target": TransformedTargetRegressor(Ridge(), func=np.arcsinh, inverse_func=np.sinh),
}


@pytest.mark.parametrize("how", FITTED)
def test_a_row_of_weight_three_counts_like_three_rows(how: str) -> None:
    rows = frame()
    weight = rows["w"].to_numpy()
    whole = weight.astype(int)
    days = rows["at"].astype(str).to_numpy()
    weighted = fit_clone(FITTED[how], rows[["x"]], rows["y"].to_numpy(), days, weight)
    again = rows.loc[rows.index.repeat(whole)]
    repeated = fit_clone(
        FITTED[how], again[["x"]], again["y"].to_numpy(), again["at"].astype(str).to_numpy()
    )
    assert _slope(weighted.pipeline) == pytest.approx(_slope(repeated.pipeline), abs=1e-9)
    plain = fit_clone(FITTED[how], rows[["x"]], rows["y"].to_numpy(), days)
    assert _slope(plain.pipeline) != pytest.approx(_slope(weighted.pipeline), abs=1e-3)


def _slope(fitted: Any) -> float:
    while not hasattr(fitted, "coef_"):
        fitted = fitted[-1] if isinstance(fitted, Pipeline) else fitted.regressor_
    return float(fitted.coef_[0])


@pytest.mark.parametrize(
    ("estimator", "argument"),
    [
        (Ridge(), "sample_weight"),
        (KNeighborsRegressor(), None),
        (twice(LogisticRegression()), "logisticregression__sample_weight"),
        (twice(KNeighborsClassifier()), None),
        (GridSearchCV(KNeighborsClassifier(), {}), None),
        (CalibratedClassifierCV(LogisticRegression()), "sample_weight"),
        # scikit-learn would go on without the weights here.
        (CalibratedClassifierCV(twice(LogisticRegression())), None),
        (CalibratedClassifierCV(KNeighborsClassifier()), None),
    ],
)
def test_what_takes_weights_is_known_before_it_is_fitted(
    estimator: Any, argument: str | None
) -> None:
    assert weight_argument(estimator) == argument


def test_an_estimator_without_weights_is_refused_in_one_line() -> None:
    near = Candidate.model_validate({"class": "sklearn.neighbors.KNeighborsRegressor"})
    with pytest.raises(PluginError) as caught:
        build_pipeline("near", near, read(), "regression", 1, Path())
    line = caught.value.line()
    assert "train.candidates.near.class: takes no weights" in line and "\n" not in line
    without = read(TEXT.replace('"weight"', '"feature"'))
    build_pipeline("near", near, without, "regression", 1, Path())


def test_weights_reach_each_fold_and_no_feature_or_metric() -> None:
    contract, table = read(), frame()
    assert contract.weight == "w" and contract.features == ("x",)
    rows = training_rows(contract, "regression", table)
    assert list(rows.features) == ["x"] and rows.weights is not None
    built = build_pipeline(
        "ridge", Candidate.model_validate(RIDGE), contract, "regression", 1, Path()
    )
    settings = Train.model_validate(
        {"select_by": "rmse", "folds": 3, "candidates": {"ridge": RIDGE}}
    )
    made = fit(built.pipeline, contract, rows, settings, lambda done, folds: None)
    first = table["at"] < "2024-01-05"
    other = fit_clone(
        built.pipeline,
        rows.features[~first],
        rows.target[~first],
        rows.days.to_numpy()[~first],
        rows.weights[~first.to_numpy()],
    )
    expected = other.pipeline.predict(rows.features[first])
    assert made.scored.scores[: int(first.sum())] == pytest.approx(expected)
    alike = LabelledScores("regression", table["y"].to_numpy(), made.scored.scores)
    assert made.scored.values() == alike.values()


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ([1.0, -2.0], "-2, and 1 such row"),
        ([1.0, np.nan], "nan, and 1 such row"),
        ([np.inf, np.inf], "inf, and 2 such rows"),
        ([0.0, 0.0], "0 in all"),
    ],
)
def test_weights_that_cannot_be_used_are_one_line(weights: list[float], told: str) -> None:
    table = frame(2).assign(w=weights)
    with pytest.raises(ContractBroken) as caught:
        training_rows(read(), "regression", table)
    assert told in caught.value.line() and "column 'w'" in caught.value.line()


def test_a_weight_is_not_there_at_night() -> None:
    night = read().without_label()
    assert "w" not in night.columns and "w: greater_than_or_equal_to(0)" not in night.row_rules


REFUSED = {
    "a second one": ("    y: Series", "    v: Series[int] = pa.Field(metadata={'role': 'weight'})\n"
                     "    y: Series", "more than one weight field"),
    "a feature too": ('"role": "weight"', '"role": ["weight", "feature"]', "has another role too"),
    "a text": ("w: Series[float] = pa.Field(ge=0, ", "w: Series[str] = pa.Field(", "no number"),
    "gaps": ("w: Series[float] = pa.Field(", "w: Series[float] = pa.Field(nullable=True, ",
             "may be null"),
    "a rule": ("    y: Series", "    @pa.dataframe_check\n    def r(cls, rows):\n"
               "        return rows['w'] > rows['x']\n\n    y: Series", "needs the weight 'w'"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_contract_that_misuses_weights_is_refused(what: str) -> None:
    old, new, words = REFUSED[what]
    assert old in TEXT
    with pytest.raises(ContractFileError, match=words):
        read(TEXT.replace(old, new))
