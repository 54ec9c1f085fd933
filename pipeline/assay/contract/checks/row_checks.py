"""Finds the rows that break the contract, and the rules that they break.

A column's range is tested first: a rule that holds for its minimum and maximum holds for all values
between. Rows are read only if that does not settle a rule. pandera's own checks then run as
operations on arrays or on distinct strings, in `builtin_checks`. Checks over whole rows run on
arrays where that gives the same, in `array_rules`, and all others in pandera.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from assay.contract.checks.array_rules import evaluate_on_arrays
from assay.contract.checks.builtin_checks import numeric_check, string_check
from assay.contract.checks.check_runner import run_check
from assay.contract.columns import Bools, Columns
from assay.contract.definition import Contract, Field, Rule

if TYPE_CHECKING:
    from pandera.api.checks import Check


@dataclass(frozen=True)
class RowCheck:
    """The result for the n rows of a batch.

    Parameters
    ----------
    bad
        Bools of shape (n,): the row breaks at least one rule.
    broken
        For each rule that some row breaks, in the contract's order: bools of shape (n,).
    """

    bad: np.ndarray
    broken: Mapping[str, np.ndarray]

    def reasons(self) -> list[list[str]]:
        """The names of the broken rules of each bad row, in row order."""
        rows = np.flatnonzero(self.bad)
        result: list[list[str]] = [[] for _ in rows]
        for name, mask in self.broken.items():
            for place in np.flatnonzero(mask[rows]):
                result[place].append(name)
        return result


@dataclass(frozen=True)
class _Batch:
    """The rows of a batch, and those without a forbidden null, on which the rules are evaluated."""

    contract: Contract
    every: Columns
    judged: Columns

    @cached_property
    def frame(self) -> pd.DataFrame:
        return self.judged.frame(self.contract.columns, copy=True)


def check_rows(contract: Contract, batch: pa.RecordBatch | pa.Table | Columns) -> RowCheck:
    """Evaluate every row rule on every row.

    The ``not null`` rules come first. A row with a null in a field that is not nullable is bad for
    that reason, and **no other rule is evaluated on it**: the other rules see columns of their
    declared types. NaN in a float field is a null. Infinity is a value, and breaks the rule
    ``finite`` that every float field has.

    A column check sees the column's values without its nulls (unless ``ignore_na=False``), in the
    field's own type. So a row's result never depends on the other rows of its batch, provided that
    the checks themselves look at one row at a time.
    """
    columns = batch if isinstance(batch, Columns) else Columns(contract, batch)
    broken: dict[str, np.ndarray] = {}
    whole: Bools | None = None
    for field in contract.fields:
        nulls = columns.extent(field.name).nulls
        for rule in field.rules:
            if rule.test == "not null" and nulls:
                there = columns.present(field.name)
                broken[rule.name] = ~there
                whole = there if whole is None else whole & there
    judged = columns if whole is None else columns.filter(whole)
    if judged.rows:
        for name, ok in _rest(_Batch(contract, columns, judged)):
            if ok is not None and not ok.all():
                mask = ~ok
                if whole is not None:
                    mask = np.zeros(columns.rows, dtype=bool)
                    mask[whole] = ~ok
                broken[name] = mask
    bad = np.zeros(columns.rows, dtype=bool)
    for mask in broken.values():
        bad |= mask
    ordered = {name: broken[name] for name in contract.row_rules if name in broken}
    return RowCheck(bad=bad, broken=ordered)


def _rest(batch: _Batch) -> Iterator[tuple[str, Bools | None]]:
    """Yields each other rule with the mask of rows that satisfy it; None stands for all rows."""
    for field in batch.contract.fields:
        for rule in field.rules:
            if rule.test == "finite":
                yield rule.name, _finite(field, batch)
            elif rule.check is not None:
                yield rule.name, _column(rule, rule.check, field, batch)
    for rule in batch.contract.frame_rules:
        yield rule.name, _frame(rule, batch)


def _finite(field: Field, batch: _Batch) -> Bools | None:
    _, low, high = batch.every.extent(field.name)
    if low is None or high is None or (low > -np.inf and high < np.inf):
        return None
    return ~np.isinf(batch.judged.numbers(field.name))


def _column(rule: Rule, check: Check, field: Field, batch: _Batch) -> Bools | None:
    if field.kind == "string":
        test = string_check(check)
        if test is not None:
            return _on_categories(test, field.name, batch)
    else:
        numbers = numeric_check(check, field.kind)
        if numbers is not None:
            if numbers.holds_within(batch.every.extent(field.name)):
                return None
            values = batch.judged.exact(field.name).values
            return numbers.test(values) | ~batch.judged.present(field.name)
    return _ask(rule, check, field.name, batch)


def _on_categories(test: Callable[[str], bool], name: str, batch: _Batch) -> Bools | None:
    categories = batch.every.coded(name).categories
    answers = np.fromiter(map(test, categories), dtype=bool, count=len(categories))
    if answers.all():
        return None
    of_code: Bools = np.append(answers, True)  # the last is the null's
    return of_code[batch.judged.coded(name).codes]


def _ask(rule: Rule, check: Check, name: str, batch: _Batch) -> Bools | None:
    """Runs a column check in pandera; returns the mask of rows that satisfy it."""
    contract, judged = batch.contract, batch.judged
    if not check.ignore_na:
        return run_check(contract, rule, pd.Series(judged.values(name), name=name, copy=True))
    there = judged.present(name)
    if not there.any():
        return None
    result = np.ones(judged.rows, dtype=bool)
    if rule.rowwise and contract.field(name).kind == "string":
        # Strings repeat and are slow to test, so each distinct one is tested once.
        codes, categories = judged.coded(name)
        used = np.flatnonzero(np.bincount(codes[there], minlength=len(categories)))
        of_code = np.ones(len(categories) + 1, dtype=bool)
        some = categories.take(used).objects
        of_code[used] = run_check(contract, rule, pd.Series(some, name=name))
        return of_code[codes]
    known = pd.Series(judged.filter(there).non_null(name), name=name, copy=True)
    result[there] = run_check(contract, rule, known)
    return result


def _frame(rule: Rule, batch: _Batch) -> Bools:
    """The mask of rows that satisfy a check over whole rows, which runs on arrays or in pandera."""
    contract, judged, reads = batch.contract, batch.judged, rule.reads
    if rule.on_arrays:
        found = evaluate_on_arrays(rule, judged)
        if found is not None:
            return found
    if reads is None or not set(reads) <= set(contract.columns):
        return run_check(contract, rule, batch.frame)
    if rule.check is not None and rule.check.element_wise:
        # The check gets each row as a series, whose dtype is the common type of all columns.
        if any(contract.field(name).kind != "string" for name in reads):
            return run_check(contract, rule, batch.frame)
    return run_check(contract, rule, judged.frame(reads, copy=True))
