"""Plans: runs of real nights that no reader sees yet, an append-only table with a row for each.

A planned run is staged as any run is. It has no event in the runs table, so nothing that reads runs
knows of it, until it is published like any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from assay.errors import StoreError
from assay.project import digests
from assay.store.delta import rows
from assay.store.delta.location import StoreLocation, filesystem, translate_errors
from assay.store.delta.tables import PLANS, PREDICTIONS, QUARANTINE
from assay.store.runs import Run, StagedRun, from_json

if TYPE_CHECKING:
    from pydantic import TypeAdapter


MEGABYTE = 1_048_576


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """A run of one night that is scored and not published, and all that it depends on.

    Attributes
    ----------
    plan
        Digest of the plan, ``sha256:<hex>``: the same for all its nights.
    at, by
        When it was made, and by whom.
    champion
        The version that held the stage then; empty if none did.
    code, params
        Of Assay, and of what params.yaml says of scoring (`assay.plan.pins`).
    held
        Why it would be held back; empty if it may be published.
    content
        Digest of the bytes of its input; empty where the input is no files.
    files
        Digests of its files of predictions and of quarantine, in their order.
    run
        With what it takes to publish it.
    """

    plan: str
    at: datetime
    by: str
    champion: str
    code: str
    params: str
    held: tuple[str, ...]
    content: str
    files: tuple[str, ...]
    run: Run

    @property
    def partition(self) -> str:
        return self.run.partition

    def staged(self, place: StoreLocation) -> StagedRun:
        """Its files, as they were written.

        Raises
        ------
        StoreError
            The row was changed since.
        """
        return from_json(self.run, f"{place.table_uri(PLANS)}, run {self.run.run_id}")


def signed(planned: Iterable[PlannedRun]) -> tuple[PlannedRun, ...]:
    """The runs of one plan with its digest, which is of all that is known of them."""
    runs = sorted(planned, key=lambda each: each.partition)
    blank = [_adapter().dump_json(replace(each, plan="")).decode() for each in runs]
    digest = digests.digest_content("\n".join(blank))
    return tuple(replace(each, plan=digest) for each in runs)


def file_digests(place: StoreLocation, staged: StagedRun) -> tuple[str, ...]:
    """Digests of the bytes of a run's files, ``sha256:<hex>``, predictions first.

    Raises
    ------
    StoreError
        A file is gone.
    """
    hashes = []
    for table, files in ((PREDICTIONS, staged.predictions), (QUARANTINE, staged.quarantine)):
        for file in files:
            uri = f"{place.table_uri(table)}/{file.path}"
            with translate_errors(uri, "cannot be read"):
                system, path = filesystem(uri)
                with system.open_input_stream(path) as source:
                    whole = hashlib.sha256()
                    while block := source.read(MEGABYTE):
                        whole.update(block)
            hashes.append(f"sha256:{whole.hexdigest()}")
    return tuple(hashes)


def append_plan(place: StoreLocation, planned: Iterable[PlannedRun]) -> None:
    """Append the runs of a plan, all in one commit."""
    rows.append(place, PLANS, [_row(place, each) for each in planned])


def read_plans(
    place: StoreLocation, bundle: str | None = None, partition: str | Sequence[str] | None = None
) -> list[PlannedRun]:
    """Planned runs in the order in which they were planned, also of plans that came to nothing.

    Raises
    ------
    StoreError
        A row of the table is none that `append_plan` wrote.
    """
    asked = {"bundle": bundle, place.column: partition}
    filters = {name: value for name, value in asked.items() if value is not None}
    plans = [_parse(place, each) for each in rows.select(place, PLANS, filters).to_pylist()]
    return sorted(plans, key=lambda each: (each.at, each.plan, each.partition))


def newest_plan(place: StoreLocation, bundle: str) -> tuple[PlannedRun, ...]:
    """The runs of the plan that was made last with a bundle, by night; none if there is none."""
    plans = read_plans(place, bundle)
    return tuple(each for each in plans if each.plan == plans[-1].plan)


def protected(place: StoreLocation, known: Iterable[str], now: datetime) -> dict[str, Run]:
    """Planned runs that are in no other table, for the cleanup: id -> held run, or a failed one.

    A plan can be applied for `StoreLocation.keep_days`; what is older counts as failed.
    """
    others, limit = set(known), now - timedelta(days=place.keep_days)
    return {
        each.run.run_id: replace(each.run, event="held" if each.at >= limit else "failed")
        for each in read_plans(place)
        if each.run.run_id not in others
    }


def _row(place: StoreLocation, planned: PlannedRun) -> Mapping[str, Any]:
    run = planned.run
    return {
        place.column: run.partition,
        "run_id": run.run_id,
        "bundle": run.bundle,
        "plan": planned.plan,
        "at": planned.at,
        "planned": _adapter().dump_json(planned).decode(),
    }


def _parse(place: StoreLocation, row: Mapping[str, Any]) -> PlannedRun:
    try:
        planned = _adapter().validate_json(row["planned"])
        stated = (row[place.column], row["run_id"], row["bundle"], row["plan"])
        run = planned.run
        if stated != (run.partition, run.run_id, run.bundle, planned.plan):
            raise ValueError("its columns and its JSON name different runs")
    except (TypeError, ValueError) as error:
        raise StoreError(
            "holds a row that is no planned run",
            where=place.table_uri(PLANS),
            found=str(error).splitlines()[0],
            fix="It was edited. assay fsck looks at the rest of the store; then assay plan again.",
        ) from None
    return replace(planned, at=planned.at.astimezone(UTC))


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[PlannedRun]:
    from pydantic import TypeAdapter

    return TypeAdapter(PlannedRun)
