"""How much memory this process can still take (Linux tells), and how it gives some back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import MemoryShort

GIGABYTE = 1_000_000_000

LEAST_ADDRESS_SPACE = 4 * GIGABYTE
"""What the libraries reserve when they are loaded; most of it is never used (3.2 on two cores)."""


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes that can be taken before an allocation fails or the process is killed.

    The least of what the machine has available, what is left of the limits of the process's control
    groups (a container's limit is one), and what is left of its address space (``ulimit -v``).

    Parameters
    ----------
    root
        Where ``proc`` and ``sys`` are.

    Returns
    -------
    int or None
        None if the system does not tell.
    """
    found = [_machine(root / "proc/meminfo"), *_groups(root), _address_space(root)]
    known = [each for each in found if each is not None]
    return max(0, min(known)) if known else None


def _machine(path: Path) -> int | None:
    kilobytes = _numbers(path).get("MemAvailable")
    return None if kilobytes is None else kilobytes * 1024


def _groups(root: Path) -> list[int]:
    """What is left of the limit of each control group, of version 2 or 1, that has one."""
    top = root / "sys/fs/cgroup"
    left = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        base, names = (
            (top / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes"))
            if controllers
            else (top, ("memory.max", "memory.current"))
        )
        # A group is also held to the limits of those around it.
        here = base / path.strip("/")
        for folder in (here, *here.parents):
            limit, used = (_text(folder / name).strip() for name in names)
            if limit.isdigit() and used.isdigit():
                cached = _numbers(folder / "memory.stat").get("inactive_file", 0)
                left.append(int(limit) - int(used) + cached)
            if folder == base:
                break
    return left


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
            mend="Raise the limit: ulimit -v unlimited. To limit memory, use a control group, as "
            "containers do.",
        )


def _address_space_limit() -> int | None:
    try:
        import resource
    except ImportError:  # there is none on Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def _address_space(root: Path) -> int | None:
    limit = _address_space_limit()
    pages = _text(root / "proc/self/statm").split()
    if limit is None or not pages:
        return None
    return limit - int(pages[0]) * os.sysconf("SC_PAGE_SIZE")


def _numbers(path: Path) -> dict[str, int]:
    """The number behind each name, of a file with one of them a line."""
    lines = [line.replace(":", " ").split() for line in _text(path).splitlines()]
    return {line[0]: int(line[1]) for line in lines if len(line) > 1 and line[1].isdigit()}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


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
