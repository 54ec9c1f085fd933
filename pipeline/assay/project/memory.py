"""The least address space a process needs, and how it gives memory back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from assay.errors import MemoryShort

GIGABYTE = 1_000_000_000

LEAST_ADDRESS_SPACE = 4 * GIGABYTE
"""What the libraries reserve when they are loaded; most of it is never used (3.2 on two cores)."""


def refuse_small_address_space() -> None:
    """End here if libraries could not be loaded: they would abort, or wait for ever, with no word.

    Raises
    ------
    MemoryShort
        The limit (``ulimit -v``) is below `LEAST_ADDRESS_SPACE`.
    """
    limit = _address_space_limit()
    if limit is not None and limit < LEAST_ADDRESS_SPACE:
        raise MemoryShort(
            "this process may have too little address space",
            expected=f"{LEAST_ADDRESS_SPACE / GIGABYTE:.0f} GB, most of which is never used",
            found=f"{limit / GIGABYTE:.1f} GB",
            fix="Raise the limit: ulimit -v unlimited. To limit memory, use a control group, as "
            "containers do.",
        )


def _address_space_limit() -> int | None:
    try:
        import resource
    except ImportError:  # there is none on Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


@contextmanager
def system_allocator() -> Iterator[None]:
    """Let Arrow take memory from the system inside the block, and give it back at once.

    Its own allocator keeps what was freed: tens of megabytes a thread, and of a table of many rows
    half as much again as is held.
    """
    import pyarrow as pa

    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)
