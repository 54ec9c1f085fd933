"""The archive for a Spark cluster's executors."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import assay
from assay.score.pack.pack import PackReport, size


def lines(packed: PackReport) -> Iterator[str]:
    """The archive's content, and both ways to use it."""
    yield (
        f"packed: {packed.path}, {size(packed.size)}, {len(packed.distributions)} packages, "
        f"for Python {packed.python} on {packed.platform}\n"
        "to use it, in params.yaml:\n"
        "spark:\n"
        "  master: spark://HOST:7077\n"
        "  conf:\n"
        f"    spark.archives: {packed.archives}\n"
        "or, whatever params.yaml says:\n"
        f"spark-submit --master spark://HOST:7077 --archives {packed.archives} "
        f"{shlex.quote(str(Path(assay.__path__[0]) / 'cli' / '__main__.py'))} score --date DAY"
    )
