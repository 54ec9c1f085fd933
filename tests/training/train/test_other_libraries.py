"""What LightGBM and XGBoost are told about categories, by stand-ins: neither is installed here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from assay.errors import ExtraMissing
from assay.project import plugins
from assay.training.train.candidate import encoded_pipeline
from assay.training.train.nested import fit_clone

NUMERIC, CATEGORICAL = ("weight", "height"), ("place", "kind")


class Light(ClassifierMixin, BaseEstimator):
    """As lightgbm.LGBMClassifier: told in ``fit`` alone."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any, categorical_feature: Any = "auto") -> Light:
        self.told_, self.seen_ = categorical_feature, X
        self.classes_ = np.unique(y)
        return self


Light.__module__ = "lightgbm.sklearn"


class Extreme(Light):
    """As xgboost.XGBClassifier: told by its arguments."""

    def __init__(self, enable_categorical: bool = False, feature_types: Any = None) -> None:
        self.enable_categorical = enable_categorical
        self.feature_types = feature_types


Extreme.__module__ = "xgboost.sklearn"


def fitted(
    estimator: Any, encoding: str, categorical: tuple[str, ...] = CATEGORICAL, **more: Any
) -> Any:
    rows = pd.DataFrame(
        {
            "weight": [1.0, 2.0, 3.0, 4.0],
            "height": [1.0, np.nan, 3.0, 4.0],
            "place": ["a", "b", "a", None],
            "kind": ["x", "y", "x", "y"],
        }
    )
    made = encoded_pipeline(estimator, encoding, NUMERIC, categorical, seed=1, **more)
    done = fit_clone(made.pipeline, rows, np.array([0, 1, 0, 1]), np.array(["d"] * 4))
    return done.pipeline.steps[-1][1]


@pytest.mark.parametrize("encoding", ["auto", "ordinal"])
def test_columns_of_codes_are_named(encoding: str) -> None:
    assert fitted(Light(), encoding).told_ == [2, 3]
    told = fitted(Extreme(), encoding)
    assert told.enable_categorical and told.feature_types == ["q", "q", "c", "c"]


def test_codes_of_ordered_categories_are_numbers() -> None:
    order = {"kind": ("y", "x", "z")}
    told = fitted(Extreme(), "ordinal", ordered=order)
    assert told.feature_types == ["q", "q", "q", "c"]
    assert fitted(Light(), "ordinal", ordered=order).told_ == [3]
    assert told.seen_[:, 2].tolist() == [1, 0, 1, 0], "the place of each in its order"
    columns = [fitted(Light(), "onehot", ordered=each).seen_ for each in ({}, order)]
    np.testing.assert_array_equal(*columns)


def test_none_are_named_where_there_are_none() -> None:
    assert fitted(Light(), "onehot").told_ == "auto"
    assert fitted(Extreme(), "onehot").feature_types is None
    assert fitted(Light(), "ordinal", ()).told_ == "auto"
    assert not fitted(Extreme(), "ordinal", ()).enable_categorical


def test_what_a_person_said_stands() -> None:
    assert fitted(Extreme(True, ["q"] * 4), "ordinal").feature_types == ["q"] * 4


@pytest.mark.parametrize(
    "name",
    ["lightgbm.LGBMClassifier", "xgboost.XGBRegressor", "optuna.distributions.FloatDistribution"],
)
def test_without_the_library_the_extra_is_named(name: str) -> None:
    extra = name.partition(".")[0]
    with pytest.raises(ExtraMissing, match=rf"pip install 'assay\[{extra}\]'"):
        plugins.resolve(name, key="train.candidates.one.class")
