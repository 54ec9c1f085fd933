"""The profiles table: one row per column and run."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from assay.columns.profile import ColumnProfile, Profile, column_from_json, column_to_json
from assay.errors import StoreError
from assay.project.params import Publish
from assay.store.delta import log, rows
from assay.store.delta.location import StoreLocation, parse_run_id
from assay.store.delta.tables import PREDICTIONS, PROFILES, QUARANTINE
from assay.store.history import read_partition_views
from assay.store.runs import StagedRun


def append_profiles(place: StoreLocation, runs: Sequence[StagedRun]) -> None:
    """Write the profiles of runs; readers ignore one until its run is published."""
    kept = [
        {
            place.column: staged.partition,
            "run_id": staged.run_id,
            "model_version": staged.run.version,
            "bundle": staged.run.bundle,
            "column": name,
            "profile": column_to_json(counts),
        }
        for staged in runs
        for name, counts in (staged.profile or {}).items()
    ]
    if not kept:
        return
    rows.append(place, PROFILES, kept)
    for row in kept:
        text = (row["model_version"], row["profile"])
        _RECENT.keep(place.table_uri(PROFILES), row["run_id"], {row["column"]: text})


def read_profiled_runs(place: StoreLocation) -> set[str]:
    """The ids of the runs that have a profile."""
    profiled = rows.select(place, PROFILES, {}, ["run_id"])
    return {*profiled.column("run_id").to_pylist()}


def read_profile_texts(place: StoreLocation, runs: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The profiles of runs, not yet parsed: night -> column -> JSON; read in one scan.

    Parameters
    ----------
    runs
        Night -> a run of it.

    Raises
    ------
    StoreError
        A run has two profiles that differ.
    """
    wanted = [place.column, "run_id", "column", "profile"]
    kept = rows.select(place, PROFILES, {place.column: sorted(runs)}, wanted)
    texts: dict[str, dict[str, str]] = {}
    for night, run_id, name, text in zip(*(kept[each].to_pylist() for each in wanted), strict=True):
        if runs[night] == run_id and texts.setdefault(night, {}).setdefault(name, text) != text:
            raise StoreError(f"two profiles of {name}", where=where_of(place, night, run_id))
    return texts


def parse_profile(texts: Mapping[str, str], where: str) -> Profile:
    """The profile of a run; ``where`` is its place, for errors.

    Raises
    ------
    StoreError
        There is none.
    """
    if not texts:
        raise StoreError("no profile was kept", where=where)
    return {name: column_from_json(text, f"{where}, {name}") for name, text in texts.items()}


def read_profile(place: StoreLocation, partition: str, run_id: str) -> Profile:
    """The profile of a run; errors as for the two above."""
    texts = read_profile_texts(place, {partition: run_id}).get(partition, {})
    return parse_profile(texts, where_of(place, partition, run_id))


def where_of(place: StoreLocation, partition: str, run_id: str) -> str:
    """Where the profile of a run is, for errors."""
    return f"{place.table_uri(PROFILES)}, run {run_id} in {partition}"


@dataclass(frozen=True)
class RecentRuns:
    """Facts about the visible runs of the partitions just before one.

    Attributes
    ----------
    rows
        Rows read per partition; the latest partition first.
    scores
        Profiles of the score column, for those of the partitions that the same version scored.
    nights
        The partitions of ``scores``.
    """

    rows: tuple[int, ...] = ()
    scores: tuple[ColumnProfile, ...] = ()
    nights: tuple[str, ...] = ()


def read_recent_runs(
    place: StoreLocation,
    partition: str,
    version: str,
    limits: Publish,
    score: str,
    ahead: Sequence[StagedRun] = (),
) -> RecentRuns:
    """Row counts and score profiles of the last ``limits.recent_nights`` partitions before one.

    Row counts come from the log, so no data file is opened. Only these partitions' profiles are
    read.

    Parameters
    ----------
    version
        Of the model; scores are compared only with scores of the same version.
    score
        The column of the profile that counts the scores.
    ahead
        Runs that will be published before that of ``partition``, as if they were.
    """
    known = log.read_partitions(place.table_uri(PREDICTIONS), place.column)
    staged = {run.partition: run for run in ahead}
    # Of a long history only its end is looked at: this is asked for each night of a backfill.
    before = bisect_left(known, partition)
    last = known[max(0, before - limits.recent_nights) : before]
    earlier = sorted({*last, *(night for night in staged if night < partition)})
    nights = earlier[: -limits.recent_nights - 1 : -1]
    stored = [night for night in nights if night not in staged]
    counts, texts = _stored(place, stored, score)
    scores: dict[str, ColumnProfile] = {}
    for night in nights:
        run = staged.get(night)
        if run is not None:
            counts[night] = sum(file.rows for file in (*run.predictions, *run.quarantine))
            if run.profile and run.run.version == version:
                scores[night] = run.profile[score]
        elif night in texts and texts[night][0] == version:
            uri = place.table_uri(PROFILES)
            scores[night] = column_from_json(texts[night][1], f"{uri}, {night}")
    rows = tuple(counts[night] for night in nights if night in counts)
    return RecentRuns(rows, tuple(scores.values()), tuple(scores))


def _stored(
    place: StoreLocation, nights: list[str], score: str
) -> tuple[dict[str, int], dict[str, tuple[str, str]]]:
    """Rows of each night's visible run; the version and the score's profile of those that have one.

    Parameters
    ----------
    nights
        Those that are published.
    """
    if not nights:
        return {}, {}
    scored = read_partition_views(place, PREDICTIONS, nights, turns=False)
    refused = read_partition_views(place, QUARANTINE, nights)
    counts, visible = {}, {}
    for night in nights:
        if not scored[night].files:
            continue  # retracted since the nights were listed
        run_id = parse_run_id(scored[night].files[0].path)
        files = (*scored[night].files, *refused[night].files)
        counts[night] = sum(file.rows for file in files if parse_run_id(file.path) == run_id)
        visible[night] = run_id
    return counts, _texts(place, visible, score)


def _texts(
    place: StoreLocation, visible: Mapping[str, str | None], score: str
) -> dict[str, tuple[str, str]]:
    """The version and the profile's text of each night's visible run that has one."""
    uri = place.table_uri(PROFILES)
    texts = {night: _RECENT.find(uri, visible[night], score) for night in visible}
    unknown = [night for night, text in texts.items() if text is None]
    if unknown:
        kept = rows.select(
            place,
            PROFILES,
            {place.column: unknown, "column": score},
            [place.column, "run_id", "model_version", "profile"],
        )
        for row in kept.to_pylist():
            night, run_id = row[place.column], row["run_id"]
            text = (row["model_version"], row["profile"])
            _RECENT.keep(uri, run_id, {score: text})
            if run_id == visible[night]:
                texts[night] = text
    return {night: text for night, text in texts.items() if text is not None}


class _RecentProfiles:
    """The model's version and the profile of columns, of the last runs that this process met.

    A run's profile never changes, and in a range of nights each looks back at the same ones.
    """

    MOST = 64
    """Runs: a command looks back some weeks, over as many nights as it scores meanwhile."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str | None], dict[str, tuple[str, str]]] = OrderedDict()
        self._lock = Lock()

    def keep(self, uri: str, run_id: str, columns: Mapping[str, tuple[str, str]]) -> None:
        with self._lock:
            self._kept[uri, run_id] = {**self._kept.pop((uri, run_id), {}), **columns}
            while len(self._kept) > self.MOST:
                self._kept.popitem(last=False)

    def find(self, uri: str, run_id: str | None, column: str) -> tuple[str, str] | None:
        return self._kept.get((uri, run_id), {}).get(column)


_RECENT = _RecentProfiles()
