"""What estimators of LightGBM, XGBoost and CatBoost need to be told, beside scikit-learn's ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

NUMBERS = ("numbers", "ordered categories")
"""Parts of the encoder whose columns are numbers; they come first."""

TEXTS = "texts"
"""The part of the encoder whose columns are texts."""

_CATEGORIES: Mapping[str, str] = {
    "lightgbm": "categorical_feature",
    "catboost": "cat_features",
}
"""The argument of ``fit`` that says which columns hold categories."""

_MADE_ANEW = ("model_guid", "train_finish_time")
"""What CatBoost stores of a training that is not of the model."""


def library(estimator: Any) -> str:
    """The top-level module that an estimator's class is in."""
    return type(estimator).__module__.partition(".")[0]


def takes_codes(estimator: Any) -> bool:
    """Whether a classifier is told its classes as the numbers from 0.

    XGBoost's takes no others. CatBoost's would put "10" behind "9", if all of them are numbers that
    are written as texts.
    """
    from sklearn.base import is_classifier

    return library(estimator) in ("catboost", "xgboost") and bool(is_classifier(estimator))


def takes_texts(estimator: Any) -> bool:
    """Whether an estimator takes categories as texts, and no numbers for them: CatBoost's do."""
    return library(estimator) == "catboost"


def set_defaults(estimator: Any, seed: int) -> None:
    """Give each CatBoost in an unfitted estimator, however deep, its `default_arguments`."""
    for part in (estimator, *estimator.get_params(deep=True).values()):
        if library(part) == "catboost" and hasattr(part, "set_params"):
            part.set_params(**default_arguments(part, seed))


def default_arguments(estimator: Any, seed: int) -> dict[str, Any]:
    """Arguments that an estimator of CatBoost is given where a person gave none.

    A seed, as it lists only arguments that were given; and no folder of logs beside the project.
    """
    given = estimator.get_params(deep=False)
    chosen: dict[str, Any] = {"allow_writing_files": False, "verbose": False}
    if not {"random_seed", "random_state"} & given.keys():
        chosen["random_seed"] = seed
    if {"silent", "logging_level", "verbose_eval"} & given.keys():
        del chosen["verbose"]
    return {name: value for name, value in chosen.items() if name not in given}


def fit_arguments(estimator: Any, encoder: Any) -> dict[str, Any]:
    """What an estimator takes in ``fit`` alone: which of the encoder's columns hold categories.

    Empty for other estimators than LightGBM's and CatBoost's, and without such columns.

    Parameters
    ----------
    encoder
        As `assay.training.candidates.encoder.build_encoder` makes it, not yet fitted.
    """
    argument = _CATEGORIES.get(library(estimator))
    parts = {part: (made, columns) for part, made, columns in encoder.transformers}
    coded: Sequence[Sequence[str]] = [
        columns
        for part, (made, columns) in parts.items()
        if part == TEXTS or (part not in NUMBERS and hasattr(made, "encoded_missing_value"))
    ]
    if argument is None or not coded or (TEXTS in parts) != takes_texts(estimator):
        return {}  # among others one-hot, or codes that CatBoost takes for numbers
    if argument in estimator.get_params(deep=False):
        return {}  # a person said so
    first = sum(len(parts[part][1]) for part in NUMBERS if part in parts)
    return {argument: [*range(first, first + sum(map(len, coded)))]}


def forget_training(fitted: Any) -> None:
    """Take out of each fitted CatBoost, however deep, what two trainings of it do not share.

    And what makes a vectorizer large: NumPy's numbers in its vocabulary.
    """
    seen: set[int] = set()
    waiting = [fitted]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list | tuple | np.ndarray):
            waiting += [*part] if not isinstance(part, np.ndarray) or part.dtype.hasobject else []
        elif library(part) == "catboost" and hasattr(part, "get_metadata"):
            if part.is_fitted():
                metadata = part.get_metadata()
                for name in _MADE_ANEW:
                    metadata[name] = ""
        elif library(part) == "sklearn" and hasattr(part, "__dict__"):
            words = vars(part).get("vocabulary_")
            if isinstance(words, dict):  # skops stores each of NumPy's numbers as a file
                part.vocabulary_ = {word: int(words[word]) for word in sorted(words)}
            waiting += [each for each in vars(part).values() if each is not words]
