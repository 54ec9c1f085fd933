"""Published nights and their profiles, many at once: the runs, the log and one scan of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.columns.profile import Profile, column_from_json
from assay.errors import StoreError
from assay.store import RunRecord, Store
from assay.store.delta import log, rows
from assay.store.delta.files import run_of
from assay.store.delta.tables import PREDICTIONS, PROFILES, profiles_schema


@dataclass(frozen=True, slots=True)
class Published:
    """What readers see of a night: its run, and the counts that it kept, not yet parsed.

    ``texts`` are the profile's columns as the table holds them: a year of nights as counts takes
    far more room.
    """

    record: RunRecord
    texts: Mapping[str, str]
    where: str

    def profile(self) -> Profile:
        """The counts.

        Raises
        ------
        StoreError
            If there are none, or a row is no profile.
        """
        if not self.texts:
            raise StoreError("no profile was kept", where=self.where)
        return {
            name: column_from_json(text, f"{self.where}, {name}")
            for name, text in self.texts.items()
        }


def published(store: Store, partitions: Sequence[str]) -> list[Published]:
    """Those of some nights that are published, in their order; the profiles in one scan.

    Raises
    ------
    StoreError
        If the store cannot be read, or a run kept two profiles that differ.
    """
    opened = log.open_table(store.table_uri(PREDICTIONS))
    wanted = set(partitions)
    files = [] if opened is None else log.active(opened, store.column)
    visible = {file.partition: run_of(file.path) for file in files if file.partition in wanted}
    if not visible:
        return []
    known = {record.run_id: record for record in store.runs()}
    texts = _texts(store, visible)
    found = []
    for night in sorted(visible):
        record = known.get(visible[night] or "")
        if record is None or record.rows_scored is None:
            record = store.published_run(night)  # its events are lost: counted from its files
        if record is not None:
            where = f"{store.table_uri(PROFILES)}, run {record.run_id} in {night}"
            found.append(Published(record, texts.get(night, {}), where))
    return found


def _texts(store: Store, visible: Mapping[str, str | None]) -> dict[str, dict[str, str]]:
    kept = rows.select(
        store,
        PROFILES,
        profiles_schema(store.column),
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
