"""Builds a candidate of params.yaml as an unfitted scikit-learn pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from assay.contract.definition import Contract
from assay.errors import PluginError
from assay.project import plugins
from assay.project.params import Candidate
from assay.project.tasks import Task

Encoding = Literal["onehot", "ordinal"]


def resolve_encoding(estimator: Any, wanted: str) -> Encoding:
    """Resolves the encoding ``auto`` for an estimator.

    An estimator that accepts missing values gets ordinal codes and unchanged numbers. Any other
    gets one-hot categories and imputed, scaled numbers.
    """
    if wanted == "onehot":
        return "onehot"
    if wanted == "ordinal":
        return "ordinal"
    from sklearn.utils import get_tags

    return "ordinal" if get_tags(estimator).input_tags.allow_nan else "onehot"


def build_encoder(encoding: Encoding, numeric: Sequence[str], categorical: Sequence[str]) -> Any:
    """An unfitted ColumnTransformer: numeric columns first, then the categorical ones.

    Categories that training lacks do not raise: they become missing (``ordinal``) or are treated as
    rare ones (``onehot``).
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
    """Arguments that tell an estimator with categorical support which columns hold codes."""
    if encoding != "ordinal" or "categorical_features" not in estimator.get_params(deep=False):
        return {}
    return {"categorical_features": [False] * len(numeric) + [True] * len(categorical)}


@dataclass(frozen=True)
class CandidatePipeline:
    """An unfitted pipeline and how its features are encoded."""

    pipeline: Any
    encoding: Encoding


def build_pipeline(
    name: str, candidate: Candidate, contract: Contract, task: Task, seed: int, root: Path
) -> CandidatePipeline:
    """The pipeline of one candidate, with all random choices seeded.

    Raises
    ------
    PluginError
        The class is not an estimator for this task (a probabilistic classifier, or a regression),
        or rejects its arguments.
    """
    from sklearn.pipeline import make_pipeline

    key = f"train.candidates.{name}.class"
    kind = plugins.resolve(candidate.class_path, key=key, root=root)
    if not (isinstance(kind, type) and hasattr(kind, "fit") and hasattr(kind, "get_params")):
        raise PluginError(
            "not an estimator",
            where=f"params.yaml: {key}",
            found=candidate.class_path,
            expected="a scikit-learn class of a "
            + ("regression" if task == "regression" else "classifier"),
        )
    try:
        estimator = kind(**candidate.args)
    except Exception as error:
        raise PluginError(
            f"{kind.__name__} refuses its arguments: {error}",
            where=f"params.yaml: train.candidates.{name}.args",
            found=str(dict(candidate.args)),
        ) from None
    _check_task(estimator, task, key, candidate.class_path)
    settings = estimator.get_params(deep=False)
    if "random_state" in settings and candidate.args.get("random_state") is None:
        estimator.set_params(random_state=seed)
    encoding = resolve_encoding(estimator, candidate.encoding)
    if "categorical_features" not in candidate.args:
        estimator.set_params(
            **categorical_arguments(estimator, encoding, contract.numeric, contract.categorical)
        )
    features = build_encoder(encoding, contract.numeric, contract.categorical)
    return CandidatePipeline(make_pipeline(features, estimator), encoding)


def _check_task(estimator: Any, task: Task, key: str, class_path: str) -> None:
    from sklearn.base import is_classifier

    where = f"params.yaml: {key}"
    if task != "regression" and not hasattr(estimator, "predict_proba"):
        raise PluginError(
            "has no predict_proba, so its scores cannot be calibrated",
            where=where,
            expected=f"a classifier that gives probabilities: the label makes this {task}",
            found=class_path,
        )
    if task == "regression" and (is_classifier(estimator) or not hasattr(estimator, "predict")):
        raise PluginError(
            "a class for classes, where the label is a number",
            where=where,
            expected="a regression, with predict",
            found=class_path,
            mend="If the numbers are classes, make the label a bool or str in the contract.",
        )
