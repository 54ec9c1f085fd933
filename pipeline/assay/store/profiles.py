"""The profiles table: one row per column and run."""

from __future__ import annotations

from dataclasses import dataclass

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
    kept = rows.select(
        place,
        PROFILES,
        profiles_schema(place.column),
        {place.column: nights, "column": score, "model_version": version},
        [place.column, "run_id", "profile"],
    ).to_pylist()
    texts = {
        row[place.column]: row["profile"]
        for row in kept
        if row["run_id"] == visible[row[place.column]]
    }
    uri = place.table_uri(PROFILES)
    return tuple(
        column_from_json(texts[night], f"{uri}, {night}") for night in nights if night in texts
    )
