"""A night whose rows servers scored, which sent their counts.

It is a run like any other, with the profile of all counts and no rows, so that whatever looks at
nights sees it. More counts of the night make another run, which replaces it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.errors import PublishConflict, StoreError
from assay.project.params import Params
from assay.registry.pin import PinnedVersion, pin
from assay.registry.tags import version_sort_key
from assay.registry.versions import read_version
from assay.score.run import new_run
from assay.score.scoring_job import key_schema
from assay.store import Run, StagedRun, Store, predictions_schema, quarantine_schema, write_part
from assay.store.counts import COUNTED, Counts, merge_counts
from assay.store.delta.tables import PREDICTIONS


def publish_counted(root: Path, params: Params, store: Store, partition: str) -> Run:
    """Publish a night of all counts that the store has of it; again, it changes nothing.

    A night is of one version: that of most sources on it, the newest of those if there are several.

    Raises
    ------
    PublishConflict
        The night has rows of its own, or changed meanwhile.
    StoreError
        There are no counts of the night, or they were counted on different grids.
    """
    where = f"{store.column}={partition}"
    turn = store.turn(partition)  # before the counts: if more come, theirs is the night
    every = store.counts(partition)
    if not every:
        raise StoreError("there are no counts of the night", where=where)
    version = _version_of_most(every)
    mine = [each for each in every if each.version == version]
    fingerprint = _fingerprint(mine)
    try:
        rows, broken, profile = merge_counts(mine)
    except ValueError as error:
        raise StoreError(
            f"counts that cannot be merged: {error}",
            where=where,
            fix="Give each kind of server a store of its own (store in params.yaml).",
        ) from None
    refused = sum(broken.values())
    counts: dict[str, Any] = {
        "rows_read": rows,
        "rows_scored": rows - refused,
        "rows_quarantined": refused,
    }
    visible = store.published_run(partition)
    if visible is not None and visible.carrier != COUNTED:
        raise PublishConflict(
            "the night has rows of its own",
            where=f"{where}, run {visible.run_id}",
            expected="a night that nobody scored here",
            fix="Give what is scored elsewhere a store of its own (store in params.yaml).",
        )
    if visible is not None and (visible.input, visible.rows_read) == (fingerprint, rows):
        return visible
    pinned = pin(root, params, read_version(root, params.name, version))
    begun = new_run(params.name, partition, turn, pinned)
    run = replace(begun, input=fingerprint, carrier=COUNTED, **counts)
    # With its counts from the start: nothing else has them should the last event be lost.
    store.append_run_events(run)
    store.publish_run(replace(_without_rows(store, run, pinned), profile=profile))
    broke = "; ".join(f"{name}: {count}" for name, count in broken.items() if count)
    published = run.then("published", broke[:500], **counts)
    store.append_run_events(published)
    return published


def _version_of_most(every: Iterable[Counts]) -> str:
    sources = Counter(version for version, _ in {(each.version, each.source) for each in every})
    return max(sources, key=lambda version: (sources[version], version_sort_key(version)))


def _fingerprint(some: Sequence[Counts]) -> str:
    text = "\n".join(f"{each.source} {each.sequence} {each.text}" for each in some)
    return f"counts:{hashlib.sha256(text.encode()).hexdigest()}"


def _without_rows(store: Store, run: Run, pinned: PinnedVersion) -> StagedRun:
    """The run with one file of no rows, which is how readers see a night that has none."""
    keys = key_schema(pinned.contract, None)
    schema = predictions_schema(store.column, keys, pinned.bundle.manifest.task)
    rows = schema.empty_table().drop_columns([store.column])
    path = store.part_path_for(PREDICTIONS, run.partition, run.run_id, "none")
    return StagedRun(
        run=run,
        predictions=(write_part(store.table_uri(PREDICTIONS), path, rows),),
        quarantine=(),
        profile=None,
        predictions_schema=rows.schema,
        quarantine_schema=quarantine_schema(store.column, keys),
    )
