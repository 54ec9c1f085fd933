"""Tasks of a Spark job: little is left for a search for garbage, and little for the driver."""

from __future__ import annotations

import contextlib
import gc
import pickle
import weakref
from typing import Any, ClassVar

import pytest

from assay.errors import SourceError
from assay.score.spark import tasks
from assay.score.spark.tasks import collect_outcomes, freeze_imports


class Ends:
    """Work that ends as it is told."""

    def __init__(self, how: BaseException | None) -> None:
        self.how = how

    def process_files(self, task: Any, name: str) -> str:
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
    monkeypatch.setattr(tasks, "received", lambda sent: Ends(how))
    monkeypatch.setattr(tasks, "freeze_imports", lambda: called.append(True))
    if isinstance(how, ZeroDivisionError):
        with pytest.raises(ZeroDivisionError):
            tasks._outcome(Shared(), ())
    else:
        assert tasks._outcome(Shared(), Ends(how)) == (how or "done")  # type: ignore[arg-type]
    assert called == [True]


def test_a_worker_searches_little_once_they_are_frozen(spark: Any) -> None:
    def look(_: int) -> tuple[int, int]:
        import pandas  # noqa: F401

        freeze_imports()
        freeze_imports()
        return gc.get_freeze_count(), len(gc.get_objects())

    for frozen, left in spark.sparkContext.parallelize([0, 1], 2).map(look).collect():
        assert frozen > 10 * left


class Outcome:
    """Knows how many of its kind there are."""

    alive: ClassVar[weakref.WeakSet[Outcome]] = weakref.WeakSet()

    def __init__(self, number: int) -> None:
        self.number = number
        Outcome.alive.add(self)

    def __reduce__(self) -> tuple[type[Outcome], tuple[int]]:
        return Outcome, (self.number,)


def test_the_driver_holds_few_outcomes_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_watched", lambda *given: contextlib.nullcontext())
    pickled = [pickle.dumps(Outcome(number)) for number in range(20)]
    assert not Outcome.alive
    found: Any = collect_outcomes(None, lambda: pickled, "night", lambda *given: None)  # type: ignore[arg-type]
    assert not Outcome.alive
    most, seen = 0, []
    for outcome in found:
        seen.append(outcome.number)
        most = max(most, len(Outcome.alive))
    # One that is asked for, and the one before it.
    assert seen == list(range(20)) and most <= 2


def test_the_first_error_of_a_task_is_raised_before_any_outcome_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "_watched", lambda *given: contextlib.nullcontext())
    pickled = [pickle.dumps(each) for each in ("done", SourceError("first"), SourceError("second"))]
    with pytest.raises(SourceError, match="first"):
        collect_outcomes(None, lambda: pickled, "night", lambda *given: None)  # type: ignore[arg-type]
