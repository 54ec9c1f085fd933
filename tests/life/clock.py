"""The time of day as Assay's code reads it, set by a test instead of by the machine."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import assay

CALL = "datetime.now("
PACKAGE = Path(assay.__file__).parent


class _Any(type):
    """Makes every time an instance: what libraries return are plain `datetime` objects."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, datetime)


class Clock:
    """A clock that moves only when it is told to.

    Attributes
    ----------
    now
        With its time zone. Each reading is a millisecond later than the one before, so that events
        of one command have an order.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now

    def read(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let all of Assay's modules read this clock while the block runs.

        Tags and commits of tables are made by git and delta-rs, by the machine's clock.
        """
        clock = self

        class Read(datetime, metaclass=_Any):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Any:
                return clock.read().astimezone(tz)

        with pytest.MonkeyPatch.context() as patch:
            for name in _readers():
                patch.setattr(sys.modules[name], "datetime", Read)
            yield


@cache
def _readers() -> tuple[str, ...]:
    """The modules that read the time; they are imported, so that none does it meanwhile."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if CALL in path.read_text(encoding="utf-8"):
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            found.append(".".join(parts))
            importlib.import_module(found[-1])
    return tuple(found)
