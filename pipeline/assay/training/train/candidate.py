"""Builds a candidate of params.yaml as an unfitted scikit-learn pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from assay.contract.definition import Contract
from assay.errors import PluginError
from assay.project.params.candidates import Candidate, maker_of
from assay.project.tasks import Task
from assay.training.train.construct import Builder, seed_estimator
from assay.training.train.nested import accepts_missing, is_search, wrapped_estimator

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
    return "ordinal" if accepts_missing(estimator) else "onehot"


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
    """Arguments that tell an estimator with categorical support which columns hold codes.

    Empty if it was told already.
    """
    settings = estimator.get_params(deep=False)
    if encoding != "ordinal" or settings.get("categorical_features") != "from_dtype":
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

    key = f"train.candidates.{name}"
    estimator = Builder(root, task, seed).build(candidate.tree, key)
    made_by = f"{key}.{maker_of(candidate.tree)}"
    estimator = _cloned(estimator, task, made_by, candidate.maker)
    _check_task(estimator, task, made_by, candidate.maker)
    seed_estimator(estimator, seed)
    encoding = resolve_encoding(estimator, candidate.encoding)
    inner = estimator
    while inner is not None:
        inner.set_params(
            **categorical_arguments(inner, encoding, contract.numeric, contract.categorical)
        )
        inner = wrapped_estimator(inner)
    features = build_encoder(encoding, contract.numeric, contract.categorical)
    return CandidatePipeline(make_pipeline(features, estimator), encoding)


def _cloned(estimator: Any, task: Task, key: str, maker: str) -> Any:
    """An unfitted copy; folds are fitted on copies, so that what cannot be copied is refused."""
    from sklearn.base import clone

    if isinstance(estimator, type) or not (
        hasattr(estimator, "fit") and hasattr(estimator, "get_params")
    ):
        raise PluginError(
            "not an estimator",
            where=f"params.yaml: {key}",
            found=maker,
            expected="a scikit-learn "
            + ("regression" if task == "regression" else "classifier")
            + ", or a function that returns one",
        )
    try:
        return clone(estimator)
    except Exception as error:
        raise PluginError(
            f"scikit-learn cannot clone it: {error}",
            where=f"params.yaml: {key}",
            expected="an __init__ that sets its parameters as attributes, and nothing else",
            found=maker,
        ) from None


def _check_task(estimator: Any, task: Task, key: str, maker: str) -> None:
    from sklearn.base import is_classifier

    where = f"params.yaml: {key}"
    if is_search(estimator) and estimator.refit is False:
        raise PluginError(
            "a search that keeps no estimator",
            where=f"{where.rpartition('.')[0]}.args.refit",
            expected="true, or left out",
            found="false",
        )
    if task != "regression" and not hasattr(estimator, "predict_proba"):
        raise PluginError(
            "has no predict_proba, so its scores cannot be calibrated",
            where=where,
            expected=f"a classifier that gives probabilities: the label makes this {task}",
            found=maker,
        )
    if task == "regression" and (is_classifier(estimator) or not hasattr(estimator, "predict")):
        raise PluginError(
            "a class for classes, where the label is a number",
            where=where,
            expected="a regression, with predict",
            found=maker,
            mend="If the numbers are classes, make the label a bool or str in the contract.",
        )
