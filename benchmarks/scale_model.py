"""What a night costs, as a sum of few terms that are fitted to measured nights.

    seconds = start + file * files + task * tasks + (row * rows + own * tasks) / cores

The first three terms are the driver's and nobody shares them; the last is shared by all
cores. Amdahl's argument (AFIPS 1967) is all there is to it: however many cores there are, a
night takes no less than the driver's part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from assay.score.inputs.split import planned_tasks

FILE_ROWS = 1_000_000
"""Rows a file in nights that nobody has measured; a task has as many at most."""


@dataclass(frozen=True)
class Load:
    """A night and what it is scored on."""

    rows: int
    files: int
    tasks: int
    cores: int


@dataclass(frozen=True)
class Model:
    """Seconds: of a run, an input file, a task on the driver; a row, a task on a core."""

    start: float
    file: float
    task: float
    row: float
    own: float

    def driver(self, load: Load) -> float:
        """The part that more cores do not shorten."""
        return self.start + self.file * load.files + self.task * load.tasks

    def shared(self, load: Load) -> float:
        """The part that cores share, in seconds of one core."""
        return self.row * load.rows + self.own * load.tasks

    def seconds(self, load: Load) -> float:
        return self.driver(load) + self.shared(load) / load.cores


def fit(measured: Iterable[tuple[Load, float]]) -> Model:
    """The model whose relative errors are least, in the sense of least squares.

    No term may be negative (Lawson and Hanson, Solving Least Squares Problems, 1974,
    chapter 23): a night does not get shorter by a file more.

    Raises
    ------
    ValueError
        The nights do not differ enough to tell the terms apart.
    """
    loads, seconds = zip(*measured, strict=True)
    terms = np.array([_terms(load) for load in loads])
    if np.linalg.matrix_rank(terms / terms.max(axis=0)) < terms.shape[1]:
        raise ValueError(f"{len(loads)} nights cannot tell {terms.shape[1]} terms apart")
    weights = 1 / np.array(seconds)
    scale = terms.max(axis=0)
    found, _ = nnls(terms / scale * weights[:, None], np.ones(len(loads)))
    return Model(*(found / scale).tolist())


def _terms(load: Load) -> tuple[float, ...]:
    return (
        1.0,
        load.files,
        load.tasks,
        load.rows / load.cores,
        load.tasks / load.cores,
    )


def planned(rows: int, cores: int) -> Load:
    """A night of full files on so many cores, cut into tasks as `splits.split` cuts it."""
    return Load(rows, -(-rows // FILE_ROWS), planned_tasks(rows, cores), cores)


def costs(model: Model) -> str:
    """The fitted terms as Markdown."""
    rows = (
        ("a run", "driver", model.start),
        ("each input file", "driver", model.file),
        ("each task", "driver", model.task),
        ("each task", "a core", model.own),
        ("a million rows", "a core", model.row * 1e6),
    )
    lines = ["| what | who | seconds |", "|---|---|--:|"]
    lines += [f"| {what} | {who} | {seconds:.3g} |" for what, who, seconds in rows]
    return "\n".join(lines) + "\n"


def points(model: Model, measured: Sequence[tuple[Load, float]]) -> str:
    """Measured and fitted seconds, side by side, as Markdown."""
    lines = [
        "| rows | files | tasks | cores | measured s | model s | error |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for load, seconds in measured:
        fitted = model.seconds(load)
        lines.append(
            f"| {load.rows:,} | {load.files:,} | {load.tasks:,} | {load.cores} | {seconds:.2f} "
            f"| {fitted:.2f} | {fitted / seconds - 1:+.1%} |"
        )
    return "\n".join(lines) + "\n"


def outlook(model: Model, rows: Sequence[int], cores: Sequence[int]) -> str:
    """What nights nobody has measured would take, as Markdown.

    The last column is the number of cores on which half of the time is the driver's: from
    there on, twice the cores save less than a third.
    """
    lines = [
        f"| rows | {' | '.join(f'{count:,} cores' for count in cores)} | half is the driver's |",
        f"|--:|{'--:|' * len(cores)}--:|",
    ]
    for count in rows:
        cells = [duration(model.seconds(planned(count, each))) for each in cores]
        lines.append(f"| {count:,} | {' | '.join(cells)} | {_half(model, count)} |")
    return "\n".join(lines) + "\n"


def _half(model: Model, rows: int) -> str:
    load = planned(rows, 1)
    driver = model.driver(load)
    return f"at {model.shared(load) / driver:,.0f} cores" if driver else "never"


def duration(seconds: float) -> str:
    """As people say it, to three digits at most."""
    if seconds < 100:
        return f"{seconds:.3g} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.3g} min"
    return f"{seconds / 3600:.3g} h"
