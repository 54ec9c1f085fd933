"""What a carrier is given to do with the rows of a night, and what it tells meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.score.inputs.split import RowGroups

Outcome = TypeVar("Outcome", covariant=True)

Progress: TypeAlias = Callable[[int, int], None]
"""Called at intervals with the number of tasks done, and of all tasks."""


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

    def process_batches(self, batches: Iterable[pa.RecordBatch], text: bool, name: str) -> Outcome:
        """The outcome for batches from Spark; ``text`` states that all cells are text."""
        ...
