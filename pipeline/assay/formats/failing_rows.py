"""Calls a function of rows around those that it raises an error for.

One impossible value must not cost the other rows of a batch their result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

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
