"""How long a command takes, and how much memory it holds together with all that it starts.

Memory is the kernel's proportional set size, added up over the processes of the tree: a page
that several of them share (a library, what a forked worker has not written to) counts once.
Their resident set sizes, in which it counts each time, are added up beside it. The peak is the
highest of the sums that were seen, ten a second.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

EVERY = 0.1
"""Seconds from one look to the next."""
PROC = Path("/proc")


class CommandFailed(Exception):
    """The command ended in another way than it should."""


@dataclass(frozen=True)
class Footprint:
    """What a command took.

    Attributes
    ----------
    memory, resident
        Peaks in MB: of the sums of proportional, and of resident, set sizes; 0 if nobody looked.
    parts
        What ``memory`` was made of at its peak, by kind of process.
    output
        What the command wrote to standard output.
    """

    seconds: float
    memory: float = 0.0
    resident: float = 0.0
    parts: Mapping[str, float] = field(default_factory=dict)
    output: str = ""


def run(
    command: Sequence[str],
    place: Path,
    environment: Mapping[str, str],
    *,
    watched: bool = False,
    ends: Collection[int] = (0,),
) -> Footprint:
    """Run a command to its end.

    Parameters
    ----------
    watched
        Whether memory is looked at, which takes the command some of its time.
    ends
        Exit codes that it may end with.

    Raises
    ------
    CommandFailed
    """
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=place,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        watch = _Watch(process.pid) if watched else None
        output, errors = process.communicate()
        seconds = time.perf_counter() - started
        if watch is not None:
            watch.stop()
    if process.returncode not in ends:
        raise CommandFailed(f"{' '.join(command)} ended {process.returncode}: {errors[-500:]}")
    if watch is None:
        return Footprint(seconds, output=output)
    return Footprint(seconds, watch.memory, watch.resident, watch.parts, output)


class _Watch:
    """Looks at a tree of processes from a thread of its own."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self.memory = self.resident = 0.0
        self.parts: dict[str, float] = {}
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(EVERY):
            found = held(self._pid)
            total = sum(each.shared_out for each in found)
            if total > self.memory:
                self.memory, self.parts = total, {}
                for each in found:
                    self.parts[each.kind] = self.parts.get(each.kind, 0.0) + each.shared_out
            self.resident = max(self.resident, sum(each.resident for each in found))


@dataclass(frozen=True)
class Held:
    """What one process holds, in MB: its share of what it maps, and all of it."""

    kind: str
    shared_out: float
    resident: float


def held(pid: int) -> list[Held]:
    """A process and all below it; those that end meanwhile are left out."""
    found = []
    todo = [pid]
    while todo:
        each = todo.pop()
        try:
            todo += _children(each)
            sizes = _sizes(PROC / str(each) / "smaps_rollup")
            words = (PROC / str(each) / "cmdline").read_bytes().decode().split("\0")
        except (OSError, ValueError):
            continue
        if "Pss" in sizes:
            kind = "the command itself" if each == pid else _kind(words)
            found.append(Held(kind, sizes["Pss"], sizes["Rss"]))
    return found


def _children(pid: int) -> list[int]:
    return [
        int(child)
        for thread in (PROC / str(pid) / "task").iterdir()
        for child in (thread / "children").read_text().split()
    ]


def _sizes(path: Path) -> dict[str, float]:
    """The numbers of a process's memory, in MB."""
    lines = (line.split() for line in path.read_text().splitlines()[1:])
    return {name.rstrip(":"): int(size) / 1024 for name, size, *_ in lines}


def _kind(words: Sequence[str]) -> str:
    if Path(words[0]).name == "java":
        return "JVM"
    return "Python workers" if "pyspark.daemon" in words else "others"
