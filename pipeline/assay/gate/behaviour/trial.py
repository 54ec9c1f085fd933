"""One change tried on some rows, and how trials are judged together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.columns.features import Floats
from assay.errors import BehaviourError
from assay.gate.behaviour.cells import differs, shown
from assay.gate.behaviour.result import EXAMPLES, Example, Result
from assay.gate.behaviour.subject import PlacedRows, Subject


@dataclass(frozen=True)
class Trial:
    """Rows before and after a change, with what the model says of them.

    Attributes
    ----------
    before, after
        The rows; the same ones in the same order.
    scores_before, scores_after
        As `Subject.ask` gives them.
    harm
        How badly each row behaved, shape (rows,): at most the tolerance is well, NaN never.
    touched
        The rows that count.
    note
        What was done, where the change does not say so itself.
    """

    before: pd.DataFrame
    after: pd.DataFrame
    scores_before: Floats
    scores_after: Floats
    harm: Floats
    touched: NDArray[np.bool_]
    note: str = ""


def moved(before: pd.DataFrame, after: pd.DataFrame) -> tuple[str, ...]:
    """The columns of ``after`` that differ anywhere.

    Raises
    ------
    BehaviourError
        ``after`` holds other rows or other columns.
    """
    if len(after) != len(before) or not after.index.equals(before.index):
        raise BehaviourError(
            "the change must keep the rows and their order",
            expected=f"{len(before)} rows",
            found=f"{len(after)} rows with an index of their own",
        )
    if set(after.columns) != set(before.columns):
        odd = ", ".join(sorted(set(map(str, after.columns)) ^ set(map(str, before.columns))))
        raise BehaviourError("the change must keep the columns", found=f"{odd} on one side only")
    return tuple(
        str(name)
        for name in before.columns
        if after[name] is not before[name] and differs(before[name], after[name]).any()
    )


def touched(before: pd.DataFrame, after: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.bool_]:
    """Which rows hold another value in one of ``columns``."""
    mask = np.zeros(len(before), dtype=np.bool_)
    for name in columns:
        mask |= differs(before[name], after[name])
    return mask


def judged(
    subject: Subject,
    rows: PlacedRows,
    trials: Sequence[Trial],
    *,
    within: float,
    max_failed: float,
    verb: str,
    of: int | None = None,
) -> Result:
    """All trials together: a row fails if it fails in any.

    Parameters
    ----------
    verb
        What a row that fails does: "moves by more than".
    of
        Which column of the scores is shown; None for the one that moved most.

    Raises
    ------
    BehaviourError
        No trial touched any row.
    """
    counted = np.logical_or.reduce([trial.touched for trial in trials])
    number = int(np.count_nonzero(counted))
    if number == 0:
        raise BehaviourError("the change alters no row, so it says nothing")
    # Not harm > within: a row of which nothing can be told must not pass.
    bad = np.logical_or.reduce([trial.touched & ~(trial.harm <= within) for trial in trials])
    harms = np.array([_worth(trial) for trial in trials])
    worst_trial, worst = harms.argmax(axis=0), harms.max(axis=0)
    failed = int(np.count_nonzero(bad))
    order = sorted(np.flatnonzero(bad), key=lambda place: (-worst[place], place))[:EXAMPLES]
    facts = [_extent(float(worst[counted].max()), failed)] if np.isfinite(within) else []
    if max_failed and failed:
        facts.append(f"{max_failed:.4g} of them may")
    told = f" ({', '.join(facts)})" if facts else ""
    if np.isfinite(within):
        detail = f"{f'{failed:,}' if failed else 'none'} of {number:,} rows {verb} {within:g}{told}"
    elif failed:
        detail = f"{failed:,} of {number:,} rows get no score{told}"
    else:
        detail = f"each of {number:,} rows gets a score"
    return Result(
        rows=number,
        failed=failed,
        max_failed=max_failed,
        detail=detail,
        examples=tuple(
            _example(subject, rows, trials[worst_trial[place]], int(place), of) for place in order
        ),
    )


def _worth(trial: Trial) -> Floats:
    """How bad each row is for the sake of order: what cannot be told is as bad as can be."""
    harm = np.where(np.isnan(trial.harm), np.inf, trial.harm)
    return np.where(trial.touched, harm, -np.inf)


def _extent(worst: float, failed: int) -> str:
    if np.isinf(worst):
        return "some have no score at all"
    return f"the worst by {worst:.3g}" if failed else f"the largest by {max(worst, 0.0):.3g}"


def _example(
    subject: Subject, rows: PlacedRows, trial: Trial, place: int, of: int | None
) -> Example:
    before, after = trial.scores_before[place], trial.scores_after[place]
    if of is None:
        distance = np.abs(after - before)
        of = int(np.argmax(np.where(np.isnan(distance), np.inf, distance)))
    of_class = f" ({subject.classes[of]})" if subject.classes else ""
    old, new = trial.before.iloc[[place]], trial.after.iloc[[place]]
    return Example(
        row=int(rows.places[place]),
        keys={
            key: shown(rows.frame[key].iloc[place])
            for key in subject.keys
            if key in rows.frame.columns
        },
        changed=tuple(
            (str(name), shown(old[name].iloc[0]), shown(new[name].iloc[0]))
            for name in trial.before.columns
            if differs(old[name], new[name])[0]
        ),
        before=_score(before[of]) + of_class,
        after=_score(after[of]) + of_class,
        note=trial.note,
    )


def _score(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.6g}"
