"""The behaviour checks: from a model, rows and an expectation to a `BehaviourResult`.

params.yaml and Python tests use the same functions (`assay.gate.behaviour.subject` and
`assay.gate.behaviour.asserts`). Each check scores the rows before and after a change. Rows that
the change does not alter are not counted. A change that alters no row is an error, because the
check would pass trivially.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.columns.features import Floats
from assay.errors import AssayError, BehaviourError
from assay.gate.behaviour.cases import minimum_functionality
from assay.gate.behaviour.changes import (
    FrameChange,
    Perturbation,
    compose_changes,
    perturbed_frames,
)
from assay.gate.behaviour.column_values import (
    constant_column,
    convert_value,
    select_column,
    value_kind,
)
from assay.gate.behaviour.subject import ModelUnderTest, RowSubset, select_rows
from assay.gate.behaviour.trial import (
    BehaviourResult,
    Trial,
    changed_columns,
    changed_rows,
    combine_trials,
)
from assay.project.params.behaviour import (
    Behaviour,
    BehaviourBase,
    Direction,
    Invariance,
    Robustness,
)

Expected = Literal["not_lower", "not_higher"]
Trend = Literal["increasing", "decreasing"]
Places: TypeAlias = NDArray[np.intp]


def invariance(
    subject: ModelUnderTest,
    rows: RowSubset,
    change: FrameChange,
    *,
    within: float,
    max_failed: float = 0.0,
) -> BehaviourResult:
    """Check that the change moves no row's score by more than ``within``.

    For several classes, the score that moves most counts.
    """
    trial = _tried(subject, rows, change)
    harm = np.abs(trial.scores_after - trial.scores_before).max(axis=1)
    return combine_trials(
        subject,
        rows,
        [replace(trial, harm=harm)],
        within=within,
        max_failed=max_failed,
        verb="move by more than",
    )


def direction(
    subject: ModelUnderTest,
    rows: RowSubset,
    change: FrameChange,
    *,
    expect: Expected,
    within: float = 0.0,
    of: str | None = None,
    max_failed: float = 0.0,
) -> BehaviourResult:
    """Check that the change lowers (or raises) no row's score by more than ``within``.

    Parameters
    ----------
    of
        The class whose score is checked, for a multiclass model.
    """
    place = subject.class_index(of)
    trial = _tried(subject, rows, change, reads=True)
    gain = trial.scores_after[:, place] - trial.scores_before[:, place]
    falls = expect == "not_lower"
    return combine_trials(
        subject,
        rows,
        [replace(trial, harm=-gain if falls else gain)],
        within=within,
        max_failed=max_failed,
        verb=f"{'fall' if falls else 'rise'} by more than",
        of=place,
    )


def robustness(
    subject: ModelUnderTest,
    rows: RowSubset,
    perturb: Perturbation,
    *,
    columns: Sequence[str] = (),
    within: float | None = None,
    seed: Sequence[int] = (0,),
    max_failed: float = 0.0,
) -> BehaviourResult:
    """Check that corrupted rows get a score, and with ``within`` one close to the original.

    For ``shuffled_columns`` the default of ``within`` is 0.
    """
    before = subject.compute_scores(rows.frame)
    if within is None:
        within = 0.0 if perturb == "shuffled_columns" else np.inf
    trials = []
    for what, frame in perturbed_frames(perturb, rows.frame, subject, columns, seed):
        changed = changed_columns(rows.frame, frame)
        try:
            after, note = subject.compute_scores(frame), what
        except AssayError as error:
            # An error on corrupted rows is a failure of the model, not of the check.
            after = np.full(before.shape, np.nan)
            note = ": ".join(part for part in (what, error.found or error.what) if part)
        harm = np.abs(after - before).max(axis=1)
        all_rows = np.ones(len(frame), dtype=np.bool_)
        counted = changed_rows(rows.frame, frame, changed) if perturb != _ORDER else all_rows
        trials.append(
            Trial(
                before=rows.frame,
                after=frame,
                scores_before=before,
                scores_after=after,
                harm=harm,
                touched=counted,
                note=note,
            )
        )
    return combine_trials(
        subject, rows, trials, within=within, max_failed=max_failed, verb="move by more than"
    )


def monotonicity(
    subject: ModelUnderTest,
    rows: RowSubset,
    column: str,
    start: float,
    end: float,
    *,
    steps: int,
    expect: Trend,
    within: float = 0.0,
    of: str | None = None,
    max_failed: float = 0.0,
) -> BehaviourResult:
    """Check that each row's score is monotonic while ``column`` goes from ``start`` to ``end``.

    Each row is scored at ``steps`` evenly spaced values, rounded for an integer column. A row fails
    if its score is anywhere more than ``within`` below (``decreasing``: above) an earlier score.

    Raises
    ------
    BehaviourError
        The column is not numeric, or is an integer column with a single value in the range.
    """
    place = subject.class_index(of)
    values = select_column(rows.frame, column)
    _reads(subject, [column])
    if value_kind(values) != "number":
        raise BehaviourError(f"column '{column}' holds no numbers to go through")
    grid = np.linspace(start, end, steps)
    if pd.api.types.is_integer_dtype(values.dtype):
        grid = np.unique(grid.round())
        if len(grid) < 2:
            raise BehaviourError(f"from {start:g} to {end:g} '{column}' has one whole number only")
    points = [convert_value(values, point) for point in grid.tolist()]
    scores = np.stack(
        [
            subject.compute_scores(rows.frame.assign(**{column: constant_column(values, point)}))
            for point in points
        ]
    )
    course = scores[:, :, place] * (1 if expect == "increasing" else -1)
    harm, high, low = _steepest(course)
    each = np.arange(len(rows.frame))
    trial = Trial(
        before=_at(rows, column, [points[i] for i in high]),
        after=_at(rows, column, [points[i] for i in low]),
        scores_before=scores[high, each],
        scores_after=scores[low, each],
        harm=harm,
        touched=np.ones(len(rows.frame), dtype=np.bool_),
    )
    verb = "fall" if expect == "increasing" else "rise"
    return combine_trials(
        subject,
        rows,
        [trial],
        within=within,
        max_failed=max_failed,
        verb=f"{verb} on the way by more than",
        of=place,
    )


_ORDER = "shuffled_columns"


def _steepest(course: Floats) -> tuple[Floats, Places, Places]:
    """Each row's largest drop from an earlier point, and the indices of its peak and low points.

    ``course`` has shape (points, rows). The drop of a row with a missing score is NaN.
    """
    peak = np.maximum.accumulate(course, axis=0)  # NaN stays NaN from there on
    fall = peak - course
    gap = np.isnan(fall)
    low = np.where(gap, np.inf, fall).argmax(axis=0)
    each = np.arange(course.shape[1])
    harm = fall[low, each]
    # The peak before the drop: the greatest value up to the low point.
    reached = np.arange(len(course))[:, None] <= low[None, :]
    high = np.where(reached & ~np.isnan(course), course, -np.inf).argmax(axis=0)
    return harm, high, low


def _at(rows: RowSubset, column: str, points: list[float]) -> pd.DataFrame:
    like = constant_column(rows.frame[column], points[0])
    return rows.frame.assign(**{column: pd.Series(points, index=like.index, dtype=like.dtype)})


def _tried(
    subject: ModelUnderTest, rows: RowSubset, change: FrameChange, reads: bool = False
) -> Trial:
    after = change(rows.frame.copy())
    changed = changed_columns(rows.frame, after)
    if reads and changed:
        _reads(subject, changed)
    return Trial(
        before=rows.frame,
        after=after,
        scores_before=subject.compute_scores(rows.frame),
        scores_after=subject.compute_scores(after),
        harm=np.empty(0),
        touched=changed_rows(rows.frame, after, changed),
    )


def _reads(subject: ModelUnderTest, columns: Sequence[str]) -> None:
    """Refuse columns that the model does not use: the check would pass trivially."""
    if subject.features and not set(columns) & set(subject.features):
        names = ", ".join(f"'{name}'" for name in columns)
        raise BehaviourError(f"the model does not read {names}, so nothing can come of it")


def run(
    spec: Behaviour, subject: ModelUnderTest, holdout: pd.DataFrame, seed: int
) -> BehaviourResult:
    """The result of a behaviour. Deterministic.

    Raises
    ------
    BehaviourError
        The behaviour does not apply to this model or these rows. The error names the behaviour.
    """
    try:
        rows = select_rows(holdout, spec.where, spec.rows, subject.sensitive)
        return _dispatched(spec, subject, rows, [seed, zlib.crc32(spec.name.encode())])
    except BehaviourError as error:
        raise BehaviourError(
            error.what,
            where=f"params.yaml: gate.behaviour '{spec.name}'",
            expected=error.expected,
            found=error.found,
            fix=error.fix,
        ) from error


def _dispatched(
    spec: Behaviour, subject: ModelUnderTest, rows: RowSubset, seed: list[int]
) -> BehaviourResult:
    # The parameters of a check are the keys of its behaviour.
    own = type(spec).model_fields.keys() - BehaviourBase.model_fields.keys() - {"check"}
    given: dict[str, Any] = {name: getattr(spec, name) for name in own}
    if isinstance(spec, Invariance | Direction):
        given["change"] = compose_changes(spec.change, seed)
    if isinstance(spec, Robustness):
        given["seed"] = seed
    return CHECKS[spec.check](subject, rows, max_failed=spec.max_failed, **given)


CHECKS: Mapping[str, Callable[..., BehaviourResult]] = {
    "invariance": invariance,
    "direction": direction,
    "minimum": minimum_functionality,
    "robustness": robustness,
    "monotonicity": monotonicity,
}
"""By the name of the check in params.yaml."""
