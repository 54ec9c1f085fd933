"""What facts about the machine mean: disk, clock, Java, store and packages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.monitor.doctor.finding import Finding, failed, first_few, ok, warning
from assay.project.text import counted

GIGABYTE = 10**9
LEAST_ROOM = 1 * GIGABYTE
LOW_ROOM = 5 * GIGABYTE
"""Free bytes below which a disk check fails, and below which it warns."""

SKEW_WARNING = 30.0
SKEW_FAILED = 300.0
"""Seconds of clock difference. S3 refuses requests from 15 minutes on; tags are ordered by time."""


@dataclass(frozen=True)
class Disk:
    """The room on one disk; ``uses`` are what Assay keeps there."""

    uses: tuple[str, ...]
    free: int
    total: int


@dataclass(frozen=True)
class ClockReading:
    """How many seconds this clock is ahead of another; negative if it is behind."""

    source: str
    skew: float


def judge_disk(disks: Sequence[Disk]) -> Finding:
    """The room on each disk, the fullest decides."""
    fullest = min(disks, key=lambda disk: disk.free)
    words = "; ".join(
        f"{disk.free / GIGABYTE:,.1f} of {disk.total / GIGABYTE:,.0f} GB free for "
        f"{' and '.join(disk.uses)}"
        for disk in disks
    )
    fix = f"make room for {' and '.join(fullest.uses)}: dvc gc --workspace --all-tags, assay vacuum"
    if fullest.free < LEAST_ROOM:
        return failed("disk", words, fix)
    if fullest.free < LOW_ROOM:
        return warning("disk", words, fix)
    return ok("disk", words)


def judge_clock(readings: Sequence[ClockReading]) -> Finding:
    """The clock beside others, the largest difference decides."""
    worst = max(readings, key=lambda reading: abs(reading.skew))
    seconds = abs(worst.skew)
    if seconds < 1:
        return ok("clock", f"agrees with {first_few([each.source for each in readings])}")
    way = "ahead of" if worst.skew > 0 else "behind"
    words = f"{seconds:,.0f} s {way} the clock of {worst.source}"
    fix = "set the clock: timedatectl set-ntp true"
    if seconds >= SKEW_FAILED:
        return failed("clock", words, fix)
    if seconds >= SKEW_WARNING:
        return warning("clock", words, fix)
    return ok("clock", words)


def judge_store(uri: str, nights: int) -> Finding:
    """The store, after a file was written, read and deleted."""
    what = counted(nights, "published night")
    return ok("store", f"{uri} can be read and written; {what}")


def judge_code(recorded: Mapping[str, str], installed: Mapping[str, str]) -> Finding | None:
    """The installed Assay beside the one whose results dvc.lock records; None if it is the same.

    Parameters
    ----------
    recorded, installed
        Stage -> digest of Assay's code for it.
    """
    other = sorted(
        stage for stage, digest in recorded.items() if installed.get(stage, digest) != digest
    )
    if not other:
        return None
    return warning(
        "packages",
        f"the installed Assay is not the one that made the results in dvc.lock: {first_few(other)}",
        "dvc repro, before the next promotion",
    )


def recorded_digests(lock: Any, path: str) -> dict[str, str]:
    """The digests of Assay's code in the tree of dvc.lock: stage of Assay -> digest.

    Anything of another shape is left out: ``assay check --lock`` judges the file itself.

    Parameters
    ----------
    path
        The file that dvc.yaml takes them from, such as ``reports/code.json``.
    """
    stages = lock.get("stages") if isinstance(lock, Mapping) else None
    found: dict[str, str] = {}
    for entry in stages.values() if isinstance(stages, Mapping) else ():
        params = entry.get("params") if isinstance(entry, Mapping) else None
        told = params.get(path) if isinstance(params, Mapping) else None
        if isinstance(told, Mapping):
            found |= {str(name): str(digest) for name, digest in told.items()}
    return found


def judge_packages(version: str, made: Mapping[str, str], here: Mapping[str, str]) -> Finding:
    """The packages that the promoted bundle was made with, beside those installed.

    Parameters
    ----------
    made, here
        Package -> version; a package that is not installed is missing in ``here``.
    """
    strict = sorted(_differing(made, here, {"scikit-learn": 2}, 1))
    loose = sorted(_differing(made, here, {"python": 2}, 3))
    if strict:
        pip = " ".join(f"{name}=={made[name]}" for name in strict if name != "python")
        return failed(
            "packages",
            f"{version} was made with {_pairs(strict, made, here)}, and may score differently",
            f"pip install {pip}" if pip else f"install Python {made['python']}",
        )
    if loose:
        return warning(
            "packages",
            f"{version} was made with {_pairs(loose, made, here)}",
            "make setup, for the pinned versions; or train and promote again with these",
        )
    return ok("packages", f"the versions that {version} was made with; dvc.lock is of this Assay")


def _differing(
    made: Mapping[str, str], here: Mapping[str, str], parts: Mapping[str, int], usual: int
) -> Iterator[str]:
    """Packages whose first parts of the version differ; of 0.x one part more counts."""
    for name, version in made.items():
        count = parts.get(name, usual + (version.startswith("0.") and usual < 3))
        if version.split(".")[:count] != here.get(name, "none").split(".")[:count]:
            yield name


def _pairs(names: Iterable[str], made: Mapping[str, str], here: Mapping[str, str]) -> str:
    return first_few([f"{name} {made[name]}, here {here.get(name, 'none')}" for name in names])
