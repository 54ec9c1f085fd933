"""Import pandera, without the large packages that it imports because they are installed.

pandera imports pyspark.pandas and hypothesis wherever they are, which takes a third of its own
time, in every command. Contracts are judged on pandas and Arrow alone, as where neither is
installed.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NOT_NEEDED = ("hypothesis", "pyspark")


def import_pandera() -> None:
    """Import pandera's backend for pandas, once; it registers the checks of ``pa.Field(gt=0)``."""
    if "pandera" in sys.modules or threading.active_count() > 1:
        # In another thread somebody may import pyspark meanwhile, and would not find it.
        importlib.import_module("pandera.backends.pandas.builtin_checks")
        return
    with _hidden(*NOT_NEEDED):
        for module in ("pandas", "backends.pandas.builtin_checks", "api.pandas.types", "typing"):
            importlib.import_module(f"pandera.{module}")
        # A model imports these two to look at its annotations.
        for module in ("pyspark", "pyspark_sql"):
            importlib.import_module(f"pandera.typing.{module}")


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Let these modules seem not installed, unless they are imported already."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: an ImportError
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
