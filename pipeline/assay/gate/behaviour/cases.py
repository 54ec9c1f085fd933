"""Minimum functionality tests: named cases built from a base row, with expected results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from assay.columns.features import Floats
from assay.errors import BehaviourError
from assay.gate.behaviour.column_values import (
    constant_column,
    format_cell,
    select_column,
    to_python_list,
    value_kind,
)
from assay.gate.behaviour.subject import ModelUnderTest, RowSubset
from assay.gate.behaviour.trial import EXAMPLES, BehaviourResult, FailedExample
from assay.project.params.behaviour import Case
from assay.project.text import counted


def minimum_functionality(
    subject: ModelUnderTest, rows: RowSubset, cases: Sequence[Case], *, max_failed: float = 0.0
) -> BehaviourResult:
    """Check that every case gets a score within its limits, or the expected prediction.

    Parameters
    ----------
    rows
        A case with the base ``median`` starts from the median of these rows in every numeric
        feature, and from the most frequent value in the others.

    Raises
    ------
    BehaviourError
        There are no cases, or a case does not fit the model or the rows.
    """
    if not cases:
        raise BehaviourError("there are no cases")
    wrong = []
    for case in cases:
        scores = subject.compute_scores(case_row(subject, rows, case))[0]
        said, right = _judged(subject, case, scores)
        if not right:
            wrong.append(_example(case, said))
    number, failed = len(cases), len(wrong)
    many = counted(number, "case")
    detail = f"{failed} of {many} wrong" if failed else f"{many} right"
    return BehaviourResult(
        rows=number,
        failed=failed,
        max_failed=max_failed,
        detail=detail,
        examples=tuple(wrong[:EXAMPLES]),
    )


def case_row(subject: ModelUnderTest, rows: RowSubset, case: Case) -> pd.DataFrame:
    """The row of a case.

    Raises
    ------
    BehaviourError
        The base of the case lacks a feature.
    """
    row = rows.frame.iloc[[0]].reset_index(drop=True)
    if case.base == "median":
        values: dict[str, Any] = {
            name: typical_value(rows.frame[name]) for name in _base(subject, row)
        }
    else:
        lacking = [name for name in subject.features if name not in {**case.base, **case.row}]
        if lacking:
            raise BehaviourError(
                f"the base of case '{case.name}' lacks {', '.join(lacking)}",
                fix="Name every feature, or start from the base 'median'",
            )
        values = dict(case.base)
    values |= case.row
    return row.assign(
        **{name: constant_column(select_column(row, name), to) for name, to in values.items()}
    )


def typical_value(column: pd.Series[Any]) -> Any:
    """The lower median of numbers, else the most frequent value; None if all are null.

    Both occur in the column, so whole numbers stay whole.
    """
    known = [value for value in to_python_list(column) if value is not None]
    if not known:
        return None
    if value_kind(column) == "number":
        return sorted(known)[(len(known) - 1) // 2]
    counts: dict[Any, int] = {}
    for value in known:
        counts[value] = counts.get(value, 0) + 1
    return min(counts, key=lambda value: (-counts[value], str(value)))


def _base(subject: ModelUnderTest, row: pd.DataFrame) -> Sequence[str]:
    # A model without declared features may read every column.
    return [str(select_column(row, name).name) for name in subject.features] or list(row.columns)


def _judged(subject: ModelUnderTest, case: Case, scores: Floats) -> tuple[str, bool]:
    """The model's prediction or score as text, and whether it is as expected."""
    if case.says is not None:
        answer = _answer(subject, case, scores)
        return answer, answer == _plain(case.says)
    score = float(scores[subject.class_index(case.of)])
    right = (case.min is None or score >= case.min) and (case.max is None or score <= case.max)
    return "none" if np.isnan(score) else f"{score:.6g}", bool(right) and not np.isnan(score)


def _answer(subject: ModelUnderTest, case: Case, scores: Floats) -> str:
    if case.of is not None:
        raise BehaviourError(f"case '{case.name}' has both is and class; is names the class")
    if subject.task == "regression":
        raise BehaviourError(f"case '{case.name}' needs min or max: a number is no answer for is")
    if subject.task == "binary":
        if not isinstance(case.says, bool):
            raise BehaviourError(
                f"case '{case.name}': is", expected="true or false", found=str(case.says)
            )
        return "none" if np.isnan(scores[0]) else _plain(bool(scores[0] >= subject.threshold))
    if not isinstance(case.says, str):
        raise BehaviourError(f"case '{case.name}': is", expected="a class", found=str(case.says))
    subject.class_index(case.says)
    return "none" if np.isnan(scores).any() else subject.classes[int(np.argmax(scores))]


def _example(case: Case, said: str) -> FailedExample:
    limits: Mapping[str, float | None] = {"at least": case.min, "at most": case.max}
    wanted = " and ".join(f"{word} {end:g}" for word, end in limits.items() if end is not None)
    return FailedExample(
        row=None,
        keys={"case": case.name},
        changed=tuple((name, "", format_cell(value)) for name, value in case.row.items()),
        before="",
        after=said + (f" ({case.of})" if case.of else ""),
        note=f"expected {wanted or _plain(case.says)}",
    )


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
