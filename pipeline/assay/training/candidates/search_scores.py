"""The scores that searches gave to settings, kept from one training to the next.

A search over settings fits each of them on each of its folds, and does so again in the next
training although most settings and rows are what they were. What a fold's score depends on is known
before the fit: the estimator with its settings, the rows, the libraries. So the score is kept under
a digest of these, one line each, and a fit whose score is known is not made. No model is kept.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from assay.project import layout
from assay.project.textfile import write

FILE = f"{layout.WORK}/search-scores.txt"
"""May be deleted at any time."""

MOST_BYTES = 8_000_000
"""Of the file; when it is larger, the older half of its lines is dropped."""

SECONDS = 5.0
"""How often a search under way is asked for its progress."""


class SearchScores:
    """Scores by their keys in a file, which several processes may add to.

    A line that is damaged, or was edited, counts for nothing.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, float] = {}
        self._read = 0
        """Bytes of the file that were read."""

    def find(self, key: str) -> float | None:
        if key not in self._known:
            self._take_in()
        return self._known.get(key)

    def _take_in(self) -> None:
        """Read what was added to the file; all of it, if it was cut meanwhile."""
        with suppress(OSError), self._file.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            if size < self._read:
                self._read = 0
            opened.seek(self._read)
            added = opened.read()
            whole = added.rpartition(b"\n")[0]
            self._known.update(_scores(whole.decode(errors="replace")))
            self._read += len(whole) + 1 if b"\n" in added else 0

    def keep(self, key: str, score: float, training: str) -> None:
        """Add a score, for other processes too. If that fails, it is computed anew next time."""
        self._known[key] = score
        line = _line(key, score, training)
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            # One write of few bytes at the end: lines of several processes do not mix.
            opened = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                os.write(opened, line.encode())
            finally:
                os.close(opened)


@lru_cache(maxsize=4)
def open_scores(file: Path, process: int) -> SearchScores:
    """The scores of a file, which a process keeps in memory."""
    del process
    return SearchScores(file)


@contextmanager
def watched(root: Path, training: str, report: Callable[[int], None]) -> Iterator[None]:
    """Report how many scores a training added within the block, while it runs and at its end.

    They are counted in the file, as a search may compute them in other processes. Too large a file
    is cut before.
    """
    file = root / FILE
    _cut(file)
    ended = threading.Event()
    told = 0

    def look() -> None:
        nonlocal told
        added = _count(file, training)
        if added > told:
            told = added
            report(added)

    def watch() -> None:
        while not ended.wait(SECONDS):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        open_scores.cache_clear()
    look()


def _scores(text: str) -> Iterator[tuple[str, float]]:
    for line in text.splitlines():
        with suppress(ValueError):
            key, text, training, _ = line.split(" ")
            score = float.fromhex(text)
            if line + "\n" == _line(key, score, training):
                yield key, score


def _line(key: str, score: float, training: str) -> str:
    text = f"{key} {float(score).hex()} {training}"
    return f"{text} {zlib.crc32(text.encode()):08x}\n"


def _count(file: Path, training: str) -> int:
    try:
        return file.read_bytes().count(f" {training} ".encode())
    except OSError:
        return 0


def _cut(file: Path) -> None:
    with suppress(OSError):
        if file.stat().st_size > MOST_BYTES:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
            write(file, "".join(lines[len(lines) // 2 :]))
