"""What a job does with the rows of a night, and the ``local`` carrier, which needs no Spark.

The tasks of a night run in threads or processes of this command. Reading Parquet, counting and
compiled models release Python's lock, so threads use all cores. Other models get a process for each
core.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import pyarrow as pa

from assay.errors import AssayError, ScoringFailed
from assay.errors.machine import from_memory_error, from_os_error
from assay.project.processes import can_share, own_cores, process_pool, set_variables
from assay.score.inputs.split import RowGroups, split_tasks

if TYPE_CHECKING:
    from assay.score.inputs.types import InputFile


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


Task: TypeAlias = tuple[RowGroups, ...]

SUBMITTED = "PYSPARK_GATEWAY_PORT"
"""The environment variable that spark-submit sets."""

ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
"""Each process has one core: a library with a thread per core would oversubscribe the machine."""

_LOCAL = re.compile(r"local(?:\[(\d+|\*)[^\]]*\])?")


def local_cores(master: str) -> int | None:
    """The number of cores for a local ``spark.master``; None if it names a cluster."""
    match = _LOCAL.fullmatch(master)
    if match is None:
        return None
    return own_cores() if match[1] == "*" else int(match[1] or 1)


def run_files(
    files: Sequence[InputFile],
    work: Work[Outcome],
    cores: int,
    progress: Progress,
) -> Iterator[Outcome]:
    """Run a job on Parquet files; returns each task's outcome, in the order of the files.

    Raises
    ------
    AssayError
        The first error that a task raised.
    ScoringFailed
        A task failed in another way: the model or the project's own code raised, or memory ran out.
    """
    tasks = split_tasks(files, cores)
    return iter(_run(tasks, work, cores, work.threaded, progress))


def _run(
    tasks: Sequence[Task],
    work: Work[Any],
    cores: int,
    threaded: bool,
    progress: Progress,
) -> list[Any]:
    many = min(cores, len(tasks))
    if many > 1 and not threaded and can_share():
        return _in_processes(tasks, work, many, progress)
    if many > 1 and threaded:
        with ThreadPoolExecutor(many) as pool:
            return _collect(pool, partial(_process, work), tasks, work.where, progress)
    results = []
    for at, task in enumerate(tasks):
        with _failures(work.where):
            results.append(work.process_files(task, f"{at:05d}"))
        progress(len(results), len(tasks))
    return results


def _process(work: Work[Any], task: Task, name: str) -> Any:
    return work.process_files(task, name)


def _in_processes(
    tasks: Sequence[Task], work: Work[Any], cores: int, progress: Progress
) -> list[Any]:
    with (
        _sent(work) as sent,
        set_variables(ONE_THREAD),
        process_pool(cores, _receive, (sent,)) as pool,
    ):
        return _collect(pool, _process_received, tasks, work.where, progress)


@contextmanager
def _sent(work: Work[Any]) -> Iterator[Path | bytes]:
    """The work as a file for the processes to read; as it is where no file can be written.

    What a process is started with goes through a pipe. Where it ends before it has read more than a
    pipe holds, the command would write for ever.
    """
    pickled = pickle.dumps(work)
    with ExitStack() as at_the_end:
        sent: Path | bytes = pickled
        with suppress(OSError):
            folder = at_the_end.enter_context(TemporaryDirectory(prefix="assay-work-"))
            file = Path(folder) / "work"
            file.write_bytes(pickled)
            sent = file
        yield sent


_received: Any = None
"""In a process of the pool: the work, which is sent once and not with each task."""


def _receive(sent: Path | bytes) -> None:
    global _received
    _received = pickle.loads(sent if isinstance(sent, bytes) else sent.read_bytes())


def _process_received(task: Task, name: str) -> Any:
    return _received.process_files(task, name)


def _collect(
    pool: Executor,
    process: Callable[[Any, str], Any],
    tasks: Sequence[Task],
    where: str,
    progress: Progress,
) -> list[Any]:
    results: list[Any] = []
    try:
        with _failures(where):
            try:
                running = [pool.submit(process, task, f"{at:05d}") for at, task in enumerate(tasks)]
            except OSError as error:  # one ended before its first task, and closed the pool's pipes
                raise BrokenProcessPool(str(error)) from None
        for each in running:
            with _failures(where):
                results.append(each.result())
            progress(len(results), len(tasks))
    finally:
        # After an error or an interrupt, the tasks that have not begun are not begun.
        pool.shutdown(cancel_futures=True)
    return results


@contextmanager
def _failures(where: str) -> Iterator[None]:
    """Turns what a model, the project's code or the machine raised into a one-line error."""
    try:
        yield
    except AssayError:
        raise
    except (MemoryError, pa.ArrowMemoryError, BrokenProcessPool) as error:
        ended = isinstance(error, BrokenProcessPool)
        raise ScoringFailed(
            "memory ran out, so nothing was published"
            if not ended
            else "a process ended in the middle of its rows, so nothing was published; most "
            "likely memory ran out",
            where=where,
            fix="Lower score.batch_rows in params.yaml, or use fewer cores with "
            "spark.master: local[1].",
        ) from None
    except Exception as error:
        machine = from_os_error(error) or from_memory_error(error)
        if machine is not None:
            raise machine from None
        message = " ".join(str(error).split())[:300]
        raise ScoringFailed(
            "the model or the project's own code failed, so nothing was published",
            where=where,
            found=f"{type(error).__name__}: {message}",
            fix="Run again with ASSAY_DEBUG=1 to see where.",
        ) from error
