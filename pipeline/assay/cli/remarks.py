"""Passing remarks of a command at work: what the rooms log, on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def shown() -> Iterator[None]:
    """Write what Assay's own code logs while the block runs, each remark as it is.

    Taken back at the end: a program that calls the command line has a logging of its own.
    """
    logger, handler = logging.getLogger("assay"), _Bare()
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    # What another library hung on the root would say it once more.
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


class _Bare(logging.Handler):
    """The message alone, on what is standard error when it is written: tests replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            # What somebody has to do something about begins as an error does.
            warns = "assay: " if record.levelno >= logging.WARNING else ""
            print(warns + record.getMessage(), file=sys.stderr, flush=True)
        except Exception:
            self.handleError(record)
