"""Runs one pandera check on a series or frame; returns one bool per row or raises."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from assay.contract.checks.builtin_checks import is_of_pandera
from assay.contract.contract_file import ContractCodeStopped, run_guarded
from assay.contract.definition import Contract, Rule
from assay.errors import ContractFileError
from assay.project.text import counted

if TYPE_CHECKING:
    from pandera.api.checks import Check

MOST_TRIES = 10_000
"""How often a check is asked about parts of a batch, to find the rows that it raises for."""

BY_ROW = "With element_wise=True it would refuse only the rows that it raises an error for."

_log = logging.getLogger(__name__)


def run_check(contract: Contract, rule: Rule, data: pd.Series[Any] | pd.DataFrame) -> np.ndarray:
    """Mask of the rows that satisfy a rule of test ``check``, of shape (n,).

    A row that a row-wise check raises for breaks the rule: one impossible value must not cost the
    other rows their scores.

    Parameters
    ----------
    data
        A column or the whole frame, n >= 1 rows, with an index of 0..n-1. Columns hold no nulls
        unless the check asks for them with ``ignore_na=False``.

    Raises
    ------
    ContractFileError
        If the check does not return one bool per row, or raises: a row-wise one for very many rows.
        A null means that the row breaks the rule.
    MemoryError
        Memory ran out, which is no fault of the contract.
    """
    try:
        answer = call_check(rule, data)
    except MemoryError:
        raise
    except Exception as error:
        # pandera's own checks fail for a column or not at all.
        of_pandera = rule.check is not None and is_of_pandera(rule.check)
        if of_pandera or not rule.rowwise or isinstance(error, ContractCodeStopped):
            raise check_error(contract, rule, error, None if of_pandera else BY_ROW) from None
        return _without_rows_it_fails_for(contract, rule, data, error)
    return _mask(contract, rule, answer, data)


def _without_rows_it_fails_for(
    contract: Contract, rule: Rule, data: pd.Series[Any] | pd.DataFrame, error: Exception
) -> np.ndarray:
    """The mask of a check that raises for some rows, the first time with ``error``."""
    result = np.zeros(len(data), dtype=bool)
    try:
        if rule.check is not None and rule.check.element_wise:
            answer = call_check(replace(rule, check=_lenient(rule.check)), data)
            result = _mask(contract, rule, answer, data)
        else:
            for start, stop, mask in _by_parts(contract, rule, data):
                result[start:stop] = mask
    except ContractCodeStopped as stopped:
        raise check_error(contract, rule, stopped) from None
    except TooManyFailed:
        raise check_error(contract, rule, error, "It does so for very many rows.") from None
    _log.warning(
        "%s:%d: rule %r raises an error for some rows, which are refused: %s",
        *(contract.file, rule.line, rule.name, contract.error_words(error)),
    )
    return result


def _lenient(check: Check) -> Check:
    """An element-wise check that a row breaks for which it raises."""
    function = check._check_fn

    def answer(*given: Any, **named: Any) -> Any:
        try:
            return function(*given, **named)
        except MemoryError:
            raise
        except Exception:
            return False

    changed = copy(check)
    changed._check_fn = answer
    return changed


def _by_parts(
    contract: Contract, rule: Rule, data: pd.Series[Any] | pd.DataFrame
) -> Iterator[Part[np.ndarray]]:
    def call(start: int, stop: int) -> tuple[Any, pd.Series[Any] | pd.DataFrame]:
        part = data.iloc[start:stop].reset_index(drop=True)
        return call_check(rule, part), part

    stopping = (ContractCodeStopped,)
    for start, stop, (answer, part) in call_around_failing_rows(
        call, len(data), MOST_TRIES, pass_on=stopping
    ):
        yield Part(start, stop, _mask(contract, rule, answer, part))


def _mask(
    contract: Contract, rule: Rule, answer: object, data: pd.Series[Any] | pd.DataFrame
) -> np.ndarray:
    """What a check answered, as one bool a row."""
    if isinstance(answer, pd.DataFrame) and isinstance(data, pd.DataFrame):
        if answer.shape != data.shape:
            raise _unusable(contract, rule, f"a frame of shape {answer.shape}")
        cells = [
            _bools(contract, rule, answer.iloc[:, place], data)
            | data.iloc[:, place].isna().to_numpy()
            for place in range(answer.shape[1])
        ]
        every: np.ndarray = np.logical_and.reduce(cells)
        return every
    if isinstance(answer, pd.Series):
        return _bools(contract, rule, answer, data)
    raise invalid_result_error(contract, rule, answer)


def call_check(rule: Rule, data: pd.Series[Any] | pd.DataFrame) -> Any:
    """The raw return value of the check's function.

    pandera's pandas backend is called directly, so neither pandera's environment variables
    (PANDERA_VALIDATION_ENABLED, ..._DEPTH, PANDERA_USE_NARWHALS_BACKEND) nor a registry can change
    whether and how a check runs.
    """
    from pandera.backends.pandas.checks import PandasCheckBackend

    if rule.check is None:
        raise TypeError(f"rule {rule.name!r} has no check")
    backend: Any = PandasCheckBackend(rule.check)
    return run_guarded(lambda: backend.apply(backend.preprocess(data, None)))


def check_error(
    contract: Contract, rule: Rule, error: Exception, fix: str | None = None
) -> ContractFileError:
    """Converts an exception raised inside a check to a `ContractFileError`."""
    where = f"{contract.file}:{rule.line}"
    if isinstance(error, ContractCodeStopped):
        return ContractFileError(
            f"rule {rule.name!r} does not come to its end",
            where=f"{contract.file}:{error.line_in(contract.file) or rule.line}",
            expected="one bool per row",
            found=str(error),
        )
    if (absent := absent_column(contract, rule, error)) is not None:
        what = "label" if absent == contract.label else "weight"
        return ContractFileError(
            f"rule {rule.name!r} needs the {what} {absent!r}",
            where=where,
            expected=f"rules over whole rows that also run at scoring time, without the {what}",
            found=f"{type(error).__name__}: {error}",
            fix=f"Make it a column check of the {what}: @pa.check({absent!r})",
        )
    return ContractFileError(
        f"rule {rule.name!r} cannot be evaluated",
        where=where,
        expected="one bool per row",
        found=contract.error_words(error),
        fix=fix,
    )


def absent_column(contract: Contract, rule: Rule, error: Exception) -> str | None:
    """The label or weight that a rule over whole rows failed for: neither is there at night."""
    if rule.column is not None or contract.has_label:
        return None
    if not isinstance(error, (KeyError, AttributeError)):
        return None
    absent = (contract.label, contract.weight)
    return next((each for each in absent if each and repr(each) in str(error)), None)


def invalid_result_error(contract: Contract, rule: Rule, answer: object) -> ContractFileError:
    if isinstance(answer, (bool, np.bool_)):
        return _unusable(
            contract,
            rule,
            "one bool for the whole table",
            "Write a rule about one row; about the table there are table rules in params.yaml",
        )
    return _unusable(contract, rule, f"a value of type {type(answer).__name__}")


def _unusable(
    contract: Contract, rule: Rule, found: str, fix: str | None = None
) -> ContractFileError:
    return ContractFileError(
        f"rule {rule.name!r} does not answer row by row",
        where=f"{contract.file}:{rule.line}",
        expected="one bool per row, with the index of what it was given",
        found=found,
        fix=fix,
    )


def _bools(
    contract: Contract, rule: Rule, answer: pd.Series[Any], data: pd.Series[Any] | pd.DataFrame
) -> np.ndarray:
    if len(answer) != len(data):
        raise _unusable(contract, rule, f"{len(answer)} answers for {counted(len(data), 'row')}")
    if not answer.index.equals(data.index):
        if not answer.index.is_unique or not answer.index.isin(data.index).all():
            raise _unusable(contract, rule, "another index")
        answer = answer.loc[data.index]
    if answer.dtype == np.dtype(bool):
        return answer.to_numpy()
    null = answer.isna().to_numpy()
    plain = answer.to_numpy(dtype=object)
    strange = [each for each in plain[~null] if not isinstance(each, (bool, np.bool_))]
    if strange:
        raise _unusable(contract, rule, f"values of type {type(strange[0]).__name__}")
    plain[null] = False
    return plain.astype(bool)


# -------------------------------- calls a function of rows around those that it raises an error for
# One impossible value must not cost the other rows of a batch their result.

Result = TypeVar("Result")


class Part(NamedTuple, Generic[Result]):
    """The result for the rows from ``start`` up to, but not including, ``stop``."""

    start: int
    stop: int
    result: Result


class TooManyFailed(Exception):
    """The rows were not all found within the allowed number of calls."""


def call_around_failing_rows(
    work: Callable[[int, int], Result],
    rows: int,
    tries: int,
    pass_on: tuple[type[Exception], ...] = (),
) -> Iterator[Part[Result]]:
    """The results of ``work`` for the parts of a batch that it does not raise for, by halving.

    Parameters
    ----------
    work
        Gets the first row and the one behind the last. Its result for a row must not depend on
        other rows. It is known to raise for all rows together.
    rows
        In the batch, n >= 1.
    tries
        The most calls. A failing row among n takes about 2 log2(n) of them.
    pass_on
        Errors that say nothing about the rows, beside MemoryError: they end the search.

    Raises
    ------
    TooManyFailed
        Failing rows may remain that were not found.
    """
    failing = [(0, rows)] if rows > 1 else []
    while failing:
        first, end = failing.pop()
        middle = (first + end) // 2
        for start, stop in ((first, middle), (middle, end)):
            if tries == 0:
                raise TooManyFailed
            tries -= 1
            try:
                result = work(start, stop)
            except Exception as error:
                if isinstance(error, (MemoryError, *pass_on)):
                    raise
                if stop - start > 1:
                    failing.append((start, stop))
                continue
            yield Part(start, stop, result)
