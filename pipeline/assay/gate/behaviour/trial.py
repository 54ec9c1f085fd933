"""Trials: scores before and after one change, and their combined result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.columns.features import Floats
from assay.contract.definition import MASK
from assay.errors import BehaviourError
from assay.gate.behaviour.column_values import changed_mask, format_cell, is_null
from assay.gate.behaviour.subject import ModelUnderTest, RowSubset
from assay.project.text import counted, mark_blanks

EXAMPLES = 5
"""Maximum number of failed rows shown, worst first."""

COLUMNS = 3
"""Maximum number of changed columns in a sentence; the table shows all."""


@dataclass(frozen=True)
class FailedExample:
    """A row that failed.

    Attributes
    ----------
    row
        Its position in the table, counted from 0; None for a named case.
    keys
        Its key columns and values.
    changed
        Column, value before, value after.
    before, after
        The model's scores as text; ``before`` is empty if there is none.
    note
        What was done or expected.
    """

    row: int | None
    keys: Mapping[str, str]
    changed: tuple[tuple[str, str, str], ...]
    before: str
    after: str
    note: str = ""

    def sentence(self) -> str:
        """The row on one line."""
        name = ", ".join(f"{key} {mark_blanks(value)}" for key, value in self.keys.items())
        place = "" if self.row is None else f"row {self.row}"
        who = f"{place} ({name})" if place and name else place or name
        cells = [
            f"{column} {mark_blanks(after)}"
            if before == ""
            else f"{column} {mark_blanks(before)} -> {mark_blanks(after)}"
            for column, before, after in self.changed
        ]
        more = len(cells) - COLUMNS
        did = ", ".join([*cells[:COLUMNS], *([f"{more} more"] if more > 0 else [])])
        scores = f"score {self.before} -> {self.after}" if self.before else f"score {self.after}"
        text = "; ".join(part for part in (self.note, did, scores) if part)
        return f"{who}: {text}" if who else text


@dataclass(frozen=True)
class BehaviourResult:
    """The result of a check.

    Attributes
    ----------
    rows, failed
        Number of checked rows (or cases), and of those that failed.
    max_failed
        The share that may fail.
    detail
        One sentence for people.
    """

    rows: int
    failed: int
    max_failed: float
    detail: str
    examples: tuple[FailedExample, ...] = ()

    @property
    def share(self) -> float:
        return self.failed / self.rows

    @property
    def passed(self) -> bool:
        # A check of no rows has not passed.
        return self.rows > 0 and self.failed <= self.max_failed * self.rows


def format_result(result: BehaviourResult) -> str:
    """The detail, and a table of the failed rows with their changes and scores."""
    if not result.examples:
        return result.detail
    keys = list(dict.fromkeys(key for example in result.examples for key in example.keys))
    heads = ["row", *keys, "what", "before", "after", "score before", "score after"]
    lines = [line for example in result.examples for line in _lines(example, keys)]
    used = [place for place in range(len(heads)) if any(line[place] for line in lines)]
    grid = [[line[place] for place in used] for line in (heads, *lines)]
    widths = [max(len(line[place]) for line in grid) for place in range(len(used))]
    drawn = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in grid
    ]
    more = result.failed - len(result.examples)
    return "\n".join([result.detail, *drawn, *([f"and {more:,} more"] if more > 0 else [])])


def _lines(example: FailedExample, keys: list[str]) -> list[list[str]]:
    """One line per changed column; the scores are on the first line."""
    place = "" if example.row is None else str(example.row)
    first = [place, *(example.keys.get(key, "") for key in keys)]
    noted = [(example.note, "", "")] if example.note else []
    changed = [*noted, *example.changed] or [("", "", "")]
    scores = [example.before, example.after]
    lines = [[*first, *changed[0], *scores]]
    lines += [[""] * len(first) + [*cell, "", ""] for cell in changed[1:]]
    return lines


@dataclass(frozen=True)
class Trial:
    """Rows and their scores before and after a change.

    Attributes
    ----------
    before, after
        The same rows in the same order.
    scores_before, scores_after
        Scores as returned by `Subject.ask`.
    harm
        Violation of each row, shape (rows,). A row passes if it is at most the tolerance; NaN
        fails.
    touched
        Mask of the rows that count.
    note
        What was done, if the changed cells do not show it.
    """

    before: pd.DataFrame
    after: pd.DataFrame
    scores_before: Floats
    scores_after: Floats
    harm: Floats
    touched: NDArray[np.bool_]
    note: str = ""


def changed_columns(before: pd.DataFrame, after: pd.DataFrame) -> tuple[str, ...]:
    """The columns in which any row changed.

    Raises
    ------
    BehaviourError
        ``after`` has other rows or other columns.
    """
    if len(after) != len(before) or not after.index.equals(before.index):
        raise BehaviourError(
            "the change must keep the rows and their order",
            expected=counted(len(before), "row"),
            found=f"{counted(len(after), 'row')} with an index of their own",
        )
    if set(after.columns) != set(before.columns):
        odd = ", ".join(sorted(set(map(str, after.columns)) ^ set(map(str, before.columns))))
        raise BehaviourError("the change must keep the columns", found=f"{odd} on one side only")
    return tuple(
        str(name)
        for name in before.columns
        if after[name] is not before[name] and changed_mask(before[name], after[name]).any()
    )


def changed_rows(
    before: pd.DataFrame, after: pd.DataFrame, columns: Sequence[str]
) -> NDArray[np.bool_]:
    """Mask of the rows that changed in one of ``columns``."""
    mask = np.zeros(len(before), dtype=np.bool_)
    for name in columns:
        mask |= changed_mask(before[name], after[name])
    return mask


def combine_trials(
    subject: ModelUnderTest,
    rows: RowSubset,
    trials: Sequence[Trial],
    *,
    within: float,
    max_failed: float,
    verb: str,
    of: int | None = None,
) -> BehaviourResult:
    """The combined result of trials: a row fails if it fails in any of them.

    Parameters
    ----------
    verb
        What a failed row does, for the detail: "move by more than".
    of
        Index of the class whose score is shown; None for the one that moved most.

    Raises
    ------
    BehaviourError
        No trial changed any row.
    """
    counted = np.logical_or.reduce([trial.touched for trial in trials])
    number = int(np.count_nonzero(counted))
    if number == 0:
        raise BehaviourError("the change alters no row, so it says nothing")
    # Not harm > within: a row whose harm is NaN must fail.
    bad = np.logical_or.reduce([trial.touched & ~(trial.harm <= within) for trial in trials])
    harms = np.array([_worth(trial) for trial in trials])
    worst_trial, worst = harms.argmax(axis=0), harms.max(axis=0)
    failed = int(np.count_nonzero(bad))
    order = sorted(np.flatnonzero(bad), key=lambda place: (-worst[place], place))[:EXAMPLES]
    facts = [_extent(float(worst[counted].max()), failed)] if np.isfinite(within) else []
    if max_failed and failed:
        facts.append(f"{max_failed:.4g} of them may")
    text = f" ({', '.join(facts)})" if facts else ""
    if np.isfinite(within):
        detail = f"{f'{failed:,}' if failed else 'none'} of {number:,} rows {verb} {within:g}{text}"
    elif failed:
        detail = f"{failed:,} of {number:,} rows get no score{text}"
    else:
        detail = f"each of {number:,} rows gets a score"
    return BehaviourResult(
        rows=number,
        failed=failed,
        max_failed=max_failed,
        detail=detail,
        examples=tuple(
            _example(subject, rows, trials[worst_trial[place]], int(place), of) for place in order
        ),
    )


def _worth(trial: Trial) -> Floats:
    """Harm per row for sorting: NaN counts as the worst, an untouched row as the least."""
    harm = np.where(np.isnan(trial.harm), np.inf, trial.harm)
    return np.where(trial.touched, harm, -np.inf)


def _extent(worst: float, failed: int) -> str:
    if np.isinf(worst):
        return "some have no score at all"
    return f"the worst by {worst:.3g}" if failed else f"the largest by {max(worst, 0.0):.3g}"


def _example(
    subject: ModelUnderTest, rows: RowSubset, trial: Trial, place: int, of: int | None
) -> FailedExample:
    before, after = trial.scores_before[place], trial.scores_after[place]
    if of is None:
        distance = np.abs(after - before)
        of = int(np.argmax(np.where(np.isnan(distance), np.inf, distance)))
    of_class = f" ({subject.classes[of]})" if subject.classes else ""
    old, new = trial.before.iloc[[place]], trial.after.iloc[[place]]
    return FailedExample(
        row=int(rows.places[place]),
        keys={
            key: _cell(subject, key, rows.frame[key].iloc[place])
            for key in subject.keys
            if key in rows.frame.columns
        },
        changed=tuple(
            (
                str(name),
                _cell(subject, str(name), old[name].iloc[0]),
                _cell(subject, str(name), new[name].iloc[0]),
            )
            for name in trial.before.columns
            if changed_mask(old[name], new[name])[0]
        ),
        before=_score(before[of]) + of_class,
        after=_score(after[of]) + of_class,
        note=trial.note,
    )


def _cell(subject: ModelUnderTest, name: str, value: Any) -> str:
    """A cell for people; that of a sensitive column says only whether it is empty."""
    return MASK if name in subject.sensitive and not is_null(value) else format_cell(value)


def _score(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.6g}"
