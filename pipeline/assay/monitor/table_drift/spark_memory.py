"""Spark settings for counting a table with little memory."""

from __future__ import annotations

from assay.project.params import Params
from assay.score.spark.session import JAVA_OPTIONS

SMALL_HEAP = "-Xms32m -XX:MinHeapFreeRatio=10 -XX:MaxHeapFreeRatio=20"
SMALL_JAVA = f"{SMALL_HEAP} -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
ALLOCATOR = {"spark.executorEnv.ARROW_DEFAULT_MEMORY_POOL": "system"}
"""Arrow's default allocator keeps tens of megabytes of freed memory."""


def low_memory_params(params: Params) -> Params:
    """A copy with Spark settings for little memory: Java only distributes files here.

    A garbage collector set in params.yaml stays: a JVM with two of them does not start.
    """
    given = params.spark.conf.get(JAVA_OPTIONS, "")
    own = SMALL_HEAP if "GC" in given else SMALL_JAVA
    conf = {**ALLOCATOR, **params.spark.conf, JAVA_OPTIONS: f"{own} {given}".strip()}
    return params.model_copy(update={"spark": params.spark.model_copy(update={"conf": conf})})
