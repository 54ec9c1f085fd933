"""Counts of rows that a server scored, whose rows are not in the store.

An append-only table with a row for everything that a source sent. A night's counts are those of all
its sources, whatever the order in which they came.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial, reduce
from typing import Any, TypeAlias

from assay.columns.profile import Profile, column_from_dict, column_to_dict, merge_profiles
from assay.errors import StoreError
from assay.store.delta import rows
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import COUNTS

COUNTED = "counted"
"""The ``carrier`` of a run whose rows were scored elsewhere: the store has their counts only."""

Key: TypeAlias = tuple[str, str, int]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Counts of rows that one server scored with one version.

    Attributes
    ----------
    partition
        The night, such as a day.
    source, sequence
        Who counted, and a number that this source uses once.
    rows
        All that it was given, those that broke a rule among them.
    broken
        Rows that were refused, by the rule that they broke first.
    profile
        Of the other rows.

    Raises
    ------
    ValueError
        The profile is of another number of rows, or the sequence is below 0.
    """

    partition: str
    source: str
    sequence: int
    version: str
    bundle: str
    rows: int
    broken: Mapping[str, int]
    profile: Profile

    def __post_init__(self) -> None:
        if self.sequence < 0 or min(self.broken.values(), default=0) < 0:
            raise ValueError("a sequence and counts are at least 0")
        # Columns of slices, and those made of a sample, count fewer.
        most = max((column.rows for column in self.profile.values()), default=0)
        if most != self.scored:
            raise ValueError(f"a profile of {most} rows, but {self.scored} were scored")

    @property
    def key(self) -> Key:
        """The same counts are counted once, by this."""
        return self.partition, self.source, self.sequence

    @property
    def scored(self) -> int:
        return self.rows - sum(self.broken.values())

    @property
    def text(self) -> str:
        """The counts as JSON, the same for equal ones."""
        columns = {name: column_to_dict(each) for name, each in self.profile.items()}
        return json.dumps({"broken": dict(self.broken), "profile": columns}, allow_nan=False)


def append_counts(place: StoreLocation, given: Sequence[Counts]) -> None:
    """Append counts whose keys are not there yet, in one commit, also if others append meanwhile.

    So a server may send again what it does not know to have arrived.
    """
    nights = sorted({each.partition for each in given})
    while nights:
        before = _kept(place, nights)
        at = datetime.now(UTC)
        new = {each.key: _row(place, each, at) for each in given if each.key not in before}
        same = partial(_is_kept, place, nights, before)
        if not new or rows.append(place, COUNTS, [*new.values()], same):
            return


def read_counts(place: StoreLocation, partition: str) -> list[Counts]:
    """All counts of a night, ordered by source and sequence.

    Raises
    ------
    StoreError
        A row is none that `append_counts` wrote.
    """
    counts = []
    for row in sorted(_kept(place, [partition]).values(), key=lambda row: _key(place, row)):
        try:
            tree = json.loads(row["counts"])
            counts.append(
                Counts(
                    partition=partition,
                    version=row["model_version"],
                    **{name: row[name] for name in ("source", "sequence", "bundle", "rows")},
                    broken=tree["broken"],
                    profile={str(n): column_from_dict(each) for n, each in tree["profile"].items()},
                )
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            where = f"{place.table_uri(COUNTS)}, {row['source']}"
            raise StoreError(f"holds a row that is no counts: {error}", where=where) from None
    return counts


def merge_counts(some: Iterable[Counts]) -> tuple[int, Mapping[str, int], Profile]:
    """Rows, broken rules and profile of at least one source's counts, in any order of merging.

    Raises
    ------
    ValueError
        They were counted on different grids, or of different columns.
    """
    every = sorted(some, key=lambda each: each.key)
    broken = sum((Counter(each.broken) for each in every), Counter[str]())
    return (
        sum(each.rows for each in every),
        dict(sorted(broken.items())),
        reduce(merge_profiles, (each.profile for each in every)),
    )


_NAMES = ("source", "sequence", "model_version", "bundle", "rows", "at", "counts")


def _row(place: StoreLocation, each: Counts, at: datetime) -> dict[str, Any]:
    facts = (each.source, each.sequence, each.version, each.bundle, each.rows, at, each.text)
    return {place.column: each.partition, **dict(zip(_NAMES, facts, strict=True))}


def _key(place: StoreLocation, row: Mapping[str, Any]) -> Key:
    return row[place.column], row["source"], row["sequence"]


def _kept(place: StoreLocation, nights: Sequence[str]) -> dict[Key, dict[str, Any]]:
    chosen = rows.select(place, COUNTS, {place.column: nights}, [place.column, *_NAMES])
    return {_key(place, row): row for row in chosen.to_pylist()}


def _is_kept(
    place: StoreLocation, nights: Sequence[str], before: Mapping[Key, Mapping[str, Any]]
) -> bool:
    return _kept(place, nights) == before
