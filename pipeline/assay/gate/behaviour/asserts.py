"""The behaviour checks as assertions for Python tests; AssertionError lists the failed rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from assay.gate.behaviour import checks
from assay.gate.behaviour.changes import FrameChange, Perturbation, parse_change
from assay.gate.behaviour.column_values import value_kind
from assay.gate.behaviour.subject import ModelUnderTest, RowSubset, Score
from assay.gate.behaviour.trial import BehaviourResult, format_result
from assay.project.params.behaviour import Case

ChangeSpec = FrameChange | Mapping[str, Any] | Sequence[Mapping[str, Any]]


def invariant(
    score: Score, rows: pd.DataFrame, change: ChangeSpec, *, within: float, max_failed: float = 0.0
) -> None:
    """Assert that the change moves no row's score by more than ``within``.

    Parameters
    ----------
    score
        The fixture ``score``, or any function from a frame to scores.
    change
        A ``change`` as in params.yaml, or a function from a frame to a frame.
    """
    __tracebackhide__ = True
    _hold(
        checks.invariance,
        score,
        rows,
        change=parse_change(change),
        within=within,
        max_failed=max_failed,
    )


def directional(
    score: Score,
    rows: pd.DataFrame,
    change: ChangeSpec,
    *,
    expect: checks.Expected,
    within: float = 0.0,
    of: str | None = None,
    max_failed: float = 0.0,
) -> None:
    """Assert that the change lowers (``not_lower``) or raises (``not_higher``) no row's score."""
    __tracebackhide__ = True
    given = {"expect": expect, "within": within, "of": of, "max_failed": max_failed}
    _hold(checks.direction, score, rows, change=parse_change(change), **given)


def robust(
    score: Score,
    rows: pd.DataFrame,
    perturb: Perturbation,
    *,
    columns: Sequence[str] = (),
    within: float | None = None,
    seed: int = 0,
    max_failed: float = 0.0,
) -> None:
    """Assert that corrupted rows get a score, within ``within`` of the original if given."""
    __tracebackhide__ = True
    given = {"columns": columns, "within": within, "seed": [seed], "max_failed": max_failed}
    _hold(checks.robustness, score, rows, perturb=perturb, **given)


def monotone(
    score: Score,
    rows: pd.DataFrame,
    column: str,
    start: float,
    end: float,
    *,
    steps: int = 10,
    expect: checks.Trend = "increasing",
    within: float = 0.0,
    of: str | None = None,
    max_failed: float = 0.0,
) -> None:
    """Assert that scores are monotonic while ``column`` goes from ``start`` to ``end``."""
    __tracebackhide__ = True
    way = {"column": column, "start": start, "end": end, "steps": steps}
    given = {"expect": expect, "within": within, "of": of, "max_failed": max_failed}
    _hold(checks.monotonicity, score, rows, **way, **given)


def minimum(
    score: Score,
    rows: pd.DataFrame,
    cases: Sequence[Mapping[str, Any]],
    *,
    max_failed: float = 0.0,
) -> None:
    """Assert the predictions for named cases, in the format of ``cases`` in params.yaml."""
    __tracebackhide__ = True
    wanted = [Case.model_validate(dict(case)) for case in cases]
    _hold(checks.CHECKS["minimum"], score, rows, cases=wanted, max_failed=max_failed)


def _hold(
    check: Callable[..., BehaviourResult], score: Score, rows: pd.DataFrame, **given: Any
) -> None:
    __tracebackhide__ = True
    result = check(_subject(score, rows), RowSubset.of(rows), **given)
    if not result.passed:
        raise AssertionError(format_result(result))


def _subject(score: Score, rows: pd.DataFrame) -> ModelUnderTest:
    """The subject of the fixture ``score``, or one inferred from a plain function."""
    known = getattr(score, "subject", None)
    if isinstance(known, ModelUnderTest):
        return known
    shape = np.shape(score(rows.head(1)))
    many = len(shape) > 1
    classes = tuple(str(place) for place in range(shape[1])) if many else ()
    kinds = {str(name): value_kind(rows[name]) for name in rows.columns}
    numeric = tuple(name for name, kind in kinds.items() if kind in ("number", "truth"))
    categorical = tuple(name for name, kind in kinds.items() if kind == "text")
    return ModelUnderTest(
        score,
        # A plain function does not say whether its numbers are probabilities.
        task="multiclass" if many else "regression",
        classes=classes,
        numeric=numeric,
        categorical=categorical,
        nullable=(*numeric, *categorical),
    )
