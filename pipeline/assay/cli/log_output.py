"""Log output of a running command, on standard error."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from assay.project.text import escape_controls


@contextmanager
def log_to_stderr() -> Iterator[None]:
    """Print what Assay's own code logs while the block runs; warnings of others are escaped.

    The logging configuration is restored at the end, for programs that call the command line.
    """
    logger, handler = logging.getLogger("assay"), _Bare()
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    # Handlers on the root logger would print it a second time.
    logger.propagate = False
    formatted = warnings.formatwarning

    def escaped(message: Warning | str, *given: Any, **named: Any) -> str:
        return formatted(escape_controls(str(message)), *given, **named)

    warnings.formatwarning = escaped
    try:
        yield
    finally:
        warnings.formatwarning = formatted
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


class _Bare(logging.Handler):
    """Prints the message alone, on the current standard error, which tests replace."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            # Warnings have the same prefix as errors.
            warns = "assay: " if record.levelno >= logging.WARNING else ""
            print(warns + escape_controls(record.getMessage()), file=sys.stderr, flush=True)
        except Exception:
            self.handleError(record)
