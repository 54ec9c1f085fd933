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

from assay.errors import AssayError, NotSynced, PublishConflict, StoreError
from assay.project.text import counted
from assay.store.delta import commits, log
from assay.store.delta.location import (
    StagedFile,
    StoreLocation,
    filesystem,
    parse_run_id,
    translate_errors,
)
from assay.store.delta.tables import PREDICTIONS, QUARANTINE, Staged
from assay.store.history import read_partition_view, read_partition_views, visible_run_id
from assay.store.profiles import append_profiles
from assay.store.runs import StagedRun


def publish(place: StoreLocation, staged: StagedRun, **said: str) -> None:
    """Replace a partition by a run's files; publishing the same run again changes nothing.

    Parameters
    ----------
    said
        Further metadata for the commits, such as who released the run.

    Raises
    ------
    PublishConflict
        If the partition changed since the run started. Nothing became visible.
    """
    for overtaken in publish_together(place, [staged], whole=False, **said).values():
        raise overtaken


def publish_together(
    place: StoreLocation, runs: Sequence[StagedRun], *, whole: bool = False, **said: str
) -> dict[str, PublishConflict]:
    """Replace several partitions, each by a run's files, in one commit.

    Parameters
    ----------
    runs
        At most one of each partition; all with the same columns.
    whole
        Publish all of them or none.
    said
        Further metadata for the commits.

    Returns
    -------
    dict of str to PublishConflict
        The runs that were overtaken, by id. Nothing of them became visible; the others are.

    Raises
    ------
    StoreError
        None of them is visible, or all are that were not overtaken.
    PublishConflict
        One was overtaken, and they were to be published as a whole: none is visible.
    """
    for staged in runs:
        check_files(place, staged)
    _check_alike(place, runs)
    overtaken: dict[str, PublishConflict] = {}
    views = read_partition_views(place, PREDICTIONS, [staged.partition for staged in runs])
    current = []
    for staged in runs:
        try:
            check_turn(place, staged, views[staged.partition])
        except PublishConflict as error:
            if whole:
                raise
            overtaken[staged.run_id] = error
        else:
            current.append(staged)
    if not current:
        return overtaken
    facts = {staged.partition: _facts(staged, said) for staged in current}

    def target(table: Staged, schema: pa.Schema) -> commits.CommitTarget:
        if place.column not in schema.names:
            schema = schema.insert(0, pa.field(place.column, pa.string()))
        return commits.CommitTarget(place, table, schema, list(facts))

    quarantine = target(QUARANTINE, current[0].quarantine_schema)
    _add(quarantine, [file for staged in current for file in staged.quarantine], facts)
    append_profiles(place, current)
    late: dict[str, PublishConflict] = {}

    def replacements(now: Mapping[str, log.PartitionView]) -> list[StagedRun]:
        late.clear()
        needed = []
        for staged in current:
            try:
                if not check_turn(place, staged, now[staged.partition]):
                    needed.append(staged)
            except PublishConflict as error:
                if whole:
                    raise
                late[staged.run_id] = error
        return needed

    stale = _replace(target(PREDICTIONS, current[0].predictions_schema), replacements, facts)
    unseen = [file for staged in current if staged.run_id in late for file in staged.quarantine]
    # The others are published even if the cleanup fails; the next publication cleans up again.
    with suppress(StoreError):
        _remove(quarantine, [*stale, *unseen])
    return {**overtaken, **late}


def _check_alike(place: StoreLocation, runs: Sequence[StagedRun]) -> None:
    """Check that all runs have the columns of the first, which is compared with the table."""
    first = runs[0]
    for each in runs:
        if not (
            each.predictions_schema.equals(first.predictions_schema)
            and each.quarantine_schema.equals(first.quarantine_schema)
        ):
            raise StoreError(
                "the columns of runs that are published together differ",
                where=f"{place.column}={each.partition}, run {each.run_id}",
                expected=f"those of {first.partition}",
            )


def _facts(staged: StagedRun, said: Mapping[str, str]) -> dict[str, str]:
    refused = str(sum(file.rows for file in staged.quarantine))
    return {**staged.run.identity, "quarantined": refused, "event": "published", **said}


@contextmanager
def report_if_published(place: StoreLocation, runs: Mapping[str, str]) -> Iterator[None]:
    """Add to an error inside the block that runs were published all the same.

    Parameters
    ----------
    runs
        Partition -> id of the run that is published in the block.

    Raises
    ------
    StoreError
        In place of the error, if a run is visible: the failure came after the commit. `NotSynced`
        in place of such an error.
    """
    try:
        yield
    except AssayError as error:
        shown: dict[str, str] = {}
        with suppress(AssayError):
            views = read_partition_views(place, PREDICTIONS, list(runs))
            shown = {
                partition: run_id
                for partition, run_id in runs.items()
                if visible_run_id(place, views[partition], partition) == run_id
            }
        if not shown:
            raise
        first, run_id = next(iter(shown.items()))
        kind = NotSynced if isinstance(error, NotSynced) else StoreError
        raise kind(
            f"the night is published, readers see run {run_id}; what failed came after that"
            if len(shown) == 1
            else f"{counted(len(shown), 'night')} from this one on are published; what failed came "
            "after that",
            where=f"{place.column}={first}",
            found=error.line(),
            fix=error.fix if kind is NotSynced else "Nothing has to be done again.",
        ) from None


def unpublish(place: StoreLocation, partition: str, base: int, facts: Mapping[str, str]) -> None:
    """Leave a partition without a visible run.

    Raises
    ------
    PublishConflict
        If the partition changed since turn ``base``.
    """

    def target(table: Staged) -> commits.CommitTarget:
        return commits.CommitTarget(
            place, table, log.schema_of(place.table_uri(table)), [partition]
        )

    def plan(views: Mapping[str, log.PartitionView]) -> commits.CommitChange | None:
        now = views[partition]
        if now.turn != base:
            raise PublishConflict("the night changed hands", where=f"{place.column}={partition}")
        turns = {partition: now.turn + 1, log.EMPTIED: 1}
        return commits.CommitChange((), now.files, {partition: facts}, turns) if now.files else None

    commits.commit(target(PREDICTIONS), plan)
    with suppress(StoreError):
        refused = read_partition_view(place, QUARANTINE, partition).files
        _remove(target(QUARANTINE), refused)


def _add(
    target: commits.CommitTarget,
    files: Sequence[StagedFile],
    facts: Mapping[str, Mapping[str, str]],
) -> None:
    """Add files beside the active ones, but for those of barred runs, which may be gone."""

    def plan(now: Mapping[str, log.PartitionView]) -> commits.CommitChange | None:
        barred = log.barred(log.open_table(target.uri), {_run_of(file) for file in files})
        missing = [
            file
            for file in files
            if file not in now[file.partition].files and _run_of(file) not in barred
        ]
        kept = {name: facts[name] for name in {file.partition: None for file in missing}}
        return commits.CommitChange(missing, (), kept) if missing else None

    commits.commit(target, plan)


def _run_of(file: StagedFile) -> str:
    return parse_run_id(file.path) or ""


def _replace(
    target: commits.CommitTarget,
    replacements: Callable[[Mapping[str, log.PartitionView]], list[StagedRun]],
    facts: Mapping[str, Mapping[str, str]],
) -> list[StagedFile]:
    """The commit point: replace the files of partitions in predictions.

    Parameters
    ----------
    replacements
        The runs that are to become visible and are not yet.

    Returns
    -------
    list of StagedFile
        Quarantine files that are obsolete after the commit.
    """
    stale: list[StagedFile] = []

    def plan(views: Mapping[str, log.PartitionView]) -> commits.CommitChange | None:
        stale.clear()
        runs = replacements(views)
        if not runs:
            return None
        # All quarantine files present now belong to runs that started before this commit: to the
        # visible run, or to runs that this commit overtakes.
        names = [staged.partition for staged in runs]
        refused = read_partition_views(target.place, QUARANTINE, names)
        for staged in runs:
            others = refused[staged.partition].files
            stale.extend(file for file in others if file not in staged.quarantine)
        return commits.CommitChange(
            [file for staged in runs for file in staged.predictions],
            [file for name in names for file in views[name].files],
            {name: facts[name] for name in names},
            {name: views[name].turn + 1 for name in names},
        )

    commits.commit(target, plan)
    return stale


def _remove(target: commits.CommitTarget, files: Sequence[StagedFile]) -> None:
    """Remove files from the active ones; the files stay on the disk."""
    wanted = set(files)

    def plan(now: Mapping[str, log.PartitionView]) -> commits.CommitChange | None:
        removed = [file for view in now.values() for file in view.files if file in wanted]
        return commits.CommitChange((), removed) if removed else None

    if files:
        commits.commit(target, plan)


def check_turn(place: StoreLocation, staged: StagedRun, now: log.PartitionView) -> bool:
    """Whether the run is visible already; if not, checks that it was not overtaken.

    Raises
    ------
    PublishConflict
        If the partition changed since the run started, or rows of the run were forgotten.
    """
    if set(now.files) == set(staged.predictions):
        return True
    where = f"{place.column}={staged.partition}, run {staged.run_id}"
    if now.turn == staged.base:
        if now.bars and log.barred(log.open_table(place.table_uri(PREDICTIONS)), [staged.run_id]):
            raise PublishConflict(
                "rows of this run were forgotten before it was published",
                where=where,
                fix="Nothing of it became visible. Score the night again.",
            )
        return False
    other = visible_run_id(place, now, staged.partition)
    when = "" if now.since is None else f", visible since {now.since:%Y-%m-%d %H:%M:%S} UTC"
    raise PublishConflict(
        "the night changed hands after this run had started",
        where=where,
        found=f"run {other}{when}" if other else "the run that it was to replace was retracted",
        fix="Nothing of this run became visible. Score the night again if its input is the "
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
            fix="Score the night again; nothing became visible.",
        )


def find_missing_files(uri: str, files: Sequence[StagedFile]) -> list[StagedFile]:
    """The files of a table that do not exist or have another size."""
    with translate_errors(uri, "the files to publish cannot be looked at"):
        system, base = filesystem(uri)
        infos = system.get_file_info([f"{base}/{file.path}" for file in files])
    return [file for file, info in zip(files, infos, strict=True) if info.size != file.size]
