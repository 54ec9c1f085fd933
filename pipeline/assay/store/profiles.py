"""The profiles table: one row per column and run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

import pyarrow as pa

from assay.columns.profile import ColumnProfile, Profile, column_from_json, column_to_json
from assay.errors import StoreError
from assay.project.params import Publish
from assay.store.delta import log, rows
from assay.store.delta.files import parse_run_id
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import PREDICTIONS, PROFILES, QUARANTINE, profiles_schema
from assay.store.staged_run import StagedRun


def append_profile(place: StoreLocation, staged: StagedRun) -> None:
    """Write a run's profile; readers ignore it until the run is published."""
    kept = [
        {
            place.column: staged.partition,
            "run_id": staged.run_id,
            "model_version": staged.facts["version"],
            "bundle": staged.facts["bundle"],
            "column": name,
            "profile": column_to_json(counts),
        }
        for name, counts in (staged.profile or {}).items()
    ]
    table = pa.Table.from_pylist(kept, profiles_schema(place.column))
    rows.append(place, PROFILES, table, [place.column])
    columns = {row["column"]: (row["model_version"], row["profile"]) for row in kept}
    _RECENT.keep(place.table_uri(PROFILES), staged.run_id, columns)


def read_profiled_runs(place: StoreLocation) -> set[str]:
    """The ids of the runs that have a profile."""
    found = rows.select(place, PROFILES, profiles_schema(place.column), {}, ["run_id"])
    return {*found.column("run_id").to_pylist()}


def read_profile(place: StoreLocation, partition: str, run_id: str) -> Profile:
    """The profile of a run; if it was written twice, both must be equal.

    Raises
    ------
    StoreError
        If there is none, or two that differ.
    """
    found = rows.select(
        place,
        PROFILES,
        profiles_schema(place.column),
        {place.column: partition, "run_id": run_id},
        ["column", "profile"],
    )
    where = f"{place.table_uri(PROFILES)}, run {run_id} in {partition}"
    texts: dict[str, str] = {}
    for row in found.to_pylist():
        if texts.setdefault(row["column"], row["profile"]) != row["profile"]:
            raise StoreError(f"two profiles of {row['column']}", where=where)
    if not texts:
        raise StoreError("no profile was kept", where=where)
    return {name: column_from_json(text, f"{where}, {name}") for name, text in texts.items()}


@dataclass(frozen=True)
class RecentRuns:
    """Facts about the visible runs of the partitions just before one.

    Attributes
    ----------
    rows
        Rows read per partition; the latest partition first.
    scores
        Profiles of the score column, for those of the partitions that the same version scored.
    """

    rows: tuple[int, ...] = ()
    scores: tuple[ColumnProfile, ...] = ()


def read_recent_runs(
    place: StoreLocation, partition: str, version: str, limits: Publish, score: str
) -> RecentRuns:
    """Row counts and score profiles of the last ``limits.recent_nights`` partitions before one.

    Row counts come from the log, so no data file is opened. Only these partitions' profiles are
    read.
    """
    column = place.column
    opened = log.open_table(place.table_uri(PREDICTIONS))
    known = [] if opened is None else log.partitions(opened, column)
    earlier = [night for night in known if night < partition]
    nights = earlier[: -limits.recent_nights - 1 : -1]
    if opened is None or not nights:
        return RecentRuns()
    refused = log.open_table(place.table_uri(QUARANTINE))
    scored = log.partition_files(opened, column, nights)
    files = [*scored, *([] if refused is None else log.partition_files(refused, column, nights))]
    visible = {file.partition: parse_run_id(file.path) for file in scored}
    counts = {
        night: sum(
            file.rows
            for file in files
            if file.partition == night and parse_run_id(file.path) == visible[night]
        )
        for night in nights
    }
    return RecentRuns(
        rows=tuple(counts[night] for night in nights),
        scores=_scores(place, nights, version, visible, score),
    )


def _scores(
    place: StoreLocation,
    nights: list[str],
    version: str,
    visible: dict[str, str | None],
    score: str,
) -> tuple[ColumnProfile, ...]:
    uri = place.table_uri(PROFILES)
    texts = {night: _RECENT.find(uri, visible[night], score) for night in nights}
    unknown = [night for night, text in texts.items() if text is None]
    if unknown:
        kept = rows.select(
            place,
            PROFILES,
            profiles_schema(place.column),
            {place.column: unknown, "column": score},
            [place.column, "run_id", "model_version", "profile"],
        )
        for row in kept.to_pylist():
            night, run_id = row[place.column], row["run_id"]
            text = (row["model_version"], row["profile"])
            _RECENT.keep(uri, run_id, {score: text})
            if run_id == visible[night]:
                texts[night] = text
    return tuple(
        column_from_json(text[1], f"{uri}, {night}")
        for night, text in texts.items()
        if text is not None and text[0] == version
    )


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
