"""The published runs of many nights and their column profiles, read in one scan."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.columns.profile import Profile, column_from_json
from assay.errors import NothingScored, StoreError
from assay.project.params import Params
from assay.store import Run, Store, open_store
from assay.store.delta import rows
from assay.store.delta.tables import PROFILES


@dataclass(frozen=True, slots=True)
class Published:
    """A night's published run and its column profile, not yet parsed.

    ``texts`` are the profile's columns as JSON, as the table holds them. Parsed, a year of profiles
    takes far more memory.
    """

    record: Run
    texts: Mapping[str, str]
    where: str

    def profile(self) -> Profile:
        """Parse the profile.

        Raises
        ------
        StoreError
            The run has no profile.
        """
        if not self.texts:
            raise StoreError("no profile was kept", where=self.where)
        return {
            name: column_from_json(text, f"{self.where}, {name}")
            for name, text in self.texts.items()
        }


def read_published(store: Store, partitions: Sequence[str]) -> list[Published]:
    """The published runs of some nights, in order, with their profiles read in one scan.

    Raises
    ------
    StoreError
        A run has two profiles that differ.
    """
    return with_profiles(store, store.published_runs(partitions))


def with_profiles(
    store: Store, records: Sequence[Run], without: Container[str] = ()
) -> list[Published]:
    """Published runs with their profiles; errors as for `read_published`.

    Parameters
    ----------
    without
        The nights whose profiles nobody will look at; they are not read.
    """
    wanted = {each.partition: each.run_id for each in records if each.partition not in without}
    texts = _texts(store, wanted) if wanted else {}
    return [
        Published(
            record,
            texts.get(record.partition, {}),
            f"{store.table_uri(PROFILES)}, run {record.run_id} in {record.partition}",
        )
        for record in records
    ]


def _texts(store: Store, visible: Mapping[str, str]) -> dict[str, dict[str, str]]:
    kept = rows.select(
        store,
        PROFILES,
        {store.column: sorted(visible)},
        [store.column, "run_id", "column", "profile"],
    )
    found: dict[str, dict[str, str]] = {}
    columns = (kept.column(name).to_pylist() for name in kept.column_names)
    for night, run_id, name, text in zip(*columns, strict=True):
        if visible[night] != run_id:
            continue
        if found.setdefault(night, {}).setdefault(name, text) != text:
            where = f"{store.table_uri(PROFILES)}, run {run_id} in {night}"
            raise StoreError(f"two profiles of {name}", where=where)
    return found


def newest_nights(root: Path, params: Params, number: int) -> tuple[str, str]:
    """The first and the last of the newest ``number`` published nights, or of those there are.

    Raises
    ------
    NothingScored
        No night is published.
    """
    nights = sorted(open_store(root, params).visible_runs())[-number:]
    if not nights:
        raise NothingScored(
            "no night is published yet", where=params.store, fix="Score one: assay score --due."
        )
    return nights[0], nights[-1]
