"""What a task does besides its work: it leaves little for PySpark's search for garbage."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from assay.errors import SourceError
from assay.score.spark import files
from assay.score.spark.tasks import freeze_imports


class Ends:
    """A task that ends as it is told."""

    def __init__(self, how: BaseException | None) -> None:
        self.how = how

    def process(self, work: Any, name: str) -> str:
        if self.how is not None:
            raise self.how
        return "done"


class Shared:
    value = b""


@pytest.mark.parametrize(
    "how", [None, SourceError("cannot be read", where="f"), ZeroDivisionError("bug")]
)
def test_however_a_task_ends_its_imports_are_frozen(
    monkeypatch: pytest.MonkeyPatch, how: BaseException | None
) -> None:
    called: list[bool] = []
    monkeypatch.setattr(files, "received", lambda sent: None)
    monkeypatch.setattr(files, "freeze_imports", lambda: called.append(True))
    if isinstance(how, ZeroDivisionError):
        with pytest.raises(ZeroDivisionError):
            files._outcome(Shared(), Ends(how))  # type: ignore[arg-type]
    else:
        assert files._outcome(Shared(), Ends(how)) == (how or "done")  # type: ignore[arg-type]
    assert called == [True]


def test_a_worker_searches_little_once_they_are_frozen(spark: Any) -> None:
    def look(_: int) -> tuple[int, int]:
        import pandas  # noqa: F401

        freeze_imports()
        freeze_imports()
        return gc.get_freeze_count(), len(gc.get_objects())

    for frozen, left in spark.sparkContext.parallelize([0, 1], 2).map(look).collect():
        assert frozen > 10 * left
