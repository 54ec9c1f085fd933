"""``assay quarantine replay``: score repaired rows with the version that scored their night.

A replay is a run of its own. It publishes the night again: the previous run's files unchanged, one
more file with the repaired rows, and the quarantine without them. Each row keeps the id of the run
that scored it. The replay's event records who did it, and why.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from assay.errors import BundleChanged, RowCountMismatch, RunUnknown
from assay.project.params import Params
from assay.project.text import counted
from assay.registry.pin import pin
from assay.registry.user_identity import user_with_reason
from assay.score import output
from assay.score.journal import new_run_id
from assay.score.operations import repair_file
from assay.score.operations.replay_files import (
    check_keys,
    check_quarantine_ids,
    score_repaired,
    stage_replay,
)
from assay.store import RunEvent, open_store


@dataclass(frozen=True)
class ReplayReport:
    """The result of a replay; ``still_broken`` rows stay in quarantine."""

    partition: str
    run_id: str
    replaces: str
    version: str
    merged: int
    still_broken: int
    broken: dict[str, int]


def run(root: Path, params: Params, partition: str, rows: Path, because: str) -> ReplayReport:
    """Score repaired rows and publish their night with them.

    A row that still breaks the contract stays in quarantine unchanged. The night is published in
    one commit; a failure before it changes nothing.

    Raises
    ------
    RunUnknown
        No run of the night is published.
    BundleChanged
        The registered version's bundle is not the one that scored the night.
    """
    from assay.registry.versions import read_version

    repair_file.file_format(rows, "--rows")
    started = time.monotonic()
    by = user_with_reason(root, because)
    store = open_store(root, params)
    turn = store.turn(partition)
    before = store.published_run(partition)
    if before is None:
        raise RunUnknown(
            "nothing is published there", where=f"night {partition}", fix="Score the night first."
        )
    pinned = pin(root, params, read_version(root, params.name, before.version))
    if pinned.bundle.digest != before.bundle:
        raise BundleChanged(
            "the version is not what scored the night",
            where=f"night {partition}, {before.version}",
            expected=before.bundle[:19],
            found=pinned.bundle.digest[:19],
        )
    wanted = repair_file.read(rows, pinned.contract.columns)
    check_quarantine_ids(store, partition, wanted, rows)
    scored = score_repaired(pinned, wanted)
    check_keys(store, partition, scored, rows)
    now = datetime.now(UTC)
    run_id = new_run_id(now)
    stamp = output.Lineage(run_id, before.version, before.bundle, now)
    begun = RunEvent(
        run_id=run_id,
        event="started",
        at=now,
        partition=partition,
        name=params.name,
        version=before.version,
        bundle=before.bundle,
        contract=before.contract,
        input=before.input,
        carrier="replay",
        scorer=pinned.scorer,
        base=turn,
        by=by,
        because=because,
    )
    store.append_run_events(begun)
    good = [mark for mark, bad in zip(wanted, scored.bad, strict=True) if not bad]
    staged = stage_replay(store, begun, stamp, scored, frozenset(good))
    counts = ReplayCounts(
        before.rows_read,
        sum(file.rows for file in staged.predictions),
        sum(file.rows for file in staged.quarantine),
    )
    counts.check(partition)
    store.publish_run(staged)
    done = ReplayReport(
        partition=partition,
        run_id=run_id,
        replaces=before.run_id,
        version=before.version,
        merged=len(good),
        still_broken=len(wanted) - len(good),
        broken=dict(scored.broken),
    )
    store.append_run_events(
        replace(
            begun,
            event="published",
            at=datetime.now(UTC),
            rows_read=counts.read,
            rows_scored=counts.scored,
            rows_quarantined=counts.quarantined,
            seconds=time.monotonic() - started,
            detail=f"replay: {counted(done.merged, 'repaired row')} merged into "
            f"run {before.run_id}",
        )
    )
    return done


@dataclass(frozen=True)
class ReplayCounts:
    """The row counts of a replayed night: none are read again, some move out of quarantine."""

    read: int | None
    scored: int
    quarantined: int

    def check(self, partition: str) -> None:
        """Check that rows read equal rows scored plus rows quarantined.

        Raises
        ------
        RowCountMismatch
            They differ.
        """
        if self.read != self.scored + self.quarantined:
            raise RowCountMismatch(
                "the books do not balance, so nothing was published",
                where=f"night {partition}",
                expected=f"{counted(self.read, 'row')}, as when the night was scored",
                found=f"{self.scored} scored, {self.quarantined} quarantined",
            )
