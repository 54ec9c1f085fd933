"""A warm session as in `assay_session`, whose nights can be cut into smaller tasks.

Rows and tasks go together otherwise, and what a task costs could not be told from what its
rows cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from assay.score.inputs import split as splits
from benchmarks import assay_session, contender
from benchmarks.contender import Answer

USUAL = (splits.TASK_ROWS, splits.SMALL)


def cut(task_rows: int | None) -> Answer:
    """From now on a task has at most so many rows; None for as many as usual."""
    splits.TASK_ROWS, splits.SMALL = USUAL if task_rows is None else (task_rows, 0)
    return {}


def serve(handlers: Mapping[str, Callable[..., Answer]]) -> None:
    contender.serve({**handlers, "cut": cut})


if __name__ == "__main__":
    assay_session.serve = serve
    assay_session.main()
