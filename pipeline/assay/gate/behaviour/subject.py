"""The subject of a behaviour check: a model that scores frames, and rows of the holdout."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.columns.features import Floats, FrameFeatures
from assay.errors import AssayError, BehaviourError
from assay.gate.behaviour.column_values import convert_value, select_column, value_kind
from assay.model import prediction
from assay.project import extras
from assay.project.params.behaviour import Range
from assay.project.tasks import Task
from assay.project.text import suggest

if TYPE_CHECKING:
    from assay.model.bundle import Bundle

Score = Callable[[pd.DataFrame], Any]

_NAMED = 5
"""So many values of a column are named in an error."""


@dataclass(frozen=True)
class ModelUnderTest:
    """A model under test.

    Parameters
    ----------
    score
        From a frame to one score per row (binary, regression) or one per row and class.
    classes
        Classes of a multiclass model, in the order of its scores.
    threshold
        A binary model predicts positive at or above it.
    numeric, categorical
        The features that the model uses.
    nullable
        The features that may be null.
    keys
        The key columns of a row.
    sensitive
        The columns whose cells are masked in examples.
    """

    score: Score
    task: Task
    classes: tuple[str, ...] = ()
    threshold: float = 0.5
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    nullable: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        return (*self.numeric, *self.categorical)

    def compute_scores(self, frame: pd.DataFrame) -> Floats:
        """Scores of shape (rows, 1), or (rows, classes) if multiclass; NaN for an invalid score.

        Raises
        ------
        BehaviourError
            The model raised an exception, or its scores have the wrong shape.
        """
        try:
            given = np.array(self.score(frame), dtype=np.float64)
        except AssayError:
            raise
        except Exception as error:
            extras.raise_if_missing(error)
            reason = str(error).strip().split("\n")[0]
            raise BehaviourError(
                "the model did not score the rows", found=f"{type(error).__name__}: {reason}"
            ) from error
        many = self.task == "multiclass"
        wanted = (len(frame), len(self.classes)) if many else (len(frame),)
        if given.shape != wanted:
            raise BehaviourError(
                "the model did not give each row its score",
                expected=f"shape {wanted}",
                found=str(given.shape),
            )
        given[prediction.invalid_scores(self.task, given)] = np.nan
        return given if many else given[:, None]

    def class_index(self, name: str | None) -> int:
        """Column index of the class ``name`` in the scores; 0 if the model is not multiclass.

        Raises
        ------
        BehaviourError
            A multiclass model has no such class, or another model was given a class.
        """
        if self.task != "multiclass":
            if name is not None:
                raise BehaviourError(f"class '{name}' makes no sense of a {self.task} model")
            return 0
        if name not in self.classes:
            raise BehaviourError(
                "a model of several classes needs a class to look at"
                if name is None
                else f"the model has no class '{name}'",
                expected=f"one of {', '.join(self.classes)}",
                fix=suggest(name, self.classes),
            )
        return self.classes.index(name)


def model_under_test(bundle: Bundle, nullable: Collection[str]) -> ModelUnderTest:
    """The model of a bundle; ``nullable`` names the contract's nullable fields."""
    manifest = bundle.manifest
    return ModelUnderTest(
        # Not score_frame: it raises if one row has no score, but here such rows are counted.
        score=lambda frame: bundle.scorer.scores(FrameFeatures(frame)),
        task=manifest.task,
        classes=manifest.classes,
        threshold=manifest.threshold,
        numeric=manifest.numeric,
        categorical=manifest.categorical,
        nullable=tuple(name for name in manifest.features if name in set(nullable)),
        keys=manifest.keys,
        sensitive=manifest.sensitive,
    )


@dataclass(frozen=True)
class RowSubset:
    """Some rows of a table, and their positions in it, counted from 0."""

    frame: pd.DataFrame
    places: NDArray[np.int64]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> RowSubset:
        """All rows of a table.

        Raises
        ------
        BehaviourError
            The table is empty.
        """
        if not len(frame):
            raise BehaviourError("there are no rows to ask it of")
        return cls(frame.reset_index(drop=True), np.arange(len(frame), dtype=np.int64))


def select_rows(
    frame: pd.DataFrame, where: Mapping[str, Any], rows: int, sensitive: Collection[str] = ()
) -> RowSubset:
    """At most ``rows`` rows that match ``where``, evenly spaced over the table.

    Parameters
    ----------
    where
        Column -> required value, tuple of accepted values, or `Range`.
    sensitive
        Columns whose values an error must not show.

    Raises
    ------
    BehaviourError
        No row matches: the check would pass trivially.
    """
    fits = np.ones(len(frame), dtype=np.bool_)
    for name, wanted in where.items():
        fits &= _fits(select_column(frame, name), wanted)
    places = np.flatnonzero(fits)
    if not len(places):
        if not where:
            raise BehaviourError("there are no rows to ask it of")
        raise BehaviourError(
            f"no row fits where ({', '.join(where)})",
            found="; ".join(
                f"{name}: {_values(frame[name])}" for name in where if name not in sensitive
            )
            or None,
        )
    if len(places) > rows:
        places = places[np.linspace(0, len(places) - 1, rows).round().astype(np.int64)]
    return RowSubset(frame.iloc[places].reset_index(drop=True), places.astype(np.int64))


def _values(column: pd.Series[Any]) -> str:
    """The first few values of a column, or the range of many numbers."""
    distinct = column.dropna().drop_duplicates().sort_values()
    if not len(distinct):
        return "null in every row"
    if len(distinct) > _NAMED and value_kind(column) == "number":
        return f"{distinct.iloc[0]} to {distinct.iloc[-1]}"
    more = f" or {len(distinct) - _NAMED} more" if len(distinct) > _NAMED else ""
    return ", ".join(str(value) for value in distinct[:_NAMED]) + more


def _fits(column: pd.Series[Any], wanted: Any) -> NDArray[np.bool_]:
    if isinstance(wanted, Range):
        if value_kind(column) != "number":
            raise BehaviourError(f"column '{column.name}' holds no numbers to lie in a range")
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        low = -np.inf if wanted.min is None else wanted.min
        high = np.inf if wanted.max is None else wanted.max
        inside: NDArray[np.bool_] = (numbers >= low) & (numbers <= high)
        return inside
    values = [convert_value(column, value) for value in _tuple(wanted)]
    known = [value for value in values if value is not None]
    fits = column.isin(known).to_numpy(dtype=np.bool_)
    return fits | column.isna().to_numpy() if None in values else fits


def _tuple(wanted: Any) -> tuple[Any, ...]:
    return wanted if isinstance(wanted, tuple) else (wanted,)
