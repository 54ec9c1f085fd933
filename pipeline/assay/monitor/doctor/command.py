"""``assay doctor``: runs the checks side by side, each within its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from assay.errors import ChecksFailed, UsageError
from assay.monitor.doctor.finding import Diagnosis, Finding, skipped
from assay.monitor.doctor.probe_process import ProbeProcesses
from assay.monitor.doctor.probes import CHECKS

AT_ONCE = 4
SECONDS = 30.0
SPARK_SECONDS = 120.0
SPARK = "spark"


def run(
    root: Path,
    only: Sequence[str] = (),
    *,
    spark: bool = False,
    seconds: float | None = None,
) -> Diagnosis:
    """Every check, or some, in their order.

    Parameters
    ----------
    only
        Names of checks; empty for all.
    spark
        Whether to start Spark, which takes seconds. Naming the check asks for it too.
    seconds
        The limit of each check; by default 30, of Spark 120.

    Raises
    ------
    UsageError
        There is no such check, or no such folder.
    ChecksFailed
        A check failed or broke. The diagnosis is attached.
    """
    unknown = sorted(set(only) - set(CHECKS))
    if unknown:
        raise UsageError(
            "there is no such check",
            where="assay doctor --only",
            expected=f"some of {', '.join(CHECKS)}",
            found=", ".join(unknown),
        )
    if not root.is_dir():
        raise UsageError("no such folder", where=str(root))
    wanted = [name for name in CHECKS if name in only or not only]
    processes = ProbeProcesses(root)

    def ask(name: str) -> Finding:
        if name == SPARK and not spark and SPARK not in only:
            return skipped(name, "not started, which takes seconds", "assay doctor --spark")
        limit = SPARK_SECONDS if name == SPARK else SECONDS
        return processes.run(name, limit if seconds is None else seconds)

    found = Diagnosis(_side_by_side(ask, wanted, processes))
    if found.bad:
        names = ", ".join(each.name for each in found.bad)
        raise ChecksFailed(
            f"{len(found.bad)} of {len(wanted)} checks failed: {names}"
        ).attach_report(found)
    return found


def _side_by_side(
    ask: Callable[[str], Finding], names: Sequence[str], processes: ProbeProcesses
) -> tuple[Finding, ...]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            return tuple(pool.map(ask, names))
        except BaseException:
            processes.end()
            raise
