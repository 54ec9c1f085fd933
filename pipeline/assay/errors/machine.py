"""Errors that a full disk, a missing right or too little memory causes: not bugs of Assay."""

from __future__ import annotations

import errno
import re

from assay.errors import AssayError, MemoryShort

MACHINE = frozenset(
    {
        errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM,
        errno.EMFILE, errno.ENFILE,
    }
)  # fmt: skip
"""errno values caused by the machine: full disk, missing permission, I/O error, file limits."""


def from_os_error(error: BaseException) -> AssayError | None:
    """An AssayError if the machine caused ``error`` (`MACHINE`), so it is not a bug; else None."""
    if _MANY_FILES.search(str(error)):  # also where a library in Rust says so, and panics
        return AssayError(
            "this process may not have so many files open",
            found=" ".join(str(error).split())[:300],
            fix="Raise the limit (ulimit -n 1024), then run the same command again.",
        )
    if not isinstance(error, OSError) or error.errno not in MACHINE:
        return None
    return AssayError(
        "cannot be read or written",
        where=None if error.filename is None else str(error.filename),
        found=error.strerror,
        fix="Check the disk, its room and who may write there, then run the same command again.",
    )


_MANY_FILES = re.compile("too many open files", re.IGNORECASE)


_NO_ROOM = re.compile(
    r"failed to map segment|cannot allocate memory|can't (start new|spawn worker) thread"
    r"|\bMemoryError\b|failed to launch worker thread|memory allocation (of \d+ bytes|still) failed"
    r"|find/load shared object file 'libllvmlite",
    re.IGNORECASE,
)


def from_memory_error(error: BaseException) -> AssayError | None:
    """A MemoryShort if memory ran out, so it is not a bug; else None. Arrow's error is one too.

    Where a process may have little address space (``ulimit -v``), libraries and threads that cannot
    be loaded or started say so in their own ways.
    """
    if not isinstance(error, MemoryError) and not _NO_ROOM.search(str(error)):
        return None
    return MemoryShort(
        "memory ran out, so this was not done",
        found=" ".join(str(error).split())[:300] or None,
        fix="Give it more memory, or a higher limit where there is one (ulimit -v). Or lower what "
        "is held at a time: score.batch_rows for nights; the windows under prepare, features or "
        "their categories for a model.",
    )
