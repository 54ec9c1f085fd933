"""Profiles as rows of a table: one row is one column of one run."""

from __future__ import annotations

import pyarrow as pa

from pipeline.errors import StoreError
from pipeline.profile import Profile, column_from_json, column_to_json
from pipeline.store.tables import profiles_schema


def to_rows(
    column: str, partition: str, run_id: str, version: str, bundle: str, profile: Profile
) -> pa.Table:
    """The rows that keep ``profile``; ``column`` is the partition column's name."""
    rows = [
        {
            column: partition,
            "run_id": run_id,
            "model_version": version,
            "bundle": bundle,
            "column": name,
            "profile": column_to_json(counts),
        }
        for name, counts in profile.items()
    ]
    return pa.Table.from_pylist(rows, profiles_schema(column))


def from_rows(rows: pa.Table, where: str) -> Profile:
    """The profile that one run's rows keep; a run that kept it twice must agree with itself.

    Raises
    ------
    StoreError
        If there is none, or two that differ, or a row is no profile.
    """
    texts: dict[str, str] = {}
    for row in rows.select(["column", "profile"]).to_pylist():
        if texts.setdefault(row["column"], row["profile"]) != row["profile"]:
            raise StoreError(f"two profiles of {row['column']}", where=where)
    if not texts:
        raise StoreError("no profile was kept", where=where)
    return {name: column_from_json(text, f"{where}, {name}") for name, text in texts.items()}
