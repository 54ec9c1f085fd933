"""The project's own metrics, ``evaluate.metrics`` of params.yaml: functions of its own modules.

A function asks for what it needs by the names of its parameters, of `GIVEN` or a column of the
holdout, and returns one number. It is called on all rows, on each slice, and on resamples of both.
"""

from __future__ import annotations

import inspect
import numbers
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from assay.errors import PluginError
from assay.metrics.evaluator import Ints
from assay.metrics.labelled_scores import LabelledScores
from assay.project import plugins, source_code
from assay.project.tasks import Better, OwnMetrics
from assay.project.text import quote_value, suggest

if TYPE_CHECKING:
    import pandas as pd

GIVEN: Mapping[str, str] = MappingProxyType(
    {
        "truth": "labels: booleans, names of classes, or numbers",
        "scores": "probabilities, (rows, classes) of them, or numbers",
        "predicted": "what the model says: booleans, names of classes, or numbers",
        "threshold": "train.threshold",
        "classes": "names of classes, in the order of the scores",
    }
)
"""Parameters that are no columns -> what they hold, by task."""

Measure: TypeAlias = Callable[[Ints], float]
"""A metric of the rows with these numbers, which may repeat; NaN if it has no value there."""


@dataclass(frozen=True)
class OwnMetric:
    """A metric of the project's own.

    Attributes
    ----------
    takes
        The parameters that it is called with.
    """

    name: str
    better: Better
    function: Callable[..., Any]
    takes: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"params.yaml: evaluate.metrics.{self.name}"

    def measure(self, frame: pd.DataFrame, scored: LabelledScores) -> Measure:
        """The metric of a table, as a function of row numbers.

        Parameters
        ----------
        frame, scored
            The same ``n`` rows: the holdout's columns, and labels and scores.
        """
        given = {name: _argument(name, frame, scored) for name in self.takes}

        def value(rows: Ints) -> float:
            # A selection is a copy, so a function may change what it is given.
            chosen = {
                name: each[rows] if isinstance(each, np.ndarray) else each
                for name, each in given.items()
            }
            return self._call(chosen)

        return value

    def _call(self, given: Mapping[str, Any]) -> float:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                number = self.function(**given)
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"the function failed with {type(error).__name__}: {error}",
                where=self.key,
                found=f"{self.name}{source_code.raised_at(error)}",
            ) from None
        if isinstance(number, np.ndarray) and number.ndim == 0:
            number = number[()]
        if isinstance(number, bool | np.bool_) or not isinstance(number, numbers.Real):
            raise PluginError(
                "the function returns no number",
                where=self.key,
                expected="one number, or NaN where it has no value",
                found=f"{type(number).__name__} from {self.name}",
            )
        return float(number)


def load_own_metrics(
    asked: OwnMetrics, root: Path, columns: Collection[str]
) -> tuple[OwnMetric, ...]:
    """The functions that ``evaluate.metrics`` names.

    Parameters
    ----------
    root
        The project's folder, whose modules are imported first.
    columns
        Those of the holdout.

    Raises
    ------
    PluginError
        One cannot be imported, is no function, or asks for what there is not.
    """
    return tuple(_load(name, better, root, columns) for name, better in asked.items())


def _load(name: str, better: Better, root: Path, columns: Collection[str]) -> OwnMetric:
    key = f"evaluate.metrics.{name}"
    function = plugins.resolve(name, key=key, root=root)
    plugins.require_function(function, name, f"params.yaml: {key}")
    try:
        asked = [*inspect.signature(function).parameters.values()]
    except (TypeError, ValueError):  # written in C, without a signature
        asked = []
    takes = []
    for each in asked:
        if each.kind in (each.VAR_KEYWORD, each.VAR_POSITIONAL):
            continue
        known = each.name in GIVEN or each.name in columns
        if known and each.kind is not each.POSITIONAL_ONLY:
            takes.append(each.name)
        elif each.default is each.empty:
            raise PluginError(
                f"the function asks for {quote_value(each.name)}, which it cannot get",
                where=f"params.yaml: {key}",
                expected=f"parameters named {', '.join(GIVEN)}, or as a column of the contract",
                found=", ".join(one.name for one in asked),
                fix=suggest(each.name, [*GIVEN, *columns]),
            )
    if not takes:
        raise PluginError(
            "the function asks for nothing, so it is no metric of the rows",
            where=f"params.yaml: {key}",
            expected=f"parameters named {', '.join(GIVEN)}, or as a column of the contract",
            found=name,
        )
    return OwnMetric(name, better, function, tuple(takes))


def checked_value(metric: OwnMetric, measure: Measure, rows: int) -> float:
    """The metric of all rows.

    Raises
    ------
    PluginError
        The function fails, or gives another value when it is asked again.
    """
    everything = np.arange(rows)
    first, second = measure(everything), measure(everything)
    if first != second and not (np.isnan(first) and np.isnan(second)):
        raise PluginError(
            "the function gives another value for the same rows",
            where=metric.key,
            expected="the same number each time: seed what is drawn by chance",
            found=f"{first:.6g}, then {second:.6g}",
        )
    return first


def _argument(name: str, frame: pd.DataFrame, scored: LabelledScores) -> Any:
    if name == "threshold":
        return scored.threshold
    if name == "classes":
        return scored.classes
    if name == "scores":
        return scored.scores
    if name == "truth":
        return _named(scored.truth, scored.classes)
    if name == "predicted":
        if scored.task == "multiclass":
            return _named(scored.scores.argmax(axis=1), scored.classes)
        return scored.scores if scored.predicted_positive is None else scored.predicted_positive
    return _column(frame[name])


def _named(codes: NDArray[Any], classes: Sequence[str]) -> NDArray[Any]:
    return np.asarray(classes, dtype=object)[codes] if classes else codes


def _column(column: pd.Series[Any]) -> NDArray[Any]:
    """A column as an array: numbers with NaN where there is none, anything else with None."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(column) and not column.isna().any():
        return column.to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(column):
        whole = pd.api.types.is_integer_dtype(column) and not column.isna().any()
        if whole:
            return column.to_numpy(dtype=np.int64)
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.to_numpy()
    values: NDArray[Any] = column.astype(object).to_numpy(copy=True)
    values[column.isna().to_numpy()] = None
    return values
