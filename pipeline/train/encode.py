"""Features encoded as the estimator needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

Encoding = Literal["onehot", "ordinal"]


def encoding_for(estimator: Any, wanted: str) -> Encoding:
    """What ``auto`` means for an estimator.

    One that takes missing values as they are gets categories as codes and numbers
    untouched; any other gets one column a category, imputed and scaled numbers.
    """
    if wanted == "onehot":
        return "onehot"
    if wanted == "ordinal":
        return "ordinal"
    from sklearn.utils import get_tags

    return "ordinal" if get_tags(estimator).input_tags.allow_nan else "onehot"


def encoder(encoding: Encoding, numeric: Sequence[str], categorical: Sequence[str]) -> Any:
    """An unfitted ColumnTransformer: numeric columns first, then the categorical ones.

    Categories never seen in training do not fail: they become missing (``ordinal``) or the
    same as rare ones (``onehot``).
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    if encoding == "ordinal":
        numbers: Any = "passthrough"
        # Histogram boosting holds at most 255 categories; the rest share one code.
        categories: Any = OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=254
        )
    else:
        numbers = make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
            StandardScaler(),
        )
        categories = OneHotEncoder(
            handle_unknown="infrequent_if_exist", min_frequency=20, sparse_output=False
        )
    parts = [("numbers", numbers, list(numeric)), ("categories", categories, list(categorical))]
    return ColumnTransformer([part for part in parts if part[2]])


def categorical_arguments(
    estimator: Any, encoding: Encoding, numeric: Sequence[str], categorical: Sequence[str]
) -> dict[str, Any]:
    """Tell an estimator that knows categories which of its columns hold codes."""
    if encoding != "ordinal" or "categorical_features" not in estimator.get_params(deep=False):
        return {}
    return {"categorical_features": [False] * len(numeric) + [True] * len(categorical)}
