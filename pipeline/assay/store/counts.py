"""Counts of rows that were scored where the store is not: by a device, or by a server.

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
from typing import Any, Literal, TypeAlias

from assay.columns.profile import Profile, column_from_dict, column_to_dict, merge_profiles
from assay.errors import StoreError
from assay.store.delta import rows
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import COUNTS

COUNTED = "counted"
"""The ``carrier`` of a run whose rows were scored elsewhere: the store has their counts only."""

Received: TypeAlias = Literal["added", "known", "changed"]
Key: TypeAlias = tuple[str, str, int]


@dataclass(frozen=True, kw_only=True)
class SentCounts:
    """What is known of counts without their columns.

    Attributes
    ----------
    partition
        The night, such as a day.
    source, sequence
        Who counted, and a number that this source uses once on this night.
    rows
        All that it was given, those that broke a rule among them.
    at
        When they came; None for counts that are on their way.
    """

    partition: str
    source: str
    sequence: int
    version: str
    bundle: str
    rows: int
    at: datetime | None = None

    @property
    def key(self) -> Key:
        """The same counts are counted once, by this."""
        return self.partition, self.source, self.sequence


@dataclass(frozen=True, kw_only=True)
class Counts(SentCounts):
    """Counts of rows that one source scored with one version.

    Attributes
    ----------
    broken
        Rows that were refused, by the rule that they broke first.
    profile
        Of the other rows.

    Raises
    ------
    ValueError
        The profile is of another number of rows, or the sequence is below 0.
    """

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
    def scored(self) -> int:
        return self.rows - sum(self.broken.values())

    @property
    def text(self) -> str:
        """The counts as JSON, the same for equal ones."""
        columns = {name: column_to_dict(each) for name, each in self.profile.items()}
        return json.dumps({"broken": dict(self.broken), "profile": columns}, allow_nan=False)


def append_counts(place: StoreLocation, given: Sequence[Counts]) -> list[Received]:
    """Append counts that are not there yet, in one commit, also if others append meanwhile.

    Returns
    -------
    list of str
        For each: ``added``; ``known`` if the same were there; ``changed`` if its source sent
        others under that sequence before, which stay.
    """
    nights = sorted({each.partition for each in given})
    while nights:
        before = _kept(place, nights)
        known, counts, new = dict(before), list[Received](), list[Mapping[str, Any]]()
        for each in given:
            row = _row(place, each)
            kept = known.setdefault(each.key, row)
            counts.append("added" if kept is row else "known" if _same(kept, row) else "changed")
            if kept is row:
                new.append({**row, "at": datetime.now(UTC)})
        same = partial(_is_kept, place, nights, before)
        if not new or rows.append(place, COUNTS, new, same):
            return counts
    return []


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
            profile = {str(n): column_from_dict(each) for n, each in tree["profile"].items()}
            counts.append(Counts(**_facts(place, row), broken=tree["broken"], profile=profile))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            where = f"{place.table_uri(COUNTS)}, {row['source']}"
            raise StoreError(f"holds a row that is no counts: {error}", where=where) from None
    return counts


def read_sent(place: StoreLocation) -> list[SentCounts]:
    """What all sources sent, without its columns; ordered by night, source and sequence."""
    names = [place.column, *(name for name in _NAMES if name != "counts")]
    sent = [SentCounts(**_facts(place, row)) for row in _select(place, {}, names)]
    return sorted(sent, key=lambda each: each.key)


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


def _row(place: StoreLocation, each: Counts) -> dict[str, Any]:
    facts = (each.source, each.sequence, each.version, each.bundle, each.rows, None, each.text)
    return {place.column: each.partition, **dict(zip(_NAMES, facts, strict=True))}


def _facts(place: StoreLocation, row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: row[name] for name in ("source", "sequence", "bundle", "rows", "at")}
    return {**kept, "partition": row[place.column], "version": row["model_version"]}


def _key(place: StoreLocation, row: Mapping[str, Any]) -> Key:
    return row[place.column], row["source"], row["sequence"]


def _same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return {**a, "at": None} == {**b, "at": None}


def _kept(place: StoreLocation, nights: Sequence[str]) -> dict[Key, dict[str, Any]]:
    kept_rows = _select(place, {place.column: nights}, [place.column, *_NAMES])
    return {_key(place, row): row for row in kept_rows}


def _is_kept(
    place: StoreLocation, nights: Sequence[str], before: Mapping[Key, Mapping[str, Any]]
) -> bool:
    return _kept(place, nights) == before


def _select(
    place: StoreLocation, where: Mapping[str, Any], names: Sequence[str]
) -> list[dict[str, Any]]:
    chosen: list[dict[str, Any]] = rows.select(place, COUNTS, where, names).to_pylist()
    return chosen
