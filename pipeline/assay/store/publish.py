"""Publish a run in two tables, so that readers never see half of it.

The order makes this atomic. First the run's quarantined rows are added to ``quarantine``, beside
those of the visible run, and its profile is written. Readers ignore both, because they read only
files of the run that is visible in ``predictions``. Then one commit to ``predictions`` replaces the
partition. This is the commit point. Afterwards obsolete files are removed from ``quarantine``.

The commit also raises the partition's turn, and fails for a run that started at another turn. So an
overtaken run can never be published, even if the other run is retracted. Its files can be deleted
without checking whether it is still alive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import pyarrow as pa

from assay.errors import AssayError, PublishConflict, StoreError
from assay.store.delta import commits, log
from assay.store.delta.files import StagedFile, parse_run_id
from assay.store.delta.location import StoreLocation, filesystem
from assay.store.delta.store_errors import translate_errors
from assay.store.delta.tables import PREDICTIONS, QUARANTINE, Staged
from assay.store.history import read_partition_view, visible_run_id
from assay.store.profiles import append_profile
from assay.store.runs import to_commit_metadata
from assay.store.staged_run import StagedRun


def publish(place: StoreLocation, staged: StagedRun, **said: str) -> None:
    """Replace a partition by a run's files; publishing the same run again changes nothing.

    Parameters
    ----------
    said
        Further metadata for the commits, such as who released the run.

    Raises
    ------
    RunOvertaken
        If the partition changed since the run started. Nothing became visible.
    """
    partition = staged.partition
    check_files(place, staged)
    check_turn(place, staged, read_partition_view(place, PREDICTIONS, partition))
    refused = str(sum(file.rows for file in staged.quarantine))
    facts = {
        **to_commit_metadata(staged.facts),
        "partition": partition,
        "quarantined": refused,
        "event": "published",
        **said,
    }

    def target(table: Staged, schema: pa.Schema) -> commits.CommitTarget:
        if place.column not in schema.names:
            schema = schema.insert(0, pa.field(place.column, pa.string()))
        return commits.CommitTarget(place, table, schema, partition, facts)

    quarantine = target(QUARANTINE, staged.quarantine_schema)
    _add(quarantine, staged.quarantine)
    if staged.profile is not None:
        append_profile(place, staged)
    try:
        stale = _replace(
            target(PREDICTIONS, staged.predictions_schema),
            staged.predictions,
            staged.quarantine,
            lambda now: check_turn(place, staged, now),
        )
    except PublishConflict:
        with suppress(StoreError):
            _remove(quarantine, staged.quarantine)
        raise
    # The run is published even if the cleanup fails; the next publication cleans up again.
    with suppress(StoreError):
        _remove(quarantine, stale)


@contextmanager
def report_if_published(place: StoreLocation, partition: str, run_id: str) -> Iterator[None]:
    """Add to an error inside the block that the run was published all the same.

    Raises
    ------
    StoreError
        In place of the error, if the run is visible: the failure came after the commit.
    """
    try:
        yield
    except AssayError as error:
        shown = None
        with suppress(AssayError):
            shown = visible_run_id(
                place, read_partition_view(place, PREDICTIONS, partition), partition
            )
        if shown != run_id:
            raise
        raise StoreError(
            f"the night is published, readers see run {run_id}; what failed came after that",
            where=f"{place.column}={partition}",
            found=error.line(),
            mend="Nothing has to be done again.",
        ) from None


def unpublish(place: StoreLocation, partition: str, base: int, facts: Mapping[str, str]) -> None:
    """Leave a partition without a visible run.

    Raises
    ------
    RunOvertaken
        If the partition changed since turn ``base``.
    """

    def target(table: Staged) -> commits.CommitTarget:
        schema = log.schema_of(place.table_uri(table))
        return commits.CommitTarget(
            place, table, schema, partition, {**facts, "partition": partition}
        )

    def check(now: log.PartitionView) -> bool:
        if now.turn != base:
            raise PublishConflict("the night changed hands", where=f"{place.column}={partition}")
        return not now.files

    stale = _replace(target(PREDICTIONS), (), (), check)
    with suppress(StoreError):
        _remove(target(QUARANTINE), stale)


def _add(target: commits.CommitTarget, files: Sequence[StagedFile]) -> None:
    """Add files beside the active ones."""

    def plan(now: log.PartitionView) -> commits.CommitChange | None:
        missing = [file for file in files if file not in now.files]
        return commits.CommitChange(missing, ()) if missing else None

    commits.commit(target, plan)


def _replace(
    target: commits.CommitTarget,
    files: Sequence[StagedFile],
    refused: Sequence[StagedFile],
    done: Callable[[log.PartitionView], bool],
) -> list[StagedFile]:
    """The commit point: replace the files of the partition in predictions.

    Parameters
    ----------
    files
        All files of the partition that become visible.
    refused
        The quarantine files that belong to them.
    done
        Whether the files are visible already; raises if they must not be.

    Returns
    -------
    list of StagedFile
        Quarantine files that are obsolete after the commit.
    """
    stale: list[StagedFile] = []

    def plan(now: log.PartitionView) -> commits.CommitChange | None:
        stale.clear()
        if done(now):
            return None
        # All quarantine files present now belong to runs that started before this commit: to the
        # visible run, or to runs that this commit overtakes.
        others = read_partition_view(target.place, QUARANTINE, target.partition).files
        stale.extend(file for file in others if file not in refused)
        return commits.CommitChange(files, now.files, now.turn + 1)

    commits.commit(target, plan)
    return stale


def _remove(target: commits.CommitTarget, files: Sequence[StagedFile]) -> None:
    """Remove files from the active ones; the files stay on the disk."""

    def plan(now: log.PartitionView) -> commits.CommitChange | None:
        removed = [file for file in now.files if file in files]
        return commits.CommitChange((), removed) if removed else None

    if files:
        commits.commit(target, plan)


def check_turn(place: StoreLocation, staged: StagedRun, now: log.PartitionView) -> bool:
    """Whether the run is visible already; if not, checks that it was not overtaken.

    Raises
    ------
    RunOvertaken
        If the partition changed since the run started.
    """
    if set(now.files) == set(staged.predictions):
        return True
    if now.turn == staged.base:
        return False
    other = visible_run_id(place, now, staged.partition)
    when = "" if now.since is None else f", visible since {now.since:%Y-%m-%d %H:%M:%S} UTC"
    raise PublishConflict(
        "the night changed hands after this run had started",
        where=f"{place.column}={staged.partition}, run {staged.run_id}",
        found=f"run {other}{when}" if other else "the run that it was to replace was retracted",
        mend="Nothing of this run became visible. Score the night again if its input is the "
        "newer one.",
    )


def check_files(place: StoreLocation, staged: StagedRun) -> None:
    """Check that the files are the run's, of its partition, and exist as described.

    Raises
    ------
    StoreError
        Naming the first that is not.
    """
    for table, files in ((PREDICTIONS, staged.predictions), (QUARANTINE, staged.quarantine)):
        _check(place, table, staged, files)


def _check(
    place: StoreLocation, table: Staged, staged: StagedRun, files: Sequence[StagedFile]
) -> None:
    uri = place.table_uri(table)
    strange = [
        file.path
        for file in files
        if file.partition != staged.partition or parse_run_id(file.path) != staged.run_id
    ]
    if strange or len({file.path for file in files}) != len(files):
        raise StoreError(
            "the files to publish are not those of one run and partition",
            where=uri,
            expected=f"{place.column}={staged.partition}, run {staged.run_id}, each file once",
            found=", ".join(strange[:3]) or "a file more than once",
        )
    lost = find_missing_files(uri, files)
    if lost:
        raise StoreError(
            f"{len(lost)} of {len(files)} files are not there as they were written",
            where=uri,
            found=lost[0].path,
            mend="Score the night again; nothing became visible.",
        )


def find_missing_files(uri: str, files: Sequence[StagedFile]) -> list[StagedFile]:
    """The files of a table that do not exist or have another size."""
    with translate_errors(uri, "the files to publish cannot be looked at"):
        system, base = filesystem(uri)
        infos = system.get_file_info([f"{base}/{file.path}" for file in files])
    return [file for file, info in zip(files, infos, strict=True) if info.size != file.size]
