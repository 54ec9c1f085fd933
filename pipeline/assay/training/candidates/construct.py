"""Builds what params.yaml describes by a class or function and arguments, which may nest."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from assay.errors import PluginError
from assay.project import plugins, source_code
from assay.project.params.candidates import ARGS, FUNCTION, is_object, maker_of
from assay.project.tasks import Task

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
    task
        For functions that ask for it.
    seed
        Of random choices that the arguments leave open.
    """

    root: Path
    task: Task
    seed: int

    def build(self, tree: Mapping[str, Any], key: str) -> Any:
        """An object of a class, or what a function returns.

        A function whose parameters include ``task`` or ``seed`` gets those of the project, unless
        they are among the arguments.

        Parameters
        ----------
        tree
            A mapping with ``class`` or ``function``, and ``args``.
        key
            The key of params.yaml that holds it, for errors.

        Raises
        ------
        PluginError
            The name, or one among its arguments, cannot be imported, or it refuses its arguments.
        """
        maker = maker_of(tree)
        name, args = tree[maker], tree.get(ARGS, {})
        if name in _EXPERIMENTAL:
            importlib.import_module(f"sklearn.experimental.{_EXPERIMENTAL[name]}")
        made_by = plugins.resolve(name, key=f"{key}.{maker}", root=self.root)
        if not callable(made_by):
            raise PluginError(
                "neither a class nor a function",
                where=f"params.yaml: {key}.{maker}",
                found=f"{name}, which is of type {type(made_by).__name__}",
            )
        given = {name: self._value(each, f"{key}.{ARGS}.{name}") for name, each in args.items()}
        if maker == FUNCTION:
            return self._call(name, made_by, given, key)
        try:
            made = made_by(**given)
        except Exception as error:
            raise PluginError(
                f"{name.rpartition('.')[2]} refuses its arguments: {error}",
                where=f"params.yaml: {key}.{ARGS}",
                expected=_wanted(made_by, given),
                found=str(dict(args)),
            ) from None
        _seed_splitter(made, self.seed)
        return made

    def _call(self, name: str, function: Any, given: Mapping[str, Any], key: str) -> Any:
        more: dict[str, Any] = {"task": self.task, "seed": self.seed}
        handed = dict(given)
        try:
            asked = inspect.signature(function).parameters
            handed |= {
                each: value for each, value in more.items() if each in asked and each not in given
            }
            return function(**handed)
        except Exception as error:
            raise PluginError(
                f"the function failed with {type(error).__name__}: {error}",
                where=f"params.yaml: {key}.{FUNCTION}",
                expected=_wanted(function, handed),
                found=f"{name}{source_code.raised_at(error)}",
            ) from None

    def _value(self, value: Any, key: str) -> Any:
        """An argument as it is handed over: lists of plain values as tuples, others as lists.

        scikit-learn wants lists of estimators and tuples of numbers, and checks that.
        """
        if is_object(value):
            return self.build(value, key)
        if isinstance(value, Mapping):
            return {name: self._value(each, f"{key}.{name}") for name, each in value.items()}
        if isinstance(value, tuple):
            built = [self._value(each, f"{key}[{place}]") for place, each in enumerate(value)]
            plain = not any(isinstance(each, Mapping | tuple) for each in value)
            return tuple(built) if plain else built
        return value


def _wanted(maker: Any, given: Mapping[str, Any]) -> str | None:
    """What a class or function takes, if it does not take these arguments; None if it does."""
    try:
        signature = inspect.signature(maker)
    except (TypeError, ValueError):  # written in C, without a signature
        return None
    try:
        signature.bind(**given)
    except TypeError:
        return f"arguments named {', '.join(signature.parameters)}"
    return None


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
