"""Searches that make no fit twice: see `assay.training.candidates.search_scores`.

The estimator of a search is put into a `Remembered` one, which scores itself. Asked for the score
of settings that are known on these rows, it answers without fitting.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from assay.training.candidates.search_scores import FILE, open_scores

KNOWN = ("builtins", "catboost", "lightgbm", "numpy", "optuna", "scipy", "sklearn", "xgboost")
"""Modules whose versions say all of their code. Of any other, a digest of settings is no digest of
what they do, so nothing is remembered."""

_OWN = ("tried", "scored_by", "project_root")


class Remembered(BaseEstimator):
    """An estimator within a search, whose score may be known before it is fitted.

    Parameters
    ----------
    tried
        The estimator that the search tries settings of: they are set on it.
    scored_by
        The search's scoring, None for that of the estimator.
    project_root
        The project's folder.
    """

    def __init__(self, tried: Any, scored_by: Any, project_root: Path) -> None:
        self.tried, self.scored_by, self.project_root = tried, scored_by, project_root

    def __sklearn_tags__(self) -> Any:
        return self.tried.__sklearn_tags__()

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Its own arguments, and if ``deep`` those that settings may be of."""
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
        versions = [_version(name) for name in _libraries(self.tried)]
        self._key = _digest((versions, self.tried, self.scored_by, self._rows))
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

    def score(self, X: Any, y: Any) -> float:
        """The score on other rows, as the search would take it."""
        from sklearn.metrics import check_scoring

        key = _digest((self._key, X, y))
        scores = open_scores(self.project_root / FILE, os.getpid())
        found = scores.find(key)
        if found is None:
            fitted = self.fitted()
            found = float(check_scoring(fitted, self.scored_by)(fitted, X, y))
            scores.keep(key, found)
        return found


def remember(search: Any, root: Path) -> bool:
    """Put the estimator of an unfitted search into a `Remembered` one, if it can be remembered.

    It cannot if its settings, its scoring or itself are of other modules than `KNOWN` ones, such as
    the project's own; nor with several scorings at once.
    """
    settings, scoring = search.estimator.get_params(deep=True), search.scoring
    tried = [
        value for name, value in search.get_params(deep=False).items() if name.startswith("param_")
    ]
    several = not (scoring is None or isinstance(scoring, str) or callable(scoring))
    parts = [search.estimator, scoring, *settings.values(), *tried]
    if several or settings.keys() & set(_OWN) or not all(map(_is_known, _flat(parts))):
        return False
    search.set_params(estimator=Remembered(search.estimator, scoring, root), scoring=None)
    return True


def _digest(parts: Any) -> str:
    import joblib

    return str(joblib.hash(parts, hash_name="sha1"))


def _flat(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        if isinstance(value, dict):
            yield from _flat(value.values())
        elif isinstance(value, list | tuple):
            yield from _flat(value)
        else:
            yield value


def _is_known(value: Any) -> bool:
    owner = value if callable(value) and hasattr(value, "__qualname__") else type(value)
    return str(owner.__module__).partition(".")[0] in KNOWN


def _libraries(estimator: Any) -> list[str]:
    parts = _flat([estimator, *estimator.get_params(deep=True).values()])
    return sorted({type(part).__module__.partition(".")[0] for part in parts} | {"sklearn"})


def _version(module: str) -> str:
    for name in (module, {"sklearn": "scikit-learn", "xgboost": "xgboost-cpu"}.get(module, module)):
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return module
