"""Evidently's reports of several nights, drawn in processes of their own.

One takes two seconds, nearly all of them Python's own, so threads would not help.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType

from assay.monitor.evidently import page
from assay.monitor.evidently.sample import Sample
from assay.monitor.nights.content import ReportContent
from assay.project.processes import own_cores, process_pool

FEW = 4
"""Reports for which a process would not pay: it loads Evidently first, for three seconds."""

Drawing = tuple[Path, str, str, Sequence[tuple[ReportContent, Sample]]]
"""The file; then what `assay.monitor.evidently.page.render_page` takes."""


class ReportDrawer:
    """Draws reports, in the background if there are many; all are written when the block ends.

    Parameters
    ----------
    expected
        How many reports there will be, about.
    """

    def __init__(self, expected: int) -> None:
        workers = min(own_cores(), expected // FEW)
        self._pool: ProcessPoolExecutor | None = process_pool(workers) if workers > 1 else None
        self._waiting: list[tuple[Future[None], Drawing]] = []

    def draw(
        self,
        file: Path,
        title: str,
        section: str,
        shown: Sequence[tuple[ReportContent, Sample]],
    ) -> None:
        """Write the page of `assay.monitor.evidently.page.render_page` to ``file``, by the end."""
        drawing = (file, title, section, shown)
        if self._pool is None:
            _draw(*drawing)
        else:
            self._waiting.append((self._pool.submit(_draw, *drawing), drawing))

    def __enter__(self) -> ReportDrawer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._pool is None:
            return
        with self._pool:
            if kind is not None:
                self._pool.shutdown(cancel_futures=True)
                return
            for future, drawing in self._waiting:
                try:
                    future.result()
                except BrokenProcessPool:  # most likely memory ran out; one at a time needs less
                    _draw(*drawing)


def _draw(
    file: Path, title: str, section: str, shown: Sequence[tuple[ReportContent, Sample]]
) -> None:
    page.render_page(title, section, shown).write(file)
