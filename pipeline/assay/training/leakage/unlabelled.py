"""Whether some values of a feature are only in rows that lack a label.

Rows without a label are left out of training and holdout. A category that never gets one, such as a
kind of stop that nobody files an outcome for, is therefore in neither: no check between the two
sees it, no model has learnt from it, and each night holds it all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.project.params.behaviour import LeakageCheck
from assay.project.text import counted, mark_blanks
from assay.training.leakage.report import EXAMPLES, Check, Row
from assay.training.leakage.shift import count_values
from assay.training.leakage.table_pair import Codes, ColumnPair, LazyTable, TablePair, to_floats

EXPECTED = 30
"""Rows with a label that a value's share lets expect, or chance can leave it without one."""
LEARNT = 0.1
"""A value has been learnt if at least this part of the expected rows has a label."""
CELLS = 25
"""Parts of equal count in which the numbers of a column are seen."""
FEW = 250
"""A column of at most so many different numbers is seen number by number."""
NUMBERS = ("integer", "float")


@dataclass(frozen=True)
class UnlearntValues:
    """The values of a feature that hardly any row with a label has, most rows first.

    ``share`` is that of their rows, among all of the training window.
    """

    column: str
    share: float
    values: tuple[Any, ...]
    rows: tuple[int, ...]
    labelled: tuple[int, ...]


def unlabelled(sides: TablePair, lacking: LazyTable, limit: float) -> Check:
    """Whether a feature has values without labels in too large a share of rows.

    Parameters
    ----------
    lacking
        The rows of the training window that have no label.
    """
    name: LeakageCheck = "unlabelled"
    if not lacking.rows:
        detail = "every row of the training window has a label"
        return Check(check=name, outcome="ok", columns=(), observed=0.0, limit=limit, detail=detail)
    contract = sides.contract
    both = TablePair(contract, sides.train, lacking)
    names = [each for each in contract.features if each not in contract.texts]
    unlearnt = [
        _unlearnt_values(each, both.column(each), numeric=contract.field(each).kind in NUMBERS)
        for each in names
    ]
    unlearnt.sort(key=lambda each: (-each.share, each.column))
    suspects = [each for each in unlearnt if each.share > limit]
    worst = unlearnt[0]
    shown = [sides.shown(worst.column, each) for each in worst.values]
    if shown:
        first = "no value" if shown[0] is None else mark_blanks(shown[0])
        detail = (
            f"'{worst.column}': {worst.labelled[0]:,} of {counted(worst.rows[0], 'row')} "
            f"with {first} have a label"
        )
        if len(shown) > 1:
            detail += f", and {counted(len(shown) - 1, 'more value')} like it"
        detail += f"; {worst.share:.1%} of the training window"
    else:
        detail = (
            f"{lacking.rows:,} of {counted(sides.train.rows + lacking.rows, 'row')} of the "
            "training window have no label, and each value of a feature has some"
        )
    if len(suspects) > 1:
        detail += f"; also {', '.join(repr(each.column) for each in suspects[1:])}"
    examples: tuple[Row, ...] = tuple(
        {"value": value, "rows": rows, "labelled": labelled}
        for value, rows, labelled in zip(shown, worst.rows, worst.labelled, strict=True)
    )
    return Check(
        check=name,
        outcome="suspect" if suspects else "ok",
        columns=tuple(each.column for each in suspects or unlearnt),
        observed=worst.share,
        limit=limit,
        detail=detail,
        numbers=tuple({"column": each.column, "share": each.share} for each in unlearnt),
        examples=examples[:EXAMPLES] if suspects else (),
    )


def _unlearnt_values(name: str, column: ColumnPair, *, numeric: bool) -> UnlearntValues:
    """The values with at most a tenth of the labels that their rows let expect."""
    if numeric:
        values, labelled, without = _count_cells(column)
    else:
        counts = count_values(column)
        values, labelled, without = counts.values.to_pylist(), counts.train, counts.holdout
    rows = labelled + without
    expected = rows * (labelled.sum() / rows.sum())
    places = np.flatnonzero((expected >= EXPECTED) & (labelled <= LEARNT * expected))
    places = places[np.argsort(-rows[places], kind="stable")]
    return UnlearntValues(
        name,
        float(rows[places].sum() / rows.sum()),
        tuple(values[place] for place in places),
        tuple(rows[places].tolist()),
        tuple(labelled[places].tolist()),
    )


def _count_cells(column: ColumnPair) -> tuple[list[str | None], Codes, Codes]:
    """What is in each cell of numbers, nulls last, and its rows on both sides."""
    sides = to_floats(column.train), to_floats(column.holdout)
    every = np.concatenate(sides)
    known = np.sort(every[~np.isnan(every)])
    tops = np.unique(known)
    names: list[str | None] = [f"{top:.12g}" for top in tops]
    if len(tops) > FEW:
        tops = np.unique(known[np.linspace(0, len(known) - 1, CELLS + 1).astype(int)])
        lows = [known[0], *tops[:-1]]
        names = [f"{low:.6g} to {top:.6g}" for low, top in zip(lows, tops, strict=True)]
    # NaN comes after all numbers, so its place is that after the last cell.
    train, holdout = (
        np.bincount(np.searchsorted(tops, each), minlength=len(tops) + 1) for each in sides
    )
    return [*names, None], train, holdout
