"""Profiles as rows of a table: one row is one column of one run."""

from __future__ import annotations

import pyarrow as pa

from pipeline.errors import StoreError
from pipeline.profile import Profile, column_from_json, column_to_json
from pipeline.store import rows
from pipeline.store.place import Place
from pipeline.store.staged import StagedRun
from pipeline.store.tables import PROFILES, profiles_schema


def keep_profile(place: Place, staged: StagedRun) -> None:
    """Keep the counts of a run's rows; nobody looks at them until the run is published.

    Raises
    ------
    StoreError
        If they cannot be written.
    """
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


def runs_kept(place: Place) -> set[str]:
    """The runs of which there is a profile.

    Raises
    ------
    StoreError
        If the table cannot be read.
    """
    found = rows.select(place, PROFILES, profiles_schema(place.column), {}, ["run_id"])
    return {*found.column("run_id").to_pylist()}


def profile_of(place: Place, partition: str, run_id: str) -> Profile:
    """The profile that a run kept; one that kept it twice must agree with itself.

    Raises
    ------
    StoreError
        If there is none, or two that differ, or a row is no profile.
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
