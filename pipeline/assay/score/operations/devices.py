"""``assay devices``: which device runs what, and the counts that devices sent.

A file is taken whole or not at all, and its counts once, however often it comes. Taking them is one
commit; what a killed command did not publish, the same command publishes when it is called again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assay.columns.grid import Grid
from assay.compiled.scorer import CompiledModel
from assay.edge.rules import DeviceRules, device_rules
from assay.edge.sent_counts import SentText, device_grid, read_sent_text
from assay.errors import AssayError, CountsRefused, NothingScored, UsageError
from assay.errors.base import attach_report
from assay.project.params import Params
from assay.project.text import counted
from assay.registry.pin import pin
from assay.registry.tags import version_sort_key
from assay.registry.versions import RegistryState, read_state
from assay.score.counted import CountedNight, publish_counted
from assay.store import open_store
from assay.store.counts import Counts

MOST_BYTES = 4_000_000
"""No counts are larger."""


@dataclass(frozen=True)
class Refused:
    """A file that was not taken, and why."""

    file: str
    why: str


@dataclass
class Collected:
    """What came of files.

    Attributes
    ----------
    added, known
        How many were taken, and how many had been before.
    nights
        Those that the files are about.
    left_out
        Devices that ran another version on a night than most did: their counts are kept, and are
        no part of it.
    """

    files: int
    added: int = 0
    known: int = 0
    refused: list[Refused] = field(default_factory=list)
    nights: list[CountedNight] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Device:
    """A device as it was seen last.

    Attributes
    ----------
    behind
        Its version is older than the one that holds the stage.
    night, last_seen
        What it counted last, and when that came.
    rows
        All that it ever counted.
    """

    device: str
    version: str
    behind: bool
    night: str
    last_seen: datetime | None
    rows: int


@dataclass(frozen=True)
class Fleet:
    """All devices, by name, and the version that holds the stage; None if none does."""

    stage: str
    version: str | None
    devices: tuple[Device, ...]


def fleet(root: Path, params: Params) -> Fleet:
    """The devices that ever sent counts.

    Raises
    ------
    NothingScored
        None did.
    """
    sent, stage = open_store(root, params).sent_counts(), params.registry.stage
    if not sent:
        raise NothingScored(
            "no device has sent counts",
            where=params.store,
            fix="Collect what they wrote: assay devices collect FOLDER",
        )
    version = read_state(root, params.name).holders.get(stage)
    last = {each.source: each for each in sorted(sent, key=lambda each: (each.at, each.key))}
    rows = Counter[str]()
    for each in sent:
        rows[each.source] += each.rows
    return Fleet(
        stage,
        version,
        tuple(
            Device(
                device=name,
                version=each.version,
                behind=version is not None
                and version_sort_key(each.version) < version_sort_key(version),
                night=each.partition,
                last_seen=each.at,
                rows=rows[name],
            )
            for name, each in sorted(last.items())
        ),
    )


def collect(root: Path, params: Params, files: Path) -> Collected:
    """Take the counts in a file, or in all files of a folder, and publish the nights they are of.

    Raises
    ------
    UsageError
        There is no such file or folder.
    CountsRefused
        After all else is done: some files were not taken.
    """
    paths = sorted(files.rglob("*")) if files.is_dir() else [files]
    paths = [path for path in paths if path.is_file() and not path.name.startswith(".")]
    if not paths:
        raise UsageError("no file to collect", where=str(files))
    store, reader, done = open_store(root, params), _Reader(root, params), Collected(len(paths))
    read: dict[str, Counts] = {}
    for path in paths:
        try:
            read[str(path)] = reader.read(path)
        except (OSError, ValueError) as error:
            done.refused.append(Refused(str(path), str(error)))
    for (name, counts), came in zip(
        read.items(), store.append_counts([*read.values()]), strict=True
    ):
        done.added += came == "added"
        done.known += came == "known"
        if came == "changed":
            done.refused.append(Refused(name, _changed(counts)))
    failed: AssayError | None = None
    for night in sorted({each.partition for each in read.values()}):
        try:
            published = publish_counted(root, params, store, night)
        except AssayError as error:
            failed = failed or error  # the others are published all the same
            continue
        done.nights.append(published)
        done.left_out += (f"{night}: {each}" for each in published.left_out)
    if failed is None and done.refused:
        failed = CountsRefused([f"{each.file}: {each.why}" for each in done.refused])
    if failed is not None:
        raise attach_report(failed, done)
    return done


def _changed(counts: Counts) -> str:
    return (
        f"{counts.source} sent other counts of {counts.partition} under sequence "
        f"{counts.sequence:x} before, and those stay: what came later needs another sequence"
    )


class _Reader:
    """Reads files by the versions that they name, each fetched once."""

    def __init__(self, root: Path, params: Params) -> None:
        self._root, self._params = root, params
        self._known: RegistryState = read_state(root, params.name)
        self._layouts: dict[str, tuple[str, Grid, DeviceRules]] = {}

    def read(self, path: Path) -> Counts:
        """The counts in a file; raises ValueError or OSError if there are none."""
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"{counted(path.stat().st_size, 'byte')}: no counts are so large")
        text = read_sent_text(path.read_bytes())
        first, grid, rules = self._layout(text)
        last = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
        if not first <= text.day <= last:
            raise ValueError(
                f"its day is {text.day}, expected one from {first} (where {text.version} was "
                f"trained) to {last}: does {text.device} have the time?"
            )
        return text.counts(grid, rules)

    def _layout(self, text: SentText) -> tuple[str, Grid, DeviceRules]:
        version = self._known.find(text.version)
        if version is None:
            raise ValueError(f"counted with {text.version}, which is none of {self._params.name}")
        if text.bundle != version.bundle:
            raise ValueError(
                f"counted with bundle {text.bundle[:19]}, but {text.version} is "
                f"{version.bundle[:19]}"
            )
        if text.version not in self._layouts:
            pinned = pin(self._root, self._params, version)
            model, manifest = pinned.bundle.scorer, pinned.bundle.manifest
            if not isinstance(model, CompiledModel):
                raise ValueError(f"{text.version} is not compiled, so no device has it")
            rules = device_rules(pinned.contract, model.inputs.numeric, model.inputs.categorical)
            self._layouts[text.version] = (
                manifest.window[:10],
                device_grid(pinned.bundle.reference),
                rules,
            )
        return self._layouts[text.version]
