"""Out of Spark's stack traces, the line that a person needs."""

from __future__ import annotations

import contextlib

import pytest

from assay.errors import SparkFailed
from assay.score.inputs.catalog import LONGEST, failure_cause
from assay.score.spark import tasks

READ = """An error occurred while calling o1.collect.
: org.apache.spark.SparkException: Exception thrown in awaitResult:
\tat org.apache.spark.Something(Something.scala:70)
Caused by: org.apache.spark.SparkException: [FAILED_READ_FILE.NO_HINT] Encountered error \
while reading file file:///x.parquet.  SQLSTATE: KD001
\tat org.apache.spark.Other(Other.scala:1)
Caused by: shaded.parquet.TProtocolException: don't know what type: 15
\t... 45 more
"""
WORKER = """An exception was thrown from the Python worker:
Traceback (most recent call last):
  File "x.py", line 8, in f
    raise ZeroDivisionError('boom')
ZeroDivisionError: boom
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            READ,
            "Encountered error while reading file file:///x.parquet: don't know what type: 15",
        ),
        (WORKER, "ZeroDivisionError: boom"),
        ("[UNRESOLVED] no column x. SQLSTATE: 42703", "no column x"),
        ("something else\n\tat java", "something else"),
        ("", "no message"),
    ],
)
def test_the_gist_is_one_line(text: str, expected: str):
    assert failure_cause(text) == expected


def test_it_never_grows_long():
    assert len(failure_cause("[A_B] " + "x" * 9999)) <= LONGEST


@pytest.mark.parametrize(
    ("cause", "lower"),
    [
        ("MemoryError: Unable to allocate 9 GiB", True),
        ("java.lang.OutOfMemoryError: Java heap space", True),
        ("ZeroDivisionError: boom", False),
    ],
)
def test_memory_that_runs_out_says_what_to_lower(
    monkeypatch: pytest.MonkeyPatch, cause: str, lower: bool
):
    def fails() -> list[bytes]:
        raise RuntimeError(cause)

    monkeypatch.setattr(tasks, "_watched", lambda *given: contextlib.nullcontext())
    with pytest.raises(SparkFailed, match="Nothing was published") as found:
        tasks.collect_outcomes(None, fails, "night", lambda *given: None)  # type: ignore[arg-type]
    assert ("Lower score.batch_rows." in found.value.line()) is lower
    assert cause in found.value.line()
