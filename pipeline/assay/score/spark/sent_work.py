"""Sends a job's work to Spark's workers, with what is large in files that they map to memory.

Pickled, a forest of 150 MB would be held twice by every Python worker, and copied for every task.
In a file it is one copy for all workers of a machine, which is the system's to keep or to drop.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import tempfile
from functools import cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import RunError
from assay.project.digests import PACKAGE
from assay.score.local import Work

if TYPE_CHECKING:
    from pyspark import Broadcast, SparkContext

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
