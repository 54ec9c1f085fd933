"""The published runs of many nights and their column profiles, read in one scan."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.columns.profile import Profile
from assay.errors import NothingScored
from assay.project.params import Params
from assay.store import Run, Store, open_store
from assay.store.profiles import parse_profile, read_profile_texts, where_of


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
        return parse_profile(self.texts, self.where)


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
    texts = read_profile_texts(store, wanted) if wanted else {}
    return [
        Published(
            record,
            texts.get(record.partition, {}),
            where_of(store, record.partition, record.run_id),
        )
        for record in records
    ]


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
