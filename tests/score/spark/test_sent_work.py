"""Work on its way to Spark's workers: whole, and what is large in a file that is mapped."""

from __future__ import annotations

from mmap import mmap
from typing import Any

import pytest

from assay.errors import RunError
from assay.score.spark import tasks
from assay.score.spark.tasks import ARCHIVE, LARGE, received, send


def test_large_bytes_are_mapped_from_one_file(spark: Any) -> None:
    large, small = ARCHIVE + bytes(LARGE), b"small"
    work: Any = {"large": large, "again": bytes(bytearray(large)), "small": small}
    before = len(tasks._added)
    shared = send(spark.sparkContext, work)
    assert len(shared.value) < 1000
    assert len(tasks._added) == before + 1

    def look(_: int) -> tuple[bool, bool, bytes]:
        got = received(shared.value)
        mapped = all(isinstance(got[name], mmap) for name in ("large", "again"))
        same = got["large"][:] == got["again"][:] == ARCHIVE + bytes(LARGE)
        return mapped, same, got["small"]

    for _ in range(2):  # the second night of a command sends the same model
        assert spark.sparkContext.parallelize([0, 1], 2).map(look).collect() == 2 * [
            (True, True, small)
        ]
        shared = send(spark.sparkContext, work)


def test_a_worker_with_another_assay_runs_nothing(spark: Any) -> None:
    sent = send(spark.sparkContext, {"work": 1}).value  # type: ignore[arg-type]
    assert received(sent) == {"work": 1}
    with pytest.raises(RunError, match=r"another Assay.*found sha256:.*docs/cluster\.md"):
        received(bytes(len(sent)))
