"""Measure time and memory of scoring a batch, in a separate process.

The process is limited to one thread per library, like Spark's workers. Otherwise a
multithreaded model would be measured faster than it is at night.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import RunError
from assay.project.processes import python_command, python_environment
from assay.reports.rehearsal import Cost

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
MEGABYTE = 1_000_000
NO_MEMORY = "this system does not tell how much memory a process held (Linux does)"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What is measured: scoring the first ``batch_rows`` rows of ``rows`` as one batch.

    Attributes
    ----------
    contract, rows
        A contract file, and a Parquet file.
    repeats
        Number of timed repeats after a warm-up; the median counts.
    sources, code
        Where the project's modules lie that the contract and the model import.
    """

    bundle: Path
    digest: str
    allow_types: tuple[str, ...]
    contract: Path
    rows: Path
    batch_rows: int
    repeats: int
    sources: Path
    code: Path


def measure_cost(root: Path, batch: Batch) -> Cost:
    """The cost of scoring a batch in a process of its own.

    Raises
    ------
    RunError
        The process failed.
    """
    asked = {
        name: str(value.resolve()) if isinstance(value, Path) else value
        for name, value in vars(batch).items()
    }
    done = subprocess.run(
        python_command("assay.evaluation.cost"),
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=root,
        env={**python_environment(os.environ), **dict.fromkeys(ONE_THREAD, "1")},
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"it ended {done.returncode}"]
        raise RunError(
            "a batch could not be scored in a process of its own",
            where=f"bundle {batch.digest[:19]}",
            found=lines[-1],
        )
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Read a JSON request from standard input and print the result as the last line."""
    print(json.dumps(measure_batch(json.load(sys.stdin))))


def measure_batch(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Measure a `Batch` in this process. Memory is meaningful only in a fresh process."""
    import pyarrow.parquet as pq

    from assay.contract.loader import load_contract
    from assay.model import bundle as bundles
    from assay.model.batch import score_batch
    from assay.project import source_code

    rules = load_contract(Path(asked["contract"]), root=Path(asked["sources"])).without_label()
    batch = pq.read_table(asked["rows"]).slice(0, asked["batch_rows"]).combine_chunks()
    before = _memory("VmRSS")
    loaded = bundles.load(
        Path(asked["bundle"]),
        expected=asked["digest"],
        allow_types=asked["allow_types"],
        code=source_code.file_reader(Path(asked["code"])),
    )
    score_batch(loaded, rules, batch)  # compiles, loads and fills caches
    took = []
    for _ in range(asked["repeats"]):
        began = time.perf_counter()
        score_batch(loaded, rules, batch)
        took.append(time.perf_counter() - began)
    most = _memory("VmHWM")
    grown = None if before is None or most is None else max(0.0, most - before)
    return {
        "batch_rows": batch.num_rows,
        "latency_ms": statistics.median(took) * 1000 / (batch.num_rows / 1000),
        "memory_mb": grown,
    }


def _memory(what: str) -> float | None:
    """Memory of this process in MB: ``VmRSS`` is current, ``VmHWM`` is the peak.

    Not `resource.getrusage`: its peak is inherited from the parent process.
    """
    try:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    lines = [line.split() for line in text.splitlines() if line.startswith(f"{what}:")]
    return int(lines[0][1]) * 1024 / MEGABYTE if lines else None


if __name__ == "__main__":
    main()
