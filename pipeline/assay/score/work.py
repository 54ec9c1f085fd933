"""What a carrier is given to do with the rows of a night, and what it tells meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from assay.score.inputs.split import RowGroups

Outcome = TypeVar("Outcome", covariant=True)

Progress: TypeAlias = Callable[[int, int], None]
"""Called at intervals with the number of tasks done, and of all tasks."""


MOST_CELLS = 25_000_000
"""Cells in a batch: 200 MB of numbers, of which a task holds a few copies."""


def rows_per_batch(most: int, columns: int) -> int:
    """At most ``most`` rows (`score.batch_rows`), and fewer if they are wide.

    >>> rows_per_batch(100_000, 20), rows_per_batch(100_000, 500)
    (100000, 50000)
    """
    return max(1, min(most, MOST_CELLS // max(columns, 1)))


def no_progress(done: int, tasks: int) -> None:
    """Tells nobody."""


class Work(Protocol[Outcome]):
    """What the tasks of a job do; pickled and sent to each process or machine once.

    Attributes
    ----------
    where
        The rows' name in errors.
    batch_rows
        Rows per batch.
    threaded
        Whether tasks in threads of one process run at the same time. Not so for a model that is
        not compiled: scikit-learn mostly holds Python's lock.
    """

    @property
    def where(self) -> str: ...

    @property
    def batch_rows(self) -> int: ...

    @property
    def threaded(self) -> bool: ...

    def process_files(self, parts: Sequence[RowGroups], name: str) -> Outcome:
        """The outcome for some row groups; ``name`` is unique to this attempt."""
        ...
