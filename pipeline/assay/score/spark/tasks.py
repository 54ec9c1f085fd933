"""The ``files`` carrier: Spark distributes shares of files, and executors read and score them.

No row passes through the JVM. A task gets the names of row groups. It reads them with Arrow, and
returns its counts and the names of the files that it wrote. What fails is reduced to one line.
"""

from __future__ import annotations

import gc
import hashlib
import io
import pickle
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import AssayError, RunError, SparkFailed
from assay.project import layout
from assay.project.digests import PACKAGE
from assay.score.inputs.catalog import failure_cause
from assay.score.inputs.split import RowGroups, split_tasks
from assay.score.local import Outcome, Progress, Work

if TYPE_CHECKING:
    from pyspark import Broadcast, SparkContext
    from pyspark.sql import SparkSession

    from assay.score.inputs.types import InputFile

_MEMORY = re.compile(r"MemoryError|OutOfMemory")

EVERY = 0.5
"""Seconds between two progress reports."""


def task_name() -> str:
    """A name that is unique to the running task and attempt."""
    from pyspark import TaskContext

    context = TaskContext.get()
    if context is None:
        return "00000"
    return f"{context.partitionId():05d}.{context.taskAttemptId():05d}"


@cache
def freeze_imports() -> None:
    """Take all objects that there are out of the garbage collector's sight; to be called in a task.

    After each task PySpark's daemon looks for garbage in its worker, among a million objects of
    pandas, pandera and others: a tenth of a second, in which nothing is scored.
    """
    gc.freeze()


def collect_outcomes(
    spark: SparkSession,
    collect: Callable[[], Iterable[bytes]],
    where: str,
    progress: Progress,
) -> Iterator[Any]:
    """The outcomes of a job's tasks; the job has run when they are returned.

    They stay pickled until they are asked for: each may hold a profile of all columns, and a large
    night has many.

    Parameters
    ----------
    collect
        Runs the job; each task returns its outcome or error, pickled.

    Raises
    ------
    AssayError
        The first error that a task returned.
    SparkFailed
        Spark itself failed.
    """
    try:
        with _watched(spark, progress):
            pickled = list(collect())
    except KeyboardInterrupt:
        spark.sparkContext.cancelAllJobs()
        raise
    except Exception as error:
        cause = failure_cause(str(error))
        lower = "Lower score.batch_rows. " if _MEMORY.search(cause) else ""
        raise SparkFailed(
            f"Spark failed: {cause}",
            where=where,
            fix=f"{lower}Nothing was published. All that Spark said is in "
            f"{layout.WORK}/spark/spark.log.",
        ) from None
    for outcome in map(pickle.loads, pickled):
        if isinstance(outcome, AssayError):
            raise outcome
    return _unpickled(pickled)


def _unpickled(pickled: list[bytes]) -> Iterator[Any]:
    """Each of them in turn, of which nothing is kept."""
    pickled.reverse()
    while pickled:
        yield pickle.loads(pickled.pop())


class _watched:
    """Reports the progress of the running stages while the block runs."""

    def __init__(self, spark: SparkSession, progress: Progress) -> None:
        self._tracker = spark.sparkContext.statusTracker()
        self._progress = progress
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(EVERY):
            stages = [self._tracker.getStageInfo(n) for n in self._tracker.getActiveStageIds()]
            known = [stage for stage in stages if stage is not None]
            if known:
                self._progress(
                    sum(stage.numCompletedTasks for stage in known),
                    sum(stage.numTasks for stage in known),
                )


def run_files(
    spark: SparkSession,
    files: Sequence[InputFile],
    work: Work[Outcome],
    progress: Progress,
) -> Iterator[Outcome]:
    """Run a job on the Parquet files of a night; returns each task's outcome.

    Raises
    ------
    AssayError
        The first error that a task raised.
    SparkFailed
        Spark itself failed.
    """
    context = spark.sparkContext
    tasks = split_tasks(files, context.defaultParallelism)
    shared = send(context, work)

    def process(task: Sequence[RowGroups]) -> bytes:
        return pickle.dumps(_outcome(shared, task))

    try:
        handed_out = context.parallelize(tasks, max(len(tasks), 1)).map(process)
        return collect_outcomes(spark, handed_out.collect, work.where, progress)
    finally:
        shared.unpersist()


def _outcome(shared: Any, task: Sequence[RowGroups]) -> Any:
    try:
        work: Work[Any] = received(shared.value)
        return work.process_files(task, task_name())
    except AssayError as error:
        # Retrying cannot fix an error in the data or the bundle, so it is returned, not raised.
        return error
    finally:
        freeze_imports()


# ------- sends a job's work to Spark's workers, with what is large in files that they map to memory
# Pickled, a forest of 150 MB would be held twice by every Python worker, and copied for every task.
# In a file it is one copy for all workers of a machine, which is the system's to keep or to drop.

LARGE = 1 << 20
"""Bytes from which an archive goes into a file."""
ARCHIVE = b"PK\x03\x04"
"""How a model's files begin, the only ones of a bundle that grow with the model."""

_DIGEST = hashlib.sha256().digest_size

_added: set[tuple[str, str]] = set()
"""Applications, and the files that were sent to their workers."""


def send(context: SparkContext, work: Work[Any]) -> Broadcast[bytes]:
    """Send work to all machines once, whatever the number of tasks; see `received`."""
    target = io.BytesIO()
    pickler = _Pickler(target, protocol=pickle.HIGHEST_PROTOCOL)
    pickler.dump(work)
    for name, data in pickler.large.items():
        if (context.applicationId, name) not in _added:
            context.addFile(str(_written(name, data)))
            _added.add((context.applicationId, name))
    return context.broadcast(_own_code() + target.getvalue())


def received(sent: bytes) -> Any:
    """The work, for the task that runs; what was large is a view of a file.

    Nobody has verified that file yet: who parses it compares its digest, as for all of a bundle.

    Raises
    ------
    RunError
        This machine has another Assay than the one that sent the work.
    """
    theirs, ours = sent[:_DIGEST], _own_code()
    if theirs != ours:
        raise RunError(
            "a Spark worker has another Assay than this machine",
            where=f"{PACKAGE} on the worker",
            expected=f"sha256:{theirs.hex()[:12]}",
            found=f"sha256:{ours.hex()[:12]}",
            fix="Install the same Assay there: docs/cluster.md.",
        )
    return _Unpickler(io.BytesIO(sent[_DIGEST:])).load()


@cache
def _own_code() -> bytes:
    """Digest of the Assay that is installed here."""
    whole = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_bytes()
        whole.update(f"{path.relative_to(PACKAGE).as_posix()} {len(text)}\n".encode() + text)
    return whole.digest()


def _written(name: str, data: bytes) -> Path:
    path = Path(_folder().name) / name
    if not path.exists():
        path.write_bytes(data)
    return path


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Only this user can read it. It is deleted with the process."""
    return tempfile.TemporaryDirectory(prefix="assay-sent-")


class _Pickler(pickle.Pickler):
    """Leaves out large archives, and refers to them by their digest."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.large: dict[str, bytes] = {}

    def persistent_id(self, thing: Any) -> str | None:
        if type(thing) is not bytes or len(thing) < LARGE or not thing.startswith(ARCHIVE):
            return None
        name = f"assay-{hashlib.sha256(thing).hexdigest()}"
        self.large[name] = thing
        return name


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, name: Any) -> mmap:
        from pyspark import SparkFiles

        with Path(SparkFiles.get(name)).open("rb") as file:
            return mmap(file.fileno(), 0, access=ACCESS_READ)
