"""Searches that make no fit twice: see `assay.training.candidates.search_scores`.

The estimator of a search is put into a `Remembered` one, and its scoring into a `RememberedScorer`.
Asked for a score that is known for these settings and rows, the scorer answers without a fit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from assay.training.candidates.search_scores import FILE, open_scores

KNOWN = ("builtins", "catboost", "lightgbm", "numpy", "optuna", "scipy", "sklearn", "xgboost")
"""Modules whose versions say all of their code. Of any other, a digest of settings is no digest of
what they do, so nothing is remembered."""

_OWN = ("tried",)


class Remembered(BaseEstimator):
    """An estimator within a search, which is fitted when somebody needs more than its score.

    Parameters
    ----------
    tried
        The estimator that the search tries settings of: they are set on it.
    """

    def __init__(self, tried: Any) -> None:
        self.tried = tried

    def __sklearn_tags__(self) -> Any:
        return self.tried.__sklearn_tags__()

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Its own argument, and if ``deep`` those that settings may be of."""
        own = {name: getattr(self, name) for name in _OWN}
        return own | self.tried.get_params(deep=True) if deep else own

    def set_params(self, **params: Any) -> Remembered:
        """Set arguments of the estimator within; it has none of the names of `_OWN`."""
        self.tried.set_params(**params)
        return self

    def fit(self, X: Any, y: Any, **arguments: Any) -> Remembered:
        """Keep the rows; they are fitted when the result is asked for."""
        self._rows, self._fitted = (X, y, arguments), None
        # Taken now, as it is of the estimator before it is fitted.
        self.key = _digest((_versions(self.tried), self.tried, self._rows))
        return self

    def fitted(self) -> Any:
        """The estimator within, fitted on the rows that were given."""
        if self._fitted is None:
            rows, label, arguments = self._rows
            self._fitted = self.tried.fit(rows, label, **arguments)
        return self._fitted

    def predict(self, X: Any) -> Any:
        """What the fitted estimator predicts; whatever holds a search asks whether it could."""
        return self.fitted().predict(X)


class RememberedScorer:
    """The scoring of a search, which keeps each score of a `Remembered` estimator.

    Parameters
    ----------
    scorer
        As scikit-learn makes it of the search's scoring and estimator.
    root
        The project's folder.
    training
        Tells apart who added a score.
    """

    def __init__(self, scorer: Any, root: Path, training: str) -> None:
        self.scorer, self.root, self.training = scorer, root, training

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        key = _digest((estimator.key, self.scorer, X, y, weights))
        scores = open_scores(self.root / FILE, os.getpid())
        found = scores.find(key)
        if found is None:
            found = float(self.scorer(estimator.fitted(), X, y, **weights))
            scores.keep(key, found, self.training)
        return found

    def __repr__(self) -> str:
        return repr(self.scorer)

    def _accept_sample_weight(self) -> bool:
        # A search asks this of its scorers before it hands weights to them.
        if hasattr(self.scorer, "_accept_sample_weight"):
            return bool(self.scorer._accept_sample_weight())
        return "sample_weight" in signature(self.scorer).parameters


def remember(search: Any, root: Path, training: str) -> bool:
    """Let an unfitted search remember its scores, if it can.

    It cannot if its settings, its scoring or itself hold code of other modules than `KNOWN` ones,
    such as the project's own; nor with several scorings at once, nor with one that does not exist,
    which the search itself will say.
    """
    from sklearn.metrics import check_scoring

    scoring, own = search.scoring, search.estimator.get_params(deep=True)
    several = not (scoring is None or isinstance(scoring, str) or callable(scoring))
    tried = [
        value for name, value in search.get_params(deep=False).items() if name.startswith("param_")
    ]
    if several or own.keys() & set(_OWN) or not _is_known([search.estimator, scoring, tried]):
        return False
    try:
        scorer = check_scoring(search.estimator, scoring)
    except (TypeError, ValueError):
        return False
    search.set_params(
        estimator=Remembered(search.estimator), scoring=RememberedScorer(scorer, root, training)
    )
    return True


def _digest(parts: Any) -> str:
    import joblib

    return str(joblib.hash(parts, hash_name="sha1"))


def _is_known(value: Any) -> bool:
    """Whether all code in a value, however deep, is of `KNOWN` modules."""
    return all(_module(part) in KNOWN for part in _parts(value))


def _versions(estimator: Any) -> list[str]:
    return [_version(name) for name in sorted({*map(_module, _parts(estimator)), "sklearn"})]


def _parts(value: Any) -> Iterator[Any]:
    """A value and all that it holds, each once: also what functions and objects are made of."""
    waiting, seen = [value], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list | tuple | set | frozenset):
            waiting += part
        elif isinstance(part, np.ndarray):
            waiting += [*part.flat] if part.dtype.hasobject else []
        elif isinstance(part, type):
            pass  # a class is known by its module
        elif hasattr(part, "__dict__"):
            waiting += vars(part).values()
        if type(part).__name__ == "partial":
            waiting += [part.func, part.args, part.keywords]


def _module(part: Any) -> str:
    """The top-level module that has the code of a value; builtins for partial, whose parts tell."""
    of = part if callable(part) and hasattr(part, "__qualname__") else type(part)
    name = str(getattr(of, "__module__", None) or "builtins").partition(".")[0]
    return "builtins" if name == "functools" else name


def _version(module: str) -> str:
    for name in (module, {"sklearn": "scikit-learn", "xgboost": "xgboost-cpu"}.get(module, module)):
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return module
