"""Builds what params.yaml describes by class and arguments, objects among the arguments too."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from assay.errors import PluginError
from assay.project import plugins
from assay.project.params.candidates import ARGS, CLASS, is_object

_EXPERIMENTAL: Mapping[str, str] = MappingProxyType(
    {
        "sklearn.impute.IterativeImputer": "enable_iterative_imputer",
        "sklearn.model_selection.HalvingGridSearchCV": "enable_halving_search_cv",
        "sklearn.model_selection.HalvingRandomSearchCV": "enable_halving_search_cv",
    }
)
"""Class -> the module of sklearn.experimental without which scikit-learn hides it."""


@dataclass(frozen=True)
class Builder:
    """Builds objects of params.yaml.

    Parameters
    ----------
    root
        The project's folder, whose modules are imported first.
    seed
        Of random choices that the arguments leave open.
    """

    root: Path
    seed: int

    def build(self, class_path: str, args: Mapping[str, Any], key: str) -> Any:
        """An object of a class.

        Parameters
        ----------
        key
            The key of params.yaml above ``class`` and ``args``, for errors.

        Raises
        ------
        PluginError
            The class, or one among its arguments, cannot be imported or refuses its arguments.
        """
        if class_path in _EXPERIMENTAL:
            importlib.import_module(f"sklearn.experimental.{_EXPERIMENTAL[class_path]}")
        kind = plugins.resolve(class_path, key=f"{key}.{CLASS}", root=self.root)
        if not callable(kind):
            raise PluginError(
                "neither a class nor a function",
                where=f"params.yaml: {key}.{CLASS}",
                expected="a class, such as sklearn.linear_model.LogisticRegression",
                found=class_path,
            )
        given = {name: self._value(each, f"{key}.{ARGS}.{name}") for name, each in args.items()}
        try:
            made = kind(**given)
        except Exception as error:
            raise PluginError(
                f"{class_path.rpartition('.')[2]} refuses its arguments: {error}",
                where=f"params.yaml: {key}.{ARGS}",
                found=str(dict(args)),
            ) from None
        _seed_splitter(made, self.seed)
        return made

    def _value(self, value: Any, key: str) -> Any:
        """An argument as the class gets it: lists of plain values as tuples, others as lists.

        scikit-learn wants lists of estimators and tuples of numbers, and checks that.
        """
        if is_object(value):
            return self.build(value[CLASS], value.get(ARGS, {}), key)
        if isinstance(value, Mapping):
            return {name: self._value(each, f"{key}.{name}") for name, each in value.items()}
        if isinstance(value, tuple):
            built = [self._value(each, f"{key}[{place}]") for place, each in enumerate(value)]
            plain = not any(isinstance(each, Mapping | tuple) for each in value)
            return tuple(built) if plain else built
        return value


def seed_estimator(estimator: Any, seed: int) -> None:
    """Seed each random choice of an estimator and of those in it that is not seeded yet."""
    unset = [
        name
        for name, value in estimator.get_params(deep=True).items()
        if value is None and name.rpartition("__")[2] == "random_state"
    ]
    if unset:
        estimator.set_params(**dict.fromkeys(unset, seed))


def _seed_splitter(made: Any, seed: int) -> None:
    # Splitters have no get_params. Those that do not shuffle refuse a seed.
    if hasattr(made, "get_n_splits") and getattr(made, "shuffle", True):
        if getattr(made, "random_state", seed) is None:
            made.random_state = seed
