"""Compares the scores of a compiled model with those of scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from assay.columns.features import Features, Floats
from assay.compiled.array_types import NotCompiled
from assay.compiled.compile import compile_model
from assay.compiled.edge_cases import EdgeCase, concatenate, edge_cases, hard_texts, load_features
from assay.compiled.fitted_model import Model
from assay.compiled.scorer import CompiledModel
from assay.project.tasks import Task

CELLS = 8_000_000
"""Rows times features that scikit-learn scores at once."""


@dataclass(frozen=True)
class EquivalenceResult:
    """The result of comparing a compiled model with scikit-learn.

    Attributes
    ----------
    used
        Whether the compiled model is used in place of scikit-learn.
    kind
        ``trees``, ``linear`` or ``constant``; empty if it could not be compiled.
    rows
        Number of rows that both scored.
    max_difference
        The greatest difference of two scores; for a regression relative to the score if that
        is above 1. None if there was nothing to compare.
    tolerance
        Upper bound of ``max_difference``.
    reason
        Why the compiled model is used or not, as text.
    """

    used: bool
    kind: str
    rows: int
    max_difference: float | None
    tolerance: float
    reason: str


def compile_and_compare(
    model: Model, features: Features, tolerance: float, *, task: Task, classes: Sequence[str]
) -> tuple[bytes | None, EquivalenceResult]:
    """Compile a model and compare it with scikit-learn, on given rows and on edge cases of them.

    Where scikit-learn refuses rows, the compiled model must give NaN.

    Parameters
    ----------
    features
        Training rows. One is enough, because the edge cases cover thresholds (a sample where
        there are many), categories and unusual numbers.
    tolerance
        The greatest difference of scores at which the compiled model is used.

    Returns
    -------
    data
        The compiled model; None if it must not be used.
    proof
        The result. An estimator that cannot be compiled is a result, not an error.
    """
    try:
        data = compile_model(model, task, classes).to_bytes()
        compiled = CompiledModel.from_bytes(data, "the model that was just compiled")
    except NotCompiled as reason:
        return None, EquivalenceResult(False, "", 0, None, tolerance, str(reason))
    except MemoryError:
        raise  # whether a model is compiled must not depend on the machine's state
    except Exception as error:
        reason_ = f"its parts are not as they are known to be: {_said(error)}"
        return None, EquivalenceResult(False, "", 0, None, tolerance, reason_)
    seen = _Comparison(tolerance, task == "regression")
    try:
        fault = _fault(model, compiled, features, seen)
    except MemoryError:
        raise
    except Exception as error:
        fault = f"the comparison broke off: {_said(error)}"
    reason_ = fault or f"as the estimator, within {tolerance:g}, on ordinary and on hard rows"
    proof = EquivalenceResult(
        fault is None,
        compiled.kind,
        seen.rows,
        seen.greatest if seen.rows else None,
        tolerance,
        reason_,
    )
    return (data if proof.used else None), proof


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


class _Comparison:
    """Accumulates the number of compared rows and the greatest difference of scores."""

    def __init__(self, tolerance: float, relative: bool) -> None:
        self._tolerance, self._relative = tolerance, relative
        self.rows, self.greatest = 0, 0.0

    def fault(self, got: Floats, wanted: Floats | None) -> str | None:
        """What is wrong with ``got``, if anything; ``wanted`` is None if scikit-learn refuses."""
        if wanted is None:
            return None if np.isnan(got).all() else "it scores what the estimator refuses"
        if got.shape != wanted.shape or (np.isnan(got) != np.isnan(wanted)).any():
            return "it gives no score where scikit-learn gives one, or one where it gives none"
        same = (got == wanted) | np.isnan(wanted)
        apart = np.abs(got[~same] - wanted[~same])
        if self._relative:
            apart /= np.maximum(1.0, np.abs(wanted[~same]))
        self.rows += len(got)
        self.greatest = max(self.greatest, float(apart.max(initial=0.0)))
        if self.greatest > self._tolerance:
            return f"it differs from the estimator by {self.greatest:.3g}"
        return None


def _fault(
    model: Model, compiled: CompiledModel, features: Features, seen: _Comparison
) -> str | None:
    """The first difference from scikit-learn, as text; None if there is none."""
    if features.rows == 0:
        return "there was no row to compare it on"
    inputs = compiled.inputs
    rows = load_features(features, model.numeric, model.categorical)
    edges = {name: compiled.body.edges(place) for place, name in enumerate(inputs.numeric)}
    known: dict[str, Sequence[str]]
    known = dict(zip(inputs.categorical, inputs.categories, strict=True))
    for text in inputs.texts:
        known[inputs.categorical[text.place]] = hard_texts(text.vocabulary)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # unknown categories and overflow are there on purpose
        fault = seen.fault(compiled.scores(rows), model.scores(rows))
        if fault is not None:
            return f"{fault} (rows as they are)"
        for parts in _together(edge_cases(rows, edges, known), len(edges) + len(known)):
            for part, wanted in _scored(model, parts):
                fault = seen.fault(compiled.scores(part.rows), wanted)
                if fault is not None:
                    return f"{fault} ({part.about})"
    return None


def _together(parts: Iterable[EdgeCase], width: int) -> Iterator[list[EdgeCase]]:
    """The cases, as many at once as `CELLS` hold: each has rows of all features."""
    held: list[EdgeCase] = []
    rows = 0
    for part in parts:
        held.append(part)
        rows += part.rows.rows
        if rows * width > CELLS:
            yield held
            held, rows = [], 0
    if held:
        yield held


def _scored(model: Model, parts: Sequence[EdgeCase]) -> Iterator[tuple[EdgeCase, Floats | None]]:
    """scikit-learn's scores of each part, None for a part that it refuses.

    scikit-learn refuses a whole batch, so a refused batch is bisected until each refused part
    is alone.
    """
    try:
        scores = model.scores(concatenate([part.rows for part in parts]))
    except MemoryError:
        raise
    except Exception:
        if len(parts) == 1:
            yield parts[0], None
            return
        half = len(parts) // 2
        yield from _scored(model, parts[:half])
        yield from _scored(model, parts[half:])
    else:
        ends = np.cumsum([part.rows.rows for part in parts])[:-1]
        yield from zip(parts, np.split(scores, ends), strict=True)
