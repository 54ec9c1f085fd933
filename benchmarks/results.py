"""What benchmarks found: a list in results.json, and the same as a table for people.

A result is told from another by its name and its number of rows, so a quick look at fewer
rows does not replace what was measured in full.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

PACKAGES = (
    "pyspark",
    "scikit-learn",
    "numpy",
    "numba",
    "pandas",
    "pyarrow",
    "deltalake",
)
RESULTS = "results.json"
PAGE = "README.md"

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Result:
    """One comparison.

    Parameters
    ----------
    ratio
        ``ours_median / peer_median``.
    target
        What the ratio is to reach (``higher``) or to stay within (``lower``); None where it
        is only reported.
    ours_median, peer_median
        In ``unit``.
    spread
        The lowest and the highest ratio of one repetition.
    details
        Where the time or memory goes, in ``unit`` unless the name says otherwise.
    """

    name: str
    ratio: float
    target: float | None
    better: Better
    rows: int
    unit: str
    ours_median: float
    peer_median: float
    spread: tuple[float, float]
    repeats: int
    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    details: Mapping[str, float] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the target was reached; None if there is none. Not a number is a miss."""
        if self.target is None:
            return None
        if self.better == "higher":
            return self.ratio >= self.target
        return self.ratio <= self.target

    @property
    def verdict(self) -> str:
        if self.target is None:
            return "reported"
        if self.met:
            return "met"
        return f"missed by {abs(self.ratio - self.target) / self.target:.1%}"


def release(package: str) -> str:
    """The installed version of one package."""
    return version(package)


def versions(**others: str) -> dict[str, str]:
    """Versions of what decides speed, and of ``others`` that run elsewhere."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | others


def machine(cores: int) -> dict[str, Any]:
    """What the numbers depend on; nothing that names the machine.

    Parameters
    ----------
    cores
        Those that the benchmark used.
    """
    cpu = memory = None
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemTotal:"):
            memory = round(int(line.split()[1]) / 2**20, 1)
            break
    return {"cores": cores, "memory_gb": memory, "cpu": cpu, "system": platform.system()}


def _lines(path: str) -> Iterable[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return ()


def parse(text: str) -> list[Result]:
    """Results as :func:`dumps` wrote them.

    Raises
    ------
    ValueError
        An entry has other keys.
    """
    results = []
    for entry in json.loads(text):
        odd = set(entry) ^ {each.name for each in fields(Result)}
        if odd:
            raise ValueError(f"result {entry.get('name')!r}: keys {', '.join(sorted(odd))}")
        results.append(Result(**{**entry, "spread": tuple(entry["spread"])}))
    return results


def dumps(results: Sequence[Result]) -> str:
    return json.dumps([asdict(result) for result in results], indent=2) + "\n"


def merged(old: Iterable[Result], new: Iterable[Result]) -> list[Result]:
    """``old`` with what was measured again in its place, and what is new at the end."""
    found = {(result.name, result.rows): result for result in old}
    found |= {(result.name, result.rows): result for result in new}
    return list(found.values())


def record(folder: Path, new: Sequence[Result]) -> list[Result]:
    """Add results to those in ``folder``, and write the page anew. Returns all of them."""
    path = folder / RESULTS
    old = parse(path.read_text(encoding="utf-8")) if path.exists() else []
    results = merged(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(dumps(results), encoding="utf-8")
    (folder / PAGE).write_text(page(results), encoding="utf-8")
    return results


def page(results: Sequence[Result]) -> str:
    """All results as Markdown."""
    parts = [
        "# Benchmarks\n",
        "Written by `make bench`, and of the gate by `make simulate`; docs/benchmarks.md and "
        "docs/comparison.md say how each pair is measured. A ratio is "
        "ours divided by the peer's, medians of runs that took turns; the spread is the lowest "
        "and the highest ratio of one turn. Machines differ: quote ratios, not rates. Of the "
        "gate it is a share of trials divided by what is allowed, of the metric that does worst, "
        "and the spread is the share's 95 % interval.\n",
        table(results),
    ]
    for result in results:
        if result.details:
            parts.append(f"**{result.name}** ({result.rows:,} rows)\n")
            parts.append(_details(result))
    for about, numbers in _grounds(results).items():
        parts.append(f"Lines {', '.join(map(str, numbers))}: {about}.\n")
    return "\n".join(parts)


def table(results: Sequence[Result]) -> str:
    """One line a result: the ratio, its target and whether it was reached."""
    lines = [
        "| | what | rows | ratio | spread | target | | ours | peer | repetitions |",
        "|--:|---|--:|--:|--:|--:|---|--:|--:|--:|",
    ]
    for number, result in enumerate(results, start=1):
        low, high = result.spread
        cells = (
            str(number),
            result.name,
            f"{result.rows:,}",
            _ratio(result.ratio),
            f"{_ratio(low)} to {_ratio(high)}",
            _target(result),
            result.verdict,
            amount(result.ours_median, result.unit),
            amount(result.peer_median, result.unit),
            str(result.repeats),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _ratio(value: float) -> str:
    return f"{value:.3f}" if value < 2 else f"{value:.2f}"


def _target(result: Result) -> str:
    if result.target is None:
        return ""
    return f"{'at least' if result.better == 'higher' else 'at most'} {result.target:g}"


def amount(value: float, unit: str) -> str:
    """A median as people read it."""
    if unit == "rows/s":
        return f"{value / 1e6:.2f} M rows/s"
    return f"{value:.2f} {unit}" if value < 100 else f"{value:,.0f} {unit}"


def _details(result: Result) -> str:
    width = max(len(name) for name in result.details)
    lines = [f"    {name:<{width}}  {value:10.3f}" for name, value in result.details.items()]
    return "\n".join(lines) + "\n"


def _grounds(results: Sequence[Result]) -> dict[str, list[int]]:
    """Machine and versions -> the lines of the table that were measured there."""
    found: dict[str, list[int]] = {}
    for number, result in enumerate(results, start=1):
        about = ", ".join(
            [
                f"{result.machine['cores']} cores",
                f"{result.machine['memory_gb']} GB",
                str(result.machine["cpu"]),
                *(f"{name} {release}" for name, release in result.versions.items()),
            ]
        )
        found.setdefault(about, []).append(number)
    return found
