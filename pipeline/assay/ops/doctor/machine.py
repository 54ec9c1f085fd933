"""Checks of the machine: packages, Java, Spark, store and disk.

Each check gathers facts from one place and lets a pure function judge them. Heavy modules are
imported only by the check that needs them.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from assay.errors import BundleError, NoChampion
from assay.ops.doctor.finding import (
    Answer,
    Project,
    Skip,
    failed,
    first_few,
    ok,
    warning,
)
from assay.project.text import counted

GIGABYTE = 10**9
LEAST_ROOM = 1 * GIGABYTE
LOW_ROOM = 5 * GIGABYTE
"""Free bytes below which a disk check fails, and below which it warns."""


def check_packages(project: Project) -> Answer:
    try:
        return judge_packages(*_made_with(project))
    except (NoChampion, BundleError) as reason:
        raise Skip(f"there is nothing to compare with: {reason.what}") from None


def _made_with(project: Project) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
    """The version in use, the packages of its bundle, and those installed."""
    from assay.model.manifest import MANIFEST
    from assay.registry.fetch import BUNDLES, fetch_bundle

    version = project.champion()
    folder = fetch_bundle(project.root, version, project.root / BUNDLES)
    # Not parse_manifest: it refuses what this check is to explain.
    tree = json.loads((folder / MANIFEST).read_bytes())
    made = {str(name): str(told) for name, told in tree["versions"].items()}
    return version.version, made, dict(_installed(made))


def _installed(names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in names:
        if name == "python":
            yield name, platform.python_version()
            continue
        with suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)


def judge_packages(version: str, made: Mapping[str, str], here: Mapping[str, str]) -> Answer:
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
            f"{version} was made with {_pairs(strict, made, here)}, and may score differently",
            f"pip install {pip}" if pip else f"install Python {made['python']}",
        )
    if loose:
        return warning(
            f"{version} was made with {_pairs(loose, made, here)}",
            "make setup, for the pinned versions; or train and promote again with these",
        )
    return ok(f"the versions that {version} was made with")


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


def check_java(project: Project) -> Answer:
    from assay.score.spark.java import find_java

    place, java = find_java()
    return ok(f"Java {java.version} in {place}")


def check_spark(project: Project) -> Answer:
    from assay.score.spark.session import session

    started = time.monotonic()
    spark = session(project.params, project.root)
    try:
        rows = spark.range(1000).count()
    finally:
        spark.stop()
    took = time.monotonic() - started
    words = f"Spark {spark.version} on {project.params.spark.master} counted {counted(rows, 'row')}"
    return ok(f"{words} after {took:.0f} s")


def check_store(project: Project) -> Answer:
    nights = counted(project.probe_store(), "published night")
    return ok(f"{project.params.store} can be read and written; {nights}")


@dataclass(frozen=True)
class Disk:
    """The room on one disk; ``uses`` are what Assay keeps there."""

    uses: tuple[str, ...]
    free: int
    total: int


def check_disk(project: Project) -> Answer:
    places = {"the project": project.root, "temporary files": Path(tempfile.gettempdir())}
    with suppress(Skip):
        if "://" not in project.params.store:  # otherwise on no disk of this machine
            places["the store"] = project.root / project.params.store
    disks: dict[int, Disk] = {}
    for use, place in places.items():
        there = next(each for each in (place, *place.resolve().parents) if each.exists())
        device = there.stat().st_dev
        uses = (*disks[device].uses, use) if device in disks else (use,)
        room = shutil.disk_usage(there)
        disks[device] = Disk(uses, room.free, room.total)
    return judge_disk(list(disks.values()))


def judge_disk(disks: Sequence[Disk]) -> Answer:
    """The room on each disk, the fullest decides."""
    fullest = min(disks, key=lambda disk: disk.free)
    words = "; ".join(
        f"{disk.free / GIGABYTE:,.1f} of {disk.total / GIGABYTE:,.0f} GB free for "
        f"{' and '.join(disk.uses)}"
        for disk in disks
    )
    fix = f"make room for {' and '.join(fullest.uses)}: dvc gc --workspace --all-tags, assay vacuum"
    if fullest.free < LEAST_ROOM:
        return failed(words, fix)
    if fullest.free < LOW_ROOM:
        return warning(words, fix)
    return ok(words)
